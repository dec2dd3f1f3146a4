//! Inbound WhatsApp messages, and the status of what was sent.

mod handler;

use std::process::ExitCode;

use shared::lambda;
use shared::webhook::Webhooks;

fn main() -> ExitCode {
    lambda::start(|environment| Webhooks::run(environment, handler::handle))
}
