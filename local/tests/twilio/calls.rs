//! Calls through chains of TwiML.

use local::twilio::call::{
    CallOrigin, CallScript, DialOutcome, Ending, Party, RecordingEnd, Step, Story,
    VoicemailOutcome, simulate_call,
};
use local::twilio::payload::CallStatus;
use local::twilio::{Parameters, Purpose};

use crate::server::{Answer, Received, Server, sender};

pub(crate) const CALLER: &str = "+15005550010";
pub(crate) const NUMBER: &str = "+15005550006";

const FORWARD: &str = "<Say>Welcome</Say>\
    <Dial action=\"voice/dial?account=AC1\" timeout=\"20\" callerId=\"+15005550006\">\
    <Number statusCallback=\"/voice/status\" statusCallbackEvent=\"initiated ringing answered completed\">+15005550110</Number>\
    </Dial><Say>Never heard</Say>";

const VOICEMAIL: &str = "<Say>Leave a message</Say>\
    <Record action=\"/voice/voicemail\" maxLength=\"90\" transcribe=\"true\" transcribeCallback=\"/voice/transcription\"\
    recordingStatusCallback=\"/voice/recording\"/><Say>We heard nothing</Say>";

pub(crate) async fn forwarding() -> Server {
    // A dial result that is an answer ends the call; any other leads to the voicemail.
    Server::start([
        ("/voice", vec![Answer::twiml(FORWARD)]),
        ("/voice/dial", vec![Answer::twiml(VOICEMAIL)]),
        (
            "/voice/voicemail",
            vec![Answer::twiml("<Say>Thank you</Say><Hangup/>")],
        ),
    ])
    .await
}

pub(crate) fn script(server: &Server) -> CallScript {
    let mut script = CallScript::by_phone(CALLER, NUMBER, server.url("/voice?account=AC1"));
    script.fallback_url = Some(server.url("/voice/fallback"));
    script.status_url = Some(server.url("/voice/status"));
    script.starts_at = Some("2021-08-20T01:13:00Z".parse().unwrap());
    script
}

pub(crate) fn paths(received: &[Received]) -> Vec<String> {
    let path = |request: &Received| match request.get("CallStatus") {
        "" => format!("{} {}", request.path, request.get("RecordingStatus")),
        status => format!("{} {status}", request.path),
    };
    received.iter().map(path).collect()
}

pub(crate) fn legs(story: &Story) -> Vec<CallStatus> {
    let statuses = story.steps.iter().filter_map(|step| match step {
        Step::Status {
            target: Some(_),
            status,
            ..
        } => Some(*status),
        _ => None,
    });
    statuses.collect()
}

#[tokio::test]
async fn an_answered_call_is_recorded_when_the_document_says_so() {
    let dial = "<Dial action=\"/voice/dial\" answerOnBridge=\"true\" record=\"record-from-answer-dual\" \
        recordingStatusCallback=\"/voice/recording\" recordingStatusCallbackEvent=\"in-progress completed\">\
        <Client><Identity>alice</Identity></Client><Client>bob</Client></Dial>";
    let server = Server::start([
        ("/voice", vec![Answer::twiml(dial)]),
        ("/voice/dial", vec![Answer::twiml("<Hangup/>")]),
    ])
    .await;
    let story = simulate_call(&sender(), &script(&server)).await;

    assert_eq!(
        legs(&story),
        [
            CallStatus::Initiated,
            CallStatus::Initiated,
            CallStatus::Ringing,
            CallStatus::Ringing,
            CallStatus::InProgress,
            CallStatus::NoAnswer,
            CallStatus::Completed,
        ]
    );
    assert_eq!(
        paths(&server.received()),
        [
            "/voice ringing",
            "/voice/recording in-progress",
            "/voice/dial in-progress",
            "/voice/recording completed",
            "/voice/status completed",
        ]
    );
    let [dial] = &server.received_at("/voice/dial")[..] else {
        panic!("one dial result")
    };
    assert_eq!(
        (dial.get("DialCallStatus"), dial.get("DialCallDuration")),
        ("completed", "42")
    );
    let recordings = server.received_at("/voice/recording");
    assert_eq!(recordings[1].get("RecordingChannels"), "2");
    assert_eq!(recordings[1].get("CallSid"), story.call.as_str());
    assert_eq!(dial.get("RecordingSid"), recordings[1].get("RecordingSid"));
    assert_eq!(story.seconds, 42);
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_it_rings_is_asked_nothing_more() {
    let server = forwarding().await;
    let script = script(&server).dialling(DialOutcome::CallerHangsUp { after_seconds: 3 });
    let story = simulate_call(&sender(), &script).await;

    assert_eq!(
        server.received_at("/voice/dial")[0].get("DialCallStatus"),
        "canceled"
    );
    assert_eq!(
        server.received_at("/voice/dial")[0].get("CallStatus"),
        "completed"
    );
    assert_eq!(story.said(), ["Welcome"]);
    assert_eq!(story.ending, Ending::HungUp(Party::Caller));
}

#[tokio::test]
async fn a_held_back_answer_leaves_an_unanswered_call_unanswered() {
    let dial = "<Dial answerOnBridge=\"true\"><Number>+15005550110</Number></Dial>";
    let server = Server::start([("/voice", vec![Answer::twiml(dial)])]).await;
    let story = simulate_call(&sender(), &script(&server).dialling(DialOutcome::NoAnswer)).await;
    assert_eq!((story.status, story.seconds), (CallStatus::NoAnswer, 0));
}

#[tokio::test]
async fn a_dial_without_an_action_falls_through() {
    let server = Server::start([(
        "/voice",
        vec![Answer::twiml("<Dial>+15005550110</Dial><Say>Goodbye</Say>")],
    )])
    .await;
    let story = simulate_call(&sender(), &script(&server)).await;
    assert_eq!(story.said(), ["Goodbye"]);
}

#[tokio::test]
async fn parties_rung_one_after_another_stop_at_the_first_answer() {
    let dial = "<Dial sequential=\"true\" timeout=\"10\"><Number>+15005550110</Number><Number>+15005550111</Number>\
        <Number>+15005550112</Number></Dial>";
    let server = Server::start([("/voice", vec![Answer::twiml(dial)])]).await;
    let mut script = script(&server);
    script.answered_by = 1;
    let story = simulate_call(&sender(), &script).await;
    assert_eq!(
        legs(&story),
        [
            CallStatus::Initiated,
            CallStatus::Ringing,
            CallStatus::NoAnswer,
            CallStatus::Initiated,
            CallStatus::Ringing,
            CallStatus::InProgress,
            CallStatus::Completed,
        ]
    );
}

#[tokio::test]
async fn a_browser_dials_out_under_a_number_of_the_tenant() {
    let dial = "<Dial callerId=\"+15005550006\" answerOnBridge=\"true\"><Number>+15005550010</Number></Dial>";
    let server = Server::start([("/voice", vec![Answer::twiml(dial)])]).await;
    let mut script = script(&server);
    script.origin = browser();
    let story = simulate_call(&sender(), &script).await;

    let [request] = &server.received_at("/voice")[..] else {
        panic!("one call")
    };
    assert_eq!(
        (request.get("From"), request.get("To")),
        ("client:alice", "+15005550010")
    );
    assert_eq!(
        (request.get("Direction"), request.get("lead")),
        ("inbound", "42")
    );
    assert_eq!(story.warnings(), Vec::<String>::new());
    assert_eq!(story.seconds, 42);
}

#[tokio::test]
async fn a_browser_without_a_caller_id_reaches_no_phone() {
    let dial = "<Dial action=\"/voice/dial\"><Number>+15005550010</Number></Dial>";
    let server = Server::start([
        ("/voice", vec![Answer::twiml(dial)]),
        ("/voice/dial", vec![Answer::twiml("")]),
    ])
    .await;
    let mut script = script(&server);
    script.origin = browser();
    let story = simulate_call(&sender(), &script).await;

    assert_eq!(
        story.warnings(),
        ["13214: `client:alice` is no caller ID for a phone number"]
    );
    assert_eq!(
        server.received_at("/voice/dial")[0].get("DialCallStatus"),
        "failed"
    );
}

fn browser() -> CallOrigin {
    CallOrigin::Browser {
        identity: "alice".to_owned(),
        to: "+15005550010".to_owned(),
        application: "APcccccccccccccccccccccccccccccccc".to_owned(),
        custom: Parameters::new().with("lead", "42"),
    }
}

#[tokio::test]
async fn keys_choose_the_next_document() {
    let menu = "<Gather numDigits=\"1\" action=\"/keys\"><Say>Press one</Say></Gather><Redirect>/voice?again=1</Redirect>";
    let server = Server::start([
        ("/voice", vec![Answer::twiml(menu)]),
        ("/keys", vec![Answer::twiml("<Say>You chose</Say>")]),
    ])
    .await;
    let mut script = script(&server);
    script.keys = vec![String::new(), "1".to_owned()];
    let story = simulate_call(&sender(), &script).await;

    assert_eq!(story.said(), ["Press one", "Press one", "You chose"]);
    assert_eq!(server.received_at("/keys")[0].get("Digits"), "1");
    assert_eq!(story.of(Purpose::CallRedirect).count(), 1);
}

#[tokio::test]
async fn documents_that_lead_to_themselves_are_stopped() {
    // Without an action `<Record>` asks its own document again.
    let server = Server::start([("/voice", vec![Answer::twiml("<Record/>")])]).await;
    let message = VoicemailOutcome::Message {
        seconds: 3,
        end: RecordingEnd::Silence,
        transcription: None,
    };
    let mut script = script(&server).recording(message);
    script.most_documents = 5;
    let story = simulate_call(&sender(), &script).await;
    assert_eq!(story.ending, Ending::TooManyDocuments);
    assert_eq!(server.received_at("/voice").len(), 5);
}

#[tokio::test]
async fn a_rejected_call_is_never_answered() {
    let server =
        Server::start([("/voice", vec![Answer::twiml("<Reject reason=\"busy\"/>")])]).await;
    let story = simulate_call(&sender(), &script(&server)).await;
    assert_eq!(
        (story.ending, story.status),
        (Ending::Rejected, CallStatus::Busy)
    );
    assert_eq!(
        server.received_at("/voice/status")[0].get("CallStatus"),
        "busy"
    );
}

#[tokio::test]
async fn a_failing_document_leads_to_the_fallback_and_the_call_goes_on() {
    let server = Server::start([
        ("/voice", vec![Answer::empty(500)]),
        (
            "/voice/fallback",
            vec![Answer::twiml("<Say>We have a problem</Say>")],
        ),
    ])
    .await;
    let story = simulate_call(&sender(), &script(&server)).await;
    assert_eq!(story.said(), ["We have a problem"]);
    assert_eq!(story.faults().count(), 1);
    assert_eq!(
        server.received_at("/voice/fallback")[0].get("ErrorCode"),
        "11200"
    );
}

#[tokio::test]
async fn a_caller_hears_an_error_when_the_fallback_fails_too() {
    let server = Server::start([
        ("/voice", vec![Answer::empty(500)]),
        ("/voice/fallback", vec![Answer::empty(502)]),
    ])
    .await;
    let story = simulate_call(&sender(), &script(&server)).await;
    assert_eq!(story.ending, Ending::ApplicationError);
    assert_eq!(story.faults().count(), 2);
}

#[tokio::test]
async fn what_the_double_does_not_do_is_told_and_never_skipped_in_silence() {
    let server = Server::start([(
        "/voice",
        vec![Answer::twiml(
            "<Enqueue>support</Enqueue><Sing/><Dial><Sip>sip:a@example.com</Sip></Dial>",
        )],
    )])
    .await;
    let story = simulate_call(&sender(), &script(&server)).await;
    assert_eq!(
        story.warnings(),
        [
            "12200: <Sing> is not a verb of Voice TwiML",
            "not simulated: <Enqueue>",
            "not simulated: <Sip> in <Dial>",
        ]
    );
}

#[tokio::test]
async fn a_conference_has_no_called_leg() {
    let dial = "<Dial action=\"/voice/dial\"><Conference record=\"record-from-start\" \
        recordingStatusCallback=\"/voice/recording\">acme-room</Conference></Dial>";
    let server = Server::start([
        ("/voice", vec![Answer::twiml(dial)]),
        ("/voice/dial", vec![Answer::twiml("")]),
    ])
    .await;
    let story = simulate_call(&sender(), &script(&server)).await;

    let [dial] = &server.received_at("/voice/dial")[..] else {
        panic!("one dial result")
    };
    assert_eq!(dial.get("DialCallStatus"), "answered");
    assert_eq!(
        (
            dial.parameters.get("DialCallSid"),
            dial.parameters.get("DialCallDuration")
        ),
        (None, None)
    );
    assert_eq!(
        server.received_at("/voice/recording")[0].get("RecordingSource"),
        "Conference"
    );
    assert!(
        story
            .steps
            .iter()
            .any(|step| matches!(step, Step::Conference(name) if name == "acme-room"))
    );
}
