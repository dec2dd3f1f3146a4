//! Live checks of Vapi, Resend, `ElevenLabs` and Google Calendar: what each answers, what is made of it and kept, by which calls.

mod google;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use local::double::Misbehaviour;
use local::emulators::faults::Times;
use local::providers::{Domain, ElevenLabsKey, ProviderDoubles, ResendKey, VapiKey};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::caller::{Answer, Caller};
use crate::harness::Harness;

const VAPI: &str = "GET /vapi/assistant";
const RESEND: &str = "GET /resend/domains";
const ELEVENLABS: &str = "GET /elevenlabs/v1/user/subscription";

/// An integration that a test's own tenant enters, with a credential that nobody else has.
struct Integration {
    admin: Caller,
    path: &'static str,
    configuration: Value,
    /// By which the wire log knows the requests: an API key or a refresh token.
    credential: String,
}

fn unique(prefix: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}{number:032x}")
}

impl Integration {
    async fn new(harness: &Harness, path: &'static str, prefix: &str) -> Self {
        let credential = unique(prefix);
        let configuration = match path {
            "/api/integrations/vapi" => {
                json!({"api_key": credential, "webhook_secret": "a-webhook-secret-of-theirs"})
            }
            _ => json!({"api_key": credential}),
        };
        let tenant = Harness::document(json!({}));
        let creation = json!({"tenant_id": tenant["tenant_id"], "name": tenant["name"]});
        let created = harness.operator().post("/api/tenants", &creation).await;
        created.document(201);
        let id = tenant["tenant_id"].as_str().unwrap().parse().unwrap();
        Self {
            admin: harness.admin(&id),
            path,
            configuration,
            credential,
        }
    }

    async fn vapi(harness: &Harness) -> Self {
        Self::new(harness, "/api/integrations/vapi", "vapi-").await
    }

    async fn resend(harness: &Harness) -> Self {
        Self::new(harness, "/api/integrations/resend", "re_").await
    }

    async fn elevenlabs(harness: &Harness) -> Self {
        Self::new(harness, "/api/integrations/elevenlabs", "sk_").await
    }

    async fn enter(&self) -> Answer {
        self.admin.put(self.path, &self.configuration).await
    }

    async fn verify(&self) -> Value {
        let path = format!("{}/verify", self.path);
        let answer = self.admin.send(Method::POST, &path, |it| it).await;
        answer.document(200)
    }

    async fn stored(&self) -> Value {
        self.admin.get(self.path).await.document(200)
    }

    /// What came with its credential so far: each operation, and how often.
    fn asked(&self, harness: &Harness) -> BTreeMap<String, usize> {
        let mut asked = BTreeMap::new();
        for call in harness
            .stack
            .providers()
            .calls_with(&self.credential)
            .iter()
        {
            *asked.entry(call.operation.clone()).or_default() += 1;
        }
        asked
    }
}

fn operations(expected: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let expected = expected.iter();
    expected
        .map(|(operation, count)| ((*operation).to_owned(), *count))
        .collect()
}

/// What a check makes of an answer.
#[derive(Debug, Clone, Copy)]
struct Finding {
    outcome: &'static str,
    capabilities: &'static [&'static str],
    /// A part of what is said.
    says: &'static str,
}

const fn found(
    outcome: &'static str,
    capabilities: &'static [&'static str],
    says: &'static str,
) -> Finding {
    Finding {
        outcome,
        capabilities,
        says,
    }
}

/// Enters what is not stored yet, and judges answer and store.
async fn is_entered_as(integration: &Integration, expected: Finding) {
    let answer = integration.enter().await;
    if expected.outcome == "invalid" {
        assert_eq!(answer.refusal(), (422, "credentials_invalid"));
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(expected.says), "{detail}");
        assert_eq!(integration.admin.get(integration.path).await.status, 404);
        return;
    }
    let entered = answer.document(201);
    assert_eq!(entered["status"], expected.outcome, "{entered}");
    assert_eq!(entered["capabilities"], json!(expected.capabilities));
    assert_eq!(entered["is_active"], true);
    assert_eq!(
        entered["verification_error"].is_null(),
        expected.says.is_empty()
    );
    let error = entered["verification_error"].as_str().unwrap_or_default();
    assert!(error.contains(expected.says), "{error}");
    assert_eq!(entered, integration.stored().await);
}

/// Checks what is stored, with these capabilities as they were known before, and judges answer and store.
async fn is_found_as(integration: &Integration, known: &Value, expected: Finding) {
    let verification = integration.verify().await;
    assert_eq!(verification["outcome"], expected.outcome, "{verification}");
    assert_eq!(verification["capabilities"], json!(expected.capabilities));
    let error = verification["error"].as_str().unwrap_or_default();
    assert!(error.contains(expected.says), "{error}");
    let stored = integration.stored().await;
    assert_eq!(stored["status"], expected.outcome);
    assert_eq!(stored["verification_error"], verification["error"]);
    assert_eq!(stored["is_active"], true);
    let kept = match expected.outcome {
        "rate_limited" | "unreachable" => known.clone(),
        _ => json!(expected.capabilities),
    };
    assert_eq!(stored["capabilities"], kept);
}

/// What any provider may do with all requests, how it is judged, and how often a call is made for it.
fn misbehaviours() -> Vec<(Misbehaviour, Finding, usize)> {
    let limited = |retry_after| Misbehaviour::TooManyRequests { retry_after };
    let (unreachable, patience) = (
        found("unreachable", &[], "check again later"),
        found("rate_limited", &[], "asks for patience"),
    );
    vec![
        (limited(Some(60)), patience, 1),
        (limited(None), patience, 4),
        (Misbehaviour::InternalError, unreachable, 4),
        (Misbehaviour::Unavailable, unreachable, 4),
        (Misbehaviour::NotFound, unreachable, 1),
        (Misbehaviour::Html(200), unreachable, 1),
        (Misbehaviour::Html(401), unreachable, 1),
        (Misbehaviour::Html(403), unreachable, 1),
        (Misbehaviour::Html(502), unreachable, 4),
        (Misbehaviour::Garbled, unreachable, 1),
        (Misbehaviour::Close, unreachable, 4),
        (Misbehaviour::CutShort, unreachable, 4),
    ]
}

/// Goes through everything that a provider may do with all requests, on entry and on demand. `register` makes the provider
/// know the credential.
async fn outages_are_not_held_against<New>(
    operation: &'static str,
    new: fn(&'static Harness) -> New,
    register: fn(&ProviderDoubles, &Integration),
) where
    New: Future<Output = Integration> + Send + 'static,
{
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let mut cases = JoinSet::new();
    for (misbehaviour, expected, attempts) in misbehaviours() {
        cases.spawn(async move {
            let integration = new(harness).await;
            register(providers, &integration);
            let (credential, always) = (&integration.credential, Times::Always);
            let fault = providers.misbehave_to(credential, misbehaviour.clone(), always);
            is_entered_as(&integration, expected).await;
            let once = operations(&[(operation, attempts)]);
            assert_eq!(integration.asked(harness), once, "{misbehaviour:?}");
            providers.faults().remove(fault);
            assert_eq!(integration.verify().await["outcome"], "valid");
            let known = integration.stored().await["capabilities"].clone();
            assert_ne!(known, json!([]));
            providers.misbehave_to(credential, misbehaviour, always);
            is_found_as(&integration, &known, expected).await;
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn an_outage_of_vapi_is_not_held_against_a_key() {
    outages_are_not_held_against(VAPI, Integration::vapi, |providers, integration| {
        let kind = VapiKey::Private { organisation: None };
        providers.add_vapi_key(&integration.credential, kind);
    })
    .await;
}

#[tokio::test]
async fn an_outage_of_resend_is_not_held_against_a_key() {
    outages_are_not_held_against(RESEND, Integration::resend, |providers, integration| {
        let kind = ResendKey::Full { domains: vec![] };
        providers.add_resend_key(&integration.credential, kind);
    })
    .await;
}

#[tokio::test]
async fn an_outage_of_elevenlabs_is_not_held_against_a_key() {
    outages_are_not_held_against(
        ELEVENLABS,
        Integration::elevenlabs,
        |providers, integration| {
            providers.add_elevenlabs_key(&integration.credential, ElevenLabsKey::Full);
        },
    )
    .await;
}

#[tokio::test]
async fn a_vapi_key_is_what_vapi_knows_of_it() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let organisation = Some("00000000-0000-4000-8000-00000000000a".to_owned());
    for (kind, expected) in [
        (
            Some(VapiKey::Private { organisation }),
            found("valid", &["manage_assistants"], ""),
        ),
        (
            Some(VapiKey::Public),
            found("invalid", &[], "must be the private key"),
        ),
        (
            Some(VapiKey::Forbidden),
            found("restricted", &[], "not limited"),
        ),
        (None, found("invalid", &[], "does not know api_key")),
    ] {
        let entered = Integration::vapi(harness).await;
        if let Some(kind) = kind.clone() {
            providers.add_vapi_key(&entered.credential, kind);
        }
        is_entered_as(&entered, expected).await;
        assert_eq!(entered.asked(harness), operations(&[(VAPI, 1)]));
    }
    let later = Integration::vapi(harness).await;
    let private = VapiKey::Private { organisation: None };
    providers.add_vapi_key(&later.credential, private);
    later.enter().await.document(201);
    providers.add_vapi_key(&later.credential, VapiKey::Public);
    let expected = found("invalid", &[], "must be the private key");
    is_found_as(&later, &json!([]), expected).await;
    later.verify().await;
    assert_eq!(later.stored().await["is_active"], false);
    assert_eq!(later.asked(harness), operations(&[(VAPI, 3)]));
}

#[tokio::test]
async fn a_resend_key_is_what_resend_knows_of_it() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let domains = ["one.example", "two.example"].map(|name| Domain {
        name: name.to_owned(),
        status: "verified".to_owned(),
    });
    let domains = domains.to_vec();
    let unknown = found("invalid", &[], "Resend does not know api_key");
    let sends = found("restricted", &["send_email"], "may only send");
    for (kind, expected) in [
        (
            Some(ResendKey::Full { domains }),
            found("valid", &["send_email", "read_domains"], ""),
        ),
        (Some(ResendKey::SendingOnly), sends),
        (Some(ResendKey::Invalid { status: 400 }), unknown),
        (Some(ResendKey::Invalid { status: 401 }), unknown),
        (Some(ResendKey::Invalid { status: 403 }), unknown),
        (None, unknown),
    ] {
        let integration = Integration::resend(harness).await;
        if let Some(kind) = kind {
            providers.add_resend_key(&integration.credential, kind);
        }
        is_entered_as(&integration, expected).await;
        assert_eq!(integration.asked(harness), operations(&[(RESEND, 1)]));
    }
    let later = Integration::resend(harness).await;
    let full = ResendKey::Full { domains: vec![] };
    providers.add_resend_key(&later.credential, full);
    later.enter().await.document(201);
    providers.add_resend_key(&later.credential, ResendKey::SendingOnly);
    is_found_as(&later, &json!([]), sends).await;
    let gone = ResendKey::Invalid { status: 401 };
    providers.add_resend_key(&later.credential, gone);
    is_found_as(&later, &json!([]), unknown).await;
    later.verify().await;
    assert_eq!(later.stored().await["is_active"], false);
    assert_eq!(later.asked(harness), operations(&[(RESEND, 4)]));
}

#[tokio::test]
async fn an_elevenlabs_key_is_what_elevenlabs_knows_of_it() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let permissions = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned());
        ElevenLabsKey::Restricted(names.collect())
    };
    let narrow = found("restricted", &["synthesise"], "user_read");
    let unknown = found("invalid", &[], "ElevenLabs does not know api_key");
    for (kind, expected) in [
        (
            Some(ElevenLabsKey::Full),
            found("valid", &["synthesise", "read_subscription"], ""),
        ),
        (
            Some(permissions(&["user_read"])),
            found("valid", &["synthesise", "read_subscription"], ""),
        ),
        (Some(permissions(&["models_read"])), narrow),
        (Some(permissions(&[])), narrow),
        (
            Some(ElevenLabsKey::QuotaExceeded),
            found("restricted", &[], "its credit is used up"),
        ),
        (
            Some(ElevenLabsKey::UnusualActivity),
            found("restricted", &[], "a paid plan is needed"),
        ),
        (None, unknown),
    ] {
        let integration = Integration::elevenlabs(harness).await;
        if let Some(kind) = kind {
            providers.add_elevenlabs_key(&integration.credential, kind);
        }
        is_entered_as(&integration, expected).await;
        assert_eq!(integration.asked(harness), operations(&[(ELEVENLABS, 1)]));
    }
    let later = Integration::elevenlabs(harness).await;
    providers.add_elevenlabs_key(&later.credential, ElevenLabsKey::Full);
    later.enter().await.document(201);
    providers.add_elevenlabs_key(&later.credential, ElevenLabsKey::QuotaExceeded);
    let expected = found("restricted", &[], "its credit is used up");
    is_found_as(&later, &json!([]), expected).await;
    assert_eq!(later.asked(harness), operations(&[(ELEVENLABS, 2)]));
}
