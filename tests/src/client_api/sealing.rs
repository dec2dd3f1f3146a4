//! Credentials that cannot be sealed or opened: said clearly and without detail, and never taken for empty ones.

use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::logs::Line;
use local::twilio::{Account, WebhookSender};
use serde_json::{Value, json};
use shared::secret::Secret;
use shared::tenant::{Provider, TenantId};
use std::time::Duration;
use tokio::sync::OnceCell;

use super::caller::Answer;
use super::onboarding::{Newcomer, path_of};
use crate::client_api::TWILIO;
use crate::harness::Harness;

const PATIENCE: Duration = Duration::from_secs(10);

/// A refusal that is this side's fault, and says nothing of why.
fn assert_says_nothing(answer: &Answer, status: u16) {
    let code = match status {
        503 => "unavailable",
        _ => "internal",
    };
    assert_eq!(answer.refusal(), (status, code), "{answer:?}");
    assert_eq!(answer.header("retry-after").is_some(), status == 503);
    let told = format!("{answer:?}").to_lowercase();
    for word in [
        "kms", "arn:", "decrypt", "key/", "access", "dynamodb", "seal",
    ] {
        assert!(!told.contains(word), "{word} in {told}");
    }
}

/// What the key service answers, and what that is to a caller.
fn failures() -> [(Effect, u16); 4] {
    let disabled = AwsError::new(400, "DisabledException", "arn:aws:kms:x is disabled.");
    [
        (Effect::Refuse(AwsError::access_denied()), 500),
        (Effect::Refuse(disabled), 500),
        (Effect::Refuse(AwsError::internal()), 503),
        (Effect::Drop, 503),
    ]
}

/// A stack whose key service fails for everybody when a test says so; tests take turns.
async fn breakable() -> tokio::sync::MutexGuard<'static, Harness> {
    static STACK: OnceCell<tokio::sync::Mutex<Harness>> = OnceCell::const_new();
    let start = || async {
        let start = tokio::task::spawn_blocking(|| Harness::start(|_| {}));
        tokio::sync::Mutex::new(start.await.unwrap())
    };
    STACK.get_or_init(start).await.lock().await
}

#[tokio::test]
async fn credentials_that_cannot_be_sealed_are_not_stored() {
    let harness = breakable().await;
    let faults = harness.stack.emulators().kms().faults();
    // The process that answers knows the platform's secret.
    harness.connected().await;
    for (effect, status) in failures() {
        let newcomer = harness.newcomer().await;
        faults.inject(Matching::any(), effect.clone(), Times::Always);
        for provider in Provider::ALL {
            let entry = newcomer.entry(&harness, provider, "f1rst");
            let refused = newcomer.admin.put(&path_of(provider), &entry).await;
            assert_says_nothing(&refused, status);
        }
        faults.clear();
        let list = newcomer.admin.get("/api/integrations").await.document(200);
        assert_eq!(list["items"], json!([]), "{effect:?}");
        assert_eq!(newcomer.standing(&harness).await, None);
        assert!(
            !newcomer
                .audit()
                .await
                .iter()
                .any(|[action, ..]| action.starts_with("credential"))
        );
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_opened_are_neither_used_nor_changed() {
    let harness = breakable().await;
    let faults = harness.stack.emulators().kms().faults();
    for (effect, status) in failures() {
        let newcomer = harness.connected().await;
        let stored = newcomer.admin.get(TWILIO).await.document(200);
        let asked = newcomer.account.calls().count();
        faults.inject(Matching::any(), effect, Times::Always);
        let change = json!({"phone_number": "+15005550009"});
        for answer in [
            newcomer.admin.patch(TWILIO, &change).await,
            newcomer
                .admin
                .post(&format!("{TWILIO}/verify"), &json!({}))
                .await,
            newcomer.admin.get("/api/health/twilio").await,
            newcomer.admin.post("/api/token", &json!({})).await,
        ] {
            assert_says_nothing(&answer, status);
        }
        // What is shown is not sealed.
        assert_eq!(newcomer.admin.get(TWILIO).await.document(200), stored);
        assert_eq!(newcomer.account.calls().count(), asked);
        faults.clear();
        let verify = format!("{TWILIO}/verify");
        let checked = newcomer.admin.post(&verify, &json!({})).await;
        assert_eq!(checked.document(200)["outcome"], "valid");
    }
}

/// The key of an integration's item.
fn partition(tenant: &TenantId) -> AttributeValue {
    AttributeValue::S(format!("{tenant}#tenant"))
}

/// Puts one sealed message in the place of another.
async fn replace_message(
    harness: &Harness,
    tenant: &TenantId,
    provider: Provider,
    message: AttributeValue,
) {
    let update = harness.dynamodb().update_item();
    let sent = update
        .table_name(harness.variable("TENANTS_TABLE"))
        .key("pk", partition(tenant))
        .key("sk", AttributeValue::S(format!("integration#{provider}")))
        .update_expression("SET message = :message")
        .expression_attribute_values(":message", message)
        .send();
    sent.await.unwrap();
}

/// The sealed message of a tenant's credentials.
async fn message(harness: &Harness, tenant: &TenantId, provider: Provider) -> AttributeValue {
    let get = harness.dynamodb().get_item();
    let sent = get
        .table_name(harness.variable("TENANTS_TABLE"))
        .key("pk", partition(tenant))
        .key("sk", AttributeValue::S(format!("integration#{provider}")))
        .send();
    let item = sent.await.unwrap().item.unwrap();
    item["message"].clone()
}

/// Asserts that what lies in a tenant's item is taken for nothing at all.
async fn assert_unusable(harness: &Harness, victim: &Newcomer, owner: &Newcomer) {
    let asked = (
        victim.account.calls().count(),
        owner.account.calls().count(),
    );
    let stored = victim.admin.get(TWILIO).await.document(200);
    for answer in [
        victim.admin.patch(TWILIO, &json!({})).await,
        victim
            .admin
            .post(&format!("{TWILIO}/verify"), &json!({}))
            .await,
        victim.admin.get("/api/health/twilio").await,
        victim.admin.post("/api/token", &json!({})).await,
    ] {
        assert_says_nothing(&answer, 500);
    }
    let told = |line: &Line| {
        let is_victim = line
            .text
            .contains(&format!(r#""tenant_id":"{}""#, victim.id));
        is_victim && line.text.contains("the sealed message cannot be opened: ")
    };
    assert!(
        harness
            .stack
            .logs()
            .wait_for(told, PATIENCE)
            .await
            .is_some()
    );
    // Neither its own token nor an empty one opens the door to webhooks, nor that of the message's owner.
    let mut tenant = victim.tenant(harness);
    let theirs = owner.credentials["auth_token"].as_str().unwrap();
    let own = victim.credentials["auth_token"].as_str().unwrap();
    for token in [own, theirs, ""] {
        let account = Account::new(victim.account.sid().clone(), Secret::from(token));
        tenant.sender = WebhookSender::new(account);
        let message = tenant.sms("Hello");
        let exchange = tenant.receive_sms(&message).await;
        assert!(exchange.status().unwrap() >= 400, "{exchange:?}");
        let kept = tenant.console.message(&victim.id, &message.sid).await;
        assert!(kept.unwrap().is_none());
    }
    let now = (
        victim.account.calls().count(),
        owner.account.calls().count(),
    );
    assert_eq!(now, asked);
    assert_eq!(victim.admin.get(TWILIO).await.document(200), stored);
    // Entering them anew mends it.
    assert_eq!(victim.store().await.document(200)["status"], "valid");
}

#[tokio::test]
async fn a_message_that_was_moved_to_another_tenant_is_not_opened_there() {
    let harness = Harness::shared().await;
    let (owner, victim) = (harness.connected().await, harness.connected().await);
    let moved = message(harness, &owner.id, Provider::Twilio).await;
    replace_message(harness, &victim.id, Provider::Twilio, moved).await;
    assert_unusable(harness, &victim, &owner).await;
}

#[tokio::test]
async fn a_message_that_was_changed_or_is_none_is_not_opened() {
    let harness = Harness::shared().await;
    let owner = harness.connected().await;
    for kind in ["cut", "changed", "empty"] {
        let victim = harness.connected().await;
        let sealed = message(harness, &victim.id, Provider::Twilio).await;
        let mut bytes = sealed.as_b().unwrap().clone().into_inner();
        match kind {
            "cut" => bytes.truncate(bytes.len() - 1),
            "changed" => *bytes.last_mut().unwrap() ^= 1,
            _ => bytes.clear(),
        }
        let damaged = AttributeValue::B(bytes.into());
        replace_message(harness, &victim.id, Provider::Twilio, damaged).await;
        assert_unusable(harness, &victim, &owner).await;
    }
}

#[tokio::test]
async fn a_message_of_another_provider_of_the_same_tenant_is_not_opened() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for provider in [Provider::Resend, Provider::ElevenLabs] {
        // The same field in both.
        let entry = newcomer.entry(harness, provider, "f1rst");
        newcomer
            .admin
            .put(&path_of(provider), &entry)
            .await
            .document(201);
    }
    let moved = message(harness, &newcomer.id, Provider::Resend).await;
    replace_message(harness, &newcomer.id, Provider::ElevenLabs, moved).await;
    let path = path_of(Provider::ElevenLabs);
    let answer = newcomer
        .admin
        .post(&format!("{path}/verify"), &Value::Null)
        .await;
    assert_says_nothing(&answer, 500);
}
