//! Voice access tokens for the users of a tenant's apps.

mod handler;

use std::process::ExitCode;

use shared::aws::SessionRoles;
use shared::tokens::Tokens;
use shared::{api, lambda};

fn main() -> ExitCode {
    lambda::start(|environment| {
        api::run(
            environment,
            SessionRoles::of_tenants,
            Tokens::new,
            handler::handle,
        )
    })
}
