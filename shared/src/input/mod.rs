//! What people enter: documents that are read whole, so that every fault of them is named at once.

mod document;
mod entry;
mod form;

pub use document::{Document, InvalidDocument};
pub(crate) use entry::{Entry, shown_name};
pub(crate) use form::{Faults, boolean, each_of, one_of, parsed, secret, text, visible_secret};
