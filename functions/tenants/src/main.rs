//! The platform's tenants, for its operators.

mod handler;

use std::process::ExitCode;

use shared::tenants::TenantAdministration;
use shared::{api, lambda};

fn main() -> ExitCode {
    lambda::start(|environment| {
        api::run(environment, TenantAdministration::new, handler::handle)
    })
}
