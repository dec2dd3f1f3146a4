//! What happened: a tenant's messages, calls and recordings, for its users; and the phone numbers that it happens on.

mod calls;
mod contacts;
mod conversations;
mod filters;
mod handler;
mod messages;
mod phone_numbers;
mod recordings;
mod service;
mod usage;

use std::process::ExitCode;

use shared::aws::SessionRoles;
use shared::{api, lambda};

use service::Messaging;

fn main() -> ExitCode {
    lambda::start(|environment| {
        api::run(
            environment,
            SessionRoles::of_tenants,
            Messaging::new,
            handler::handle,
        )
    })
}
