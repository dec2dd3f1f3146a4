//! Event sources: what Lambda itself does between a queue, a stream or the clock and a function.

mod batch_response;
mod invoke;
mod schedule;
mod sqs;
mod stream;

pub use invoke::{Invoke, InvokeError};
pub use schedule::{ScheduleSource, ScheduleSourceOptions, ScheduledEvent};
pub use sqs::{SqsSource, SqsSourceOptions};
pub use stream::{StreamFunction, StreamSource, StreamSourceOptions};
