//! What is sent to the stack of the marked secrets.

use local::double::Misbehaviour;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::issuer::{Flaw, TokenRequest};
use local::twilio::{Account, Forgery, WebhookSender};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, IF_MATCH, IF_NONE_MATCH, USER_AGENT};
use serde_json::{Value, json};
use shared::secret::Secret;
use shared::tenant::Provider;

use super::evidence::{Gathering, secret};
use crate::client_api::onboarding::{Newcomer, path_of};

impl Gathering {
    pub(super) async fn send_everything(&self) {
        // Each provider with a tenant of its own, whose requests of a minute are counted.
        let run = async |provider| {
            let newcomer = self.harness.newcomer().await;
            self.good(&newcomer, provider).await;
            self.refused(&newcomer, provider).await;
            self.faulty(&newcomer, provider).await;
            self.misplaced(&newcomer, provider).await;
            newcomer
        };
        let [twilio, vapi, google, resend, elevenlabs] = Provider::ALL;
        let (twilio, ..) = tokio::join!(
            run(twilio),
            run(vapi),
            run(google),
            run(resend),
            run(elevenlabs)
        );
        let provider = async |provider| {
            let newcomer = self.harness.newcomer().await;
            self.misbehaving(&newcomer, provider).await;
        };
        let [one, two, three, four, five] = Provider::ALL;
        tokio::join!(
            provider(one),
            provider(two),
            provider(three),
            provider(four),
            provider(five)
        );
        self.settings(&twilio).await;
        self.tokens_and_health(&twilio).await;
        self.take_over(&twilio).await;
        self.webhooks(&twilio).await;
        self.strangers(&twilio).await;
        self.failing_stores(&twilio).await;
        self.endings(&twilio).await;
    }

    /// Everything that succeeds.
    async fn good(&self, newcomer: &Newcomer, provider: Provider) {
        let path = path_of(provider);
        let (unchecked, verify) = (format!("{path}?verify=false"), format!("{path}/verify"));
        for (method, path, is_whole, status) in [
            (Method::PUT, &unchecked, true, 201),
            (Method::PUT, &path, true, 200),
            (Method::PATCH, &path, false, 200),
            (Method::PATCH, &path, true, 200),
            (Method::PATCH, &unchecked, true, 200),
            (Method::POST, &verify, false, 200),
        ] {
            // Known to the provider anew: Google has given another token in its place.
            let body = match is_whole {
                true => self.entry(newcomer, provider, true),
                false => json!({}),
            };
            let answer = self.enter(newcomer, method, path, &body).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
        }
        self.read(newcomer, &path).await;
    }

    /// Everything that tells of credentials.
    pub(super) async fn read(&self, newcomer: &Newcomer, path: &str) {
        for path in [path, "/api/integrations", "/api/audit?limit=100"] {
            let answer = self.send(newcomer, Method::GET, path, |request| request);
            assert_eq!(answer.await.status, 200);
        }
    }

    /// Credentials that the provider does not know, and versions that are not there.
    async fn refused(&self, newcomer: &Newcomer, provider: Provider) {
        let path = path_of(provider);
        let bad = self.entry(newcomer, provider, false);
        for method in [Method::PUT, Method::PATCH] {
            let answer = self.enter(newcomer, method, &path, &bad).await;
            assert_eq!(answer.refusal().0, 422, "{}", answer.body);
        }
        let marked = format!("\"{}\"", secret("", 1));
        for (condition, status) in [
            ((IF_MATCH, "\"77\""), 412),
            ((IF_NONE_MATCH, "*"), 412),
            ((IF_MATCH, marked.as_str()), 400),
        ] {
            let answer = self.enter_with(newcomer, &path, condition, &bad).await;
            assert_eq!(answer.status, status);
        }
    }

    /// Documents with secrets where none belong.
    async fn faulty(&self, newcomer: &Newcomer, provider: Provider) {
        let path = path_of(provider);
        let marked = secret("", 2);
        let whole = self.entry(newcomer, provider, false);
        let mut documents = vec![
            json!(marked),
            json!([marked, {marked.clone(): marked}]),
            json!({marked.clone(): marked}),
            json!({"unknown": marked, "other": {"deep": [marked]}, marked.clone(): 1}),
        ];
        let fields = whole.as_object().unwrap().keys();
        for field in fields {
            for value in [
                json!(format!(" {marked}\n")),
                json!([marked]),
                json!({marked.clone(): marked}),
                json!(marked.repeat(100)),
            ] {
                let mut document = whole.clone();
                document[field] = value;
                documents.push(document);
            }
        }
        match provider {
            Provider::Twilio => {
                for field in [
                    "account_sid",
                    "api_key_sid",
                    "phone_number",
                    "messaging_service_sid",
                ] {
                    let mut document = whole.clone();
                    document[field] = json!(marked);
                    documents.push(document);
                }
                let mut document = whole.clone();
                document["shared_keys"] =
                    json!([{"id": marked, "secret": marked}, {"id": marked, marked.clone(): 1}]);
                documents.push(document);
                documents.push(json!({"previous_auth_token": marked}));
            }
            Provider::GoogleCalendar => {
                for (id, secret) in [
                    ("client_id", "client_secret"),
                    ("client_id", "refresh_token"),
                ] {
                    let mut document = whole.clone();
                    document[id] = whole[secret].clone();
                    documents.push(document);
                    let mut document = whole.clone();
                    document[id] = json!(marked);
                    document[secret] = json!(marked);
                    documents.push(document);
                }
            }
            _ => {}
        }
        for document in &documents {
            for method in [Method::PUT, Method::PATCH] {
                let answer = self.enter(newcomer, method, &path, document).await;
                assert_eq!(answer.refusal(), (422, "invalid_fields"), "{document}");
            }
        }
        let text = whole.to_string();
        let twice = format!("{},{}", &text[..text.len() - 1], &text[1..]);
        for (media_type, body, status) in [
            ("application/json", text[..text.len() - 2].to_owned(), 400),
            ("application/json", format!("{text}{marked}"), 400),
            ("application/json", marked.clone(), 400),
            ("application/json", twice, 400),
            ("application/json", marked.repeat(3_000), 413),
            ("text/plain", text.clone(), 415),
            (marked.as_str(), text.clone(), 415),
        ] {
            for method in [Method::PUT, Method::PATCH] {
                let answer = self.send(newcomer, method, &path, |request| {
                    request.header(CONTENT_TYPE, media_type).body(body.clone())
                });
                assert_eq!(answer.await.status, status, "{media_type}");
            }
        }
    }

    /// Secrets in paths, queries and headers.
    async fn misplaced(&self, newcomer: &Newcomer, provider: Provider) {
        let (path, marked) = (path_of(provider), secret("", 3));
        let whole = self.entry(newcomer, provider, true);
        for (method, path) in [
            (Method::PUT, format!("/api/integrations/{marked}")),
            (Method::GET, format!("/api/integrations/{marked}")),
            (Method::POST, format!("/api/integrations/{marked}/verify")),
            (Method::PUT, format!("{path}/{marked}")),
            (Method::PUT, format!("/{marked}{path}")),
            (Method::PUT, format!("{path}?verify={marked}")),
            (
                Method::PUT,
                format!("{path}?verify=false&api_key={marked}&{marked}=1"),
            ),
            (Method::PUT, format!("{path}?verify=%zz{marked}")),
            (Method::PUT, format!("{path}%2f{marked}")),
            (Method::POST, format!("{path}?{marked}")),
            (Method::GET, format!("/api/audit?cursor={marked}")),
            (Method::GET, format!("/api/audit?limit={marked}")),
        ] {
            self.enter(newcomer, method, &path, &whole).await;
        }
        let tenant = reqwest::header::HeaderName::from_static("x-tenant-id");
        for header in [tenant, ACCEPT, COOKIE, USER_AGENT, IF_NONE_MATCH] {
            let header = (header, marked.as_str());
            self.enter_with(newcomer, &path, header, &whole).await;
        }
    }

    /// Settings that hold secrets where none belong.
    async fn settings(&self, newcomer: &Newcomer) {
        let marked = secret("", 4);
        for document in [
            json!({"auto_record_calls": marked, "forward_to": marked, "browser_users": [format!("{marked}!")], "drift": marked}),
            json!({"business_hours": {"time_zone": marked, "weekly": marked}, marked.clone(): marked}),
            json!({"default_sender": marked, "inbound_route": marked, "allowed_countries": [marked]}),
            json!([marked]),
        ] {
            let answer = self.enter(newcomer, Method::PATCH, "/api/settings", &document);
            assert_eq!(answer.await.status, 422);
        }
    }

    /// Another tenant stores the account without proof, and with the secrets of its owner.
    async fn take_over(&self, owner: &Newcomer) {
        let other = self.harness.newcomer().await;
        let entry = self.entry(owner, Provider::Twilio, true);
        for path in [
            path_of(Provider::Twilio),
            "/api/integrations/twilio?verify=false".to_owned(),
        ] {
            let answer = self.enter(&other, Method::PUT, &path, &entry).await;
            assert_eq!(answer.refusal(), (409, "account_taken"));
        }
    }

    /// Webhooks that are signed with marked secrets, and such as are not.
    async fn webhooks(&self, newcomer: &Newcomer) {
        let entry = self.entry(newcomer, Provider::Twilio, true);
        let mut tenant = newcomer.tenant(&self.harness);
        for field in ["auth_token", "secondary_auth_token"] {
            let token = Secret::from(entry[field].as_str().unwrap());
            let account = Account::new(newcomer.account.sid().clone(), token);
            tenant.sender = WebhookSender::new(account);
            let message = tenant.sms_webhook(&tenant.sms("Hello"));
            assert_eq!(tenant.sender.deliver(&message).await.status(), Some(200));
            let forged = tenant
                .sender
                .deliver_forged(&message, Forgery::TamperedBody)
                .await;
            assert_eq!(forged.status(), Some(403));
        }
    }

    /// Callers who may not, with tokens that must not be repeated either.
    async fn strangers(&self, newcomer: &Newcomer) {
        let path = path_of(Provider::Twilio);
        let body = self.entry(newcomer, Provider::Twilio, false).to_string();
        let of_tenant = |role| {
            TokenRequest::new("stranger")
                .tenant(newcomer.id.as_str())
                .role(role)
        };
        for caller in [
            self.harness.user(&newcomer.id, "member"),
            self.harness.operator(),
            self.harness.caller_with(None),
            self.harness.caller_with(Some(secret("eyJ", 5))),
            self.harness.impostor(&of_tenant("admin"), Flaw::Tampered),
            self.harness.impostor(&of_tenant("admin"), Flaw::OtherKey),
        ] {
            for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
                let answer = self.send_as(&caller, method, &path, |request| {
                    request
                        .header(CONTENT_TYPE, "application/json")
                        .body(body.clone())
                });
                assert!((400..410).contains(&answer.await.status));
            }
        }
        // Of another gateway's making: neither path nor query can be read.
        let operator = self.harness.operator();
        let creation =
            json!({"tenant_id": secret("T-", 6), "name": 7, "twilio": secret("", 6), secret("", 6): 1})
                .to_string();
        let answer = self.send_as(&operator, Method::POST, "/api/tenants", |request| {
            request
                .header(CONTENT_TYPE, "application/json")
                .body(creation)
        });
        assert_eq!(answer.await.status, 422);
    }

    /// Stores and keys that fail while secrets are on their way.
    async fn failing_stores(&self, newcomer: &Newcomer) {
        let emulators = self.harness.stack.emulators();
        let (dynamodb, kms) = (emulators.dynamodb().faults(), emulators.kms().faults());
        let entry = self.entry(newcomer, Provider::Twilio, true);
        let path = path_of(Provider::Twilio);
        for effect in [
            Effect::Refuse(AwsError::access_denied()),
            Effect::Refuse(AwsError::internal()),
            Effect::Refuse(AwsError::new(
                400,
                "ValidationException",
                "Item size has exceeded the maximum allowed size",
            )),
            Effect::Drop,
        ] {
            for (faults, matching) in [
                (dynamodb, Matching::operations(["TransactWriteItems"])),
                (dynamodb, Matching::reads()),
                (kms, Matching::any()),
            ] {
                faults.inject(matching, effect.clone(), Times::Always);
                for (method, path, body) in [
                    (Method::PUT, &path, &entry),
                    (Method::PATCH, &path, &entry),
                    (Method::POST, &format!("{path}/verify"), &Value::Null),
                ] {
                    self.enter(newcomer, method, path, body).await;
                }
                faults.clear();
            }
        }
        self.read(newcomer, &path).await;
        // Twilio refuses what a first token needs, in words that repeat everything.
        let other = self.harness.newcomer().await;
        let entry = self.entry(&other, Provider::Twilio, true);
        let stored = self.enter(&other, Method::PUT, &path, &entry).await;
        assert_eq!(stored.status, 201);
        other
            .account
            .misbehave(Misbehaviour::JsonEcho(400), Times::Always);
        let refused = self
            .enter(&other, Method::POST, "/api/token", &json!({}))
            .await;
        assert_eq!(refused.refusal(), (502, "provider_refused"));
    }

    /// Integrations and the tenant itself are deleted.
    async fn endings(&self, newcomer: &Newcomer) {
        for provider in Provider::ALL {
            let path = path_of(provider);
            self.send(newcomer, Method::DELETE, &path, |request| request)
                .await;
            let gone = self.send(newcomer, Method::GET, &path, |request| request);
            assert_eq!(gone.await.status, 404);
        }
        let operator = self.harness.operator();
        let path = format!("/api/tenants/{}", newcomer.id);
        self.send_as(&operator, Method::DELETE, &path, |request| request)
            .await;
    }
}
