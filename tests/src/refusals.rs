//! Requests that no function may take: each is a plain 4xx, and nothing comes of it.

use std::sync::OnceLock;

use local::emulators::wire::Mark;
use local::http_client;
use local::twilio::{Parameters, sign};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use shared::activity::Route;
use shared::secret::Secret;
use shared::twilio::signature::url_with_body_hash;
use shared::webhook::BODY_LIMIT;

use crate::harness::{Harness, Tenant};
use crate::traffic::{
    self, Answer, RawRequest, WORDS, binary, event, facts, padded, settled_lines,
};

/// A stack that never gets anything to take.
async fn stack() -> &'static Harness {
    static STACK: OnceLock<Harness> = OnceLock::new();
    Harness::once(&STACK, |_| {}).await
}

/// Sends what must be refused, and knows what may not come of it.
struct Refusals {
    harness: &'static Harness,
    tenant: Tenant,
    client: Client,
    begun: Mark,
    secrets: Vec<String>,
}

impl Refusals {
    async fn of_a_tenant() -> Self {
        Self::of(Harness::document(json!({"auto_reply": "Thank you"}))).await
    }

    async fn of(document: Value) -> Self {
        let harness = stack().await;
        let tenant = harness.store(document).await;
        let secrets = vec![
            tenant.token().expose().to_owned(),
            WORDS.to_owned(),
            WORDS.replace(' ', "+"),
        ];
        Self {
            harness,
            tenant,
            client: http_client::client(),
            begun: harness.stack.emulators().dynamodb().wire().mark(),
            secrets,
        }
    }

    /// The request that Twilio makes of a route.
    fn request(&self, route: Route) -> RawRequest {
        let webhook = event(&self.tenant, route).webhook;
        RawRequest::signed(&webhook.url, &webhook.parameters, self.tenant.token())
    }

    /// Twilio's parameters of a route.
    fn parameters(&self, route: Route) -> Parameters {
        event(&self.tenant, route).webhook.parameters
    }

    /// Sends a request that is refused with this status, an empty body and so no content type.
    async fn refuse(&mut self, what: &str, request: &RawRequest, status: u16) -> Answer {
        self.secrets.extend(request.signature().map(str::to_owned));
        let answer = request.insist(&self.client).await;
        let seen = (answer.status, answer.body.as_str(), &answer.content_type);
        assert_eq!(seen, (status, "", &None), "{what}: {}", request.url);
        answer
    }

    /// Nothing was written for the tenant or for anyone, nothing was put aside, and no line holds a secret.
    async fn left_nothing_behind(self) {
        let lines = settled_lines(self.harness).await;
        let emulators = self.harness.stack.emulators();
        let wire = emulators.dynamodb().wire();
        let of_tenant = wire.since(self.begun).partition(&self.tenant.partition());
        assert_eq!(of_tenant.writes().count(), 0);
        let activity = self.harness.variable("ACTIVITY_TABLE");
        assert_eq!(wire.calls().resource(activity).count(), 0);
        assert_eq!(emulators.sqs().wire().count("SendMessage"), 0);
        assert!(!lines.is_empty());
        for secret in self.secrets.iter().filter(|secret| secret.len() >= 20) {
            let telling = lines.iter().find(|line| line.text.contains(secret));
            assert_eq!(telling, None, "a line holds {secret:?}");
        }
    }
}

#[tokio::test]
async fn a_body_that_was_changed_after_signing_is_refused_by_every_route() {
    let mut refusals = Refusals::of_a_tenant().await;
    for route in Route::ALL {
        let mut added = refusals.request(*route);
        added.body.extend(b"&TamperedWith=true");
        refusals.refuse("added to", &added, 403).await;
        let mut changed = refusals.request(*route);
        let body = String::from_utf8(changed.body).unwrap();
        changed.body = body
            .replace("%2B15005550010", "%2B15005550011")
            .into_bytes();
        if *route == Route::VoiceRecording {
            changed.body = body.replace("completed", "absent").into_bytes();
        }
        refusals.refuse("changed", &changed, 403).await;
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn a_webhook_signed_with_another_tenants_token_is_refused_by_every_route() {
    let mut refusals = Refusals::of_a_tenant().await;
    let other = refusals.harness.tenant(json!({})).await;
    refusals.secrets.push(other.token().expose().to_owned());
    for route in Route::ALL {
        let webhook = event(&refusals.tenant, *route).webhook;
        let request = RawRequest::signed(&webhook.url, &webhook.parameters, other.token());
        refusals.refuse("other's token", &request, 403).await;
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn a_webhook_without_a_usable_signature_is_refused_by_every_route() {
    let mut refusals = Refusals::of_a_tenant().await;
    for route in Route::ALL {
        let mut request = refusals.request(*route);
        request.set("x-twilio-signature", None);
        refusals.refuse("missing", &request, 403).await;
        for signature in ["", "not base64!", "AAAA"] {
            request.set("x-twilio-signature", Some(signature));
            refusals.refuse(signature, &request, 403).await;
        }
        // An empty token is nobody's: anyone can sign with it.
        let parameters = refusals.parameters(*route);
        let url = traffic::url(&refusals.tenant, *route);
        let empty = RawRequest::signed(&url, &parameters, &Secret::from(""));
        refusals.refuse("empty token", &empty, 403).await;
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn an_account_in_the_url_that_is_not_the_payloads_is_refused_by_every_route() {
    let mut refusals = Refusals::of_a_tenant().await;
    let other = refusals.harness.tenant(json!({})).await;
    for route in Route::ALL {
        // Rightly signed, by either of the two.
        let parameters = refusals.parameters(*route);
        let url = traffic::url(&other, *route);
        for signer in [refusals.tenant.token().clone(), other.token().clone()] {
            let request = RawRequest::signed(&url, &parameters, &signer);
            refusals.refuse("other's URL", &request, 403).await;
        }
    }
    let to_other = refusals.harness.stack.emulators().dynamodb().wire();
    let to_other = to_other.since(refusals.begun).partition(&other.partition());
    assert_eq!(
        to_other
            .filter(|call| call.operation == "UpdateItem")
            .count(),
        0
    );
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn an_account_that_nobody_holds_is_refused_by_every_route() {
    let mut refusals = Refusals::of_a_tenant().await;
    for route in Route::ALL {
        let unknown = refusals.tenant.sender.sids().sid("AC");
        let mut parameters = refusals.parameters(*route);
        parameters.set("AccountSid", &unknown);
        let url = traffic::url(&refusals.tenant, *route);
        let (base, _) = url.split_once('?').unwrap();
        for url in [base.to_owned(), format!("{base}?account={unknown}")] {
            let request = RawRequest::signed(&url, &parameters, refusals.tenant.token());
            refusals.refuse("unknown account", &request, 403).await;
        }
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn the_webhooks_of_a_suspended_tenant_are_refused_by_every_route() {
    refused_in_status("suspended").await;
}

#[tokio::test]
async fn the_webhooks_of_a_tenant_being_deleted_are_refused_by_every_route() {
    refused_in_status("deleting").await;
}

async fn refused_in_status(status: &str) {
    let mut document = Harness::document(json!({}));
    document["status"] = json!(status);
    let mut refusals = Refusals::of(document).await;
    for route in Route::ALL {
        let request = refusals.request(*route);
        refusals.refuse(status, &request, 403).await;
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn every_method_but_post_is_refused_by_every_route_and_told_so() {
    let mut refusals = Refusals::of_a_tenant().await;
    for route in Route::ALL {
        let parameters = refusals.parameters(*route);
        let query = parameters.form_encoded();
        let url = format!("{}&{query}", traffic::url(&refusals.tenant, *route));
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            // Signed as Twilio signs a GET, whose parameters are in the query.
            let mut request = RawRequest::unsigned(&url, "");
            request.method = Method::from_bytes(method.as_bytes()).unwrap();
            request.sign_with(sign(refusals.tenant.token(), &url, &Parameters::new()));
            let answer = refusals.refuse(method, &request, 405).await;
            assert_eq!(answer.allow.as_deref(), Some("POST"), "{method}");
        }
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn every_content_type_but_a_forms_is_refused_by_every_route() {
    let mut refusals = Refusals::of_a_tenant().await;
    for route in Route::ALL {
        for content_type in [
            None,
            Some(""),
            Some("text/plain"),
            Some("multipart/form-data; boundary=x"),
            Some("application/x-www-form-urlencoded2"),
        ] {
            let mut request = refusals.request(*route);
            request.set("content-type", content_type);
            refusals
                .refuse(content_type.unwrap_or("none"), &request, 415)
                .await;
        }
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn a_json_body_is_refused_by_every_route_even_when_its_hash_is_signed() {
    let mut refusals = Refusals::of_a_tenant().await;
    for route in Route::ALL {
        let body: serde_json::Map<_, _> = refusals
            .parameters(*route)
            .iter()
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        let body = Value::Object(body).to_string();
        let url = traffic::url(&refusals.tenant, *route);
        let url = url_with_body_hash(&url, body.as_bytes());
        let mut request = RawRequest::unsigned(&url, body);
        request.set("content-type", Some("application/json"));
        request.sign_with(sign(refusals.tenant.token(), &url, &Parameters::new()));
        refusals.refuse("JSON", &request, 415).await;
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn a_malformed_body_or_query_is_refused_by_every_route() {
    let mut refusals = Refusals::of_a_tenant().await;
    let many = "&a=1".repeat(1_001);
    for route in Route::ALL {
        let whole = refusals.request(*route);
        for appended in [
            &b"&Bad=%zz"[..],
            b"&Bad=%4",
            b"&Bad=%ff",
            b"&Bad=\xff",
            many.as_bytes(),
        ] {
            let mut request = whole.clone();
            request.body.extend(appended);
            let what = String::from_utf8_lossy(&appended[..5]).into_owned();
            refusals.refuse(&what, &request, 400).await;
        }
        for appended in ["&x=%zz", "&x=%ff"] {
            let mut request = whole.clone();
            request.url.push_str(appended);
            refusals.refuse(appended, &request, 400).await;
        }
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn a_webhook_that_names_no_account_is_refused_by_every_route() {
    let mut refusals = Refusals::of_a_tenant().await;
    for route in Route::ALL {
        let url = traffic::url(&refusals.tenant, *route);
        for account in [None, Some(""), Some("AC1"), Some("acme#tenant")] {
            let mut parameters = refusals.parameters(*route);
            parameters.remove("AccountSid");
            let parameters = parameters.with_optional("AccountSid", account);
            let request = RawRequest::signed(&url, &parameters, refusals.tenant.token());
            refusals.refuse("no account", &request, 400).await;
        }
        let request = RawRequest::signed(&url, &Parameters::new(), refusals.tenant.token());
        refusals.refuse("empty body", &request, 400).await;
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn a_signed_webhook_that_names_nothing_to_keep_is_refused_by_every_route() {
    let mut refusals = Refusals::of_a_tenant().await;
    for route in Route::ALL {
        let url = traffic::url(&refusals.tenant, *route);
        // A name with a separator of keys would be another's partition.
        for sid in [
            None,
            Some(""),
            Some("SM1"),
            Some("SM#00000000000000000000000000000001"),
        ] {
            let mut parameters = refusals.parameters(*route);
            let names = "MessageSid SmsMessageSid SmsSid CallSid RecordingSid RecordingUrl";
            for name in names.split(' ') {
                parameters.remove(name);
                parameters = parameters.with_optional(name, sid);
            }
            let request = RawRequest::signed(&url, &parameters, refusals.tenant.token());
            refusals.refuse("no SID", &request, 400).await;
        }
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_every_route() {
    let mut refusals = Refusals::of_a_tenant().await;
    for route in Route::ALL {
        let url = traffic::url(&refusals.tenant, *route);
        for length in [BODY_LIMIT + 1, 1024 * 1024] {
            let parameters = padded(refusals.parameters(*route), length);
            let request = RawRequest::signed(&url, &parameters, refusals.tenant.token());
            refusals.refuse("too large", &request, 413).await;
        }
    }
    refusals.left_nothing_behind().await;
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken_by_every_route() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let client = http_client::client();
    for route in Route::ALL {
        let event = event(&tenant, *route);
        let parameters = padded(event.webhook.parameters, BODY_LIMIT);
        let request = RawRequest::signed(&event.webhook.url, &parameters, tenant.token());
        assert_eq!(request.body.len(), BODY_LIMIT);
        let answer = request.insist(&client).await;
        assert!(matches!(answer.status, 200 | 204), "{route:?}: {answer:?}");
        assert_eq!(facts(&tenant, &event.resource).await, 1, "{route:?}");
    }
}

#[tokio::test]
async fn every_other_path_is_not_found() {
    let mut refusals = Refusals::of_a_tenant().await;
    for route in Route::ALL {
        let (base, query) = {
            let url = traffic::url(&refusals.tenant, *route);
            let (url, query) = url.split_once('?').unwrap();
            (
                url.strip_suffix(route.path()).unwrap().to_owned(),
                query.to_owned(),
            )
        };
        let parameters = refusals.parameters(*route);
        let foreign = Route::ALL
            .iter()
            .find(|other| binary(**other) != binary(*route));
        for path in [
            "/",
            "/x",
            "//sms",
            &format!("{}/", route.path()),
            foreign.unwrap().path(),
        ] {
            let url = format!("{base}{path}?{query}");
            let request = RawRequest::signed(&url, &parameters, refusals.tenant.token());
            refusals.refuse(path, &request, 404).await;
        }
    }
    refusals.left_nothing_behind().await;
}
