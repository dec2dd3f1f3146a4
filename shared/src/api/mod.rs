//! The client API: who calls, what they may, and how they are answered.

mod problem;

pub use problem::{Code, Problem};
