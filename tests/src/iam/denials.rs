//! A function without a permission that it needs, and one that has to get along without.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::faults::{Effect, Matching, Times};
use local::logs::{Line, Voice};
use serde_json::json;
use shared::activity::Route;
use shared::audit::Actor;
use shared::aws::{Aws, Patience};
use shared::clock::Clock;
use shared::environment::Environment;
use shared::store::TableNames;
use shared::tenants::TenantAdministration;
use tokio::time::{Instant, timeout};

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

/// What the verifier has in AWS: its own role and nothing else.
fn verifiers(harness: &Harness) -> Environment {
    let access = harness.stack.emulators().access();
    let session = access.function_session("VerifierFunction", "test", "test");
    let session = session.unwrap();
    let credentials = session.credentials();
    let mut variables: BTreeMap<_, _> = harness.stack.environment().clone();
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", &credentials.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key),
        ("AWS_SESSION_TOKEN", &credentials.session_token),
    ] {
        variables.insert(name.to_owned(), value.clone());
    }
    Environment::of(variables)
}

/// The list of ids that rest is not the verifier's to read.
#[tokio::test]
async fn a_deletion_that_ends_while_the_verifier_goes_on_with_it_is_none_to_go_on_with() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    let tenant = harness.connected().await;
    let path = format!("/api/tenants/{}", tenant.id);
    assert_eq!(harness.operator().delete(&path).await.status, 202);

    let environment = verifiers(&harness);
    let aws = Aws::from_environment(&environment, Patience::BACKGROUND).unwrap();
    let tables = TableNames::from_environment(&environment).unwrap();
    let administration = TenantAdministration::new(&aws, &tables, Clock::system());
    let scope = harness.console().scope(&tenant.id);
    let dynamodb = harness.stack.emulators().dynamodb();
    let partition = format!("{}#tenant", tenant.id);
    let reads = Matching::operations(["GetItem"]).partition(&partition);
    let mark = dynamodb.wire().mark();
    let held = dynamodb
        .faults()
        .inject(reads, Effect::Hold, Times::AlwaysAfter(1));
    let actor = Actor::Function("verifier");
    let goes_on = administration.go_on_with_deletion(&scope, &actor, Instant::now() + PATIENCE);
    let ends = async {
        let has_read = |calls: &local::emulators::wire::Calls| {
            let reads = calls.clone().operation("GetItem").partition(&partition);
            reads.count() > 1
        };
        dynamodb.wire().wait_until(mark, has_read).await;
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let delete = harness.dynamodb().delete_item().table_name(&tables.tenants);
        let delete = delete
            .key("pk", text(&partition))
            .key("sk", text("profile"));
        delete.send().await.unwrap();
        dynamodb.faults().remove(held);
    };
    let both = async { tokio::join!(goes_on, ends) };
    let (gone_on, ()) = timeout(PATIENCE, both).await.expect("it ends");
    assert_eq!(gone_on.unwrap(), None);
    let denials = harness.stack.emulators().access().denials();
    assert!(denials.is_empty(), "{denials:?}");
}
