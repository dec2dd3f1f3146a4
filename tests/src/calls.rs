//! Calls from the telephone network: the greeting, whom they are put through to, how they end.

use local::twilio::call::{CallOrigin, DialOutcome, Ending, Party};
use local::twilio::payload::CallStatus;
use serde_json::{Value, json};
use shared::activity::{Direction, RecordingKind, Resource};

use crate::conversations::{CONTACT, dialled, paths, recorded};
use crate::harness::Harness;

const OFFICE: &str = "+15005550110";

fn forwarding() -> Value {
    json!({"inbound_route": "forward", "forward_to": OFFICE})
}

fn ringing_browsers() -> Value {
    json!({"inbound_route": "browser", "browser_users": ["alice", "bob"]})
}

#[tokio::test]
async fn a_call_is_forwarded_and_both_legs_are_kept_as_completed() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;

    let story = tenant.make(&tenant.phone_call()).await;

    assert_eq!(story.ending, Ending::Finished);
    assert_eq!(story.said(), Vec::<&str>::new());
    let call = tenant.leg(&story.call).await;
    assert_eq!(
        (call.direction, call.from, call.to),
        (
            Direction::Inbound,
            CONTACT.to_owned(),
            tenant.target.phone_number.clone()
        )
    );
    assert_eq!(
        (call.status.as_str(), call.duration, call.parent_sid),
        ("completed", Some(story.seconds), None)
    );
    assert_eq!(call.dial_status.unwrap().as_str(), "completed");
    let [(leg, target)] = &dialled(&story)[..] else {
        panic!("one leg is dialled")
    };
    assert_eq!(target, OFFICE);
    let leg = tenant.leg(leg).await;
    assert_eq!(
        (leg.status.as_str(), leg.duration, leg.to.as_str()),
        ("completed", Some(42), OFFICE)
    );
}

#[tokio::test]
async fn every_callback_of_a_dialled_leg_is_kept_under_the_leg_with_its_parent() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;

    let story = tenant.make(&tenant.phone_call()).await;

    let (leg, _) = dialled(&story).remove(0);
    let stored = tenant.leg(&leg).await;
    assert_eq!(stored.parent_sid.as_deref(), Some(story.call.as_str()));
    assert_eq!(stored.direction, Direction::Outbound);
    let facts = tenant.facts(Resource::Call(leg)).await;
    let statuses: Vec<_> = facts
        .iter()
        .map(|fact| fact.parameter("CallStatus").unwrap())
        .collect();
    assert_eq!(
        statuses,
        ["initiated", "ringing", "in-progress", "completed"]
    );
}

#[tokio::test]
async fn the_history_of_a_forwarded_call_holds_its_start_its_dial_and_its_end() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;

    let story = tenant.make(&tenant.phone_call()).await;

    let facts = tenant.facts(Resource::Call(story.call)).await;
    let mut routes: Vec<_> = facts.iter().map(|fact| fact.route.path()).collect();
    routes.sort_unstable();
    assert_eq!(routes, ["/voice", "/voice/dial", "/voice/status"]);
}

#[tokio::test]
async fn a_greeting_is_said_before_the_call_is_put_through() {
    let mut settings = forwarding();
    settings["greeting"] = json!("Welcome to <Acme> & Sons");
    let tenant = Harness::shared().await.tenant(settings).await;

    let story = tenant.make(&tenant.phone_call()).await;

    assert_eq!(story.said(), ["Welcome to <Acme> & Sons"]);
    assert_eq!(dialled(&story).len(), 1);
}

#[tokio::test]
async fn an_empty_greeting_is_not_said() {
    let mut settings = forwarding();
    settings["greeting"] = json!("");
    let tenant = Harness::shared().await.tenant(settings).await;

    let story = tenant.make(&tenant.phone_call()).await;

    assert_eq!(story.said(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_call_rings_all_browser_users_and_the_first_to_answer_has_it() {
    let tenant = Harness::shared().await.tenant(ringing_browsers()).await;
    let mut script = tenant.phone_call();
    script.answered_by = 1;

    let story = tenant.make(&script).await;

    let legs = dialled(&story);
    let targets: Vec<_> = legs.iter().map(|(_, target)| target.as_str()).collect();
    assert_eq!(targets, ["client:alice", "client:bob"]);
    let (alice, bob) = (tenant.leg(&legs[0].0).await, tenant.leg(&legs[1].0).await);
    assert_eq!(
        (alice.status.as_str(), bob.status.as_str()),
        ("no-answer", "completed")
    );
    assert_eq!(bob.duration, Some(42));
    let call = tenant.leg(&story.call).await;
    assert_eq!(call.dial_status.unwrap().as_str(), "completed");
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_it_rings_leaves_a_canceled_leg_and_no_voicemail() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let outcome = DialOutcome::CallerHangsUp { after_seconds: 8 };

    let story = tenant.make(&tenant.phone_call().dialling(outcome)).await;

    assert_eq!(story.ending, Ending::HungUp(Party::Caller));
    let (leg, _) = dialled(&story).remove(0);
    assert_eq!(tenant.leg(&leg).await.status.as_str(), "canceled");
    let call = tenant.leg(&story.call).await;
    assert_eq!(call.status.as_str(), story.status.as_str());
    assert_eq!(call.dial_status.unwrap().as_str(), "canceled");
    assert_eq!(recorded(&story), []);
}

#[tokio::test]
async fn an_anonymous_caller_is_put_through_like_any_other() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    for caller in ["anonymous", "+266696687", "sip:someone@example.com"] {
        let mut script = tenant.phone_call();
        script.origin = CallOrigin::Phone {
            from: caller.to_owned(),
            to: tenant.target.phone_number.clone(),
        };

        let story = tenant.make(&script).await;

        assert_eq!(tenant.leg(&story.call).await.from, caller);
        let [(leg, _)] = &dialled(&story)[..] else {
            panic!("{caller}: one leg is dialled")
        };
        // Who has no number is shown as the number that was called.
        assert_eq!(tenant.leg(leg).await.from, tenant.target.phone_number);
    }
}

#[tokio::test]
async fn a_caller_is_shown_to_whom_the_call_is_forwarded() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;

    let story = tenant.make(&tenant.phone_call()).await;

    let (leg, _) = dialled(&story).remove(0);
    assert_eq!(tenant.leg(&leg).await.from, CONTACT);
}

#[tokio::test]
async fn a_call_counts_as_answered_only_when_somebody_takes_it_unless_a_greeting_does() {
    for (greeting, seconds) in [("", 42), ("Welcome", 47)] {
        let mut settings = forwarding();
        settings["greeting"] = json!(greeting);
        let tenant = Harness::shared().await.tenant(settings).await;

        let story = tenant.make(&tenant.phone_call()).await;

        assert_eq!(story.seconds, seconds, "{greeting}");
    }
}

#[tokio::test]
async fn a_caller_who_is_whom_calls_are_forwarded_to_leaves_a_voicemail() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let mut script = tenant.phone_call();
    script.origin = CallOrigin::Phone {
        from: OFFICE.to_owned(),
        to: tenant.target.phone_number.clone(),
    };

    let story = tenant.make(&script).await;

    assert_eq!((dialled(&story).len(), recorded(&story).len()), (0, 1));
}

#[tokio::test]
async fn a_call_within_business_hours_is_put_through() {
    let days = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
    ];
    let always = days.map(|day| json!({"day": day, "open": "00:00", "close": "24:00"}));
    let mut settings = forwarding();
    settings["business_hours"] = json!({"time_zone": "Europe/Vienna", "weekly": always});
    let tenant = Harness::shared().await.tenant(settings).await;

    let story = tenant.make(&tenant.phone_call()).await;

    assert_eq!(dialled(&story).len(), 1);
}

#[tokio::test]
async fn a_call_is_recorded_when_the_tenant_wants_its_calls_recorded() {
    let mut settings = forwarding();
    settings["auto_record_calls"] = json!(true);
    let tenant = Harness::shared().await.tenant(settings).await;

    let story = tenant.make(&tenant.phone_call()).await;

    let [sid] = &recorded(&story)[..] else {
        panic!("one recording is made")
    };
    let recording = tenant.recording(sid).await;
    assert_eq!(
        (recording.kind, recording.call_sid.as_str()),
        (RecordingKind::Call, story.call.as_str())
    );
    assert_eq!(recording.status.unwrap().as_str(), "completed");
    assert_eq!(recording.duration, Some(42));
    assert_eq!(recording.url, format!("/api/recordings/{sid}/media"));
}

#[tokio::test]
async fn a_call_is_not_recorded_unless_the_tenant_wants_it() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;

    let story = tenant.make(&tenant.phone_call()).await;

    assert_eq!(recorded(&story), []);
    assert!(!paths(&story).contains(&"/voice/recording".to_owned()));
}

#[tokio::test]
async fn a_call_that_was_not_answered_is_kept_as_such_under_every_outcome() {
    let outcomes = [
        (DialOutcome::Busy, CallStatus::Busy),
        (DialOutcome::NoAnswer, CallStatus::NoAnswer),
        (DialOutcome::Failed, CallStatus::Failed),
    ];
    let mut settings = forwarding();
    settings["voicemail"] = json!(false);
    let tenant = Harness::shared().await.tenant(settings).await;
    for (outcome, status) in outcomes {
        let story = tenant.make(&tenant.phone_call().dialling(outcome)).await;

        let (leg, _) = dialled(&story).remove(0);
        assert_eq!(tenant.leg(&leg).await.status.as_str(), status.as_str());
        let call = tenant.leg(&story.call).await;
        assert_eq!(call.dial_status.unwrap().as_str(), status.as_str());
        // The caller was answered by the voice that said so.
        assert_eq!(call.status.as_str(), "completed");
    }
}

#[tokio::test]
async fn a_call_to_the_number_that_calls_are_forwarded_to_is_not_dialled_in_a_circle() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let mut script = tenant.phone_call();
    // The office is another number of the account, and its voice URL is the tenant's too.
    script.origin = CallOrigin::Phone {
        from: CONTACT.to_owned(),
        to: OFFICE.to_owned(),
    };

    let story = tenant.make(&script).await;

    assert_eq!(dialled(&story), []);
    assert_eq!(recorded(&story).len(), 1);
}

#[tokio::test]
async fn a_tenant_that_forwards_its_number_to_itself_is_not_stored() {
    let harness = Harness::shared().await;
    let mut document = Harness::document(forwarding());
    document["settings"]["forward_to"] = document["twilio"]["phone_number"].clone();
    let tenant = serde_json::from_value(document).unwrap();

    let refusal = harness.console().store(&tenant).await.unwrap_err();

    let text = refusal.to_string();
    assert!(
        text.contains("forward_to: this is the tenant's own number"),
        "{text}"
    );
}
