//! The verbs of voice TwiML.

use super::attributes::Attributes;
use super::dial::dial;
use super::document::Warning;
use super::element::Element;
use super::verb::{Gather, Link, Play, Record, RejectReason, Say, Verb};

/// What Twilio says in one Say at most, in characters.
const LONGEST_SAY: usize = 4_096;

/// The statuses of a recording that can be asked for.
pub(super) const RECORDING_EVENTS: [&str; 4] = ["in-progress", "completed", "absent", "failed"];

/// The verb that an element is, unless voice has none of that name.
pub(crate) fn voice_verb(element: &Element, warnings: &mut Vec<Warning>) -> Option<Verb> {
    let verb = match element.name.as_str() {
        "Say" => Verb::Say(say(element, warnings)),
        "Play" => Verb::Play(play(element, warnings)),
        "Pause" => Verb::Pause(Attributes::of(element, &["length"], warnings).number(
            "length",
            0..=3_600,
            1,
        )),
        "Gather" => Verb::Gather(gather(element, warnings)),
        "Dial" => Verb::Dial(dial(element, warnings)),
        "Record" => Verb::Record(record(element, warnings)),
        "Redirect" => {
            let method = Attributes::of(element, &["method"], warnings).method("method");
            Verb::Redirect(Link {
                url: element.text(),
                method,
            })
        }
        "Hangup" => {
            Attributes::of(element, &[], warnings);
            Verb::Hangup
        }
        "Reject" => match Attributes::of(element, &["reason"], warnings)
            .choice("reason", &["rejected", "busy"])
        {
            "busy" => Verb::Reject(RejectReason::Busy),
            _ => Verb::Reject(RejectReason::Rejected),
        },
        "Connect" | "Enqueue" | "Leave" | "Pay" | "Prompt" | "Queue" | "Refer" | "Sms"
        | "Start" | "Stop" => Verb::NotSimulated(element.name.clone()),
        _ => return None,
    };
    Some(verb)
}

fn say(element: &Element, warnings: &mut Vec<Warning>) -> Say {
    let mut attributes = Attributes::of(element, &["voice", "language", "loop"], warnings);
    attributes.number("loop", 0..=1_000, 1);
    let say = Say {
        text: element.text(),
        language: attributes.text("language"),
        voice: attributes.text("voice"),
    };
    if say.text.is_empty() {
        warnings.push(Warning {
            code: 13_520,
            message: "<Say> has nothing to say".to_owned(),
        });
    } else if say.text.chars().count() > LONGEST_SAY {
        warnings.push(Warning {
            code: 13_520,
            message: format!("<Say> has more than {LONGEST_SAY} characters"),
        });
    }
    say
}

fn play(element: &Element, warnings: &mut Vec<Warning>) -> Play {
    let mut attributes = Attributes::of(element, &["loop", "digits"], warnings);
    attributes.number("loop", 0..=1_000, 1);
    Play {
        url: element.text(),
        digits: attributes.text("digits"),
    }
}

fn gather(element: &Element, warnings: &mut Vec<Warning>) -> Gather {
    let known = [
        "input",
        "action",
        "method",
        "timeout",
        "finishOnKey",
        "numDigits",
        "actionOnEmptyResult",
        "speechTimeout",
        "speechModel",
        "language",
        "hints",
        "profanityFilter",
        "enhanced",
        "partialResultCallback",
        "partialResultCallbackMethod",
        "bargeIn",
        "debug",
        "maxSpeechTime",
    ];
    let mut attributes = Attributes::of(element, &known, warnings);
    attributes.choice("input", &["dtmf", "speech", "dtmf speech", "speech dtmf"]);
    attributes.number("numDigits", 1..=100, 1);
    let action = attributes.link("action", "method");
    let action_on_empty_result = attributes.flag("actionOnEmptyResult", false);
    let timeout = attributes.number("timeout", 0..=600, 5);
    let mut prompts = Vec::new();
    for child in element.elements() {
        match voice_verb(child, warnings) {
            Some(prompt @ (Verb::Say(_) | Verb::Play(_) | Verb::Pause(_))) => prompts.push(prompt),
            _ => warnings.push(Warning::schema(format!(
                "<{}> cannot be in <Gather>",
                child.name
            ))),
        }
    }
    Gather {
        prompts,
        action,
        action_on_empty_result,
        timeout,
    }
}

fn record(element: &Element, warnings: &mut Vec<Warning>) -> Record {
    let known = [
        "action",
        "method",
        "timeout",
        "finishOnKey",
        "maxLength",
        "playBeep",
        "trim",
        "recordingStatusCallback",
        "recordingStatusCallbackMethod",
        "recordingStatusCallbackEvent",
        "transcribe",
        "transcribeCallback",
        "recordingConfigurationId",
    ];
    let mut attributes = Attributes::of(element, &known, warnings);
    attributes.flag("playBeep", true);
    attributes.choice("trim", &["trim-silence", "do-not-trim"]);
    let transcribe = attributes.flag("transcribe", false);
    let record = Record {
        action: attributes.link("action", "method"),
        max_length: attributes.number(
            "maxLength",
            1..=14_400,
            if transcribe { 120 } else { 3_600 },
        ),
        timeout: attributes.number("timeout", 0..=600, 5),
        transcribe,
        transcribe_callback: attributes.link("transcribeCallback", "transcribeCallbackMethod"),
        recording_status_callback: attributes.status_callback(
            "recordingStatusCallback",
            &RECORDING_EVENTS,
            "completed",
        ),
    };
    if record.transcribe_callback.is_some() && !transcribe {
        warnings.push(Warning::schema(
            "transcribeCallback of <Record> does nothing without transcribe=\"true\"",
        ));
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twilio::twiml::{Document, Product};

    fn parse(verbs: &str) -> Document {
        Document::parse(
            format!("<Response>{verbs}</Response>").as_bytes(),
            Product::Voice,
        )
        .unwrap()
    }

    #[test]
    fn what_is_out_of_range_or_unknown_is_a_warning_and_has_its_default() {
        let document = parse(
            "<Dial timeout=\"soon\" answeronbridge=\"true\">+15005550010</Dial><Record maxLength=\"0\"/>",
        );
        let messages: Vec<&str> = document
            .warnings
            .iter()
            .map(|warning| warning.message.as_str())
            .collect();
        assert_eq!(
            messages,
            [
                "<Dial> has no attribute answeronbridge",
                "timeout of <Dial> is a number from 1 to 600, not `soon`",
                "maxLength of <Record> is a number from 1 to 14400, not `0`",
            ]
        );
        assert!(
            matches!(&document.verbs[0], Verb::Dial(dial) if dial.timeout == 30 && !dial.answer_on_bridge)
        );
    }

    #[test]
    fn a_transcription_needs_to_be_asked_for() {
        let document = parse("<Record transcribeCallback=\"/t\"/>");
        assert_eq!(document.warnings.len(), 1);
        assert!(
            parse("<Record transcribe=\"true\" transcribeCallback=\"/t\"/>")
                .warnings
                .is_empty()
        );
    }

    #[test]
    fn a_gather_prompts_with_what_it_holds() {
        let document =
            parse("<Gather numDigits=\"1\" action=\"/keys\"><Say>Press one</Say></Gather>");
        let [Verb::Gather(gather)] = document.verbs.as_slice() else {
            panic!("{document:?}")
        };
        assert!(matches!(gather.prompts.as_slice(), [Verb::Say(say)] if say.text == "Press one"));
    }

    #[test]
    fn verbs_that_are_not_executed_are_kept_by_name() {
        assert_eq!(
            parse("<Enqueue>support</Enqueue>").verbs,
            [Verb::NotSimulated("Enqueue".to_owned())]
        );
    }
}
