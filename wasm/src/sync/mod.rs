//! What to do next: the pure [`planner`], the [`table`] it reads, and the [`engine`] that carries a plan out in one session.

pub mod engine;
pub mod planner;
pub mod table;

pub use engine::{Engine, Job, Login, Phase, Progress, Report, Retrieve};
pub use table::Table;
