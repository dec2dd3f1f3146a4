//! Tenants that come by the API, with an account at Twilio.

use local::providers::{ElevenLabsKey, Grant, ResendKey, VapiKey};
use local::twilio::rest::{KeyKind, TwilioAccount};
use local::twilio::{Target, WebhookSender};
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::store::{ApplicationMemory, Routes};
use shared::tenant::{Provider, TenantId};

use super::caller::{Answer, Caller};
use crate::harness::{Harness, Tenant, Undenied};

/// A tenant that an operator created, with an account at Twilio whose credentials nobody has stored yet.
pub(crate) struct Newcomer {
    pub(crate) id: TenantId,
    pub(crate) admin: Caller,
    pub(crate) account: TwilioAccount,
    /// What its admin enters: account, auth token, API key.
    pub(crate) credentials: Value,
    #[expect(dead_code, reason = "it looks when the tenant goes")]
    pub(crate) undenied: Undenied,
}

impl Harness {
    /// A tenant that an operator created.
    pub(crate) async fn newcomer(&self) -> Newcomer {
        let document = Self::document(json!({}));
        let id: TenantId = document["tenant_id"].as_str().unwrap().parse().unwrap();
        let creation = json!({"tenant_id": id, "name": document["name"]});
        let created = self.operator().post("/api/tenants", &creation).await;
        created.document(201);
        let sid = document["twilio"]["account_sid"].as_str().unwrap();
        let auth_token = format!("{}{}", &sid[10..34], "a9f3c1d7");
        let account = self.stack.twilio().account(&sid.parse().unwrap());
        let key = account.open(&auth_token).add_key(KeyKind::Standard);
        Newcomer {
            admin: self.admin(&id),
            credentials: json!({
                "account_sid": sid, "auth_token": auth_token,
                "api_key_sid": key.sid, "api_key_secret": key.secret,
            }),
            id,
            account,
            undenied: self.undenied(),
        }
    }

    /// The same with its credentials stored by its admin, after a live check.
    pub(crate) async fn connected(&self) -> Newcomer {
        let newcomer = self.newcomer().await;
        newcomer.store().await.document(201);
        newcomer
    }
}

impl Newcomer {
    /// Its admin stores its credentials.
    pub(crate) async fn store(&self) -> Answer {
        let path = "/api/integrations/twilio";
        self.admin.put(path, &self.credentials).await
    }
}

/// Where the credentials of a provider are stored.
pub(crate) fn path_of(provider: Provider) -> String {
    format!("/api/integrations/{provider}")
}

impl Newcomer {
    /// Every field of a provider, with secrets that end in `-<field>-<mark>`, as its admin may enter them: the provider knows them.
    pub(crate) fn entry(&self, harness: &Harness, provider: Provider, mark: &str) -> Value {
        let secret = |field: &str| format!("{}-{field}-{mark}", self.id);
        let providers = harness.stack.providers();
        match provider {
            Provider::Twilio => {
                let key = self.account.add_key(KeyKind::Standard);
                self.account.set_auth_token(&secret("auth"));
                self.account
                    .set_secondary_auth_token(Some(&secret("secondary")));
                json!({
                    "account_sid": self.account.sid().as_str(), "auth_token": secret("auth"),
                    "secondary_auth_token": secret("secondary"), "api_key_sid": key.sid, "api_key_secret": key.secret,
                    "phone_number": "+15005550006", "whatsapp_sender": "+15005550007",
                    "messaging_service_sid": self.account.add_messaging_service("Texts", None),
                    "shared_keys": [
                        {"id": "one", "secret": secret("first-shared")}, {"id": "two", "secret": secret("second-shared")},
                    ],
                })
            }
            Provider::Vapi => {
                let organisation = None;
                providers.add_vapi_key(&secret("key"), VapiKey::Private { organisation });
                json!({"api_key": secret("key"), "webhook_secret": secret("webhook")})
            }
            Provider::GoogleCalendar => {
                let client = format!("{}.apps.googleusercontent.com", self.id);
                providers.add_google_client(&client, &secret("client"), true);
                let grant = Grant::live(&client, &["calendar"]);
                providers.add_google_grant(&secret("grant"), grant);
                json!({"client_id": client, "client_secret": secret("client"), "refresh_token": secret("grant")})
            }
            Provider::Resend => {
                let key = format!("re_{}", secret("key")).replace('-', "_");
                let domains = Vec::new();
                providers.add_resend_key(&key, ResendKey::Full { domains });
                json!({"api_key": key})
            }
            Provider::ElevenLabs => {
                providers.add_elevenlabs_key(&secret("key"), ElevenLabsKey::Full);
                json!({"api_key": secret("key")})
            }
        }
    }

    /// The tenant as Twilio sends webhooks to it, with what its admin entered.
    pub(crate) fn tenant(&self, harness: &Harness) -> Tenant {
        let credentials = serde_json::from_value(self.credentials.clone()).unwrap();
        let target = Target::new(&credentials, harness.urls());
        Tenant {
            id: self.id.clone(),
            sender: WebhookSender::new(target.account.clone()),
            target,
            document: Value::Null,
            console: harness.console(),
            undenied: harness.undenied(),
        }
    }

    /// Action, actor, target and detail of every entry of its audit log, newest first.
    pub(crate) async fn audit(&self) -> Vec<[String; 4]> {
        let log = self.admin.get("/api/audit?limit=100").await.document(200);
        let entries = log["items"].as_array().unwrap().iter();
        let member = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
        entries
            .map(|entry| ["action", "actor", "target", "detail"].map(|name| member(entry, name)))
            .collect()
    }
}

impl Newcomer {
    /// Whether its Twilio account is its own, and whether that is without proof; nothing while it is nobody's.
    pub(crate) async fn standing(&self, harness: &Harness) -> Option<(bool, bool)> {
        self.standing_of(harness, self).await
    }

    /// The same of the account that `owner` came with.
    pub(crate) async fn standing_of(
        &self,
        harness: &Harness,
        owner: &Self,
    ) -> Option<(bool, bool)> {
        let routes = Routes::new(
            harness.dynamodb(),
            harness.variable("ROUTES_TABLE").to_owned(),
            Clock::system(),
        );
        let route = routes.resolve(owner.account.sid()).await.unwrap()?;
        Some((route.tenant_id() == &self.id, route.is_provisional()))
    }

    /// Whether a TwiML App of it is remembered.
    pub(crate) async fn remembers_an_app(&self, harness: &Harness) -> bool {
        let table = harness.variable("TENANTS_TABLE").to_owned();
        let memory = ApplicationMemory::new(harness.dynamodb(), table);
        let scope = harness.console().scope(&self.id);
        memory.look(&scope).await.unwrap().application.is_some()
    }
}
