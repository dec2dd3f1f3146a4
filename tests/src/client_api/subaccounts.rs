//! Tenants that are given a subaccount of the platform's account at Twilio, which follows them to their end.

mod ends;

use std::hash::{DefaultHasher, Hash, Hasher};

use local::double::Misbehaviour;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::issuer::TokenRequest;
use local::twilio::rest::TwilioAccount;
use local::twilio::{Target, WebhookSender};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use shared::activity::Route;
use shared::subaccounts::{Deployment, subaccount_name};
use shared::tenant::TenantId;
use tokio::sync::OnceCell;

use super::caller::{Answer, Caller, subject};
use crate::harness::{Harness, Tenant};
use crate::traffic::{deliver, event};

const TENANTS: &str = "/api/tenants";
const TWILIO: &str = "/api/integrations/twilio";
const OPEN: &str = "POST /2010-04-01/Accounts.json";
const KEYS: &str = "/2010-04-01/Accounts/{AC}/Keys.json";

/// The account that the platform has at Twilio.
fn parent(harness: &Harness) -> TwilioAccount {
    let sid = format!("AC{}", "7".repeat(32)).parse().unwrap();
    harness.stack.twilio().account(&sid)
}

/// The name of a tenant's subaccount.
fn name_of(harness: &Harness, id: &TenantId) -> String {
    let deployment = Deployment::of_table(harness.variable("TENANTS_TABLE"));
    subaccount_name(&deployment, id)
}

/// An operator who asks for what the platform keeps of its own.
async fn as_platform(caller: &Caller, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let request = caller.send(method, path, |request| {
        let request = request.header("X-Tenant-Id", "platform");
        match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string()),
            None => request,
        }
    });
    request.await
}

/// Opens the platform's account, and has an operator store its credentials.
pub(crate) async fn store_platforms_account(harness: &Harness) -> TwilioAccount {
    let account = parent(harness);
    let token = "7f".repeat(16);
    account.open(&token);
    let credentials = json!({"account_sid": account.sid().as_str(), "auth_token": token});
    let stored = as_platform(&harness.operator(), Method::PUT, TWILIO, Some(&credentials)).await;
    stored.document(201);
    account
}

/// The stack that others use too, with the platform's account.
async fn shared() -> &'static Harness {
    static STORED: OnceCell<()> = OnceCell::const_new();
    let harness = Harness::shared().await;
    STORED
        .get_or_init(async || drop(store_platforms_account(harness).await))
        .await;
    harness
}

/// A stack of a test's own, on which Twilio may fail.
async fn own() -> Harness {
    let harness = Harness::start(|_| {});
    store_platforms_account(&harness).await;
    harness
}

/// A tenant that was created with a subaccount.
struct Given<'h> {
    harness: &'h Harness,
    id: TenantId,
    operator: Caller,
}

impl<'h> Given<'h> {
    /// Creates one, whatever becomes of the subaccount.
    async fn create(harness: &'h Harness) -> (Self, Value) {
        let id = subject("given").parse().unwrap();
        let given = Self {
            harness,
            id,
            operator: harness.operator(),
        };
        let entered = json!({"tenant_id": given.id, "name": "Given", "twilio": "subaccount"});
        let created = given.operator.post(TENANTS, &entered).await.document(201);
        (given, created)
    }

    /// Creates one whose subaccount is ready.
    async fn new(harness: &'h Harness) -> Self {
        let (given, created) = Self::create(harness).await;
        assert_eq!(created["subaccount"]["status"], "active");
        given
    }

    fn path(&self) -> String {
        format!("{TENANTS}/{}", self.id)
    }

    async fn patch(&self, change: Value) -> Value {
        self.operator
            .patch(&self.path(), &change)
            .await
            .document(200)
    }

    /// Its subaccounts at Twilio; there should never be two.
    fn accounts(&self) -> Vec<TwilioAccount> {
        let name = name_of(self.harness, &self.id);
        let all = parent(self.harness).subaccounts().into_iter();
        all.filter(|(known, _)| *known == name)
            .map(|(_, account)| account)
            .collect()
    }

    fn account(&self) -> TwilioAccount {
        let mut accounts = self.accounts();
        assert_eq!(accounts.len(), 1);
        accounts.remove(0)
    }

    /// Asserts that tokens are issued with its API key, the only one there is, and that its webhooks are taken.
    async fn assert_works(&self) {
        let account = self.account();
        let member = self.harness.user(&self.id, "member");
        member.post("/api/token", &json!({})).await.document(200);
        let stored = self.harness.admin(&self.id).get(TWILIO).await.document(200);
        assert_eq!(stored["config"]["account_sid"], account.sid().as_str());
        assert_eq!(
            json!(account.keys()),
            json!([stored["config"]["api_key_sid"]])
        );
        let tenant = self.tenant(&account);
        let message = event(&tenant, Route::Sms);
        assert_eq!(deliver(&tenant, &message).await, 200);
    }

    /// The tenant as Twilio sends webhooks to its subaccount.
    fn tenant(&self, account: &TwilioAccount) -> Tenant {
        let credentials = json!({
            "account_sid": account.sid().as_str(), "auth_token": account.auth_token().unwrap(),
        });
        let credentials = serde_json::from_value(credentials).unwrap();
        let target = Target::new(&credentials, self.harness.urls());
        Tenant {
            id: self.id.clone(),
            sender: WebhookSender::new(target.account.clone()),
            target,
            document: Value::Null,
            console: self.harness.console(),
            undenied: self.harness.undenied(),
        }
    }
}

#[tokio::test]
async fn a_tenant_is_given_a_subaccount_that_works_with_its_own_token_and_key() {
    let harness = shared().await;
    let given = Given::new(harness).await;
    let read = given.operator.get(&given.path()).await.document(200);
    assert_eq!(read["twilio"], "subaccount");
    let account = given.account();
    assert_eq!(read["subaccount"]["account_sid"], account.sid().as_str());
    given.assert_works().await;
    let audit = harness
        .admin(&given.id)
        .get("/api/audit")
        .await
        .document(200);
    let told = audit["items"].as_array().unwrap().iter();
    let told: Vec<_> = told
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    for action in ["tenant_created", "subaccount_opened", "credential_stored"] {
        assert!(told.contains(&action), "{told:?}");
    }
}

#[tokio::test]
async fn a_subaccount_is_suspended_and_resumed_with_its_tenant() {
    let given = Given::new(shared().await).await;
    let suspended = given.patch(json!({"status": "suspended"})).await;
    assert_eq!(suspended["subaccount"]["status"], "suspended");
    assert_eq!(given.account().status().unwrap(), "suspended");
    // Checks find it suspended meanwhile, and put its credentials out of use.
    for _ in 0..2 {
        let header =
            |request: reqwest::RequestBuilder| request.header("X-Tenant-Id", given.id.as_str());
        let verify = format!("{TWILIO}/verify");
        let checked = given.operator.send(Method::POST, &verify, header).await;
        assert_eq!(checked.document(200)["outcome"], "invalid");
    }
    let resumed = given.patch(json!({"status": "active"})).await;
    assert_eq!(resumed["subaccount"]["status"], "active");
    assert_eq!(given.account().status().unwrap(), "active");
    given.assert_works().await;
}

#[tokio::test]
async fn a_tenant_is_made_while_twilio_is_away_and_the_rest_goes_on_when_asked_again() {
    let harness = own().await;
    for (operation, misbehaviour) in [
        (OPEN.to_owned(), Misbehaviour::Unavailable),
        // Opened, and nobody heard of it.
        (OPEN.to_owned(), Misbehaviour::LoseAnswer),
        (OPEN.to_owned(), Misbehaviour::Unauthorized),
        (format!("GET {KEYS}"), Misbehaviour::Unavailable),
        (format!("POST {KEYS}"), Misbehaviour::Unavailable),
        // Made, and its secret is lost.
        (format!("POST {KEYS}"), Misbehaviour::CutShort),
    ] {
        let faults = harness.stack.twilio().faults();
        let matching = Matching::operations([operation.as_str()]);
        let fault = faults.inject(matching, misbehaviour.clone(), Times::Always);
        let (given, created) = Given::create(&harness).await;
        let status = created["subaccount"]["status"].as_str().unwrap();
        // What was opened without an answer is found by its name at once.
        let is_found = misbehaviour == Misbehaviour::LoseAnswer;
        assert_eq!(
            status,
            if is_found { "active" } else { "provisioning" },
            "{operation}"
        );
        faults.remove(fault);
        let mut settled = given.patch(json!({})).await;
        while settled["subaccount"]["status"] == "provisioning" {
            // Whoever could not tell what was made holds it for 5 seconds.
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            settled = given.patch(json!({})).await;
        }
        assert_eq!(
            settled["subaccount"]["status"], "active",
            "{operation} {misbehaviour:?}"
        );
        given.assert_works().await;
    }
}

#[tokio::test]
async fn a_subaccount_that_the_store_took_no_note_of_is_adopted() {
    let harness = own().await;
    let (twilio, dynamodb) = (harness.stack.twilio(), harness.stack.emulators().dynamodb());
    let held = Matching::operations([OPEN]);
    let held = twilio
        .faults()
        .inject(held, Misbehaviour::Hold, Times::Always);
    let mark = twilio.wire().mark();
    let failing = async {
        let opened = twilio
            .wire()
            .wait_until(mark, |calls| calls.clone().operation(OPEN).count() > 0);
        opened.await;
        let writes = Matching::operations(["TransactWriteItems"]);
        let refused = Effect::Refuse(AwsError::access_denied());
        let fault = dynamodb.faults().inject(writes, refused, Times::Always);
        twilio.faults().remove(held);
        fault
    };
    let ((given, created), fault) = tokio::join!(Given::create(&harness), failing);
    assert_eq!(created["subaccount"], json!({"status": "provisioning"}));
    let opened = given.account();
    dynamodb.faults().remove(fault);
    let settled = given.patch(json!({})).await;
    assert_eq!(settled["subaccount"]["account_sid"], opened.sid().as_str());
    given.assert_works().await;
}

#[tokio::test]
async fn a_key_whose_secret_was_not_sealed_is_made_anew() {
    let harness = own().await;
    let faults = harness.stack.emulators().kms().faults();
    let sealing = Matching::operations(["GenerateDataKey"]);
    let refused = Effect::Refuse(AwsError::access_denied());
    let fault = faults.inject(sealing, refused, Times::Always);
    let (given, created) = Given::create(&harness).await;
    assert_eq!(created["subaccount"]["status"], "provisioning");
    let lost = given.account().keys();
    faults.remove(fault);
    let settled = given.patch(json!({})).await;
    assert_eq!(settled["subaccount"]["status"], "active");
    assert_ne!(given.account().keys(), lost);
    given.assert_works().await;
}

#[tokio::test]
async fn one_that_was_opened_before_is_adopted_by_its_exact_name() {
    let harness = shared().await;
    let id: TenantId = subject("adopting").parse().unwrap();
    let parent = parent(harness);
    let opened = |name: &str| {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let sid = format!("AC{:032x}", hasher.finish());
        let account = harness.stack.twilio().account(&sid.parse().unwrap());
        account.open_under(parent.sid(), &"5".repeat(32));
        account.rename(name);
        account
    };
    let mine = opened(&name_of(harness, &id));
    let other = opened(&format!("{}-too", name_of(harness, &id)));
    // Another deployment on the same account of the platform has a tenant of this id as well.
    let deployment = Deployment::of_table("another-TenantsTable");
    let anothers = opened(&subaccount_name(&deployment, &id));
    let entered = json!({"tenant_id": id, "name": "Adopting", "twilio": "subaccount"});
    let created = harness
        .operator()
        .post(TENANTS, &entered)
        .await
        .document(201);
    assert_eq!(created["subaccount"]["account_sid"], mine.sid().as_str());
    assert_eq!((mine.keys().len(), other.keys().len()), (1, 0));
    assert_eq!(anothers.keys().len(), 0);
}

#[tokio::test]
async fn several_who_go_on_at_once_open_one() {
    let harness = Harness::start(|_| {});
    // Without the platform's account nothing comes about.
    let (given, created) = Given::create(&harness).await;
    assert_eq!(created["subaccount"], json!({"status": "provisioning"}));
    store_platforms_account(&harness).await;
    let ask = || given.patch(json!({}));
    tokio::join!(ask(), ask(), ask(), ask());
    let settled = given.patch(json!({})).await;
    assert_eq!(settled["subaccount"]["status"], "active");
    given.assert_works().await;
}

#[tokio::test]
async fn what_the_platform_keeps_of_its_own_is_no_tenant_and_nobody_elses() {
    let harness = shared().await;
    let operator = harness.operator();
    let stored = as_platform(&operator, Method::GET, TWILIO, None)
        .await
        .document(200);
    assert_eq!(
        stored["config"]["account_sid"],
        parent(harness).sid().as_str()
    );
    let path = format!("{TENANTS}/platform");
    let change = json!({"status": "active"});
    for answer in [
        operator.get(&path).await,
        operator.patch(&path, &change).await,
        operator.delete(&path).await,
    ] {
        assert_eq!(answer.refusal(), (404, "tenant_not_found"));
    }
    let entered = json!({"tenant_id": "platform", "name": "Mine"});
    let refused = operator.post(TENANTS, &entered).await;
    assert_eq!(refused.refusal(), (422, "invalid_fields"));
    for role in ["member", "admin"] {
        let claimed = TokenRequest::new(subject(role))
            .tenant("platform")
            .role(role);
        let claimed = harness.caller(&claimed);
        let refused = claimed.post("/api/token", &json!({})).await;
        assert_eq!(refused.refusal(), (403, "tenant_suspended"));
        let refused = claimed.get(TWILIO).await;
        assert_eq!(refused.status, 403);
    }
    let listed = operator
        .get(&format!("{TENANTS}?limit=100"))
        .await
        .document(200);
    let listed = listed["items"].as_array().unwrap().iter();
    assert_eq!(listed.filter(|it| it["tenant_id"] == "platform").count(), 0);
}
