//! Event sources: what Lambda itself does between a queue or a stream and a function.

mod batch_response;
mod invoke;
mod sqs;
mod stream;

pub use invoke::{Invoke, InvokeError};
pub use sqs::{SqsSource, SqsSourceOptions};
pub use stream::{StreamFunction, StreamSource, StreamSourceOptions};
