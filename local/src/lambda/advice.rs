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
    // The report beside it names the request.
    let reason = error
        .message()
        .split_once(" Error: ")
        .map_or(error.message(), |(_, reason)| reason);
    match (error.kind(), error.error_type()) {
        (ErrorKind::Init, "Runtime.InvalidEntrypoint") => {
            format!(
                "{binary} could not be started ({reason}): build the functions with `cargo build --workspace --bins`"
            )
        }
        (ErrorKind::Init, "Sandbox.Timedout") => {
            format!("{binary} did not poll for an event in time and was killed ({reason}). {said}")
        }
        (ErrorKind::Init, _) => {
            format!(
                "{binary} ended before it polled for an event ({reason}). {said} Mend what it names and send the request \
                 again; its variables come from {logical_id} in template.yaml."
            )
        }
        (ErrorKind::Exited, _) => {
            format!(
                "{binary} ended in the middle of an invocation ({reason}). {said} The next request starts it anew."
            )
        }
        (ErrorKind::TimedOut, _) => {
            format!(
                "{binary} was killed ({reason}): the limit is Timeout of {logical_id} in template.yaml"
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
        ) => reason.to_owned(),
    }
}
