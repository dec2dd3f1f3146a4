//! A function without a permission that it needs.

use std::time::Duration;

use local::logs::{Line, Voice};
use serde_json::json;
use shared::activity::Route;

use crate::harness::{Harness, workspace};
use crate::traffic::{deliver, event};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn what_a_function_may_not_do_is_a_line_of_the_log() {
    let template = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
    let (before, role) = template.split_once("  SmsWebhookRole:\n").unwrap();
    let role = role.replacen(
        "Action: \"dynamodb:UpdateItem\"",
        "Action: \"dynamodb:DeleteItem\"",
        1,
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{before}  SmsWebhookRole:\n{role}")).unwrap();
    let harness = Harness::start(|options| options.template = file.path().to_owned());
    harness.expect_denials();
    let tenant = harness.tenant(json!({})).await;
    let sms = event(&tenant, Route::Sms);
    deliver(&tenant, &sms).await;
    let table = harness.variable("ACTIVITY_TABLE");
    let problem = |line: &Line| line.voice == Voice::Problem;
    let denied = harness.stack.logs().wait_for(problem, PATIENCE).await;
    let denied = denied.expect("the log says so");
    assert_eq!(&*denied.function, "sms-webhook");
    let resource = format!("arn:aws:dynamodb:us-east-1:123456789012:table/{table}");
    let expected = format!("SmsWebhookRole may not dynamodb:UpdateItem {resource}");
    assert!(denied.text.starts_with(&expected), "{}", denied.text);
}
