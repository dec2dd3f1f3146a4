//! Twilio's reading of TwiML: what it refuses, what it warns about, and what it executes.

mod attributes;
mod dial;
mod document;
mod element;
mod message;
mod verb;
mod voice;

pub use document::{Document, InvalidDocument, Product, Warning};
pub use element::{Element, Node};
pub use verb::{
    Dial, DialRecording, Gather, Link, Noun, NounKind, Play, Record, RejectReason, Reply, Say,
    StatusCallback, Verb,
};
