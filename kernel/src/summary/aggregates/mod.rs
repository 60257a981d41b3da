//! What is kept of the values of a type: one file an aggregate. `registry.rs` lists them, and makes
//! the states of a type from the list.

mod aggregate;
mod listing;
mod max;
mod min;
mod registry;
mod sum;

pub use registry::{Narrow, Optional, States, TypeStats, Which};
