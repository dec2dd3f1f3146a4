//! Calls: what a caller hears, where a call goes, how it went.

mod dial;
mod handler;
mod inbound;
mod outbound;
mod voicemail;

use std::process::ExitCode;

use shared::lambda;
use shared::webhook::Webhooks;

fn main() -> ExitCode {
    lambda::start(|environment| Webhooks::run(environment, handler::handle))
}
