//! A webhook's delivery: the signed request and the answer.

use std::time::Duration;

use super::style::{Style, indented, printable};
use super::twiml::render_twiml;
use crate::twilio::exchange::{AttemptOutcome, Exchange, Judgement};
use crate::twilio::parameters::Parameters;
use crate::twilio::twiml::{Document, Verb};
use crate::twilio::webhook::Forgery;

/// The headers that are shown; the others are the same in every request.
const SHOWN_HEADERS: [&str; 2] = ["X-Twilio-Signature", "I-Twilio-Idempotency-Token"];

/// The request with its signature and parameters, every attempt, the answer and what Twilio makes of it.
#[must_use]
pub fn render_exchange(exchange: &Exchange, style: Style) -> String {
    render_beside(exchange, None, style)
}

/// The same, leaving out parameters that are as in an earlier request.
pub(super) fn render_beside(
    exchange: &Exchange,
    earlier: Option<&Parameters>,
    style: Style,
) -> String {
    let mut shown = request(exchange, earlier, style);
    shown.push_str(&answer(exchange, style));
    if let Some(fallback) = &exchange.fallback {
        shown.push_str(&format!(
            "  {}\n",
            style.yellow("so Twilio calls the fallback URL:")
        ));
        shown.push_str(&render_beside(
            fallback,
            Some(&exchange.request.parameters),
            style,
        ));
    }
    shown
}

fn request(exchange: &Exchange, earlier: Option<&Parameters>, style: Style) -> String {
    let request = &exchange.request;
    let title = format!("{} {}", request.method, printable(&request.url));
    let mut shown = format!(
        "{}  {}\n",
        style.bold(&title),
        style.dim(exchange.purpose.title())
    );
    if let Some(forgery) = forgery(exchange.forgery) {
        shown.push_str(&format!("  {}\n", style.yellow(forgery)));
    }
    for name in SHOWN_HEADERS {
        if let Some(value) = request.header(name) {
            shown.push_str(&format!(
                "  {} {}\n",
                style.dim(&format!("{name}:")),
                printable(value)
            ));
        }
    }
    let is_new =
        |name: &str, value: &str| earlier.is_none_or(|earlier| earlier.get(name) != Some(value));
    let (empty, given): (Vec<_>, Vec<_>) = request
        .parameters
        .iter()
        .filter(|(name, value)| is_new(name, value))
        .partition(|(_, value)| value.is_empty());
    let width = given.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in given {
        let name = printable(name);
        shown.push_str(&format!(
            "  {}  {}\n",
            style.cyan(&format!("{name:width$}")),
            printable(value)
        ));
    }
    if !empty.is_empty() {
        let names: Vec<String> = empty.iter().map(|(name, _)| printable(name)).collect();
        shown.push_str(&format!(
            "  {}\n",
            style.dim(&format!("empty: {}", names.join(" ")))
        ));
    }
    if earlier.is_some() {
        shown.push_str(&format!("  {}\n", style.dim("and what is as before")));
    }
    shown
}

fn forgery(forgery: Forgery) -> Option<&'static str> {
    match forgery {
        Forgery::None => None,
        Forgery::TamperedBody => Some("forged: a parameter was changed after signing"),
        Forgery::WrongToken => Some("forged: signed with somebody else's token"),
        Forgery::MissingSignature => Some("forged: not signed"),
        Forgery::OtherAccount => Some("forged: the URL names another account"),
    }
}

fn answer(exchange: &Exchange, style: Style) -> String {
    let mut shown = String::new();
    if exchange.attempts.len() > 1 {
        for (index, attempt) in exchange.attempts.iter().enumerate() {
            let outcome = match attempt.outcome {
                AttemptOutcome::Answered(status) => format!("answered {status}"),
                AttemptOutcome::ConnectionFailed => "no connection".to_owned(),
                AttemptOutcome::TimedOut => "timed out".to_owned(),
                AttemptOutcome::ConnectionLost => "connection lost".to_owned(),
            };
            let line = format!(
                "attempt {}: {outcome} after {}",
                index + 1,
                milliseconds(attempt.duration)
            );
            shown.push_str(&format!("  {}\n", style.dim(&line)));
        }
    }
    if let Some(response) = &exchange.response {
        let status = response.status.to_string();
        let status = if (200..300).contains(&response.status) {
            style.green(&status)
        } else {
            style.red(&status)
        };
        let body = match response.header("content-type") {
            _ if response.body.is_empty() => "empty".to_owned(),
            Some(content_type) => format!(
                "{} · {} bytes",
                printable(content_type),
                response.body.len()
            ),
            None => format!("no content type · {} bytes", response.body.len()),
        };
        let detail = format!("{body} · {}", milliseconds(exchange.duration));
        shown.push_str(&format!("  → {status} {}\n", style.dim(&detail)));
    }
    shown.push_str(&judgement(exchange, style));
    shown
}

fn judgement(exchange: &Exchange, style: Style) -> String {
    match &exchange.judgement {
        Judgement::Document(document) => {
            let mut shown = indented(&render_twiml(&document.root, style), 4);
            for warning in &document.warnings {
                let line = format!("warning {}: {}", warning.code, printable(&warning.message));
                shown.push_str(&format!("    {}\n", style.yellow(&line)));
            }
            shown.push_str(&replies(document, style));
            shown
        }
        Judgement::NoReply => format!("    {}\n", style.dim("no reply")),
        Judgement::Acknowledged => String::new(),
        Judgement::PlainText(text) => {
            let does = if exchange.purpose.is_voice() {
                "reads this aloud"
            } else {
                "sends this as a message"
            };
            format!(
                "    {} {}\n",
                style.red(&format!("plain text: Twilio {does}:")),
                printable(text)
            )
        }
        Judgement::Fault(fault) => {
            format!(
                "    {}\n",
                style.red(&format!(
                    "error {}: {}",
                    fault.code(),
                    printable(&fault.to_string())
                ))
            )
        }
    }
}

fn replies(document: &Document, style: Style) -> String {
    let mut shown = String::new();
    for verb in &document.verbs {
        if let Verb::Message(reply) = verb {
            let line = format!("reply: {}", printable(&reply.body));
            shown.push_str(&format!("    {}\n", style.bold(&line)));
        }
    }
    shown
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}
