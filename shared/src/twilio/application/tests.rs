//! Apps at a scripted Twilio, which keeps them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::outbound::scripted::{Provider, Reaction, Received, soon};
use crate::twilio::TwilioCredentials;
use crate::twilio::webhook_urls::tests::deployment;

const ACCOUNT: &str = "AC00112233445566778899aabbccddeeff";

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn expected() -> ApplicationConfig {
    ApplicationConfig::of_tenant(&tenant("acme"), &ACCOUNT.parse().unwrap(), &deployment(""))
}

fn sid(number: usize) -> String {
    format!("AP{number:032x}")
}

/// An App that is right.
fn application(number: usize, made: &str) -> Value {
    let expected = expected();
    json!({"sid": sid(number), "friendly_name": expected.friendly_name, "date_created": made,
        "voice_url": expected.voice_url, "voice_fallback_url": expected.voice_fallback_url,
        "status_callback": expected.status_callback, "voice_method": "POST"})
}

/// Apps by their SIDs.
#[derive(Clone, Default)]
struct Apps(Arc<Mutex<HashMap<String, Value>>>);

impl Apps {
    fn of(applications: impl IntoIterator<Item = Value>) -> Self {
        let named = |it: Value| (it["sid"].as_str().unwrap().to_owned(), it);
        Self(Arc::new(Mutex::new(
            applications.into_iter().map(named).collect(),
        )))
    }

    fn react(&self, request: &Received) -> Reaction {
        let mut apps = self.0.lock().unwrap();
        let resource = request
            .path()
            .rsplit('/')
            .next()
            .unwrap()
            .strip_suffix(".json")
            .unwrap();
        match (request.method.as_str(), resource) {
            ("GET", "Applications") => {
                let all: Vec<&Value> = apps.values().collect();
                Reaction::json(200, &json!({"applications": all, "next_page_uri": null}))
            }
            ("POST", "Applications") => {
                let new = sid(apps.len() + 100);
                let made = fields(json!({"sid": new}), request);
                apps.insert(new, made.clone());
                Reaction::json(201, &made)
            }
            (method, resource) => match apps.get_mut(resource) {
                None => Reaction::error(404, 20404),
                Some(app) => {
                    if method == "POST" {
                        *app = fields(app.clone(), request);
                    }
                    Reaction::json(200, app)
                }
            },
        }
    }
}

fn fields(mut app: Value, request: &Received) -> Value {
    for (name, value) in request.form() {
        let snake = match name.as_str() {
            "FriendlyName" => "friendly_name",
            "VoiceUrl" => "voice_url",
            "VoiceFallbackUrl" => "voice_fallback_url",
            "StatusCallback" => "status_callback",
            _ => continue,
        };
        app[snake] = json!(value);
    }
    app
}

async fn ensure(provider: &Provider, remembered: Option<usize>) -> Result<Ensured, TwilioError> {
    let credentials = TwilioCredentials::from_input(
        &json!({"account_sid": ACCOUNT, "auth_token": "0123456789abcdef0123456789abcdef"}),
    )
    .unwrap();
    let outbound = provider.outbound();
    let client = TwilioClient::new(&outbound, &credentials, soon());
    let remembered = remembered.map(|number| sid(number).parse().unwrap());
    ensure_application(&client, remembered.as_ref(), &expected()).await
}

async fn provider(apps: &Apps) -> Provider {
    let apps = apps.clone();
    Provider::start(move |request| apps.react(request)).await
}

fn writes(provider: &Provider) -> usize {
    let received = provider.received();
    received
        .iter()
        .filter(|request| request.method == "POST")
        .count()
}

fn ensured(number: usize, how: How) -> Ensured {
    let sid = sid(number).parse().unwrap();
    Ensured { sid, how }
}

#[tokio::test]
async fn a_first_app_is_made_and_then_found() {
    let apps = Apps::default();
    let provider = provider(&apps).await;
    let made = ensure(&provider, None).await.unwrap();
    assert_eq!(made, ensured(100, How::Created));
    assert_eq!(
        ensure(&provider, None).await.unwrap(),
        ensured(100, How::Adopted)
    );
    assert_eq!(
        ensure(&provider, Some(100)).await.unwrap(),
        ensured(100, How::Unchanged)
    );
    assert_eq!(writes(&provider), 1);
    let app = apps.0.lock().unwrap()[&sid(100)].clone();
    assert_eq!(app["friendly_name"], "TwiMLApp_Tenant_acme");
    assert_eq!(
        app["voice_url"],
        format!("https://voice.example/voice?account={ACCOUNT}#rc=3&rp=5xx,ct,rt")
    );
}

#[tokio::test]
async fn the_oldest_of_several_is_adopted() {
    let apps = Apps::of([
        application(1, "Fri, 21 Aug 2015 00:07:25 +0000"),
        application(2, "Mon, 22 Aug 2011 20:59:45 +0000"),
        application(3, "not a date"),
        application(4, "Mon, 22 Aug 2011 20:59:45 +0000"),
    ]);
    let provider = provider(&apps).await;
    assert_eq!(
        ensure(&provider, None).await.unwrap(),
        ensured(2, How::Adopted)
    );
    assert_eq!(writes(&provider), 0);
}

#[tokio::test]
async fn an_app_of_another_name_is_left_alone() {
    let mut other = application(1, "Fri, 21 Aug 2015 00:07:25 +0000");
    other["friendly_name"] = json!("TwiMLApp_Tenant_acme-2");
    let provider = provider(&Apps::of([other])).await;
    assert_eq!(ensure(&provider, None).await.unwrap().how, How::Created);
}

#[tokio::test]
async fn an_app_that_leads_elsewhere_is_corrected() {
    for (member, value) in [
        (
            "voice_url",
            json!(format!("https://voice.example/voice?account={ACCOUNT}")),
        ),
        ("voice_fallback_url", json!("")),
        ("status_callback", json!(null)),
        ("voice_method", json!("GET")),
    ] {
        let mut wrong = application(1, "Fri, 21 Aug 2015 00:07:25 +0000");
        wrong[member] = value;
        let apps = Apps::of([wrong]);
        let provider = provider(&apps).await;
        assert_eq!(
            ensure(&provider, Some(1)).await.unwrap(),
            ensured(1, How::Updated)
        );
        assert_eq!(writes(&provider), 1, "{member}");
        let app = apps.0.lock().unwrap()[&sid(1)].clone();
        assert_eq!(app["voice_url"], expected().voice_url);
    }
}

#[tokio::test]
async fn a_remembered_app_that_is_gone_is_made_again() {
    let provider = provider(&Apps::default()).await;
    assert_eq!(
        ensure(&provider, Some(9)).await.unwrap(),
        ensured(100, How::Created)
    );
}

#[tokio::test]
async fn an_app_that_could_not_be_asked_about_is_not_made_again() {
    let provider = Provider::in_turn([Reaction::error(401, 20003)]).await;
    let error = ensure(&provider, Some(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication);
    assert_eq!(writes(&provider), 0);
}

#[tokio::test]
async fn an_app_whose_making_was_not_answered_is_found_and_not_made_twice() {
    let apps = Apps::default();
    let kept = apps.clone();
    let provider = Provider::start(move |request| {
        let reaction = kept.react(request);
        match request.method.as_str() {
            "POST" => Reaction::Close,
            _ => reaction,
        }
    })
    .await;
    assert_eq!(
        ensure(&provider, None).await.unwrap(),
        ensured(100, How::Adopted)
    );
    assert_eq!((writes(&provider), apps.0.lock().unwrap().len()), (1, 1));
}

#[test]
fn a_name_of_48_characters_still_fits() {
    let (fits, longer) = ("a".repeat(48), "a".repeat(49));
    assert_eq!(
        application_name(&tenant(&fits)),
        format!("TwiMLApp_Tenant_{fits}")
    );
    // By `printf 'a%.0s' $(seq 49) | sha256sum`.
    let name = format!("TwiMLApp_Tenant_{}_8f9bec6a62dd28eb", "a".repeat(31));
    assert_eq!(application_name(&tenant(&longer)), name);
    assert_eq!(name.len(), 64);
}

proptest! {
    #[test]
    fn names_fit_and_differ(one in "[a-z0-9][a-z0-9-]{1,62}", tail in "[a-z0-9-]{1,8}") {
        let kept: String = one.chars().take(63 - tail.len()).collect();
        let other = format!("{kept}{tail}");
        let names = (application_name(&tenant(&one)), application_name(&tenant(&other)));
        prop_assert!(names.0.len() <= 64 && names.1.len() <= 64);
        prop_assert_eq!(names.0 == names.1, one == other);
    }
}
