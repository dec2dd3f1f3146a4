//! The platform's tenants, for its operators.

mod handler;
mod service;

use std::process::ExitCode;

use shared::aws::SessionRoles;
use shared::{api, lambda};

use service::Tenants;

fn main() -> ExitCode {
    lambda::start(|environment| {
        api::run(
            environment,
            SessionRoles::with_take_over,
            Tenants::new,
            handler::handle,
        )
    })
}
