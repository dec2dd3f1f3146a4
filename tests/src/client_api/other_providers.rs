//! Live checks of Vapi, Google Calendar, Resend and `ElevenLabs`: what each answers, what is made of it and kept, by which calls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use local::providers::{
    Domain, ElevenLabsKey, Grant, GrantState, ProviderDoubles, ResendKey, VapiKey,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::caller::{Answer, Caller};
use crate::harness::Harness;

const VAPI: &str = "GET /vapi/assistant";
const RESEND: &str = "GET /resend/domains";
const ELEVENLABS: &str = "GET /elevenlabs/v1/user/subscription";
const REFRESH: &str = "POST /google-oauth/token";
const CALENDARS: &str = "GET /google-api/calendar/v3/users/me/calendarList";
const EVENTS: &str = "GET /google-api/calendar/v3/calendars/primary/events";

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

    /// With an OAuth client that Google knows, and no grant yet.
    async fn google(harness: &Harness) -> Self {
        let mut it = Self::new(harness, "/api/integrations/google_calendar", "1//").await;
        let id = format!("{}.apps.googleusercontent.com", unique("client-"));
        let secret = unique("GOCSPX-");
        harness
            .stack
            .providers()
            .add_google_client(&id, &secret, true);
        it.configuration =
            json!({"client_id": id, "client_secret": secret, "refresh_token": it.credential});
        it
    }

    fn client_id(&self) -> &str {
        self.configuration["client_id"].as_str().unwrap()
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
    assert_eq!(entered["verification_error"].is_null(), expected.says.is_empty());
    let error = entered["verification_error"].as_str().unwrap_or_default();
    assert!(error.contains(expected.says), "{error}");
    assert_eq!(entered, integration.stored().await);
}

/// Checks what is stored, with these capabilities as they were known before, and judges answer and store.
async fn is_found_as(integration: &Integration, known: &Value, expected: Finding) {
    let verification = integration.verify().await;
    assert_eq!(
        verification["outcome"], expected.outcome,
        "{verification}"
    );
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
async fn an_outage_of_google_is_not_held_against_a_grant() {
    outages_are_not_held_against(REFRESH, Integration::google, |providers, integration| {
        let grant = Grant::live(integration.client_id(), &["calendar.events"]);
        providers.add_google_grant(&integration.credential, grant);
    })
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

#[tokio::test]
async fn a_google_grant_is_worth_what_its_scopes_are() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let lacks = "lacks the scope calendar.events";
    let by_calendars: &[(&str, usize)] = &[(REFRESH, 1), (CALENDARS, 1)];
    let by_events: &[(&str, usize)] = &[(REFRESH, 1), (EVENTS, 1)];
    let everything = &["read_calendars", "read_events", "write_events", "read_free_busy"];
    for (scopes, expected, asked) in [
        (&["calendar"][..], found("valid", everything, ""), by_calendars),
        (
            &["calendar.events"],
            found("valid", &["read_events", "write_events"], ""),
            by_events,
        ),
        (
            &["calendar.events", "calendar.freebusy"],
            found("valid", &["read_events", "write_events", "read_free_busy"], ""),
            by_events,
        ),
        (
            &["calendar.readonly"],
            found(
                "restricted",
                &["read_calendars", "read_events", "read_free_busy"],
                lacks,
            ),
            by_calendars,
        ),
        (
            &["calendar.freebusy"],
            found("restricted", &["read_free_busy"], lacks),
            &[(REFRESH, 1)],
        ),
        // Somebody unticked every box.
        (&["userinfo.email"], found("restricted", &[], lacks), &[(REFRESH, 1)]),
    ] {
        let integration = Integration::google(harness).await;
        let grant = Grant::live(integration.client_id(), scopes);
        providers.add_google_grant(&integration.credential, grant);
        is_entered_as(&integration, expected).await;
        assert_eq!(integration.asked(harness), operations(asked), "{scopes:?}");
    }
}

#[tokio::test]
async fn google_says_whether_the_client_or_the_grant_is_at_fault() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let live = |integration: &Integration| Grant::live(integration.client_id(), &["calendar"]);

    let revoked = Integration::google(harness).await;
    let grant = Grant {
        state: GrantState::Dead,
        ..live(&revoked)
    };
    providers.add_google_grant(&revoked.credential, grant);
    is_entered_as(&revoked, found("invalid", &[], "expired or revoked")).await;

    let ended = Integration::google(harness).await;
    let grant = Grant {
        state: GrantState::SessionEnded,
        ..live(&ended)
    };
    providers.add_google_grant(&ended.credential, grant);
    is_entered_as(&ended, found("invalid", &[], "ends sessions")).await;

    let mut mistyped = Integration::google(harness).await;
    providers.add_google_grant(&mistyped.credential, live(&mistyped));
    mistyped.configuration["client_secret"] = json!("GOCSPX-another-secret");
    let client = "does not know client_id together with client_secret";
    is_entered_as(&mistyped, found("invalid", &[], client)).await;

    let foreign = Integration::google(harness).await;
    let grant = Grant::live("another.apps.googleusercontent.com", &["calendar"]);
    providers.add_google_grant(&foreign.credential, grant);
    is_entered_as(&foreign, found("invalid", &[], "another OAuth client")).await;

    for integration in [revoked, ended, mistyped, foreign] {
        assert_eq!(integration.asked(harness), operations(&[(REFRESH, 1)]));
    }

    let disabled = Integration::google(harness).await;
    providers.add_google_grant(&disabled.credential, live(&disabled));
    let secret = disabled.configuration["client_secret"].as_str().unwrap();
    providers.add_google_client(disabled.client_id(), secret, false);
    is_entered_as(&disabled, found("restricted", &[], "is not enabled")).await;
}

#[tokio::test]
async fn only_the_second_refusal_of_a_google_grant_in_a_row_deactivates_it() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let integration = Integration::google(harness).await;
    let live = Grant::live(integration.client_id(), &["calendar.events"]);
    let credential = &integration.credential;
    providers.add_google_grant(credential, live.clone());
    integration.enter().await.document(201);
    let dead = Grant {
        state: GrantState::Dead,
        ..live.clone()
    };
    providers.add_google_grant(credential, dead);
    assert_eq!(integration.verify().await["outcome"], "invalid");
    for misbehaviour in [
        Misbehaviour::TooManyRequests {
            retry_after: Some(60),
        },
        Misbehaviour::Html(400),
        Misbehaviour::Unavailable,
    ] {
        let fault = providers.misbehave_to(credential, misbehaviour, Times::Always);
        integration.verify().await;
        providers.faults().remove(fault);
        assert_eq!(integration.stored().await["is_active"], true);
    }
    assert_eq!(integration.verify().await["outcome"], "invalid");
    assert_eq!(integration.stored().await["is_active"], false);
    providers.add_google_grant(credential, live);
    assert_eq!(integration.verify().await["outcome"], "valid");
    assert_eq!(integration.stored().await["is_active"], true);
}

#[tokio::test]
async fn an_outage_of_the_calendar_api_says_nothing_against_a_grant_that_was_just_renewed() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let mut cases = JoinSet::new();
    for misbehaviour in [
        Misbehaviour::TooManyRequests {
            retry_after: Some(60),
        },
        Misbehaviour::Unauthorized,
        Misbehaviour::InternalError,
        Misbehaviour::Html(403),
        Misbehaviour::Close,
    ] {
        cases.spawn(async move {
            let integration = Integration::google(harness).await;
            let grant = Grant::live(integration.client_id(), &["calendar.events"]);
            providers.add_google_grant(&integration.credential, grant);
            let partition = ProviderDoubles::partition(&integration.credential);
            let matching = Matching::operations([EVENTS]).partition(partition);
            providers
                .faults()
                .inject(matching, misbehaviour, Times::Always);
            let expected = found("valid", &["read_events", "write_events"], "");
            is_entered_as(&integration, expected).await;
            assert_eq!(integration.asked(harness)[REFRESH], 1);
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn a_refresh_token_that_google_replaces_during_a_check_is_stored_in_place_of_the_old_one() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let integration = Integration::google(harness).await;
    let [second, third] = [unique("1//"), unique("1//")];
    let live = Grant::live(integration.client_id(), &["calendar.events"]);
    let rotating = |next: &String| Grant {
        replaced_by: Some(next.clone()),
        ..live.clone()
    };
    providers.add_google_grant(&integration.credential, rotating(&second));
    let entered = integration.enter().await.document(201);
    // The first is worth nothing any more.
    assert!(!providers.is_google_grant_live(&integration.credential));
    assert!(entered["config"]["refresh_token"]
        .as_str()
        .unwrap()
        .ends_with(&second[second.len() - 4..]));

    providers.add_google_grant(&second, rotating(&third));
    assert_eq!(integration.verify().await["outcome"], "valid");
    assert!(!providers.is_google_grant_live(&second));
    let after = integration.stored().await;
    assert_ne!(after["fingerprint"], entered["fingerprint"]);
    assert_eq!(after["status"], "valid");
    assert_eq!(integration.verify().await["outcome"], "valid");
    assert_eq!(providers.calls_with(&third).operation(REFRESH).count(), 1);
}
