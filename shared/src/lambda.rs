//! The edge to AWS Lambda: start a process, take events, give answers.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;
use tokio::time::Instant;
use tracing::{Instrument, info_span};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::environment::Environment;
use crate::http::Reply;
use crate::telemetry;

/// What a function fails to start with, or stops for. Shown to the operator, never to a caller.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// Runs a function: logs, configuration, dependencies, then events until the sandbox ends.
///
/// `run` reads its variables, ends that with [`Environment::finish`], builds the state once and serves with it. What it fails
/// with is logged as one sentence, and the process ends with a failure, which Lambda reports as a failed init.
pub fn start<F, Served>(run: F) -> ExitCode
where
    F: FnOnce(Environment) -> Served,
    Served: Future<Output = Result<(), StartError>>,
{
    let environment = Environment::of_process();
    telemetry::start(&environment);
    match runtime(&environment).and_then(|runtime| runtime.block_on(run(environment))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %error, "the function stopped");
            ExitCode::FAILURE
        }
    }
}

/// One thread for classic Lambda, which sends one event at a time to less than one CPU; more for Managed Instances. Faults
/// in Lambda's own variables wait in the environment, to be told with those of the function's.
fn runtime(environment: &Environment) -> Result<tokio::runtime::Runtime, StartError> {
    // The runtime client panics without these, in words that name no remedy.
    for name in [
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    ] {
        let _ = environment.required(name);
    }
    let memory = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
    let _ = environment.parsed(memory, "a number of megabytes", 0_i32);
    let concurrency = environment.parsed("AWS_LAMBDA_MAX_CONCURRENCY", "a number", 1_u32);
    let mut builder = if concurrency.is_some_and(|concurrency| concurrency > 1) {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    Ok(builder.enable_all().build()?)
}

/// An HTTP event with what logs need to tell its invocation from others.
pub struct HttpInvocation {
    /// The event's JSON, whatever it is. Secrets that somebody enters are in it: it is zeroised on drop.
    pub event: Zeroizing<String>,
    /// Lambda's id of the invocation.
    pub request_id: String,
    /// Whether it is the first of this process.
    pub cold_start: bool,
    /// When Lambda ends the invocation, answered or not.
    pub deadline: Instant,
}

/// Serves HTTP events, one at a time or concurrently as the sandbox allows. The handler answers whatever comes.
///
/// # Errors
/// When the Runtime API is gone.
pub async fn serve_http<H, Answered>(handler: H) -> Result<(), StartError>
where
    H: Fn(HttpInvocation) -> Answered + Clone + Send + Sync + 'static,
    Answered: Future<Output = Reply> + Send + 'static,
{
    let first = Arc::new(AtomicBool::new(true));
    let service = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let answer = handler(HttpInvocation {
            event: Zeroizing::new(String::from(Box::<str>::from(event.payload))),
            request_id: event.context.request_id,
            cold_start: first.swap(false, Ordering::Relaxed),
            deadline: Instant::now() + until(event.context.deadline, &Clock::system()),
        });
        async move { Ok::<ApiGatewayV2httpResponse, Diagnostic>(answer.await.into()) }
    });
    Runtime::new(service).run_concurrent().await
}

/// What an invocation fails with: its type and its message are what Lambda shows.
pub type Failure = Diagnostic;

/// An event of any other kind.
pub struct Invocation<E> {
    /// The event.
    pub event: E,
    /// Whether it is the first of this process.
    pub cold_start: bool,
    /// When Lambda ends the invocation, answered or not.
    pub deadline: Instant,
}

/// Serves events of any other kind. An error is reported to Lambda, which retries or sets aside as the trigger says.
///
/// # Errors
/// When the Runtime API is gone.
pub async fn serve<H, Handled, E, A>(handler: H) -> Result<(), StartError>
where
    H: Fn(Invocation<E>) -> Handled + Clone + Send + Sync + 'static,
    Handled: Future<Output = Result<A, Failure>> + Send + 'static,
    E: for<'de> serde::Deserialize<'de> + Send + 'static,
    A: serde::Serialize + Send + 'static,
{
    // Read here and not by the runtime, which logs a malformed event's own words.
    let first = Arc::new(AtomicBool::new(true));
    let service = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let span = info_span!("invocation", request_id = event.context.request_id);
        let cold_start = first.swap(false, Ordering::Relaxed);
        let deadline = Instant::now() + until(event.context.deadline, &Clock::system());
        let handled = serde_json::from_str(event.payload.get()).map(|event| {
            handler(Invocation {
                event,
                cold_start,
                deadline,
            })
        });
        let answered = async move {
            match handled {
                Ok(handled) => handled.await,
                Err(_) => Err(malformed_event()),
            }
        };
        answered.instrument(span)
    });
    Runtime::new(service).run_concurrent().await
}

/// How long it is until a deadline in Unix milliseconds: never longer than the 15 minutes that Lambda grants at most.
fn until(deadline: u64, clock: &Clock) -> Duration {
    let now = u64::try_from(clock.now().as_millisecond()).unwrap_or_default();
    Duration::from_millis(deadline.saturating_sub(now)).min(Duration::from_mins(15))
}

fn malformed_event() -> Failure {
    Failure {
        error_type: "MalformedEvent".to_owned(),
        error_message: "the event is not of the kind that this function serves".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_counted_from_now_and_never_far_away() {
        let clock = Clock::fixed("1970-01-01T00:00:10Z".parse().unwrap());
        assert_eq!(until(12_500, &clock), Duration::from_millis(2_500));
        assert_eq!(until(10_000, &clock), Duration::ZERO);
        assert_eq!(until(1, &clock), Duration::ZERO);
        assert_eq!(until(u64::MAX, &clock), Duration::from_mins(15));
    }
}
