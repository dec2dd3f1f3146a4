//! Event sources: what Lambda itself does between a queue and a function.

mod sqs;

pub use sqs::{Invoke, InvokeError, SqsSource, SqsSourceOptions};
