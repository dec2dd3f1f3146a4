use proptest::prelude::*;

use super::document::{MAXIMUM_LENGTH, permitted};
use super::vectors::parse;
use super::*;

const OPENING: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#;

/// What a document says between its `<Response>` tags.
fn inside(xml: &str) -> &str {
    xml.strip_prefix(OPENING)
        .unwrap()
        .strip_suffix("</Response>")
        .unwrap()
}

fn said(text: &str) -> String {
    parse(&VoiceResponse::new().say(text).to_xml().unwrap())
        .children
        .remove(0)
        .text
}

#[test]
fn attributes_that_are_not_set_are_not_written() {
    let xml = VoiceResponse::new()
        .dial(Dial::to_client("agent_1"))
        .to_xml()
        .unwrap();
    assert_eq!(inside(&xml), "<Dial><Client>agent_1</Client></Dial>");
}

#[test]
fn a_number_with_attributes_is_an_element_and_without_is_not() {
    let number: PhoneNumber = "+15005550010".parse().unwrap();
    let xml = VoiceResponse::new()
        .dial(Dial::to_number(&number))
        .to_xml()
        .unwrap();
    assert_eq!(inside(&xml), "<Dial>+15005550010</Dial>");
    let extension = Number::new(&number).send_digits("ww9");
    let xml = VoiceResponse::new()
        .dial(Dial::to(extension).caller_id(&number))
        .to_xml()
        .unwrap();
    assert_eq!(
        inside(&xml),
        r#"<Dial callerId="+15005550010"><Number sendDigits="ww9">+15005550010</Number></Dial>"#
    );
}

#[test]
fn nobody_cannot_be_dialled() {
    assert_eq!(Dial::to_any_of([]), None);
}

#[test]
fn of_many_parties_ten_are_dialled() {
    let everybody = (0..12).map(|n| Endpoint::from(Client::new(format!("agent_{n}"))));
    let dial = Dial::to_any_of(everybody).unwrap();
    let dial = parse(&VoiceResponse::new().dial(dial).to_xml().unwrap())
        .children
        .remove(0);
    let dialled: Vec<_> = dial.children.into_iter().map(|child| child.text).collect();
    let first_ten: Vec<_> = (0..10).map(|n| format!("agent_{n}")).collect();
    assert_eq!(dialled, first_ten);
}

#[test]
fn a_message_of_media_alone_has_no_body() {
    let xml = MessagingResponse::new()
        .message(Message::media("https://e/a.png"))
        .to_xml()
        .unwrap();
    assert_eq!(
        inside(&xml),
        "<Message><Media>https://e/a.png</Media></Message>"
    );
}

#[test]
fn tones_are_played_without_a_url() {
    let xml = VoiceResponse::new()
        .play(Play::tones("ww1#"))
        .pause_seconds(2)
        .to_xml()
        .unwrap();
    assert_eq!(
        inside(&xml),
        r##"<Play digits="ww1#"/><Pause length="2"/>"##
    );
}

#[test]
fn a_recording_is_started_beside_the_call() {
    let recording = Recording::new()
        .recording_status_callback("/status/recording")
        .channels(RecordingChannels::Dual)
        .track(RecordingTrack::Both);
    let xml = VoiceResponse::new().start(recording).to_xml().unwrap();
    assert_eq!(
        inside(&xml),
        concat!(
            r#"<Start><Recording recordingStatusCallback="/status/recording" channels="dual" "#,
            r#"track="both"/></Start>"#
        )
    );
}

#[test]
fn line_breaks_and_tabs_survive_a_parser() {
    let text = "a\r\nb\rc\nd\te";
    assert_eq!(said(text), text);
    let xml = VoiceResponse::new()
        .dial(Dial::to_client("a").action(text))
        .to_xml()
        .unwrap();
    assert_eq!(parse(&xml).children[0].attributes["action"], text);
}

#[test]
fn characters_that_xml_cannot_hold_are_dropped() {
    assert_eq!(
        said("a\0b\u{b}c\u{1b}[0m\u{fffe}\u{ffff}\u{7f}\u{85}\u{fffd}"),
        "abc[0m\u{7f}\u{85}\u{fffd}"
    );
}

#[test]
fn hostile_text_stays_text() {
    let identity = "a\"/><Hangup/></Client></Dial><!-- ]]> &#0; &bomb;";
    let xml = VoiceResponse::new()
        .dial(Dial::to_client(identity).action(identity))
        .to_xml()
        .unwrap();
    let dial = &parse(&xml).children[0];
    assert_eq!(dial.attributes["action"], identity);
    assert_eq!(dial.children[0].text, identity);
}

#[test]
fn a_spoken_text_is_cut_after_4096_characters() {
    let text = "ž".repeat(4_097);
    assert_eq!(said(&text), "ž".repeat(4_096));
    assert_eq!(said(&text[2..]), "ž".repeat(4_096));
}

#[test]
fn a_document_of_64_000_bytes_is_written_and_a_longer_one_is_not() {
    let overhead = MessagingResponse::new()
        .message("a")
        .to_xml()
        .unwrap()
        .len()
        - 1;
    let text = "a".repeat(MAXIMUM_LENGTH - overhead);
    let response = MessagingResponse::new().message(text.as_str());
    assert_eq!(response.to_xml().unwrap().len(), 64_000);
    let longer = format!("{text}a");
    let response = MessagingResponse::new().message(longer.as_str());
    assert_eq!(response.to_xml(), Err(DocumentTooLong));
}

proptest! {
    #[test]
    fn any_text_comes_back_without_what_xml_cannot_hold(
        text in any::<String>(),
        value in any::<String>(),
    ) {
        let client = Client::new(text.as_str()).parameter(value.as_str(), text.as_str());
        let dial = Dial::to(client).action(value.as_str());
        let voice = VoiceResponse::new().say(text.as_str()).dial(dial).to_xml().unwrap();
        let [say, dial] = &parse(&voice).children[..] else { panic!("{voice}") };
        prop_assert_eq!(&say.text, &permitted(&text));
        prop_assert_eq!(&dial.attributes["action"], &permitted(&value));
        let [identity, parameter] = &dial.children[0].children[..] else { panic!("{voice}") };
        prop_assert_eq!(&identity.text, &permitted(&text));
        prop_assert_eq!(&parameter.attributes["name"], &permitted(&value));
        prop_assert_eq!(&parameter.attributes["value"], &permitted(&text));
    }

    #[test]
    fn only_what_xml_excludes_is_dropped(character in any::<char>()) {
        let code = u32::from(character);
        let excluded = matches!(code, 0..=8 | 0xb | 0xc | 0xe..=0x1f | 0xfffe | 0xffff);
        prop_assert_eq!(permitted(&character.to_string()).is_empty(), excluded);
    }
}
