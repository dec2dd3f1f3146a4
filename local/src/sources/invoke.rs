//! How event sources reach functions.

use bytes::Bytes;

/// Why an invocation brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function was invoked and failed, or took too long.
    #[error("{0}")]
    Failed(String),
    /// The function was not invoked: it has too many invocations in work, or is being stopped.
    #[error("{0}")]
    NotInvoked(String),
}

/// Invokes functions.
pub trait Invoke: Send + Sync + 'static {
    /// Invokes the function with this logical id, and returns its answer.
    ///
    /// # Errors
    ///
    /// A function that could not be started, failed, or took too long.
    fn invoke(
        &self,
        function: &str,
        event: Bytes,
    ) -> impl Future<Output = Result<Bytes, InvokeError>> + Send;
}

impl<F, Answer> Invoke for F
where
    F: Fn(String, Bytes) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<Bytes, InvokeError>> + Send,
{
    fn invoke(
        &self,
        function: &str,
        event: Bytes,
    ) -> impl Future<Output = Result<Bytes, InvokeError>> + Send {
        self(function.to_owned(), event)
    }
}
