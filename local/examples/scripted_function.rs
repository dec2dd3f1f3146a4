//! A function that does what its event says, on the real Lambda runtime: what the tests of the local Lambda service run.

#![expect(clippy::panic, reason = "one of the things it is told to do")]

use std::time::Duration;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    match std::env::var_os("AT_START")
        .as_ref()
        .and_then(|value| value.to_str())
    {
        Some("exit") => {
            eprintln!("GREETING is missing");
            std::process::exit(1);
        }
        Some("hang") => std::future::pending().await,
        _ => {}
    }
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    let LambdaEvent { payload, context } = event;
    let milliseconds = payload
        .get("milliseconds")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    match payload.get("do").and_then(Value::as_str) {
        Some("fail") => Err("told to fail".into()),
        Some("panic") => panic!("told to panic"),
        Some("exit") => {
            println!("told to exit");
            std::process::exit(3)
        }
        Some("hang") => std::future::pending().await,
        Some("sleep") => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Ok(json!({"pid": std::process::id()}))
        }
        Some("large") => Ok(Value::String("x".repeat(8_000_000))),
        Some("environment") => {
            let variables = std::env::vars_os().map(|(name, value)| {
                (
                    name.to_string_lossy().into_owned(),
                    Value::from(value.to_string_lossy().into_owned()),
                )
            });
            Ok(Value::Object(variables.collect()))
        }
        _ => Ok(json!({
            "pid": std::process::id(),
            "request_id": context.request_id,
            "deadline": context.deadline,
            "function_arn": context.invoked_function_arn,
            "event": payload,
        })),
    }
}
