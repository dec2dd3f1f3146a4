//! Stored credentials sealed anew under another KMS key, whenever an operator asks for it.

mod handler;

use std::process::ExitCode;

use shared::lambda;

fn main() -> ExitCode {
    lambda::start(|environment| async move {
        let service = handler::connect(&environment).await?;
        lambda::serve(move |invocation| handler::handle(service.clone(), invocation)).await
    })
}
