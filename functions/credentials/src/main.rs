//! A tenant's credentials, settings, audit log and diagnostics, for its admins.

mod diagnostics;
mod handler;
mod integrations;
mod rotation;
mod service;
mod settings;

use std::process::ExitCode;

use shared::{api, lambda};

use service::Credentials;

fn main() -> ExitCode {
    lambda::start(|environment| api::run(environment, Credentials::new, handler::handle))
}
