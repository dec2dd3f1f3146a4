//! What a webhook may be signed with, and over which URL.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local::http_client;
use local::twilio::{Parameters, WebhookSender, sign};
use serde_json::{Value, json};
use shared::activity::Route;
use shared::secret::Secret;
use shared::twilio::signature::{Algorithm, SignedContent, SignedUrl};

use crate::harness::{Harness, Tenant};
use crate::traffic::{self, Event, RawRequest, event, facts, with_retries};

/// Where Twilio calls a stack that stands behind a proxy, with everything that a base URL can have.
const PUBLIC_URL: &str = "https://hooks.example.com:8443/twilio";

/// A stack behind a proxy.
async fn behind_proxy() -> &'static Harness {
    static STACK: OnceLock<Harness> = OnceLock::new();
    let parameter = ("PublicWebhookBaseUrl".to_owned(), PUBLIC_URL.to_owned());
    Harness::once(&STACK, |options| options.parameters.extend([parameter])).await
}

/// A stack whose functions have one process each, so that what one request taught it the next one finds.
async fn single() -> &'static Harness {
    static STACK: OnceLock<Harness> = OnceLock::new();
    Harness::once(&STACK, |options| options.concurrency = 1).await
}

/// A tenant with more in its Twilio configuration than a token.
async fn tenant_with(harness: &Harness, more: Value) -> Tenant {
    let mut document = Harness::document(json!({}));
    let twilio = document["twilio"].as_object_mut().unwrap();
    twilio.extend(more.as_object().unwrap().clone());
    harness.store(document).await
}

/// Delivers an event signed with a token, and says whether it was taken and kept.
async fn is_taken(tenant: &Tenant, event: &Event, token: &Secret) -> bool {
    let webhook = &event.webhook;
    let request = RawRequest::signed(&webhook.url, &webhook.parameters, token);
    is_kept(tenant, event, &request).await
}

async fn is_kept(tenant: &Tenant, event: &Event, request: &RawRequest) -> bool {
    let answer = request.insist(&http_client::client()).await;
    let kept = facts(tenant, &event.resource).await;
    match (answer.status, kept) {
        (200 | 204, 1) => true,
        (403, 0) => false,
        other => panic!("neither taken nor refused: {other:?}"),
    }
}

#[tokio::test]
async fn the_primary_the_secondary_and_the_previous_token_are_accepted_on_every_route() {
    let harness = Harness::shared().await;
    let tokens = json!({
        "secondary_auth_token": "a-secondary-token-of-theirs",
        "previous_auth_token": "the-token-before-that-one",
    });
    let tenant = tenant_with(harness, tokens).await;
    let named = ["a-secondary-token-of-theirs", "the-token-before-that-one"].map(Secret::from);
    for route in Route::ALL {
        for token in named.iter().chain([tenant.token()]) {
            assert!(is_taken(&tenant, &event(&tenant, *route), token).await);
        }
    }
}

/// A request that names a shared key in its settings and is signed with it.
fn signed_with_shared_key(
    event: &Event,
    settings: &str,
    key: &str,
    algorithm: Algorithm,
) -> RawRequest {
    let webhook = &event.webhook;
    let body = webhook.parameters.form_encoded();
    let parameters = shared::twilio::Parameters::parse(body.as_bytes()).unwrap();
    let url = SignedUrl::configured(&webhook.url).unwrap();
    let content = SignedContent::Form(&parameters);
    let signature = shared::twilio::signature::sign(&url, content, &Secret::from(key), algorithm);
    let mut request = RawRequest::unsigned(&webhook.url, body.clone());
    request.sign_with(signature);
    request.set("x-twilio-webhooks-signature-settings", Some(settings));
    request
}

#[tokio::test]
async fn a_shared_key_is_accepted_with_both_of_its_algorithms_on_every_route() {
    let harness = Harness::shared().await;
    let keys = json!({"shared_keys": [{"id": "WK1", "secret": "the-secret-of-the-key-WK1"}]});
    let tenant = tenant_with(harness, keys).await;
    for route in Route::ALL {
        for (settings, algorithm) in [
            ("key=WK1,algorithm=HMAC_SHA256", Algorithm::HmacSha256),
            ("key=WK1,algorithm=HMAC_SHA1", Algorithm::HmacSha1),
            ("key=WK1", Algorithm::HmacSha1),
        ] {
            let event = event(&tenant, *route);
            let request =
                signed_with_shared_key(&event, settings, "the-secret-of-the-key-WK1", algorithm);
            assert!(
                is_kept(&tenant, &event, &request).await,
                "{route:?} {settings}"
            );
        }
    }
}

#[tokio::test]
async fn a_shared_key_is_good_for_nothing_but_what_its_settings_say() {
    let harness = Harness::shared().await;
    let keys = json!({"shared_keys": [{"id": "WK1", "secret": "the-secret-of-the-key-WK1"}]});
    let tenant = tenant_with(harness, keys).await;
    let token = tenant.token().expose();
    for (settings, key, algorithm) in [
        (
            "key=WK1,algorithm=HMAC_SHA256",
            "the-secret-of-the-key-WK1",
            Algorithm::HmacSha1,
        ),
        (
            "key=WK1,algorithm=HMAC_SHA1",
            "the-secret-of-the-key-WK1",
            Algorithm::HmacSha256,
        ),
        (
            "key=WK1,algorithm=none",
            "the-secret-of-the-key-WK1",
            Algorithm::HmacSha1,
        ),
        (
            "key=WK2,algorithm=HMAC_SHA256",
            "the-secret-of-the-key-WK1",
            Algorithm::HmacSha256,
        ),
        ("key=WK1", token, Algorithm::HmacSha1),
        ("", "the-secret-of-the-key-WK1", Algorithm::HmacSha1),
    ] {
        let event = event(&tenant, Route::Sms);
        let request = signed_with_shared_key(&event, settings, key, algorithm);
        assert!(!is_kept(&tenant, &event, &request).await, "{settings}");
    }
}

#[tokio::test]
async fn the_functions_own_url_may_be_signed_with_or_without_its_port_on_every_route() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    for route in Route::ALL {
        let event = event(&tenant, *route);
        let (url, parameters) = (&event.webhook.url, &event.webhook.parameters);
        let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
        let name = host.split(':').next().unwrap();
        let without = format!("http://{name}/{path}");
        let mut request = RawRequest::unsigned(url, parameters.form_encoded());
        request.sign_with(sign(tenant.token(), &without, parameters));
        assert!(is_kept(&tenant, &event, &request).await, "{without}");
    }
}

#[tokio::test]
async fn a_port_that_is_not_the_callers_is_refused() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let event = event(&tenant, Route::Sms);
    let parameters = &event.webhook.parameters;
    let path = event.webhook.url.rsplit_once('/').unwrap().1;
    let mut request = RawRequest::unsigned(&event.webhook.url, parameters.form_encoded());
    request.sign_with(sign(
        tenant.token(),
        &format!("http://127.0.0.1:1/{path}"),
        parameters,
    ));
    assert!(!is_kept(&tenant, &event, &request).await);
}

/// The event as it is when Twilio knows the public URL alone, and a sender that reaches the function by it.
fn at_public_url(tenant: &Tenant, route: Route) -> (WebhookSender, Event) {
    let mut event = event(tenant, route);
    let own = event.webhook.url.find(route.path()).unwrap();
    let (base, target) = event.webhook.url.split_at(own);
    let sender = tenant.sender.clone().behind_proxy(PUBLIC_URL, base);
    event.webhook.url = format!("{PUBLIC_URL}{target}");
    (sender, event)
}

#[tokio::test]
async fn a_public_url_is_accepted_on_every_route_with_and_without_its_port() {
    let harness = behind_proxy().await;
    let tenant = harness.tenant(json!({})).await;
    for route in Route::ALL {
        for keeps_port in [true, false] {
            // The double drops the port of voice webhooks, as Twilio's documentation says, and keeps that of the others.
            let (sender, event) = at_public_url(&tenant, *route);
            let sender = if keeps_port {
                sender.keeping_voice_port()
            } else {
                sender
            };
            let exchange = sender.deliver(&with_retries(event.webhook)).await;
            assert!(
                matches!(exchange.status(), Some(200 | 204)),
                "{route:?}: {exchange:?}"
            );
            assert_eq!(facts(&tenant, &event.resource).await, 1);
        }
    }
}

#[tokio::test]
async fn the_functions_own_url_is_still_accepted_behind_a_public_one_on_every_route() {
    let harness = behind_proxy().await;
    let tenant = harness.tenant(json!({})).await;
    for route in Route::ALL {
        assert!(is_taken(&tenant, &event(&tenant, *route), tenant.token()).await);
    }
}

#[tokio::test]
async fn no_public_url_but_the_configured_one_is_accepted() {
    let harness = behind_proxy().await;
    let tenant = harness.tenant(json!({})).await;
    for base in [
        "https://hooks.example.com:8443",
        "https://hooks.example.com:8443/twilio/",
        "https://hooks.example.org:8443/twilio",
        "https://hooks.example.com:8444/twilio",
        "http://hooks.example.com:8443/twilio",
    ] {
        let event = event(&tenant, Route::Sms);
        let query = event.webhook.url.split_once('?').unwrap().1;
        let parameters = &event.webhook.parameters;
        let mut request = RawRequest::unsigned(&event.webhook.url, parameters.form_encoded());
        request.sign_with(sign(
            tenant.token(),
            &format!("{base}/sms?{query}"),
            parameters,
        ));
        assert!(!is_kept(&tenant, &event, &request).await, "{base}");
    }
}

#[tokio::test]
async fn the_urls_in_an_answer_are_under_the_url_that_was_signed() {
    let harness = behind_proxy().await;
    let settings = json!({"inbound_route": "forward", "forward_to": "+12125550199"});
    let tenant = harness.tenant(settings).await;
    let account = &tenant.sender.account().sid;
    let (sender, called) = at_public_url(&tenant, Route::Voice);
    let through_proxy = sender
        .deliver(&with_retries(called.webhook))
        .await
        .response
        .unwrap()
        .text();
    let direct = tenant
        .sender
        .deliver(&with_retries(event(&tenant, Route::Voice).webhook))
        .await;
    let direct = direct.response.unwrap().text();
    let own = &tenant.target.urls.voice;
    let action = |base: &str| format!(r#"action="{base}/voice/dial?account={account}""#);
    assert!(
        through_proxy.contains(&action(PUBLIC_URL)),
        "{through_proxy}"
    );
    assert!(!through_proxy.contains(own.as_str()));
    assert!(
        direct.contains(&action(own.trim_end_matches('/'))),
        "{direct}"
    );
    assert!(!direct.contains(PUBLIC_URL));
}

#[tokio::test]
async fn a_token_that_was_changed_is_in_force_at_a_warm_function_with_the_next_webhook() {
    let harness = single().await;
    let tenant = harness.tenant(json!({})).await;
    let (old, new) = (
        tenant.token().clone(),
        Secret::from("the-token-that-comes-after"),
    );
    assert!(is_taken(&tenant, &event(&tenant, Route::Sms), &old).await);

    let mut document = tenant.document.clone();
    document["twilio"]["auth_token"] = json!(new.expose());
    harness.store(document).await;

    assert!(is_taken(&tenant, &event(&tenant, Route::Sms), &new).await);
    assert!(!is_taken(&tenant, &event(&tenant, Route::Sms), &old).await);
    assert!(is_taken(&tenant, &event(&tenant, Route::Sms), &new).await);
}

#[tokio::test]
async fn a_token_that_was_promoted_keeps_the_one_before_it_in_force() {
    let harness = single().await;
    let tenant = harness.tenant(json!({})).await;
    let (old, new) = (
        tenant.token().clone(),
        Secret::from("the-token-that-comes-after"),
    );
    assert!(is_taken(&tenant, &event(&tenant, Route::Sms), &old).await);

    let mut document = tenant.document.clone();
    document["twilio"]["auth_token"] = json!(new.expose());
    document["twilio"]["previous_auth_token"] = json!(old.expose());
    harness.store(document).await;

    assert!(is_taken(&tenant, &event(&tenant, Route::Sms), &new).await);
    assert!(is_taken(&tenant, &event(&tenant, Route::Sms), &old).await);
}

#[tokio::test]
async fn forged_signatures_have_a_tenants_credentials_read_once_in_five_seconds_at_most() {
    // A stack of its own: KMS's calls name no tenant.
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
    });
    let tenant = harness.tenant(json!({})).await;
    assert!(is_taken(&tenant, &event(&tenant, Route::Sms), tenant.token()).await);
    let emulators = harness.stack.emulators();
    let (dynamodb, kms) = (emulators.dynamodb().wire(), emulators.kms().wire());
    let (of_dynamodb, of_kms) = (dynamodb.mark(), kms.mark());

    let (begun, client) = (Instant::now(), http_client::client());
    for number in 0..1_000_u16 {
        let mut request = RawRequest::unsigned(
            &traffic::url(&tenant, Route::Sms),
            event(&tenant, Route::Sms).webhook.parameters.form_encoded(),
        );
        request.sign_with(STANDARD.encode([number.to_be_bytes(); 10].concat()));
        assert_eq!(request.insist(&client).await.status, 403);
    }

    let windows = 1 + begun.elapsed().as_secs() / Duration::from_secs(5).as_secs();
    let windows = usize::try_from(windows).unwrap();
    let reads = dynamodb.since(of_dynamodb).reads().count();
    let opened = kms.since(of_kms).operation("Decrypt").count();
    assert!((2..=2 * windows).contains(&reads), "{reads} reads");
    assert!((1..=windows).contains(&opened), "{opened} calls of KMS");
    assert_eq!(dynamodb.since(of_dynamodb).writes().count(), 0);
    // Nor do they do the tenant any harm.
    assert!(is_taken(&tenant, &event(&tenant, Route::Sms), tenant.token()).await);
}

#[tokio::test]
async fn parameters_that_repeat_are_signed_as_twilio_signs_them() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let mut event = event(&tenant, Route::Sms);
    let repeated = Parameters::new()
        .with("Tag", "2")
        .with("Tag", "1")
        .with("Tag", "2");
    event.webhook.parameters = event.webhook.parameters.and(&repeated);
    assert!(is_taken(&tenant, &event, tenant.token()).await);
}
