//! Publishes what happened on the event bus: from the stream of activity, and what the bus did not take at once.

mod counts;
mod handler;
mod presence;
mod records;
mod told;
mod waiting;

use std::process::ExitCode;

use shared::lambda;

fn main() -> ExitCode {
    lambda::start(|environment| async move {
        let publisher = handler::Publisher::connect(&environment).await?;
        lambda::serve(move |invocation| publisher.clone().handle(invocation)).await
    })
}
