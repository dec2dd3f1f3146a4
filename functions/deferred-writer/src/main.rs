//! Stores the webhooks that were put aside: the same write, once.

mod handler;

use std::process::ExitCode;

use shared::lambda;

fn main() -> ExitCode {
    lambda::start(|environment| async move {
        let activity = handler::connect(&environment).await?;
        lambda::serve(move |batch| handler::handle(activity.clone(), batch)).await
    })
}
