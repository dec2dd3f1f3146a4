//! One invocation: by the schedule, by the queue, or by hand.

use std::sync::Arc;

use serde_json::Value;
use shared::clock::Clock;
use shared::environment::Environment;
use shared::lambda::{Failure, Invocation, StartError};
use shared::verifier::{Answer, Request, Verifier, VerifierError};

pub(crate) async fn connect(environment: &Environment) -> Result<Arc<Verifier>, StartError> {
    let verifier = Verifier::from_environment(environment, &Clock::system());
    let verifier = environment.finish(verifier)?;
    verifier.prime().await;
    Ok(verifier)
}

pub(crate) async fn handle(
    verifier: Arc<Verifier>,
    invocation: Invocation<Value>,
) -> Result<Answer, Failure> {
    let handled = async {
        let request = Request::of(invocation.event)?;
        verifier.handle(request, invocation.deadline).await
    };
    handled.await.map_err(|error: VerifierError| Failure {
        error_type: error.kind().to_owned(),
        error_message: error.to_string(),
    })
}
