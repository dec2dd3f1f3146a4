//! The documents of Twilio's official Node.js helper, built again and compared as parsed XML.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::Deserialize;

use super::*;

/// An element as an XML parser sees it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

impl Node {
    fn new(start: &BytesStart<'_>) -> Self {
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap();
            (attribute.key.into_inner().to_owned(), value.into_owned())
        });
        Self {
            name: start.name().into_inner().to_owned(),
            attributes: attributes.collect(),
            ..Self::default()
        }
    }
}

/// Parses a whole document and gives its root element.
pub(super) fn parse(xml: &str) -> Node {
    let mut reader = Reader::from_str(xml);
    let mut open = vec![Node::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Decl(declaration) => {
                assert_eq!(declaration.encoding().unwrap().unwrap(), "UTF-8")
            }
            Event::Start(start) => open.push(Node::new(&start)),
            Event::Empty(start) => open.last_mut().unwrap().children.push(Node::new(&start)),
            Event::End(_) => {
                let closed = open.pop().unwrap();
                open.last_mut().unwrap().children.push(closed);
            }
            Event::Text(text) => open
                .last_mut()
                .unwrap()
                .text
                .push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().unwrap() {
                    Some(character) => character,
                    None => match &*reference.xml10_content() {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        other => panic!("an entity that XML does not define: {other}"),
                    },
                };
                open.last_mut().unwrap().text.push(character);
            }
            Event::Eof => break,
            other => panic!("not to be found in TwiML: {other:?}"),
        }
    }
    let [document] = <[Node; 1]>::try_from(open).expect("every element is closed");
    assert_eq!(document.text, "");
    let [root] = <[Node; 1]>::try_from(document.children).expect("there is one root element");
    root
}

#[derive(Deserialize)]
struct Vectors {
    count: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    xml: String,
}

const LEG_EVENTS: &[CallEvent; 4] = &[
    CallEvent::Initiated,
    CallEvent::Ringing,
    CallEvent::Answered,
    CallEvent::Completed,
];

/// The document of a vector, by the vector's name.
fn document(name: &str) -> Result<String, DocumentTooLong> {
    let number: PhoneNumber = "+15005550010".parse().unwrap();
    let voice = VoiceResponse::new();
    let messaging = MessagingResponse::new();
    match name {
        "empty-voice" => voice.to_xml(),
        "empty-messaging" => messaging.to_xml(),
        "say-escaping" => voice
            .say(
                Say::new("Tom & \"Jerry\" <b> it's 5 > 4")
                    .voice("Polly.Joanna")
                    .language("en-US"),
            )
            .to_xml(),
        "say-unicode" => voice
            .say(Say::new("Žluťoučký kůň 🐎 — dobrý den").language("cs-CZ"))
            .to_xml(),
        "softphone-outbound" => softphone_outbound(&number).to_xml(),
        "inbound-to-client" => inbound_to_client().to_xml(),
        "ring-several" => {
            let agents = ["agent_1", "agent_2"].map(|identity| Client::new(identity).into());
            let everyone = agents.into_iter().chain([Number::new(&number).into()]);
            voice
                .dial(
                    Dial::to_any_of(everyone)
                        .unwrap()
                        .timeout_seconds(15)
                        .sequential(true),
                )
                .say("Nobody is available.")
                .hangup()
                .to_xml()
        }
        "voicemail" => voicemail().to_xml(),
        "gather-menu" => gather_menu().to_xml(),
        "conference" => voice.dial(Dial::to_conference(conference())).to_xml(),
        "connect-stream" => {
            let stream = Stream::new("wss://hooks.example.com/media")
                .name("s1")
                .parameter("tenant", "t_001");
            voice
                .connect(Connect::to_stream(stream).action("/stream/done"))
                .to_xml()
        }
        "start-stream-then-dial" => {
            let tap = Stream::new("wss://hooks.example.com/tap")
                .track(StreamTrack::Both)
                .status_callback("/status/stream");
            voice.start(tap).dial(Dial::to_number(&number)).to_xml()
        }
        "reject-busy" => VoiceResponse::reject(RejectReason::Busy).to_xml(),
        "sms-reply-media" => messaging
            .message(
                Message::text("Hi <you> & \"me\"")
                    .and_media("https://cdn.example.com/i.png?a=1&b=2")
                    .to(&number)
                    .from("+15005550006")
                    .action("/status/sms")
                    .method(Method::Post),
            )
            .to_xml(),
        "sms-two-replies" => messaging
            .message("first")
            .message("druhá 🐎")
            .redirect(Redirect::to("/sms/next").method(Method::Get))
            .to_xml(),
        other => panic!("a vector that is not built: {other}"),
    }
}

fn softphone_outbound(number: &PhoneNumber) -> VoiceResponse<'_> {
    let callee = Number::new(number)
        .status_callback("https://hooks.example.com/status/voice?tenant=t_001")
        .status_callback_events(LEG_EVENTS)
        .status_callback_method(Method::Post);
    let dial = Dial::to(callee)
        .caller_id("+15005550006")
        .answer_on_bridge(true)
        .timeout_seconds(25)
        .maximum_seconds(3_600)
        .action("https://hooks.example.com/voice/after-dial?tenant=t_001&leg=out")
        .method(Method::Post)
        .record(DialRecording::FromAnswerDual)
        .recording_status_callback("https://hooks.example.com/status/recording?tenant=t_001")
        .recording_status_callback_events(&[
            RecordingEvent::InProgress,
            RecordingEvent::Completed,
            RecordingEvent::Absent,
        ]);
    VoiceResponse::new().dial(dial)
}

fn inbound_to_client() -> VoiceResponse<'static> {
    let agent = Client::new("agent_1")
        .status_callback("/status/voice")
        .status_callback_events(LEG_EVENTS)
        .parameter("caller_name", "O'Brien & Sons \"VIP\"")
        .parameter("ticket", "42");
    let dial = Dial::to(agent)
        .answer_on_bridge(true)
        .timeout_seconds(20)
        .action("/voice/voicemail");
    VoiceResponse::new().dial(dial)
}

fn voicemail() -> VoiceResponse<'static> {
    let message = Record::then_request("/voicemail/done")
        .method(Method::Post)
        .maximum_seconds(120)
        .timeout_seconds(5)
        .finish_on_key("#")
        .play_beep(true)
        .transcribe(true)
        .transcribe_callback("/voicemail/text")
        .recording_status_callback("/status/recording")
        .trim(Trim::Silence);
    VoiceResponse::new()
        .say("Please leave a message after the tone.")
        .record(message)
        .hangup()
}

fn gather_menu() -> VoiceResponse<'static> {
    let menu = Gather::new()
        .input(&[GatherInput::Dtmf, GatherInput::Speech])
        .digit_count(1)
        .timeout_seconds(6)
        .action("/ivr/choice")
        .action_on_empty_result(true)
        .speech_timeout(SpeechTimeout::Auto)
        .hints("sales, support")
        .say("Press 1 for sales.")
        .pause_seconds(1)
        .play(Play::url("https://cdn.example.com/menu.mp3"));
    VoiceResponse::new()
        .gather(menu)
        .redirect(Redirect::to("/ivr?retry=1&x=2").method(Method::Post))
}

fn conference() -> Conference<'static> {
    Conference::new("room-t_001-7")
        .start_on_enter(true)
        .end_on_exit(false)
        .muted(false)
        .beep(ConferenceBeep::OnEnter)
        .wait_url("https://cdn.example.com/hold.xml?a=1&b=2")
        .maximum_participants(10)
        .record(ConferenceRecording::FromStart)
        .status_callback("/status/conf")
        .status_callback_events(&[
            ConferenceEvent::Start,
            ConferenceEvent::End,
            ConferenceEvent::Join,
            ConferenceEvent::Leave,
        ])
}

#[test]
fn every_document_of_the_official_helper_can_be_built() {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../../../vectors/twiml.json")).unwrap();
    assert_eq!((vectors.count, vectors.cases.len()), (15, 15));
    for case in vectors.cases {
        let xml = document(&case.name).unwrap();
        assert_eq!(parse(&xml), parse(&case.xml), "{}", case.name);
    }
}
