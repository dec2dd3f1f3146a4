//! One callback, as it is kept.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Group, MalformedWebhook, Resource, Route};
use crate::twilio::Parameters;

/// Parameters that are not kept: twins of others, what every webhook repeats, and tokens that let their holder act.
const LEFT_OUT: &[&str] = &[
    "AccountSid",
    "ApiVersion",
    "CallToken",
    "Called",
    "CalledCity",
    "CalledCountry",
    "CalledState",
    "CalledZip",
    "Caller",
    "CallerCity",
    "CallerCountry",
    "CallerState",
    "CallerZip",
    "SmsMessageSid",
    "SmsSid",
    "SmsStatus",
    "StirPassportToken",
];

/// One verified callback: by which route, when first heard, and its parameters.
///
/// Facts are grown, never changed. Its [`Fact::id`] is made of the route and the parameters alone, so that a repeated
/// delivery is the same fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is about.
    pub resource: Resource,
    /// The route it came by.
    pub route: Route,
    /// When it was first received.
    pub received_at: Timestamp,
    /// Twilio's parameters under Twilio's names, without empty ones and those that are not kept.
    pub parameters: BTreeMap<String, String>,
}

impl Fact {
    /// Takes what is kept of a webhook. Of a repeated parameter the first value counts.
    ///
    /// # Errors
    /// When the webhook does not name the resource that its route is about.
    pub fn new(
        route: Route,
        parameters: &Parameters<'_>,
        received_at: Timestamp,
    ) -> Result<Self, MalformedWebhook> {
        let resource = resource(route, parameters)?;
        let mut kept = BTreeMap::new();
        for (name, value) in parameters.iter() {
            if !value.is_empty() && !LEFT_OUT.contains(&name) {
                kept.entry(name.to_owned())
                    .or_insert_with(|| value.to_owned());
            }
        }
        Ok(Self {
            resource,
            route,
            received_at,
            parameters: kept,
        })
    }

    /// 96 bits of SHA-256 over route and parameters: the same for every delivery of the same callback.
    #[must_use]
    pub fn id(&self) -> String {
        let mut digest = Sha256::new();
        let mut feed = |text: &str| {
            // Lengths first, so that no two sets of parameters run together.
            digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(text);
        };
        feed(self.route.path());
        for (name, value) in &self.parameters {
            feed(name);
            feed(value);
        }
        let digest = digest.finalize();
        URL_SAFE_NO_PAD.encode(digest.get(..12).unwrap_or_default())
    }

    /// A parameter, if it came and was not empty.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// What the resource is listed with. Every fact of a resource says the same.
    #[must_use]
    pub fn group(&self) -> Option<Group> {
        match (&self.resource, self.route) {
            (Resource::Message(_), Route::SmsStatus | Route::WhatsappStatus) => self
                .parameter("To")
                .map(|to| Group::Conversation(to.to_owned())),
            (Resource::Message(_), _) => self
                .parameter("From")
                .map(|from| Group::Conversation(from.to_owned())),
            (Resource::Call(_), _) => self
                .parameter("ParentCallSid")
                .map(|parent| Group::Call(parent.to_owned())),
            (Resource::Recording(_), _) => self
                .parameter("CallSid")
                .map(|call| Group::Call(call.to_owned())),
        }
    }

    /// Whether the resource is listed by time on its own: all but the child legs of calls.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        !(matches!(self.resource, Resource::Call(_))
            && self.parameters.contains_key("ParentCallSid"))
    }

    /// What the history is ordered by: Twilio's own sequence and time where it gives them, then ours.
    fn position(&self) -> (Option<u32>, Option<Timestamp>, Timestamp) {
        let sequence = self
            .parameter("SequenceNumber")
            .and_then(|number| number.parse().ok());
        let time = self
            .parameter("Timestamp")
            .and_then(|text| rfc2822::parse(text).ok())
            .map(|time| time.timestamp());
        (sequence, time, self.received_at)
    }
}

fn resource(route: Route, parameters: &Parameters<'_>) -> Result<Resource, MalformedWebhook> {
    fn sid<S: std::str::FromStr>(
        parameters: &Parameters<'_>,
        parameter: &'static str,
    ) -> Result<S, MalformedWebhook> {
        let sid = parameters
            .first(parameter)
            .and_then(|text| text.parse().ok());
        sid.ok_or(MalformedWebhook { parameter })
    }
    match route {
        Route::Sms | Route::SmsStatus | Route::Whatsapp | Route::WhatsappStatus => {
            sid(parameters, "MessageSid").map(Resource::Message)
        }
        Route::Voice | Route::VoiceDial | Route::VoiceStatus => {
            sid(parameters, "CallSid").map(Resource::Call)
        }
        Route::VoiceRecording | Route::VoiceTranscription => {
            sid(parameters, "RecordingSid").map(Resource::Recording)
        }
        Route::VoiceVoicemail => voicemail(parameters),
    }
}

/// The request at the end of a `<Record>` names the recording by its URL alone, whose last segment is the SID; when nothing
/// was recorded it is about the call.
fn voicemail(parameters: &Parameters<'_>) -> Result<Resource, MalformedWebhook> {
    let named = parameters
        .first("RecordingSid")
        .filter(|sid| !sid.is_empty());
    let last_segment = parameters
        .first("RecordingUrl")
        .and_then(|url| url.rsplit('/').next());
    match named.or(last_segment).filter(|sid| !sid.is_empty()) {
        Some(sid) => sid
            .parse()
            .map(Resource::Recording)
            .map_err(|_| MalformedWebhook {
                parameter: "RecordingUrl",
            }),
        None => resource(Route::Voice, parameters),
    }
}

/// All facts of one resource, in order: the only thing that a state is derived from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History(Vec<Fact>);

impl History {
    /// Orders facts, and drops repeated ones.
    #[must_use]
    pub fn new(facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut facts: Vec<(String, Fact)> =
            facts.into_iter().map(|fact| (fact.id(), fact)).collect();
        facts.sort_by(|(left_id, left), (right_id, right)| {
            left_id
                .cmp(right_id)
                .then(left.received_at.cmp(&right.received_at))
        });
        facts.dedup_by(|(later, _), (earlier, _)| later == earlier);
        // Stable, so that facts without a position of their own keep the order of their ids.
        facts.sort_by_key(|(_, fact)| fact.position());
        Self(facts.into_iter().map(|(_, fact)| fact).collect())
    }

    /// The facts in order.
    pub fn iter(&self) -> impl Iterator<Item = &Fact> {
        self.0.iter()
    }

    /// The first value of a parameter in any fact; of several, the smallest, so that order does not matter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.0.iter().filter_map(|fact| fact.parameter(name)).min()
    }

    /// The largest of a parameter's values that are numbers.
    #[must_use]
    pub fn largest(&self, name: &str) -> Option<u32> {
        self.0
            .iter()
            .filter_map(|fact| fact.parameter(name)?.parse().ok())
            .max()
    }

    /// When the resource was first heard of.
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        self.0.iter().map(|fact| fact.received_at).min()
    }

    /// When something new was last heard of it.
    #[must_use]
    pub fn updated_at(&self) -> Option<Timestamp> {
        self.0.iter().map(|fact| fact.received_at).max()
    }
}
