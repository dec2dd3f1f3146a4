//! The phone numbers of a tenant's Twilio account: read from Twilio, listed, and pointed here.

mod connecting;
mod drift;
mod own;

use aws_sdk_dynamodb::types::AttributeValue;
use local::double::Misbehaviour;
use local::emulators::faults::Times;
use serde_json::{Value, json};

use super::caller::Answer;
use super::onboarding::Newcomer;
use crate::harness::Harness;

const NUMBERS: &str = "/api/phone-numbers";
const SYNC: &str = "/api/phone-numbers/sync";
const ELSEWHERE: &str = "https://elsewhere.example/voice";
/// How Twilio's double names the list of numbers.
const LISTED: &str = "GET /2010-04-01/Accounts/{AC}/IncomingPhoneNumbers.json";

impl Newcomer {
    /// Has its numbers read from Twilio, and gives how many were found, added, changed and removed.
    async fn sync(&self) -> [u64; 4] {
        let synced = self.admin.post(SYNC, &json!({})).await.document(200);
        ["found", "added", "changed", "removed"].map(|count| synced[count].as_u64().unwrap())
    }

    /// Its numbers as the API lists them.
    async fn numbers(&self) -> Vec<Value> {
        let listed = self.admin.get(NUMBERS).await.document(200);
        assert_eq!(listed["next_cursor"], Value::Null);
        listed["items"].as_array().unwrap().clone()
    }

    /// Has one of its numbers pointed here.
    async fn connect(&self, sid: &str) -> Answer {
        let path = format!("{NUMBERS}/{sid}/connect");
        self.admin.post(&path, &json!({})).await
    }

    /// A number as Twilio has it.
    fn number(&self, sid: &str) -> Value {
        let mut numbers = self.account.numbers().into_iter();
        numbers.find(|number| number["sid"] == sid).unwrap()
    }

    /// Sets a number at Twilio behind everybody's back.
    fn configure(&self, sid: &str, form: &[(&str, &str)]) {
        assert!(self.account.configure_number(sid, form));
    }

    /// How often its audit log tells of an action on something.
    async fn logged(&self, action: &str, target: &str) -> usize {
        let audit = self.audit().await;
        let told = audit
            .iter()
            .filter(|[told, _, of, _]| told == action && of == target);
        told.count()
    }
}

#[tokio::test]
async fn a_sync_tells_what_an_account_has_and_where_it_leads() {
    let newcomer = Harness::shared().await.connected().await;
    assert_eq!(newcomer.numbers().await, Vec::<Value>::new());
    let (bare, other) = (
        newcomer.account.add_number("+12125550100"),
        newcomer.account.add_number("+12125550101"),
    );
    let trunk = "TK00000000000000000000000000000001";
    let name = [
        ("TrunkSid", trunk),
        ("SmsUrl", ELSEWHERE),
        ("FriendlyName", "Desk"),
    ];
    newcomer.configure(&other, &name);
    assert_eq!(newcomer.sync().await, [2, 2, 0, 0]);
    let numbers = newcomer.numbers().await;
    let of = |sid: &str| numbers.iter().find(|it| it["sid"] == sid).unwrap();
    let bare = of(&bare);
    assert_eq!(bare["phone_number"], "+12125550100");
    assert_eq!(
        bare["capabilities"],
        json!({"voice": true, "sms": true, "mms": true})
    );
    assert_eq!(
        bare["voice_route"],
        json!({"through": "nothing", "leads": "nowhere"})
    );
    assert_eq!(
        (&bare["connected"], &bare["connected_at"]),
        (&json!(false), &Value::Null)
    );
    let other = of(&other);
    assert_eq!(other["friendly_name"], "Desk");
    let route = json!({"through": "trunk", "sid": trunk, "leads": "elsewhere"});
    assert_eq!(other["voice_route"], route);
    assert_eq!(
        other["message_route"],
        json!({"through": "url", "leads": "elsewhere"})
    );
    assert_eq!(other["warnings"].as_array().unwrap().len(), 2);
    // What is set there may hold another system's secrets.
    assert!(!other.to_string().contains("elsewhere.example"));
}

#[tokio::test]
async fn a_sync_reads_every_page_and_the_list_is_paged_too() {
    let newcomer = Harness::shared().await.connected().await;
    for number in 0..205 {
        newcomer
            .account
            .add_number(&format!("+12125551{number:03}"));
    }
    let mark = newcomer.account.calls().operation(LISTED).count();
    assert_eq!(newcomer.sync().await, [205, 205, 0, 0]);
    assert_eq!(newcomer.account.calls().operation(LISTED).count() - mark, 3);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{NUMBERS}?limit=100{cursor}");
        let page = newcomer.admin.get(&path).await.document(200);
        let items = page["items"].as_array().unwrap().iter();
        seen.extend(items.map(|item| item["phone_number"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let listed = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((seen.len(), listed), (205, 205));
    // Again nothing is new, whatever is written.
    assert_eq!(newcomer.sync().await, [205, 0, 0, 0]);
}

#[tokio::test]
async fn a_sync_takes_over_what_changed_and_forgets_what_is_gone() {
    let newcomer = Harness::shared().await.connected().await;
    let (kept, leaving) = (
        newcomer.account.add_number("+12125550100"),
        newcomer.account.add_number("+12125550101"),
    );
    newcomer.sync().await;
    newcomer.connect(&leaving).await.document(200);
    newcomer.configure(&kept, &[("FriendlyName", "Renamed")]);
    newcomer.account.release_number(&leaving);
    assert_eq!(newcomer.sync().await, [1, 0, 1, 1]);
    let numbers = newcomer.numbers().await;
    assert_eq!(numbers.len(), 1);
    assert_eq!(numbers[0]["friendly_name"], "Renamed");
}

#[tokio::test]
async fn the_list_is_narrowed_down_to_what_leads_here_or_does_not() {
    let newcomer = Harness::shared().await.connected().await;
    let here = newcomer.account.add_number("+12125550100");
    let elsewhere = newcomer.account.add_number("+12125550101");
    newcomer.sync().await;
    newcomer.connect(&here).await.document(200);
    for (connected, sid) in [("true", &here), ("false", &elsewhere)] {
        let path = format!("{NUMBERS}?connected={connected}");
        let listed = newcomer.admin.get(&path).await.document(200);
        let sids = listed["items"].as_array().unwrap().iter();
        let sids: Vec<_> = sids.map(|item| item["sid"].as_str().unwrap()).collect();
        assert_eq!(sids, [sid]);
    }
    let refused = newcomer
        .admin
        .get(&format!("{NUMBERS}?connected=yes"))
        .await;
    assert_eq!(refused.refusal(), (400, "invalid_parameter"));
}

#[tokio::test]
async fn numbers_of_an_account_that_is_the_tenants_no_more_are_not_listed() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    newcomer.account.add_number("+12125550100");
    newcomer.sync().await;
    let twilio = "/api/integrations/twilio";
    assert_eq!(newcomer.admin.delete(twilio).await.status, 204);
    assert_eq!(newcomer.numbers().await, Vec::<Value>::new());
    let refused = newcomer.admin.post(SYNC, &json!({})).await;
    assert_eq!(refused.refusal(), (409, "credentials_missing"));
    // Another account has others, and the old ones go with the next sync.
    let other = harness.newcomer().await;
    other.account.add_number("+12125550102");
    let put = newcomer.admin.put(twilio, &other.credentials).await;
    put.document(201);
    assert_eq!(newcomer.numbers().await, Vec::<Value>::new());
    assert_eq!(newcomer.sync().await, [1, 1, 0, 1]);
    assert_eq!(newcomer.numbers().await[0]["phone_number"], "+12125550102");
}

#[tokio::test]
async fn a_tenant_sees_none_of_anothers_numbers() {
    let harness = Harness::shared().await;
    let (one, other) = (harness.connected().await, harness.connected().await);
    let sid = one.account.add_number("+12125550100");
    one.sync().await;
    assert_eq!(other.numbers().await, Vec::<Value>::new());
    let refused = other.connect(&sid).await;
    assert_eq!(refused.refusal(), (404, "phone_number_not_found"));
    assert_eq!(one.number(&sid)["voice_url"], Value::Null);
}

#[tokio::test]
async fn a_sync_that_twilio_does_not_answer_changes_nothing() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    newcomer.account.add_number("+12125550100");
    newcomer.sync().await;
    let before = newcomer.numbers().await;
    newcomer.account.add_number("+12125550101");
    let limited = Misbehaviour::TooManyRequests {
        retry_after: Some(600),
    };
    for misbehaviour in [limited, Misbehaviour::Garbled, Misbehaviour::HtmlForbidden] {
        let fault = newcomer.account.misbehave(misbehaviour, Times::Always);
        let refused = newcomer.admin.post(SYNC, &json!({})).await;
        assert_eq!(refused.refusal(), (503, "provider_unavailable"));
        harness.stack.twilio().faults().remove(fault);
        assert_eq!(newcomer.numbers().await, before);
    }
    newcomer.account.suspend();
    let refused = newcomer.admin.post(SYNC, &json!({})).await;
    assert_eq!(refused.refusal(), (502, "provider_refused"));
    assert_eq!(newcomer.numbers().await, before);
}

#[tokio::test]
async fn members_read_numbers_and_leave_them_to_their_admins() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let sid = newcomer.account.add_number("+12125550100");
    let member = harness.user(&newcomer.id, "member");
    member.get(NUMBERS).await.document(200);
    for path in [SYNC, &format!("{NUMBERS}/{sid}/connect")] {
        let refused = member.post(path, &json!({})).await;
        assert_eq!(refused.refusal(), (403, "role_required"), "{path}");
    }
    assert_eq!(newcomer.account.calls().operation(LISTED).count(), 0);
}

#[tokio::test]
async fn a_deleted_tenants_numbers_are_deleted_too() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    newcomer.account.add_number("+12125550100");
    newcomer.sync().await;
    let stored = async || {
        let partition = AttributeValue::S(format!("{}#number", newcomer.id));
        let query = harness.dynamodb().query();
        let query = query
            .table_name(harness.variable("TENANTS_TABLE"))
            .key_condition_expression("pk = :partition")
            .expression_attribute_values(":partition", partition)
            .consistent_read(true);
        query.send().await.unwrap().count
    };
    assert_eq!(stored().await, 1);
    let path = format!("/api/tenants/{}", newcomer.id);
    assert_eq!(harness.operator().delete(&path).await.status, 202);
    assert_eq!(stored().await, 0);
}
