//! What to do next: the pure [`planner`] and [`policy`], the [`table`] they read, the [`engine`] that carries a plan out in one session,
//! and the [`attempt`] around it. `ahead` asks, `gathered` holds what came until it is durable, [`report`] tells.

mod ahead;
pub mod attempt;
pub mod engine;
mod gathered;
mod heads;
pub mod planner;
pub mod policy;
pub mod report;
pub mod table;

pub use attempt::{Attempt, Visit};
pub use engine::Engine;
pub use policy::{Leave, Order, Policy};
pub use report::{Job, Phase, Progress, Report, Retrieve, Skipped};
pub use table::Table;
