//! Stores the webhooks that were put aside: the same write, once.

mod handler;

use std::process::ExitCode;

use shared::lambda;

fn main() -> ExitCode {
    lambda::start(|environment| async move {
        let writer = handler::Writer::connect(&environment).await?;
        lambda::serve(move |invocation| writer.clone().handle(invocation)).await
    })
}
