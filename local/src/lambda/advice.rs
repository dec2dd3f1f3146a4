//! What the developer is told about a failed invocation: what happened and what to do.

use super::{ErrorKind, FunctionSpec, InvocationError};

/// One sentence or two for the console.
pub(super) fn advice(
    error: &InvocationError,
    spec: &FunctionSpec,
    last_words: Option<&str>,
) -> String {
    let said = last_words.map_or_else(
        || "It printed nothing.".to_owned(),
        |words| format!("Its last line: {words}"),
    );
    let FunctionSpec {
        logical_id, binary, ..
    } = spec;
    match (error.kind(), error.error_type()) {
        (ErrorKind::Init, "Runtime.InvalidEntrypoint") => {
            format!(
                "{binary} could not be started: {}. Build the functions with `cargo build --workspace --bins`.",
                error.message()
            )
        }
        (ErrorKind::Init, "Sandbox.Timedout") => {
            format!(
                "{binary} did not poll for its first event in time and was killed ({}). {said}",
                error.message()
            )
        }
        (ErrorKind::Init, _) => {
            format!(
                "{binary} ended before it polled for its first event ({}). {said} Its variables come from {logical_id} in \
                 template.yaml; the next request starts it anew.",
                error.message()
            )
        }
        (ErrorKind::Exited, _) => {
            format!(
                "{binary} ended in the middle of an invocation ({}). {said} The next request starts it anew.",
                error.message()
            )
        }
        (ErrorKind::TimedOut, _) => {
            format!(
                "{} and was killed. The limit is Timeout of {logical_id} in template.yaml.",
                error.message()
            )
        }
        (ErrorKind::Reported, _) => format!("{binary} reported an error: {error}"),
        (
            ErrorKind::ResponseTooLarge
            | ErrorKind::ResponseMode
            | ErrorKind::RequestTooLarge
            | ErrorKind::Throttled
            | ErrorKind::Stopped,
            _,
        ) => error.message().to_owned(),
    }
}
