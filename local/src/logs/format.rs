//! One readable line out of one log line.

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Line, Voice};

/// Whether lines carry terminal colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    Plain,
    /// With ANSI colours.
    Coloured,
}

/// An ANSI "select graphic rendition" sequence.
#[derive(Clone, Copy)]
struct Colour(&'static str);

const DIM: Colour = Colour("\x1b[2m");
const RED: Colour = Colour("\x1b[31m");
const GREEN: Colour = Colour("\x1b[32m");
const YELLOW: Colour = Colour("\x1b[33m");
const BLUE: Colour = Colour("\x1b[34m");
const MAGENTA: Colour = Colour("\x1b[35m");
const CYAN: Colour = Colour("\x1b[36m");
const RESET: &str = "\x1b[0m";

/// Colours that tell functions apart.
const FUNCTION_COLOURS: [Colour; 4] = [CYAN, BLUE, MAGENTA, GREEN];

/// The width of the function column: the longest name, `deferred-writer` or `whatsapp-webhook`.
const FUNCTION_WIDTH: usize = 16;

/// The line as it is shown: time, function, then what it says.
pub(super) fn readable(line: &Line, style: Style) -> String {
    let paint = |colour: Colour, text: &str| match style {
        Style::Plain => text.to_owned(),
        Style::Coloured => format!("{}{text}{RESET}", colour.0),
    };
    let object = match line.voice {
        Voice::Function => serde_json::from_str::<Map<String, Value>>(&line.text).ok(),
        Voice::Report | Voice::Problem => None,
    };
    let at = object.as_ref().and_then(timestamp).unwrap_or(line.at);
    let mut shown = paint(DIM, &at.strftime("%H:%M:%S%.3f").to_string());
    shown.push(' ');
    shown.push_str(&paint(
        function_colour(&line.function),
        &format!("{:FUNCTION_WIDTH$}", line.function),
    ));
    shown.push(' ');
    match (object, line.voice) {
        (Some(object), _) => shown.push_str(&event(&object, paint)),
        (None, Voice::Function) => shown.push_str(&one_line(&line.text)),
        (None, Voice::Report) => shown.push_str(&paint(DIM, &line.text)),
        (None, Voice::Problem) => shown.push_str(&paint(RED, &line.text)),
    }
    shown
}

fn timestamp(object: &Map<String, Value>) -> Option<Timestamp> {
    object.get("timestamp")?.as_str()?.parse().ok()
}

fn function_colour(function: &str) -> Colour {
    let sum = function.bytes().map(usize::from).sum::<usize>();
    FUNCTION_COLOURS
        .get(sum % FUNCTION_COLOURS.len())
        .copied()
        .unwrap_or(CYAN)
}

/// The fields everyone looks for, in a fixed order, then the message, then every other field as `name=value`.
fn event(object: &Map<String, Value>, paint: impl Fn(Colour, &str) -> String) -> String {
    let mut parts = Vec::new();
    if let Some(level) = text(object, "level") {
        let colour = match level.as_str() {
            "ERROR" => RED,
            "WARN" => YELLOW,
            "INFO" => GREEN,
            _ => DIM,
        };
        parts.push(paint(colour, &format!("{level:5}")));
    }
    if let Some(tenant) = text(object, "tenant_id") {
        parts.push(paint(MAGENTA, &tenant));
    }
    if let Some(route) = text(object, "route") {
        parts.push(route);
    }
    if let Some(status) = text(object, "status") {
        let colour = match status.as_bytes().first() {
            Some(b'2' | b'3') => GREEN,
            Some(b'4') => YELLOW,
            _ => RED,
        };
        parts.push(paint(colour, &status));
    }
    if let Some(duration) = object.get("duration_ms") {
        let duration = duration
            .as_f64()
            .map_or_else(|| duration.to_string(), |number| format!("{number:.1}"));
        parts.push(format!("{duration} ms"));
    }
    if object.get("cold_start").and_then(Value::as_bool) == Some(true) {
        parts.push(paint(CYAN, "cold start"));
    }
    if let Some(message) = text(object, "message") {
        parts.push(message);
    }
    let mut rest = String::new();
    for (name, value) in object {
        const NOT_SHOWN_AGAIN: [&str; 10] = [
            // What makes metrics of fields, for CloudWatch.
            "_aws",
            "timestamp",
            "level",
            "function",
            "tenant_id",
            "route",
            "status",
            "duration_ms",
            "cold_start",
            "message",
        ];
        if !NOT_SHOWN_AGAIN.contains(&name.as_str()) {
            let separator = if rest.is_empty() { "" } else { " " };
            let value = value.as_str().map_or_else(|| value.to_string(), one_line);
            // Writing to a string cannot fail.
            let _ = write!(rest, "{separator}{name}={value}");
        }
    }
    if !rest.is_empty() {
        parts.push(paint(DIM, &rest));
    }
    parts.join(" ")
}

fn text(object: &Map<String, Value>, name: &str) -> Option<String> {
    match object.get(name)? {
        Value::Null => None,
        Value::String(text) => Some(one_line(text)),
        other => Some(other.to_string()),
    }
}

/// Text from outside may hold line breaks and escape sequences; neither may reach the terminal.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn shown(voice: Voice, text: &str, style: Style) -> String {
        let line = Line {
            at: Timestamp::UNIX_EPOCH,
            function: Arc::from("sms-webhook"),
            voice,
            text: text.to_owned(),
        };
        readable(&line, style)
    }

    #[test]
    fn an_event_shows_what_one_looks_for_first_and_everything_else_after() {
        let text = r#"{"timestamp":"2026-02-03T04:05:06.789Z","level":"INFO","function":"sms-webhook","tenant_id":"acme",
            "route":"POST /sms","status":200,"duration_ms":3.2456,"cold_start":true,"message":"webhook","request_id":"r-1"}"#;
        assert_eq!(
            shown(Voice::Function, text, Style::Plain),
            "04:05:06.789 sms-webhook      INFO  acme POST /sms 200 3.2 ms cold start webhook request_id=r-1"
        );
    }

    #[test]
    fn a_warm_event_without_a_tenant_leaves_both_out() {
        let text = r#"{"level":"WARN","tenant_id":null,"route":"POST /sms","status":403,"duration_ms":1,"cold_start":false}"#;
        assert_eq!(
            shown(Voice::Function, text, Style::Plain),
            "00:00:00.000 sms-webhook      WARN  POST /sms 403 1.0 ms"
        );
    }

    #[test]
    fn what_is_not_json_is_shown_as_it_is() {
        assert_eq!(
            shown(
                Voice::Function,
                "thread 'main' panicked at src/main.rs:3:5:",
                Style::Plain
            ),
            "00:00:00.000 sms-webhook      thread 'main' panicked at src/main.rs:3:5:"
        );
    }

    #[test]
    fn an_event_stays_one_line_and_keeps_escape_sequences_from_the_terminal() {
        let shown = shown(
            Voice::Function,
            r#"{"message":"a\nb\u001b[2J","x":"c\nd"}"#,
            Style::Plain,
        );
        assert!(shown.ends_with("a b [2J x=c d"), "{shown}");
    }

    #[test]
    fn colours_appear_only_when_asked_for() {
        let text = r#"{"level":"ERROR","message":"no"}"#;
        assert!(!shown(Voice::Function, text, Style::Plain).contains('\x1b'));
        assert!(shown(Voice::Function, text, Style::Coloured).contains("\x1b[31mERROR\x1b[0m no"));
    }
}
