//! A deployment that moves to another KMS key: everything that is stored opens before, during and after, whoever is killed
//! meanwhile, and no key is retired that is in use.

mod quarantine;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::faults::{Effect, Matching, Times};
use serde_json::{Value, json};
use shared::aws::{Aws, Patience};
use shared::clock::Clock;
use shared::environment::Environment;
use shared::integrations::Configuration;
use shared::re_encryption::{ReEncryption, Request};
use shared::store::{IntegrationRecord, Integrations, TableNames};
use shared::tenant::{Provider, TenantId};
use shared::twilio::TwilioCredentials;
use shared::vault::{CredentialKeys, Vault, VaultError, key_of};
use tokio::time::{Instant, sleep, timeout};

use crate::harness::Harness;
use crate::traffic::{deliver, event};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(240);

/// A deployment that has just been told of another key, with what was stored before.
pub(crate) struct Moving {
    pub(crate) harness: Harness,
    /// As `seed` reads them, with what is stored of each.
    pub(crate) documents: Vec<Value>,
    /// Who came by the API.
    newcomer: TenantId,
    /// The ARN of the key that everything was sealed under.
    pub(crate) old: String,
    new: String,
    _folder: tempfile::TempDir,
}

impl Moving {
    /// The deployment with so many tenants that were seeded, and one that came by the API.
    pub(crate) async fn with(credentials: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let before = start(folder.path(), &BTreeMap::new());
        // Nothing of the stack is kept, so that its files are free for the next.
        let newcomer = before.connected().await.id;
        let mut documents = Vec::new();
        for _ in 0..credentials {
            let document = Harness::document(json!({}));
            before.store(document.clone()).await;
            documents.push(document);
        }
        let old = before.variable("CREDENTIALS_KEY_ARN").to_owned();
        let created = aws(&before).kms().create_key().send().await.unwrap();
        let new = created.key_metadata().unwrap().arn().unwrap().to_owned();
        before.stack.stop().await.unwrap();
        let keys = [
            ("CredentialsKeyArns".to_owned(), format!("{new},{old}")),
            ("ReEncryptionPace".to_owned(), "1000".to_owned()),
        ];
        Self {
            harness: start(folder.path(), &keys.into()),
            documents,
            newcomer,
            old,
            new,
            _folder: folder,
        }
    }

    /// The tenants that were seeded.
    pub(crate) fn tenants(&self) -> impl Iterator<Item = TenantId> {
        let tenants = self.documents.iter();
        tenants.map(|document| document["tenant_id"].as_str().unwrap().parse().unwrap())
    }

    /// The credentials of a tenant, opened as every function opens them.
    async fn open(
        &self,
        tenant: &TenantId,
    ) -> Result<(IntegrationRecord, TwilioCredentials), VaultError> {
        let environment = Environment::of(self.harness.stack.environment().clone());
        let tables = TableNames::from_environment(&environment).unwrap();
        let integrations = Integrations::new(&self.harness.dynamodb(), &tables, &Clock::system());
        let scope = self.harness.console().scope(tenant);
        let record = integrations
            .read(&scope, Provider::Twilio)
            .await
            .unwrap()
            .unwrap();
        let keys = CredentialKeys::from_environment(&environment).unwrap();
        let vault = Vault::new(aws(&self.harness).kms(), keys);
        let (provider, message) = (Provider::Twilio, &record.message);
        match Configuration::open(&vault, tenant, provider, message).await? {
            Configuration::Twilio(credentials) => Ok((record, credentials)),
            _ => panic!("these are credentials of another provider"),
        }
    }

    /// Asserts of every so many of the tenants that its credentials open, and are what was stored.
    async fn assert_all_open(&self, step: usize) {
        for document in self.documents.iter().step_by(step) {
            let tenant = document["tenant_id"].as_str().unwrap().parse().unwrap();
            let (record, credentials) = self.open(&tenant).await.unwrap();
            let expected = document["twilio"]["auth_token"].as_str().unwrap();
            assert_eq!(credentials.auth_token.expose(), expected);
            assert_eq!(record.version, 1);
        }
    }

    /// How many tenants' credentials are sealed under the new key.
    async fn moved(&self) -> usize {
        let mut moved = 0;
        for tenant in self.tenants() {
            let item = self.item(&tenant).await;
            let message = item["message"].as_b().unwrap();
            moved += usize::from(key_of(message.as_ref()).unwrap().as_str() == self.new);
        }
        moved
    }

    async fn item(&self, tenant: &TenantId) -> std::collections::HashMap<String, AttributeValue> {
        let get = self.harness.dynamodb().get_item();
        let got = get
            .table_name(self.harness.variable("TENANTS_TABLE"))
            .key("pk", AttributeValue::S(format!("{tenant}#tenant")))
            .key("sk", AttributeValue::S("integration#twilio".to_owned()))
            .consistent_read(true);
        got.send().await.unwrap().item.unwrap()
    }

    /// Spoils what is stored of a tenant: its last byte is another.
    pub(crate) async fn spoil(&self, tenant: &TenantId) {
        let mut message = self.item(tenant).await["message"]
            .as_b()
            .unwrap()
            .clone()
            .into_inner();
        *message.last_mut().unwrap() ^= 1;
        let update = self.harness.dynamodb().update_item();
        let update = update
            .table_name(self.harness.variable("TENANTS_TABLE"))
            .key("pk", AttributeValue::S(format!("{tenant}#tenant")))
            .key("sk", AttributeValue::S("integration#twilio".to_owned()))
            .update_expression("SET message = :spoiled")
            .expression_attribute_values(":spoiled", AttributeValue::B(Blob::new(message)));
        update.send().await.unwrap();
    }

    /// What the function answers, or the type and message of its error.
    pub(crate) async fn ask(&self, event: &Value) -> Result<Value, (String, String)> {
        let function = self.harness.stack.function("re-encryptor").unwrap();
        match function.invoke(event.to_string().into()).await {
            Ok(answer) => Ok(serde_json::from_slice(&answer).unwrap()),
            Err(error) => {
                let document: Value = serde_json::from_slice(error.payload()).unwrap();
                let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
                Err((text("errorType"), text("errorMessage")))
            }
        }
    }

    /// What this process would seal anew with.
    fn sealing(&self) -> ReEncryption {
        let environment = Environment::of(self.harness.stack.environment().clone());
        ReEncryption::from_environment(&environment, &Clock::system()).unwrap()
    }

    /// Waits until the tenant after so many others has its credentials under the new key.
    async fn wait_until_at(&self, number: usize) {
        let tenant = self.tenants().nth(number).unwrap();
        let is_there = async {
            loop {
                let item = self.item(&tenant).await;
                let message = item["message"].as_b().unwrap().as_ref();
                if key_of(message).unwrap().as_str() == self.new {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, is_there).await.unwrap();
    }
}

fn start(folder: &Path, parameters: &BTreeMap<String, String>) -> Harness {
    Harness::start(|options| {
        options.folder = Some(folder.to_owned());
        options.feeds_streams = false;
        options.parameters.clone_from(parameters);
    })
}

fn aws(harness: &Harness) -> Aws {
    let environment = Environment::of(harness.stack.environment().clone());
    Aws::from_environment(&environment, Patience::BACKGROUND).unwrap()
}

#[tokio::test]
async fn a_thousand_credentials_move_to_another_key_though_whoever_moves_them_is_killed() {
    let moving = Moving::with(1_000).await;
    let total = moving.documents.len();
    moving.assert_all_open(100).await;
    assert_eq!(moving.moved().await, 0);
    let spoiled = moving.tenants().nth(500).unwrap();
    moving.spoil(&spoiled).await;
    moving.open(&spoiled).await.unwrap_err();

    // Killed in this process, and killed as a function.
    let begun = Request {
        start: true,
        ..Request::default()
    };
    let sealing = moving.sealing();
    let killed = tokio::spawn(async move {
        sealing
            .handle(&begun, Instant::now() + PATIENCE)
            .await
            .unwrap();
    });
    moving.wait_until_at(150).await;
    killed.abort();
    let function = moving
        .harness
        .stack
        .function("re-encryptor")
        .unwrap()
        .clone();
    let going_on = json!({});
    let (killed, ()) = tokio::join!(moving.ask(&going_on), async {
        moving.wait_until_at(350).await;
        function.kill();
    });
    killed.unwrap_err();
    let moved = moving.moved().await;
    assert!((350..total).contains(&moved), "{moved}");
    for tenant in moving.tenants().step_by(50).filter(|it| *it != spoiled) {
        moving.open(&tenant).await.unwrap();
    }
    let status = moving.ask(&json!({"status": true})).await.unwrap();
    assert_eq!(status["is_finished"], false);

    let mut report = moving.ask(&json!({})).await.unwrap();
    while report["is_finished"] != true {
        report = moving.ask(&json!({})).await.unwrap();
    }
    // The spoiled one is named, left as it is, and did not stand in the way.
    let found = &report["quarantined"][0];
    assert_eq!(found["tenant_id"], spoiled.as_str());
    assert_eq!(
        (&found["provider"], &found["key"]),
        (&json!("twilio"), &json!(moving.old))
    );
    assert_eq!(report["quarantined"].as_array().unwrap().len(), 1);
    let said = "stored credentials do not open";
    let lines = moving.harness.stack.logs().lines();
    let told = lines
        .iter()
        .filter(|line| line.text.contains(said) && line.text.contains(spoiled.as_str()));
    assert!(told.count() > 0);
    // With the one of the API and the platform's own secret.
    let by_key = &report["progress"]["by_key"];
    assert_eq!(by_key[&moving.new], total + 1);
    assert_eq!(by_key[&moving.old], 1);
    assert_eq!(moving.moved().await, total - 1);

    // What is in use is not retired, and who uses it is said.
    let retire = json!({"retire": moving.old});
    let (kind, message) = moving.ask(&retire).await.unwrap_err();
    assert_eq!(kind, "KeyInUse");
    assert!(message.contains(&format!("{spoiled} twilio")), "{message}");
    moving.harness.store(moving.documents[500].clone()).await;
    let retired = moving.ask(&retire).await.unwrap();
    assert_eq!(retired["retired"], moving.old.as_str());

    // Nothing needs the old key any more: it cannot be used at all.
    let kms = aws(&moving.harness).kms();
    let described = kms.describe_key().key_id(&moving.old).send().await.unwrap();
    assert!(!described.key_metadata().unwrap().enabled());
    for tenant in moving.tenants() {
        let (_, credentials) = moving.open(&tenant).await.unwrap();
        assert!(!credentials.auth_token.expose().is_empty());
    }
    let admin = moving.harness.admin(&moving.newcomer);
    let shown = admin.get("/api/integrations/twilio").await.document(200);
    assert_eq!(shown["version"], 1);
    let audit = admin.get("/api/audit?limit=1").await.document(200);
    assert!(!audit["items"].as_array().unwrap().is_empty());
    // A second pass finds everything right, and what was quarantined open.
    let again = moving.ask(&json!({"start": true})).await.unwrap();
    assert_eq!(again["is_finished"], true);
    assert_eq!(again["progress"]["sealed_anew"], 0);
    assert_eq!(again["quarantined"], json!([]));
}

#[tokio::test]
async fn what_somebody_stores_while_it_is_sealed_anew_counts() {
    let moving = Moving::with(1).await;
    let tenant = moving.tenants().next().unwrap();
    let matching = Matching::operations(["UpdateItem"]).partition(format!("{tenant}#tenant"));
    let faults = moving.harness.stack.emulators().dynamodb().faults();
    let held = faults.inject(
        matching,
        Effect::Delay(Duration::from_millis(500)),
        Times::Next(1),
    );
    let mut document = moving.documents[0].clone();
    document["twilio"]["auth_token"] = json!("stored-meanwhile-by-somebody");
    let begins = json!({"start": true});
    let (report, _) = tokio::join!(moving.ask(&begins), moving.harness.store(document));
    faults.remove(held);
    assert_eq!(report.unwrap()["is_finished"], true);
    let (record, credentials) = moving.open(&tenant).await.unwrap();
    assert_eq!(
        credentials.auth_token.expose(),
        "stored-meanwhile-by-somebody"
    );
    assert_eq!(record.version, 2);
    assert_eq!(moving.moved().await, 1);
}

#[tokio::test]
async fn webhooks_of_both_keys_are_verified_while_they_move() {
    let moving = Moving::with(2).await;
    let moved = moving.documents[0].clone();
    let moved = moving.harness.store(moved).await;
    assert_eq!(moving.moved().await, 1);
    let target = moving.documents[1].clone();
    let credentials: TwilioCredentials = serde_json::from_value(target["twilio"].clone()).unwrap();
    let target = local::twilio::Target::new(&credentials, moving.harness.urls());
    let still = crate::harness::Tenant {
        id: moving.tenants().nth(1).unwrap(),
        sender: local::twilio::WebhookSender::new(target.account.clone()),
        target,
        document: Value::Null,
        console: moving.harness.console(),
        undenied: moving.harness.undenied(),
    };
    for tenant in [&moved, &still] {
        let sms = event(tenant, shared::activity::Route::Sms);
        assert_eq!(deliver(tenant, &sms).await, 200);
    }
}

#[tokio::test]
async fn neither_the_key_that_seals_nor_a_strangers_is_retired() {
    let moving = Moving::with(1).await;
    let stranger = moving.new.replace("key/", "key/0");
    for key in [&moving.new, &stranger, &"alias/credentials".to_owned()] {
        let (kind, _) = moving.ask(&json!({"retire": key})).await.unwrap_err();
        assert_eq!(kind, "NotToRetire", "{key}");
    }
    let (kind, message) = moving
        .ask(&json!({"retire": moving.old}))
        .await
        .unwrap_err();
    assert_eq!(kind, "KeyInUse");
    // The tenant's, the newcomer's, and the platform's own secret.
    assert!(message.starts_with("3 messages"), "{message}");
    assert!(message.contains("platform platform-secret"), "{message}");
    let (kind, _) = moving.ask(&json!({"begin": true})).await.unwrap_err();
    assert_eq!(kind, "MalformedEvent");
}
