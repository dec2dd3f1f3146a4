//! `<Dial>` and whom it rings.

use super::attributes::Attributes;
use super::document::Warning;
use super::element::Element;
use super::verb::{Dial, DialRecording, Noun, NounKind};
use super::voice::RECORDING_EVENTS;

/// What Twilio rings in one Dial at most.
const MOST_NOUNS: usize = 10;

const CALL_EVENTS: [&str; 4] = ["initiated", "ringing", "answered", "completed"];
const CONFERENCE_EVENTS: [&str; 9] = [
    "start",
    "end",
    "join",
    "leave",
    "mute",
    "hold",
    "modify",
    "speaker",
    "announcement",
];

/// Reads a `<Dial>`.
pub(super) fn dial(element: &Element, warnings: &mut Vec<Warning>) -> Dial {
    let known = [
        "action",
        "method",
        "timeout",
        "timeLimit",
        "callerId",
        "answerOnBridge",
        "hangupOnStar",
        "ringTone",
        "record",
        "recordingStatusCallback",
        "recordingStatusCallbackMethod",
        "recordingStatusCallbackEvent",
        "recordingTrack",
        "trim",
        "referUrl",
        "referMethod",
        "sequential",
        "passports",
        "recordingConfigurationId",
        "events",
    ];
    let mut attributes = Attributes::of(element, &known, warnings);
    attributes.flag("hangupOnStar", false);
    let record = match attributes.choice(
        "record",
        &[
            "do-not-record",
            "true",
            "false",
            "record-from-answer",
            "record-from-ringing",
            "record-from-answer-dual",
            "record-from-ringing-dual",
        ],
    ) {
        "do-not-record" | "false" => None,
        mode => Some(DialRecording {
            from_ringing: mode.contains("ringing"),
            dual: mode.ends_with("-dual"),
        }),
    };
    let mut dial = Dial {
        nouns: Vec::new(),
        action: attributes.link("action", "method"),
        timeout: attributes.number("timeout", 1..=600, 30),
        time_limit: attributes.number("timeLimit", 1..=86_400, 14_400),
        caller_id: attributes.text("callerId"),
        answer_on_bridge: attributes.flag("answerOnBridge", false),
        sequential: attributes.flag("sequential", false),
        record,
        recording_status_callback: attributes.status_callback(
            "recordingStatusCallback",
            &RECORDING_EVENTS,
            "completed",
        ),
    };
    let has_children = element.elements().next().is_some();
    if !has_children && !element.text().is_empty() {
        dial.nouns.push(Noun {
            kind: NounKind::Number,
            target: element.text(),
            status_callback: None,
            whisper: None,
        });
    }
    for child in element.elements() {
        match noun(child, warnings) {
            Some(noun) => dial.nouns.push(noun),
            None => warnings.push(Warning::schema(format!(
                "<{}> cannot be in <Dial>",
                child.name
            ))),
        }
    }
    if dial.nouns.is_empty() {
        warnings.push(Warning::schema("<Dial> has nobody to ring"));
    }
    if dial.nouns.len() > MOST_NOUNS {
        warnings.push(Warning::schema(format!(
            "<Dial> rings {MOST_NOUNS} parties at most"
        )));
        dial.nouns.truncate(MOST_NOUNS);
    }
    dial
}

fn noun(element: &Element, warnings: &mut Vec<Warning>) -> Option<Noun> {
    let known: &[&str] = match element.name.as_str() {
        "Number" => &[
            "sendDigits",
            "url",
            "method",
            "statusCallback",
            "statusCallbackMethod",
            "statusCallbackEvent",
            "byoc",
            "machineDetection",
            "amdStatusCallback",
            "amdStatusCallbackMethod",
            "phoneNumberSid",
        ],
        "Client" => &[
            "url",
            "method",
            "statusCallback",
            "statusCallbackMethod",
            "statusCallbackEvent",
        ],
        "Conference" => &[
            "muted",
            "beep",
            "startConferenceOnEnter",
            "endConferenceOnExit",
            "waitUrl",
            "waitMethod",
            "maxParticipants",
            "record",
            "region",
            "coach",
            "trim",
            "statusCallback",
            "statusCallbackMethod",
            "statusCallbackEvent",
            "recordingStatusCallback",
            "recordingStatusCallbackMethod",
            "recordingStatusCallbackEvent",
            "eventCallbackUrl",
            "participantLabel",
            "jitterBufferSize",
        ],
        "Sip" | "Queue" | "Application" | "Sim" | "WhatsApp" => {
            let kind = NounKind::NotSimulated(element.name.clone());
            return Some(Noun {
                kind,
                target: element.text(),
                status_callback: None,
                whisper: None,
            });
        }
        _ => return None,
    };
    let mut attributes = Attributes::of(element, known, warnings);
    if element.name == "Conference" {
        let recorded = attributes.choice("record", &["do-not-record", "record-from-start"])
            == "record-from-start";
        let recording_status_callback =
            attributes.status_callback("recordingStatusCallback", &RECORDING_EVENTS, "completed");
        let status_callback =
            attributes.status_callback("statusCallback", &CONFERENCE_EVENTS, "start end");
        let kind = NounKind::Conference {
            recorded,
            recording_status_callback,
        };
        return Some(Noun {
            kind,
            target: element.text(),
            status_callback,
            whisper: None,
        });
    }
    let whisper = attributes.link("url", "method");
    let status_callback = attributes.status_callback("statusCallback", &CALL_EVENTS, "completed");
    let kind = if element.name == "Client" {
        NounKind::Client
    } else {
        NounKind::Number
    };
    // A client is named by the element's text, or by an Identity beside Parameters.
    let identity = element
        .elements()
        .find(|child| child.name == "Identity")
        .map(Element::text);
    let target = identity
        .filter(|_| kind == NounKind::Client)
        .unwrap_or_else(|| element.text());
    if target.is_empty() {
        warnings.push(Warning::schema(format!("<{}> names nobody", element.name)));
    }
    Some(Noun {
        kind,
        target,
        status_callback,
        whisper,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twilio::twiml::{Document, Product, Verb};

    fn parse(verbs: &str) -> Document {
        Document::parse(
            format!("<Response>{verbs}</Response>").as_bytes(),
            Product::Voice,
        )
        .unwrap()
    }

    fn only_dial(document: &Document) -> &Dial {
        match document.verbs.as_slice() {
            [Verb::Dial(dial)] => dial,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_dial_to_a_number_has_twilios_defaults() {
        let document = parse("<Dial>+15005550010</Dial>");
        let dial = only_dial(&document);
        assert_eq!(
            (dial.timeout, dial.time_limit, dial.answer_on_bridge),
            (30, 14_400, false)
        );
        assert_eq!((&dial.action, dial.record), (&None, None));
        assert_eq!(dial.nouns[0].target, "+15005550010");
        assert!(document.warnings.is_empty());
    }

    #[test]
    fn a_client_is_named_by_text_or_identity() {
        let document = parse(
            "<Dial><Client>ann</Client><Client><Identity>bob</Identity><Parameter name=\"a\" value=\"b\"/></Client></Dial>",
        );
        let targets: Vec<&str> = only_dial(&document)
            .nouns
            .iter()
            .map(|noun| noun.target.as_str())
            .collect();
        assert_eq!(targets, ["ann", "bob"]);
    }

    #[test]
    fn a_status_callback_hears_of_the_end_unless_told_otherwise() {
        let document = parse(
            "<Dial><Number statusCallback=\"/a\">+15005550010</Number>\
             <Number statusCallback=\"/b\" statusCallbackEvent=\"initiated answered\">+15005550011</Number></Dial>",
        );
        let [first, second] = only_dial(&document).nouns.as_slice() else {
            panic!("{document:?}")
        };
        assert!(
            first
                .status_callback
                .as_ref()
                .is_some_and(|callback| callback.events == ["completed"])
        );
        assert!(
            second
                .status_callback
                .as_ref()
                .is_some_and(|callback| callback.wants("answered"))
        );
    }

    #[test]
    fn recording_modes_are_told_apart() {
        let recording = |mode: &str| {
            only_dial(&parse(&format!(
                "<Dial record=\"{mode}\">+15005550010</Dial>"
            )))
            .record
        };
        assert_eq!(recording("do-not-record"), None);
        assert_eq!(
            recording("record-from-answer"),
            Some(DialRecording {
                from_ringing: false,
                dual: false
            })
        );
        assert_eq!(
            recording("record-from-ringing-dual"),
            Some(DialRecording {
                from_ringing: true,
                dual: true
            })
        );
    }
}
