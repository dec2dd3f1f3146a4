//! Every tenant's connections, looked at once a day, and what is due.

mod handler;

use std::process::ExitCode;

use shared::lambda;

fn main() -> ExitCode {
    lambda::start(|environment| async move {
        let verifier = handler::connect(&environment).await?;
        lambda::serve(move |invocation| handler::handle(verifier.clone(), invocation)).await
    })
}
