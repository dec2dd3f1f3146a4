//! One callback, as it is kept.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::kept::{Kept, browsers};
use super::resource::CHILD_LEGS;
use super::{Group, MalformedWebhook, Resource, Route};
use crate::length_prefix::length_prefixed;
use crate::sid::{AccountSid, CallSid};
use crate::twilio::Parameters;

/// One verified callback: by which route, when first heard, and its parameters.
///
/// Facts are grown, never changed. Its [`Fact::id`] is made of the route and what is kept of the parameters alone, so that a
/// repeated delivery is the same fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is about.
    pub resource: Resource,
    /// The route it came by.
    pub route: Route,
    /// When it was first received.
    pub received_at: Timestamp,
    /// The account that the webhook was verified to be of; of a recording alone, which is asked for and deleted there. What was
    /// kept before it was told apart has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountSid>,
    /// Twilio's parameters under Twilio's names, without empty ones and those that are not kept.
    pub parameters: BTreeMap<String, String>,
    /// What the browser that makes a call passed along, under names that it chose. No state is derived from it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: BTreeMap<String, String>,
    /// The names of parameters of which only the start is kept.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub truncated: BTreeSet<String>,
    /// How many parameters there was no room for at all.
    #[serde(default, skip_serializing_if = "is_none")]
    pub dropped: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_none(count: &u32) -> bool {
    *count == 0
}

impl Fact {
    /// Takes what is kept of a webhook: 16 KB, of which the longest values are cut first. Of a repeated parameter the first
    /// value counts.
    ///
    /// # Errors
    /// When the webhook does not name the resource that its route is about.
    pub fn new(
        route: Route,
        parameters: &Parameters<'_>,
        received_at: Timestamp,
    ) -> Result<Self, MalformedWebhook> {
        if browsers(parameters).nth(1).is_some() {
            return Err(MalformedWebhook { parameter: "From" });
        }
        let resource = resource(route, parameters)?;
        let kept = Kept::of(route, parameters);
        Ok(Self {
            resource,
            route,
            received_at,
            account: None,
            parameters: kept.parameters,
            custom: kept.custom,
            truncated: kept.truncated,
            dropped: kept.dropped,
        })
    }

    /// The same with the account that its webhook was verified to be of, if that is kept of its resource. Its id stays.
    #[must_use]
    pub fn of_account(self, account: &AccountSid) -> Self {
        let account = matches!(self.resource, Resource::Recording(_)).then(|| account.clone());
        Self { account, ..self }
    }

    /// 96 bits of SHA-256 over the route and all that is kept: the same for every delivery of the same callback.
    #[must_use]
    pub fn id(&self) -> String {
        let mut digest = Sha256::new();
        let mut feed = |text: &str| length_prefixed([text], |bytes| digest.update(bytes));
        feed(self.route.path());
        for (name, value) in &self.parameters {
            feed(name);
            feed(value);
        }
        // No parameter's name is empty, so that what follows an empty one is no parameter.
        if !self.custom.is_empty() {
            feed("");
            feed("custom");
        }
        for (name, value) in &self.custom {
            feed(name);
            feed(value);
        }
        if !self.truncated.is_empty() || self.dropped > 0 {
            feed("");
            feed(&self.dropped.to_string());
        }
        for name in &self.truncated {
            feed(name);
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
            (Resource::Message(_), _) => self
                .far_end()
                .map(|address| Group::Conversation(address.to_owned())),
            (Resource::Call(_), _) => self.parent().map(Group::Call),
            (Resource::Recording(_), _) => self
                .parameter("CallSid")
                .and_then(|call| call.parse().ok())
                .map(Group::Call),
        }
    }

    /// The other end of a message: who wrote it, or whom it was sent to. A WhatsApp user without a visible number, whose `From`
    /// is left out, has an id.
    #[must_use]
    pub fn far_end(&self) -> Option<&str> {
        match self.route {
            Route::SmsStatus | Route::WhatsappStatus => self.parameter("To"),
            Route::Whatsapp => self
                .parameter("From")
                .or_else(|| self.parameter("ExternalUserId")),
            Route::Sms => self.parameter("From"),
            _ => None,
        }
    }

    /// The leg that dialled the leg that this is about. Only a dialled leg has one, and only its progress tells of it.
    #[must_use]
    pub fn parent(&self) -> Option<CallSid> {
        let is_dialled = self.parameter("Direction") != Some("inbound");
        self.parameter("ParentCallSid")
            .filter(|_| self.route == Route::VoiceStatus && is_dialled)
            .and_then(|parent| parent.parse().ok())
    }

    /// The list by time that the resource is in, one of `LISTINGS`: that of its kind, or that of child legs, which no list of
    /// calls shows. Whatever is kept is in one of them, so that a tenant's deletion finds it.
    #[must_use]
    pub fn listing(&self) -> &'static str {
        match self.parent() {
            Some(_) => CHILD_LEGS,
            None => self.resource.kind(),
        }
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

/// What a webhook is about. It was verified: it is refused only when there is nothing at all that it could be kept under.
fn resource(route: Route, parameters: &Parameters<'_>) -> Result<Resource, MalformedWebhook> {
    let malformed = |parameter| MalformedWebhook { parameter };
    let call = || sid(parameters, "CallSid").map(Resource::Call);
    let named = match route {
        Route::Sms | Route::SmsStatus | Route::Whatsapp | Route::WhatsappStatus => {
            ["MessageSid", "SmsMessageSid", "SmsSid"]
                .into_iter()
                .find_map(|name| sid(parameters, name))
                .map(Resource::Message)
                .ok_or("MessageSid")
        }
        Route::Voice | Route::VoiceDial | Route::VoiceStatus => call().ok_or("CallSid"),
        Route::VoiceRecording | Route::VoiceTranscription => {
            recording(parameters).or_else(call).ok_or("RecordingSid")
        }
        // When nothing was recorded it is about the call.
        Route::VoiceVoicemail => recording(parameters).or_else(call).ok_or("CallSid"),
    };
    named.map_err(malformed)
}

/// A recording by its SID, or by its URL: at Twilio the last segment is the SID, with or without an extension.
fn recording(parameters: &Parameters<'_>) -> Option<Resource> {
    let by_url = || {
        let url = parameters.first("RecordingUrl")?;
        let path = url.split(['?', '#']).next()?;
        let last_segment = path.rsplit('/').next()?;
        last_segment.split('.').next()?.parse().ok()
    };
    sid(parameters, "RecordingSid")
        .or_else(by_url)
        .map(Resource::Recording)
}

/// A SID. One that arrives with two values is none: a browser may have added the other, to file its call under another.
fn sid<S: std::str::FromStr>(parameters: &Parameters<'_>, name: &str) -> Option<S> {
    let first = parameters.first(name)?;
    let mut values = parameters.iter().filter(|(other, _)| *other == name);
    if values.any(|(_, value)| value != first) {
        return None;
    }
    first.parse().ok()
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

    /// The facts that came by a route, in order.
    pub fn by(&self, route: Route) -> impl Iterator<Item = &Fact> {
        self.iter().filter(move |fact| fact.route == route)
    }

    /// The first value of a parameter in any fact; of several, the smallest, so that order does not matter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.0.iter().filter_map(|fact| fact.parameter(name)).min()
    }

    /// The account that told of the resource; of several, the smallest, so that order does not matter.
    #[must_use]
    pub fn account(&self) -> Option<&AccountSid> {
        self.0.iter().filter_map(|fact| fact.account.as_ref()).min()
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
