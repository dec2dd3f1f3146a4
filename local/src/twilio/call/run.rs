//! Runs a call from its first document to its end.

use jiff::{Timestamp, ToSpan};
use shared::clock::Clock;

use super::script::{CallScript, Party};
use super::story::{Ending, Step, Story};
use crate::twilio::exchange::Judgement;
use crate::twilio::parameters::Parameters;
use crate::twilio::payload::{CallLeg, CallProgress, CallStatus, Recording};
use crate::twilio::sender::WebhookSender;
use crate::twilio::twiml::{Document, Link, RejectReason, Verb, Warning};
use crate::twilio::webhook::{Method, Purpose, Webhook};

/// Makes a call as the script says, executes the TwiML that comes back, and delivers every callback that Twilio would.
///
/// Time is told, not waited for: a conversation of an hour takes as long as its webhooks.
pub async fn simulate_call(sender: &WebhookSender, script: &CallScript) -> Story {
    let mut run = Run::new(sender, script);
    let ending = run.documents().await;
    run.end(ending).await
}

/// A call that is going on.
pub(super) struct Run<'a> {
    pub(super) sender: &'a WebhookSender,
    pub(super) script: &'a CallScript,
    pub(super) call: CallLeg,
    pub(super) steps: Vec<Step>,
    /// Callbacks that arrive after the call, upset.
    pub(super) kept_callbacks: Vec<Webhook>,
    /// Callbacks that arrive after the next document was fetched.
    pub(super) late_callbacks: Vec<Webhook>,
    /// Whether the caller's leg was answered, and when.
    pub(super) answered_at: Option<u32>,
    /// Seconds since the call came in.
    pub(super) elapsed: u32,
    /// The URL of the document that is executed.
    pub(super) document_url: String,
    pub(super) keys_used: usize,
    /// What `<Dial>` recorded; the call's end tells of it.
    pub(super) dial_recording: Option<Recording>,
    started: Timestamp,
}

/// What a verb leads to.
pub(super) enum Next {
    /// The next verb.
    Verb,
    /// Another document.
    Document(Fetch),
    /// The end.
    End(Ending),
}

/// A request for a document.
pub(super) struct Fetch {
    pub(super) purpose: Purpose,
    pub(super) link: Link,
    /// What is sent besides the call's own parameters.
    pub(super) extra: Parameters,
    /// Who has hung up already: then the answer has no effect.
    pub(super) after_hangup: Option<Party>,
}

impl<'a> Run<'a> {
    fn new(sender: &'a WebhookSender, script: &'a CallScript) -> Self {
        let account = sender.account().sid.clone();
        let sid = sender.sids().call();
        let call = script.origin.leg(account, sid);
        let ringing = Step::Status {
            leg: call.sid.clone(),
            target: None,
            status: CallStatus::Ringing,
        };
        Self {
            sender,
            script,
            call,
            steps: vec![ringing],
            kept_callbacks: Vec::new(),
            late_callbacks: Vec::new(),
            answered_at: None,
            elapsed: 0,
            document_url: script.voice_url.clone(),
            keys_used: 0,
            dial_recording: None,
            started: script.starts_at.unwrap_or_else(|| Clock::system().now()),
        }
    }

    /// The time in the story.
    pub(super) fn now(&self) -> Timestamp {
        self.started
            .checked_add(i64::from(self.elapsed).seconds())
            .unwrap_or(Timestamp::MAX)
    }

    pub(super) fn pass(&mut self, seconds: u32) {
        self.elapsed = self.elapsed.saturating_add(seconds);
    }

    /// Twilio picks up the caller's leg.
    pub(super) fn answer(&mut self) {
        if self.answered_at.is_none() {
            self.answered_at = Some(self.elapsed);
            self.steps.push(Step::Status {
                leg: self.call.sid.clone(),
                target: None,
                status: CallStatus::InProgress,
            });
        }
    }

    /// Where the call is while it goes on.
    pub(super) fn status(&self) -> CallStatus {
        if self.answered_at.is_some() {
            CallStatus::InProgress
        } else {
            CallStatus::Ringing
        }
    }

    /// Where the call is once nobody is on it any more.
    pub(super) fn final_status(&self) -> CallStatus {
        if self.answered_at.is_some() {
            CallStatus::Completed
        } else {
            CallStatus::NoAnswer
        }
    }

    /// A URL of the document made absolute. What cannot be is a warning.
    pub(super) fn resolve(&mut self, url: &str) -> Option<String> {
        let resolved = absolute(&self.document_url, url);
        if resolved.is_none() {
            let message = format!("`{url}` is no URL");
            self.steps.push(Step::Warning(Warning {
                code: 11_100,
                message,
            }));
        }
        resolved
    }

    async fn documents(&mut self) -> Ending {
        let link = Link {
            url: self.script.voice_url.clone(),
            method: Method::Post,
        };
        let mut fetch = Fetch {
            purpose: Purpose::IncomingCall,
            link,
            extra: Parameters::new(),
            after_hangup: None,
        };
        for _ in 0..self.script.most_documents {
            match self.document(fetch).await {
                Next::Document(next) => fetch = next,
                Next::End(ending) => return ending,
                Next::Verb => return Ending::Finished,
            }
        }
        Ending::TooManyDocuments
    }

    async fn document(&mut self, fetch: Fetch) -> Next {
        let Some(url) = self.resolve(&fetch.link.url) else {
            return Next::End(Ending::ApplicationError);
        };
        let status = match fetch.after_hangup {
            Some(_) => self.final_status(),
            None => self.status(),
        };
        let parameters = self.call.parameters(status).and(&fetch.extra);
        let mut webhook = Webhook::new(fetch.purpose, url.clone(), parameters);
        webhook.method = fetch.link.method;
        // A failure that nobody is left to hear of needs no fallback.
        if fetch.after_hangup.is_none() {
            webhook.fallback_url.clone_from(&self.script.fallback_url);
        }
        let exchange = self.sender.deliver(&webhook).await;
        let outcome = exchange
            .document()
            .map(|(document, url)| (document.clone(), url.to_owned()));
        let judged = exchange
            .fallback
            .as_ref()
            .map_or(&exchange.judgement, |fallback| &fallback.judgement);
        let spoken = match judged {
            Judgement::PlainText(text) => Some(text.clone()),
            _ => None,
        };
        let has_fallen_back = exchange.fallback.is_some();
        self.steps.push(Step::Webhook(Box::new(exchange)));
        self.report_late().await;
        if let Some(party) = fetch.after_hangup {
            return Next::End(Ending::HungUp(party));
        }
        match (outcome, spoken) {
            (Some((document, answered_url)), _) => {
                // A GET carries the call's parameters in its query, which are no part of the document's URL.
                let is_bare = webhook.method == Method::Get && !has_fallen_back;
                self.document_url = if is_bare { url } else { answered_url };
                self.execute(document).await
            }
            (None, Some(text)) => {
                self.answer();
                let message = "the answer is text/plain, which is read aloud".to_owned();
                self.steps.push(Step::Warning(Warning {
                    code: 12_300,
                    message,
                }));
                self.steps.push(Step::Said {
                    text,
                    language: None,
                });
                Next::End(Ending::Finished)
            }
            (None, None) => Next::End(Ending::ApplicationError),
        }
    }

    async fn execute(&mut self, document: Document) -> Next {
        self.steps
            .extend(document.warnings.into_iter().map(Step::Warning));
        for (place, verb) in document.verbs.into_iter().enumerate() {
            let next = match verb {
                Verb::Reject(reason) if self.answered_at.is_none() && place == 0 => {
                    self.reject(reason)
                }
                Verb::Reject(_) => {
                    let message =
                        "<Reject> works only as the first verb of a call that is not answered"
                            .to_owned();
                    self.steps.push(Step::Warning(Warning {
                        code: 12_200,
                        message,
                    }));
                    Next::Verb
                }
                Verb::Hangup => Next::End(Ending::Finished),
                Verb::Redirect(link) => Next::Document(Fetch {
                    purpose: Purpose::CallRedirect,
                    link,
                    extra: Parameters::new(),
                    after_hangup: None,
                }),
                Verb::Dial(dial) => {
                    // Twilio can hold back the answer only while nothing has been heard yet.
                    if !(dial.answer_on_bridge && place == 0) {
                        self.answer();
                    }
                    self.dial(dial).await
                }
                Verb::Record(record) => {
                    self.answer();
                    self.record(record).await
                }
                Verb::Gather(gather) => {
                    self.answer();
                    self.gather(gather)
                }
                prompt @ (Verb::Say(_) | Verb::Play(_) | Verb::Pause(_)) => {
                    self.answer();
                    self.prompt(prompt);
                    Next::Verb
                }
                Verb::Message(_) => Next::Verb,
                Verb::NotSimulated(name) => {
                    self.answer();
                    self.steps.push(Step::NotSimulated(format!("<{name}>")));
                    Next::Verb
                }
            };
            if !matches!(next, Next::Verb) {
                return next;
            }
        }
        Next::End(Ending::Finished)
    }

    fn reject(&mut self, reason: RejectReason) -> Next {
        self.steps.push(Step::Rejected(reason));
        Next::End(Ending::Rejected)
    }

    async fn end(mut self, ending: Ending) -> Story {
        if ending == Ending::ApplicationError {
            // Twilio picks up to say so.
            self.answer();
        }
        let rejected_as_busy = self
            .steps
            .iter()
            .any(|step| matches!(step, Step::Rejected(RejectReason::Busy)));
        let status = match ending {
            Ending::Rejected if rejected_as_busy => CallStatus::Busy,
            Ending::Rejected => CallStatus::Failed,
            _ => self.final_status(),
        };
        self.report_late().await;
        self.steps.push(Step::Ended(ending));
        let seconds = self
            .answered_at
            .map_or(0, |answered| self.elapsed.saturating_sub(answered));
        self.steps.push(Step::Status {
            leg: self.call.sid.clone(),
            target: None,
            status,
        });
        if let Some(url) = &self.script.status_url {
            let time = self.now();
            let progress = CallProgress {
                status,
                time,
                sequence: 0,
                seconds: Some(seconds),
                recording: self.dial_recording.clone(),
            };
            let parameters = progress.parameters(&self.call);
            self.report(Webhook::new(Purpose::CallStatus, url.clone(), parameters))
                .await;
        }
        self.report_kept().await;
        Story {
            call: self.call.sid,
            steps: self.steps,
            status,
            ending,
            seconds,
        }
    }
}

/// `url` as seen from the document at `base`. An absolute URL stays byte for byte; nothing stands for the document itself.
pub(crate) fn absolute(base: &str, url: &str) -> Option<String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Some(url.to_owned());
    }
    if url.is_empty() {
        return Some(base.to_owned());
    }
    let resolved = reqwest::Url::parse(base)
        .and_then(|base| base.join(url))
        .ok()?;
    Some(resolved.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_relative_to_the_document() {
        let base = "http://127.0.0.1:9000/voice/dial?account=AC1";
        let cases = [
            (
                "status?account=AC1",
                "http://127.0.0.1:9000/voice/status?account=AC1",
            ),
            ("/voice", "http://127.0.0.1:9000/voice"),
            (
                "?account=AC2",
                "http://127.0.0.1:9000/voice/dial?account=AC2",
            ),
            ("//other/x", "http://other/x"),
            ("https://h/a b", "https://h/a b"),
            ("", base),
            ("x#rc=3&rp=5xx", "http://127.0.0.1:9000/voice/x#rc=3&rp=5xx"),
        ];
        for (link, expected) in cases {
            assert_eq!(absolute(base, link).as_deref(), Some(expected), "{link}");
        }
    }
}
