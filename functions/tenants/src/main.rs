//! The platform's tenants, for its operators.

mod handler;
mod service;

use std::process::ExitCode;

use shared::{api, lambda};

use service::Tenants;

fn main() -> ExitCode {
    lambda::start(|environment| api::run(environment, Tenants::new, handler::handle))
}
