//! A tenant's credentials, settings, audit log and diagnostics, for its admins.

mod diagnostics;
mod handler;
mod integrations;
mod rotation;
mod service;
mod settings;

use std::process::ExitCode;

use shared::aws::SessionRoles;
use shared::{api, lambda};

use service::Credentials;

fn main() -> ExitCode {
    lambda::start(|environment| {
        api::run(
            environment,
            SessionRoles::with_take_over,
            Credentials::new,
            handler::handle,
        )
    })
}
