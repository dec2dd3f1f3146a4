//! Voicemail: who is offered it, and what is kept of it.

use local::twilio::call::{DialOutcome, Ending, Party, RecordingEnd, Step, VoicemailOutcome};
use serde_json::{Value, json};
use shared::activity::{RecordingKind, Resource, Route};

use crate::conversations::{answer, dialled, paths, recorded};
use crate::harness::Harness;
use crate::traffic::event;

const INVITATION: &str = "Please leave a message after the tone.";
const NOTHING_HEARD: &str = "We did not hear a message. Goodbye.";
const NOBODY_THERE: &str =
    "Nobody can take your call at the moment. Please try again later. Goodbye.";

fn forwarding() -> Value {
    json!({"inbound_route": "forward", "forward_to": "+15005550110"})
}

#[tokio::test]
async fn a_caller_whom_nobody_answers_leaves_a_voicemail_that_is_transcribed() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let script = tenant.phone_call().dialling(DialOutcome::NoAnswer);

    let story = tenant.make(&script).await;

    assert_eq!(story.said(), [INVITATION]);
    let [sid] = &recorded(&story)[..] else {
        panic!("one message is left")
    };
    let voicemail = tenant.recording(sid).await;
    assert_eq!(
        (voicemail.kind, voicemail.call_sid.as_str()),
        (RecordingKind::Voicemail, story.call.as_str())
    );
    assert_eq!(voicemail.status.unwrap().as_str(), "completed");
    assert_eq!(voicemail.duration, Some(7));
    assert_eq!(
        voicemail.transcription.as_deref(),
        Some("Hello, please call me back.")
    );
}

#[tokio::test]
async fn a_voicemail_has_its_end_its_recording_and_its_transcription_in_its_history() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let script = tenant.phone_call().dialling(DialOutcome::NoAnswer);

    let story = tenant.make(&script).await;

    let sid = recorded(&story).remove(0);
    let facts = tenant.facts(Resource::Recording(sid)).await;
    let mut routes: Vec<_> = facts.iter().map(|fact| fact.route.path()).collect();
    routes.sort_unstable();
    assert_eq!(
        routes,
        [
            "/voice/recording",
            "/voice/transcription",
            "/voice/voicemail"
        ]
    );
}

#[tokio::test]
async fn the_call_that_left_a_voicemail_is_kept_as_completed_with_an_unanswered_dial() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let script = tenant.phone_call().dialling(DialOutcome::NoAnswer);

    let story = tenant.make(&script).await;

    assert_eq!(story.ending, Ending::HungUp(Party::Caller));
    let call = tenant.leg(&story.call).await;
    assert_eq!(
        (call.status.as_str(), call.duration),
        ("completed", Some(story.seconds))
    );
    assert_eq!(call.dial_status.unwrap().as_str(), "no-answer");
}

#[tokio::test]
async fn a_caller_of_a_busy_phone_is_offered_voicemail() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let script = tenant.phone_call().dialling(DialOutcome::Busy);

    let story = tenant.make(&script).await;

    assert_eq!(story.said(), [INVITATION]);
    assert_eq!(recorded(&story).len(), 1);
}

#[tokio::test]
async fn a_caller_who_ends_the_message_with_a_key_is_thanked() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let message = VoicemailOutcome::Message {
        seconds: 20,
        end: RecordingEnd::Key('#'),
        transcription: None,
    };
    let script = tenant.phone_call().dialling(DialOutcome::NoAnswer);

    let story = tenant.make(&script.recording(message)).await;

    assert_eq!(story.said(), [INVITATION, "Thank you. Goodbye."]);
    assert_eq!(story.ending, Ending::Finished);
}

#[tokio::test]
async fn a_voicemail_that_could_not_be_transcribed_is_kept_without_a_text() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let message = VoicemailOutcome::Message {
        seconds: 20,
        end: RecordingEnd::Hangup,
        transcription: None,
    };
    let script = tenant.phone_call().dialling(DialOutcome::NoAnswer);

    let story = tenant.make(&script.recording(message)).await;

    let voicemail = tenant.recording(&recorded(&story)[0]).await;
    assert_eq!(voicemail.transcription, None);
    assert_eq!(voicemail.duration, Some(20));
}

#[tokio::test]
async fn a_caller_who_says_nothing_is_told_so_and_leaves_nothing() {
    let tenant = Harness::shared().await.tenant(forwarding()).await;
    let script = tenant.phone_call().dialling(DialOutcome::NoAnswer);

    let story = tenant
        .make(&script.recording(VoicemailOutcome::Silence))
        .await;

    assert_eq!(story.said(), [INVITATION, NOTHING_HEARD]);
    assert!(
        story
            .steps
            .iter()
            .any(|step| matches!(step, Step::NothingRecorded))
    );
    assert!(!paths(&story).contains(&"/voice/voicemail".to_owned()));
    assert_eq!(tenant.leg(&story.call).await.status.as_str(), "completed");
}

#[tokio::test]
async fn with_voicemail_off_a_caller_whom_nobody_answers_is_told_to_try_again() {
    let mut settings = forwarding();
    settings["voicemail"] = json!(false);
    let tenant = Harness::shared().await.tenant(settings).await;
    let script = tenant.phone_call().dialling(DialOutcome::NoAnswer);

    let story = tenant.make(&script).await;

    assert_eq!(story.said(), [NOBODY_THERE]);
    assert_eq!(recorded(&story), []);
    assert_eq!(story.ending, Ending::Finished);
}

#[tokio::test]
async fn a_tenant_without_settings_takes_a_voicemail_at_once() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let story = tenant.make(&tenant.phone_call()).await;

    assert_eq!(story.said(), [INVITATION]);
    assert_eq!((dialled(&story).len(), recorded(&story).len()), (0, 1));
}

#[tokio::test]
async fn outside_business_hours_a_caller_is_greeted_and_offered_voicemail() {
    let mut settings = forwarding();
    settings["greeting"] = json!("Welcome");
    settings["business_hours"] = json!({"time_zone": "Europe/Vienna", "weekly": []});
    let tenant = Harness::shared().await.tenant(settings).await;

    let story = tenant.make(&tenant.phone_call()).await;

    assert_eq!(story.said(), ["Welcome", INVITATION]);
    assert_eq!((dialled(&story).len(), recorded(&story).len()), (0, 1));
}

#[tokio::test]
async fn browser_users_who_do_not_answer_lead_to_voicemail() {
    let settings = json!({"inbound_route": "browser", "browser_users": ["alice", "bob"]});
    let tenant = Harness::shared().await.tenant(settings).await;
    let script = tenant.phone_call().dialling(DialOutcome::NoAnswer);

    let story = tenant.make(&script).await;

    assert_eq!(dialled(&story).len(), 2);
    assert_eq!(story.said(), [INVITATION]);
    assert_eq!(recorded(&story).len(), 1);
}

#[tokio::test]
async fn a_voicemail_that_is_kept_elsewhere_is_taken() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let voicemail = event(&tenant, Route::VoiceVoicemail).webhook;
    let call = voicemail
        .parameters
        .get("CallSid")
        .unwrap()
        .parse()
        .unwrap();
    let mut webhook = voicemail.clone();
    webhook.parameters.remove("RecordingSid");
    webhook
        .parameters
        .set("RecordingUrl", "https://bucket.example/voicemail-17.wav");

    let exchange = tenant.sender.deliver(&webhook).await;

    let (status, _, document) = answer(&exchange);
    assert_eq!(status, 200);
    assert!(document.contains("Thank you."), "{document}");
    let facts = tenant.facts(Resource::Call(call)).await;
    assert_eq!(facts.len(), 1);
}
