//! What to do next: the pure [`planner`], the [`table`] it reads, the [`engine`] that carries a plan out in one session, and the
//! [`attempt`] around it. `ahead` asks, `gathered` holds what came until it is durable, [`report`] tells.

mod ahead;
pub mod attempt;
pub mod engine;
mod gathered;
pub mod planner;
pub mod report;
pub mod table;

pub use attempt::Attempt;
pub use engine::Engine;
pub use report::{Job, Phase, Progress, Report, Retrieve, Skipped};
pub use table::Table;
