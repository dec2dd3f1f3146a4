//! Tenants that come by the API, with an account at Twilio.

use local::twilio::rest::{KeyKind, TwilioAccount};
use local::twilio::{Target, WebhookSender};
use serde_json::{Value, json};
use shared::tenant::TenantId;
use shared::twilio::TwilioCredentials;

use super::caller::{Answer, Caller};
use crate::harness::{Harness, Tenant};

/// A tenant that an operator created, with an account at Twilio whose credentials nobody has stored yet.
pub(crate) struct Newcomer {
    pub(crate) id: TenantId,
    pub(crate) admin: Caller,
    pub(crate) account: TwilioAccount,
    /// What its admin enters: account, auth token, API key.
    pub(crate) credentials: Value,
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

    /// Sends its webhooks, signed with the auth token that its admin enters.
    pub(crate) fn correspondent(&self, harness: &Harness) -> Tenant {
        let entered = TwilioCredentials::from_input(&self.credentials).unwrap();
        let target = Target::new(&entered, harness.urls());
        Tenant {
            id: self.id.clone(),
            sender: WebhookSender::new(target.account.clone()),
            target,
            document: Value::Null,
            console: harness.console(),
        }
    }
}
