//! Whole calls, from the first request to the last callback, and what the tenant reads of each afterwards: who called whom, how
//! far it came, every leg, every recording. However late and often Twilio delivers its callbacks, it is the same.

use local::twilio::Disorder;
use local::twilio::call::{CallOrigin, CallScript, DialOutcome, Ending, Party, Story};
use serde_json::{Value, json};
use shared::identity::Identity;
use shared::tenant::TenantId;

use crate::conversations::{CONTACT, dialled, paths, recorded};
use crate::harness::{Harness, Tenant};

const OFFICE: &str = "+15005550110";
const CUSTOMER: &str = "+12025550120";

/// What Twilio knows a user of the tenant by.
fn identity(tenant: &TenantId, subject: &str) -> String {
    Identity::of(subject, tenant).unwrap().into()
}

/// What is shown of a resource, without what only tells it from others: SIDs, times, and where a recording is played.
fn shown(mut shown: Value) -> Value {
    let members = shown.as_object_mut().unwrap();
    for name in ["sid", "created_at", "updated_at"] {
        members.remove(name).unwrap();
    }
    if let Some(url) = members.remove("url") {
        assert!(url.as_str().unwrap().starts_with("/api/recordings/RE"));
    }
    shown
}

/// A call, the legs that it dialled and what was recorded of it, as they are stored.
async fn told(tenant: &Tenant, story: &Story) -> Value {
    let mut call = shown(json!(tenant.leg(&story.call).await));
    let (mut legs, mut recordings) = (Vec::new(), Vec::new());
    for (sid, _) in dialled(story) {
        let mut leg = shown(json!(tenant.leg(&sid).await));
        assert_eq!(leg["parent_sid"], story.call.as_str());
        leg.as_object_mut().unwrap().remove("parent_sid");
        legs.push(leg);
    }
    for sid in recorded(story) {
        let mut recording = shown(json!(tenant.recording(&sid).await));
        assert_eq!(recording["call_sid"], story.call.as_str());
        recording.as_object_mut().unwrap().remove("call_sid");
        recordings.push(recording);
    }
    call["legs"] = json!(legs);
    call["recordings"] = json!(recordings);
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
