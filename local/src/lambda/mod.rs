//! The Lambda service: the Runtime API, the functions' processes, their limits and their errors.
//!
//! A [`Function`] runs the real binary, in one process per concurrent invocation, each with a Runtime API of its own
//! (`AWS_LAMBDA_RUNTIME_API` has no path, so the port says which process is polling).

mod advice;
mod environment;
mod error;
mod function;
mod identifiers;
mod memory;
mod output;
mod process;
mod record;
mod runtime_api;
mod specification;

pub use error::{ErrorKind, InvocationError};
pub use function::{Function, Moment};
pub(crate) use identifiers::{request_id, trace_id};
pub use record::{InvocationRecord, Outcome};
pub use specification::{FunctionSpec, Platform};

/// Lambda's limit of an event and of an answer, in bytes: 6 MB and a little.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const PAYLOAD_LIMIT: usize = 6_291_556;
