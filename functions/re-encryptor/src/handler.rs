//! One invocation: as much as there is time for.

use std::sync::Arc;
use std::time::Duration;

use shared::clock::Clock;
use shared::environment::Environment;
use shared::lambda::{Failure, Invocation, StartError};
use shared::re_encryption::{ReEncryption, Report, Request};

/// What is left of an invocation's time, to end the page that is under way: ten tenants of five messages at the slowest pace.
const TO_END: Duration = Duration::from_secs(60);

pub(crate) async fn connect(environment: &Environment) -> Result<Arc<ReEncryption>, StartError> {
    let service = ReEncryption::from_environment(environment, &Clock::system());
    let service = environment.finish(service)?;
    service.prime().await;
    Ok(Arc::new(service))
}

pub(crate) async fn handle(
    service: Arc<ReEncryption>,
    invocation: Invocation<Request>,
) -> Result<Report, Failure> {
    let deadline = invocation.deadline;
    let deadline = deadline.checked_sub(TO_END).unwrap_or(deadline);
    let handled = service.handle(&invocation.event, deadline).await;
    handled.map_err(|error| Failure {
        error_type: error.kind().to_owned(),
        error_message: error.to_string(),
    })
}
