//! Calls that are not put through and end in a voicemail.

use local::twilio::call::{
    DialOutcome, Ending, Party, RecordingEnd, Step, VoicemailOutcome, simulate_call,
};
use local::twilio::payload::CallStatus;
use local::twilio::{Disorder, Purpose};

use crate::calls::{NUMBER, forwarding, legs, paths, script};
use crate::server::sender;

#[tokio::test]
async fn a_call_that_nobody_answers_ends_in_a_transcribed_voicemail() {
    let server = forwarding().await;
    let story = simulate_call(&sender(), &script(&server).dialling(DialOutcome::NoAnswer)).await;

    assert_eq!(
        paths(&server.received()),
        [
            "/voice ringing",
            "/voice/status initiated",
            "/voice/status ringing",
            "/voice/status no-answer",
            "/voice/dial in-progress",
            "/voice/voicemail completed",
            "/voice/recording completed",
            "/voice/transcription completed",
            "/voice/status completed",
        ]
    );
    assert_eq!(story.said(), ["Welcome", "Leave a message"]);
    assert_eq!(story.ending, Ending::HungUp(Party::Caller));
    assert_eq!(story.status, CallStatus::Completed);
    assert_eq!(story.warnings(), Vec::<String>::new());
    assert_eq!(story.faults().count(), 0);
}

#[tokio::test]
async fn legs_and_results_name_each_other() {
    let server = forwarding().await;
    let story = simulate_call(&sender(), &script(&server).dialling(DialOutcome::NoAnswer)).await;

    let parent = story.call.as_str();
    let [dial] = &server.received_at("/voice/dial")[..] else {
        panic!("one dial result")
    };
    assert_eq!(dial.uri, "/voice/dial?account=AC1");
    assert_eq!(
        (dial.get("CallSid"), dial.get("DialCallStatus")),
        (parent, "no-answer")
    );
    assert_eq!(dial.get("DialBridged"), "false");
    assert_eq!(dial.parameters.get("DialCallDuration"), None);

    let statuses = server.received_at("/voice/status");
    let (end, child) = statuses.split_last().unwrap();
    for (sequence, status) in child.iter().enumerate() {
        assert_eq!(status.get("CallSid"), dial.get("DialCallSid"));
        assert_eq!(status.get("ParentCallSid"), parent);
        assert_eq!(status.get("From"), NUMBER);
        assert_eq!(status.get("Direction"), "outbound-dial");
        assert_eq!(status.get("SequenceNumber"), sequence.to_string());
    }
    assert_eq!((end.get("CallSid"), end.get("ParentCallSid")), (parent, ""));
    // Ringing (20 s), the sentences (1 s each) and the message (7 s).
    assert_eq!((end.get("CallDuration"), end.get("Duration")), ("29", "1"));
    assert_eq!(end.get("Timestamp"), "Fri, 20 Aug 2021 01:13:29 +0000");

    let [voicemail] = &server.received_at("/voice/voicemail")[..] else {
        panic!("one voicemail")
    };
    let [recording] = &server.received_at("/voice/recording")[..] else {
        panic!("one recording")
    };
    let [transcription] = &server.received_at("/voice/transcription")[..] else {
        panic!("one transcription")
    };
    assert_eq!(
        (voicemail.get("Digits"), voicemail.get("RecordingDuration")),
        ("hangup", "7")
    );
    assert_eq!(recording.get("RecordingUrl"), voicemail.get("RecordingUrl"));
    assert_eq!(recording.get("RecordingSource"), "RecordVerb");
    assert_eq!(
        transcription.get("RecordingSid"),
        recording.get("RecordingSid")
    );
    assert_eq!(
        transcription.get("TranscriptionText"),
        "Hello, please call me back."
    );
}

#[tokio::test]
async fn a_key_ends_the_message_and_the_call_goes_on() {
    let server = forwarding().await;
    let message = VoicemailOutcome::Message {
        seconds: 500,
        end: RecordingEnd::Key('#'),
        transcription: None,
    };
    let story = simulate_call(
        &sender(),
        &script(&server)
            .dialling(DialOutcome::Busy)
            .recording(message),
    )
    .await;

    let [voicemail] = &server.received_at("/voice/voicemail")[..] else {
        panic!("one voicemail")
    };
    assert_eq!(
        (voicemail.get("Digits"), voicemail.get("CallStatus")),
        ("#", "in-progress")
    );
    assert_eq!(voicemail.get("RecordingDuration"), "90");
    assert_eq!(
        server.received_at("/voice/transcription")[0].get("TranscriptionStatus"),
        "failed"
    );
    assert_eq!(story.said(), ["Welcome", "Leave a message", "Thank you"]);
    assert_eq!(story.ending, Ending::Finished);
}

#[tokio::test]
async fn silence_runs_the_next_verb_and_leaves_no_recording() {
    let server = forwarding().await;
    let script = script(&server)
        .dialling(DialOutcome::Failed)
        .recording(VoicemailOutcome::Silence);
    let story = simulate_call(&sender(), &script).await;

    assert_eq!(
        story.said(),
        ["Welcome", "Leave a message", "We heard nothing"]
    );
    assert_eq!(legs(&story), [CallStatus::Initiated, CallStatus::Failed]);
    for path in [
        "/voice/voicemail",
        "/voice/recording",
        "/voice/transcription",
    ] {
        assert!(server.received_at(path).is_empty(), "{path}");
    }
}

#[tokio::test]
async fn upset_callbacks_arrive_after_the_call_and_none_is_missing() {
    let server = forwarding().await;
    let mut script = script(&server).dialling(DialOutcome::NoAnswer);
    script.callbacks = Disorder::seeded(9);
    let story = simulate_call(&sender(), &script).await;

    let received = paths(&server.received());
    assert_eq!(
        received[..3],
        [
            "/voice ringing",
            "/voice/dial in-progress",
            "/voice/voicemail completed"
        ]
    );
    for callback in [
        "/voice/status initiated",
        "/voice/status ringing",
        "/voice/status no-answer",
        "/voice/recording completed",
        "/voice/transcription completed",
        "/voice/status completed",
    ] {
        assert!(received[3..].contains(&callback.to_owned()), "{callback}");
    }
    assert!(story.of(Purpose::CallStatus).count() >= 4);

    script.callbacks = Disorder {
        lost_percent: 100,
        ..Disorder::seeded(9)
    };
    let story = simulate_call(&sender(), &script).await;
    let lost = story
        .steps
        .iter()
        .filter(|step| matches!(step, Step::Lost(_)))
        .count();
    assert_eq!(lost, 6);
}
