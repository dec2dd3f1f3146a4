//! Whole calls, from the first request to the last callback, and what the tenant reads of each afterwards: who called whom, how
//! far it came, every leg, every recording. However late and often Twilio delivers its callbacks, it is the same.

use local::twilio::Disorder;
use local::twilio::call::{CallOrigin, CallScript, DialOutcome, Ending, Party, Story};
use serde_json::{Value, json};
use shared::identity::Identity;
use shared::tenant::TenantId;

use crate::conversations::{CONTACT, paths};
use crate::harness::{Harness, Tenant};

const OFFICE: &str = "+15005550110";
const CUSTOMER: &str = "+12025550120";

/// What Twilio knows a user of the tenant by.
fn identity(tenant: &TenantId, subject: &str) -> String {
    Identity::of(subject, tenant).unwrap().into()
}

/// What is shown of a call, a leg or a recording, without what only tells it from others: SIDs, times, and where it is played.
fn shown(resource: &Value) -> Value {
    let mut shown = resource.clone();
    let members = shown.as_object_mut().unwrap();
    members.retain(|name, _| !["sid", "created_at", "updated_at", "url"].contains(&name.as_str()));
    for part in ["legs", "recordings"] {
        if let Some(parts) = members.get_mut(part) {
            let mut parts: Vec<_> = parts.as_array().unwrap().iter().map(self::shown).collect();
            // They are told in the order in which they were heard of.
            parts.sort_by_key(|part| part["to"].to_string());
            members[part] = json!(parts);
        }
    }
    shown
}

/// A call, the legs that it dialled and what was recorded of it, as one of the tenant's people reads them.
async fn told(tenant: &Tenant, story: &Story) -> Value {
    let member = Harness::shared().await.user(&tenant.id, "member");
    let path = format!("/api/calls/{}", story.call);
    let mut call = member.get(&path).await.document(200);
    for leg in call["legs"].as_array().unwrap() {
        assert_eq!(leg["parent_sid"], story.call.as_str());
    }
    for recording in call["recordings"].as_array().unwrap() {
        assert_eq!(recording["call_sid"], story.call.as_str());
    }
    // The same is in the lists, and a leg is in none of calls.
    let path = format!("/api/recordings?call_sid={}", story.call);
    let recordings = member.get(&path).await.document(200);
    assert_eq!(recordings["items"], call["recordings"]);
    let calls = member.get("/api/calls").await.document(200);
    let calls = calls["items"].as_array().unwrap();
    assert!(calls.iter().all(|call| call.get("parent_sid").is_none()));
    let listed = calls.iter().find(|call| call["sid"] == story.call.as_str());
    let legs = call.as_object_mut().unwrap().remove("legs").unwrap();
    assert_eq!(listed, Some(&call));
    call["legs"] = legs;
    without_sids_of_calls(shown(&call))
}

fn without_sids_of_calls(mut call: Value) -> Value {
    for (part, name) in [("legs", "parent_sid"), ("recordings", "call_sid")] {
        for part in call[part].as_array_mut().unwrap() {
            part.as_object_mut().unwrap().remove(name).unwrap();
        }
    }
    call
}

/// Makes a call three times, with its callbacks in order and then in two disorders, and gives the first story with what is
/// told of it. What is told must be the same each time.
async fn told_the_same_in_any_disorder(tenant: &Tenant, script: &CallScript) -> (Story, Value) {
    let story = tenant.make(script).await;
    let in_order = told(tenant, &story).await;
    for seed in [7, 23] {
        let mut upset = script.clone();
        upset.callbacks = Disorder::seeded(seed);
        let story = tenant.make(&upset).await;
        assert_eq!(told(tenant, &story).await, in_order, "disorder {seed}");
    }
    (story, in_order)
}

fn forwarding() -> Value {
    json!({"inbound_route": "forward", "forward_to": OFFICE})
}

#[tokio::test]
async fn a_call_that_rings_and_is_not_answered_ends_in_a_voicemail_with_its_text() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let script = tenant.phone_call().dialling(DialOutcome::NoAnswer);

    let (story, told) = told_the_same_in_any_disorder(&tenant, &script).await;

    let expected = json!({
        "direction": "inbound",
        "from": CONTACT,
        "to": tenant.target.phone_number,
        "status": "completed",
        "duration": story.seconds,
        "dial_status": "no-answer",
        "legs": [{
            "direction": "outbound",
            "from": CONTACT,
            "to": OFFICE,
            "status": "no-answer",
            "duration": 0,
            "recordings": [],
        }],
        "recordings": [{
            "kind": "voicemail",
            "status": "completed",
            "duration": 7,
            "transcription": "Hello, please call me back.",
        }],
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn twilio_is_told_where_to_report_each_step_of_a_call_and_reports_there() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let script = tenant.phone_call().dialling(DialOutcome::NoAnswer);

    let story = tenant.make(&script).await;

    let mut reported = paths(&story);
    assert_eq!(reported.remove(0), "/voice");
    reported.sort_unstable();
    let expected = [
        "/voice/dial",
        "/voice/recording",
        // The leg's start, ringing and end, and the call's end.
        "/voice/status",
        "/voice/status",
        "/voice/status",
        "/voice/status",
        "/voice/transcription",
        "/voice/voicemail",
    ];
    assert_eq!(reported, expected);
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_it_rings_was_not_answered() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let outcome = DialOutcome::CallerHangsUp { after_seconds: 8 };
    let script = tenant.phone_call().dialling(outcome);

    let (story, told) = told_the_same_in_any_disorder(&tenant, &script).await;

    assert_eq!(story.ending, Ending::HungUp(Party::Caller));
    let expected = json!({
        "direction": "inbound",
        "from": CONTACT,
        "to": tenant.target.phone_number,
        "status": "no-answer",
        "duration": 0,
        "dial_status": "canceled",
        "legs": [{
            "direction": "outbound",
            "from": CONTACT,
            "to": OFFICE,
            "status": "canceled",
            "duration": 0,
            "recordings": [],
        }],
        "recordings": [],
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_browsers_call_to_a_phone_is_told_with_its_length_and_its_recording() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_record_calls": true})).await;
    let alice = identity(&tenant.id, "alice");
    let script = tenant.browser_call(&alice, CUSTOMER);

    let (_, told) = told_the_same_in_any_disorder(&tenant, &script).await;

    let expected = json!({
        "direction": "outbound",
        "from": format!("client:{alice}"),
        "to": CUSTOMER,
        "status": "completed",
        "duration": 42,
        "dial_status": "completed",
        "legs": [{
            "direction": "outbound",
            "from": tenant.target.phone_number,
            "to": CUSTOMER,
            "status": "completed",
            "duration": 42,
            "recordings": [],
        }],
        "recordings": [{"kind": "call", "status": "completed", "duration": 42}],
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_browsers_call_that_nobody_takes_is_told_with_why() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_record_calls": true})).await;
    let alice = identity(&tenant.id, "alice");
    for (outcome, status) in [
        (DialOutcome::Busy, "busy"),
        (DialOutcome::NoAnswer, "no-answer"),
        (DialOutcome::Failed, "failed"),
    ] {
        let script = tenant.browser_call(&alice, CUSTOMER).dialling(outcome);

        let (story, told) = told_the_same_in_any_disorder(&tenant, &script).await;

        let expected = json!({
            "direction": "outbound",
            "from": format!("client:{alice}"),
            "to": CUSTOMER,
            // The browser heard why: that sentence is all that was answered.
            "status": "completed",
            "duration": story.seconds,
            "dial_status": status,
            "legs": [{
                "direction": "outbound",
                "from": tenant.target.phone_number,
                "to": CUSTOMER,
                "status": status,
                "duration": 0,
                "recordings": [],
            }],
            "recordings": [],
        });
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn a_call_to_the_tenants_browsers_is_told_with_who_answered() {
    let harness = Harness::shared().await;
    let mut document = Harness::document(json!({}));
    let tenant_id: TenantId = serde_json::from_value(document["tenant_id"].clone()).unwrap();
    let [alice, bob] = ["alice", "bob"].map(|subject| identity(&tenant_id, subject));
    document["settings"] = json!({
        "inbound_route": "browser",
        "browser_users": [alice, bob],
        "auto_record_calls": true,
    });
    let tenant = harness.store(document).await;
    let mut script = tenant.phone_call();
    script.answered_by = 1;

    let (story, told) = told_the_same_in_any_disorder(&tenant, &script).await;

    let leg = |to: &str, status, duration| {
        json!({
            "direction": "outbound",
            "from": CONTACT,
            "to": format!("client:{to}"),
            "status": status,
            "duration": duration,
            "recordings": [],
        })
    };
    let expected = json!({
        "direction": "inbound",
        "from": CONTACT,
        "to": tenant.target.phone_number,
        "status": "completed",
        "duration": story.seconds,
        "dial_status": "completed",
        "legs": [leg(&alice, "no-answer", 0), leg(&bob, "completed", 42)],
        "recordings": [{"kind": "call", "status": "completed", "duration": 42}],
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_call_from_one_user_to_another_is_told_with_both_names() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_record_calls": true})).await;
    let [alice, bob] = ["alice", "bob"].map(|subject| identity(&tenant.id, subject));
    let script = tenant.browser_call(&alice, &format!("client:{bob}"));

    let (_, told) = told_the_same_in_any_disorder(&tenant, &script).await;

    let call = |status| {
        json!({
            "direction": "outbound",
            "from": format!("client:{alice}"),
            "to": format!("client:{bob}"),
            "status": status,
            "duration": 42,
            "recordings": [],
        })
    };
    let mut expected = call("completed");
    expected["dial_status"] = json!("completed");
    expected["legs"] = json!([call("completed")]);
    expected["recordings"] = json!([{"kind": "call", "status": "completed", "duration": 42}]);
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_voicemail_is_no_recorded_call_though_the_tenant_records_its_calls() {
    let harness = Harness::shared().await;
    let mut settings = forwarding();
    settings["auto_record_calls"] = json!(true);
    let tenant = harness.tenant(settings).await;
    let script = tenant.phone_call().dialling(DialOutcome::Busy);

    let (_, told) = told_the_same_in_any_disorder(&tenant, &script).await;

    assert_eq!(told["dial_status"], "busy");
    let kinds: Vec<_> = told["recordings"].as_array().unwrap().iter().collect();
    assert_eq!(kinds.len(), 1);
    assert_eq!(kinds[0]["kind"], "voicemail");
}

#[tokio::test]
async fn a_call_from_whatsapp_is_told_like_any_other() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let mut script = tenant.phone_call();
    let from = format!("whatsapp:{CONTACT}");
    script.origin = CallOrigin::Phone {
        from: from.clone(),
        to: format!("whatsapp:{}", tenant.target.whatsapp_sender),
    };

    let (_, told) = told_the_same_in_any_disorder(&tenant, &script).await;

    assert_eq!(
        (&told["from"], &told["direction"]),
        (&json!(from), &json!("inbound"))
    );
    // The telephone network shows no WhatsApp user.
    assert_eq!(told["legs"][0]["from"], tenant.target.phone_number);
}
