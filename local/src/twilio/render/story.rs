//! A call, step by step.

use super::exchange::{render_beside, render_exchange};
use super::style::{Style, indented, printable};
use crate::twilio::call::{Ending, Party, Step, Story};
use crate::twilio::parameters::Parameters;
use crate::twilio::twiml::RejectReason;

/// Every step of the call. A request after the first shows only what is new in its parameters.
#[must_use]
pub fn render_story(story: &Story, style: Style) -> String {
    let mut shown = format!("{}\n\n", style.bold(&format!("Call {}", story.call)));
    let mut first: Option<&Parameters> = None;
    for step in &story.steps {
        match step {
            Step::Webhook(exchange) => {
                let rendered = match first {
                    None => render_exchange(exchange, style),
                    Some(first) => render_beside(exchange, Some(first), style),
                };
                first = first.or(Some(&exchange.request.parameters));
                shown.push('\n');
                shown.push_str(&indented(&rendered, 2));
                shown.push('\n');
            }
            other => shown.push_str(&format!("{}\n", sentence(other, story, style))),
        }
    }
    let summary = format!(
        "{} after {} s: {}",
        story.status,
        story.seconds,
        reason(story.ending)
    );
    shown.push_str(&format!("\n{}\n", style.bold(&summary)));
    // A blank line around each request, and one between two of them.
    shown.replace("\n\n\n", "\n\n")
}

fn sentence(step: &Step, story: &Story, style: Style) -> String {
    match step {
        Step::Webhook(_) => String::new(),
        Step::Lost(purpose) => style.yellow(&format!("· a callback is lost: {}", purpose.title())),
        Step::Said {
            text,
            language: Some(language),
        } => {
            format!("♪ “{}” ({})", printable(text), printable(language))
        }
        Step::Said {
            text,
            language: None,
        } => format!("♪ “{}”", printable(text)),
        Step::Played(what) => format!("♪ plays {}", printable(what)),
        Step::Paused(seconds) => style.dim(&format!("· a pause of {seconds} s")),
        Step::Pressed(Some(keys)) => format!("· the caller presses {}", printable(keys)),
        Step::Pressed(None) => "· the caller presses nothing".to_owned(),
        Step::Status {
            leg,
            target: Some(target),
            status,
        } => {
            format!(
                "☎ {} is {status} {}",
                printable(target),
                style.dim(leg.as_str())
            )
        }
        Step::Status {
            leg,
            target: None,
            status,
        } if *leg == story.call => format!("☎ the call is {status}"),
        Step::Status {
            leg,
            target: None,
            status,
        } => format!("☎ {leg} is {status}"),
        Step::Conference(name) => format!("☎ the caller joins the conference {}", printable(name)),
        Step::Recorded { recording, seconds } => {
            format!("● recorded {seconds} s {}", style.dim(recording.as_str()))
        }
        Step::NothingRecorded => "● nothing is recorded".to_owned(),
        Step::Rejected(RejectReason::Busy) => "· rejected: the caller hears a busy tone".to_owned(),
        Step::Rejected(RejectReason::Rejected) => {
            "· rejected: the number is not in service".to_owned()
        }
        Step::Warning(warning) => style.yellow(&format!(
            "! warning {}: {}",
            warning.code,
            printable(&warning.message)
        )),
        Step::NotSimulated(what) => style.yellow(&format!("! not simulated: {}", printable(what))),
        Step::Ended(ending) => format!("· {}", reason(*ending)),
    }
}

const fn reason(ending: Ending) -> &'static str {
    match ending {
        Ending::HungUp(Party::Caller) => "the caller hung up",
        Ending::HungUp(Party::Callee) => "the callee hung up",
        Ending::Finished => "the document ended",
        Ending::Rejected => "the call was rejected",
        Ending::ApplicationError => "the caller heard that an application error has occurred",
        Ending::TooManyDocuments => "documents led to documents without end",
    }
}
