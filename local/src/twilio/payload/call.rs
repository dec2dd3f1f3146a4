//! Calls: the parameters of every document request, of a dial's result, and of status callbacks.

use std::fmt;

use jiff::Timestamp;
use shared::sid::{AccountSid, CallSid};

use super::message::place;
use super::{API_VERSION, rfc2822};
use crate::twilio::parameters::Parameters;

/// Where a call or leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallStatus {
    /// Waits to be made.
    Queued,
    /// Was begun.
    Initiated,
    /// Rings.
    Ringing,
    /// Was answered.
    InProgress,
    /// Was answered and ended.
    Completed,
    /// The other end was busy.
    Busy,
    /// Could not be made.
    Failed,
    /// Nobody answered.
    NoAnswer,
    /// Was given up before an answer.
    Canceled,
}

impl CallStatus {
    /// The value of `CallStatus` and `DialCallStatus`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "in-progress",
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::NoAnswer => "no-answer",
            Self::Canceled => "canceled",
        }
    }

    /// The name under which a status callback asks for it.
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Self::Queued | Self::Initiated => "initiated",
            Self::Ringing => "ringing",
            Self::InProgress => "answered",
            _ => "completed",
        }
    }

    /// The SIP response that Twilio reports at the end.
    #[must_use]
    pub(crate) const fn sip_response(self) -> &'static str {
        match self {
            Self::Busy => "486",
            Self::NoAnswer | Self::Canceled => "487",
            Self::Failed => "404",
            _ => "200",
        }
    }
}

impl fmt::Display for CallStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Who made a call or leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A caller, or a browser (which dials out, but comes in at Twilio).
    Inbound,
    /// The REST API.
    OutboundApi,
    /// A `<Dial>`.
    OutboundDial,
}

impl Direction {
    /// The value of `Direction`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::OutboundApi => "outbound-api",
            Self::OutboundDial => "outbound-dial",
        }
    }
}

/// A call, or one leg of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLeg {
    /// Whose call it is.
    pub account: AccountSid,
    /// Its SID.
    pub sid: CallSid,
    /// The call that dialled this leg.
    pub parent: Option<CallSid>,
    /// Who calls.
    pub from: String,
    /// Who is called; empty if a browser does not say.
    pub to: String,
    /// Who made it.
    pub direction: Direction,
    /// The TwiML App through which a browser called.
    pub application: Option<String>,
    /// What a browser sends besides, each under its own name.
    pub custom: Parameters,
    /// Proof of the caller's identity that may be passed on.
    pub token: Option<String>,
}

impl CallLeg {
    /// A call from the public network to a number of the account.
    #[must_use]
    pub fn inbound(account: AccountSid, sid: CallSid, from: &str, to: &str) -> Self {
        let token = Some(format!("%7B%22parentCallInfoToken%22%3A%22{sid}%22%7D"));
        Self {
            account,
            sid,
            parent: None,
            from: from.to_owned(),
            to: to.to_owned(),
            direction: Direction::Inbound,
            application: None,
            custom: Parameters::new(),
            token,
        }
    }

    /// A call from a browser through a TwiML App. `to` is what the browser sent under that name: empty if nothing, and as
    /// hostile as a browser can be.
    #[must_use]
    pub fn from_browser(
        account: AccountSid,
        sid: CallSid,
        identity: &str,
        to: &str,
        application: &str,
    ) -> Self {
        let mut leg = Self::inbound(account, sid, &format!("client:{identity}"), to);
        leg.application = Some(application.to_owned());
        leg
    }

    /// A leg that this call dials.
    #[must_use]
    pub fn child(&self, sid: CallSid, from: &str, to: &str) -> Self {
        Self {
            account: self.account.clone(),
            sid,
            parent: Some(self.sid.clone()),
            from: from.to_owned(),
            to: to.to_owned(),
            direction: Direction::OutboundDial,
            application: None,
            custom: Parameters::new(),
            token: None,
        }
    }

    /// What Twilio sends with every request for a document.
    #[must_use]
    pub fn parameters(&self, status: CallStatus) -> Parameters {
        let is_from_browser = self.from.starts_with("client:");
        let base = Parameters::new()
            .with("AccountSid", self.account.as_str())
            .with("ApiVersion", API_VERSION)
            .with_optional("ApplicationSid", self.application.as_ref())
            .with("CallSid", self.sid.as_str())
            .with("CallStatus", status.as_str())
            .with_optional("CallToken", self.token.as_ref())
            .with(
                "Called",
                if is_from_browser && self.parent.is_none() {
                    ""
                } else {
                    &self.to
                },
            )
            .with("Caller", &self.from)
            .with("Direction", self.direction.as_str())
            .with("From", &self.from)
            .with_optional("ParentCallSid", self.parent.as_ref().map(CallSid::as_str))
            .with("To", &self.to);
        let is_attested = self.parent.is_none() && !is_from_browser && self.from.starts_with('+');
        let base = base.with_optional(
            "StirVerstat",
            is_attested.then_some("TN-Validation-Passed-A"),
        );
        if is_from_browser {
            return base.and(&self.custom);
        }
        base.and(&place("Called", &self.to))
            .and(&place("Caller", &self.from))
            .and(&place("From", &self.from))
            .and(&place("To", &self.to))
            .and(&self.custom)
    }
}

/// A status callback of a call or leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallProgress {
    /// The new status.
    pub status: CallStatus,
    /// When it began.
    pub time: Timestamp,
    /// How many callbacks of this leg came before.
    pub sequence: u32,
    /// How long it was answered, in seconds; only at the end.
    pub seconds: Option<u32>,
    /// What was recorded, if Twilio recorded the whole call.
    pub recording: Option<super::Recording>,
}

impl CallProgress {
    /// What Twilio sends about `leg`.
    #[must_use]
    pub fn parameters(&self, leg: &CallLeg) -> Parameters {
        let mut parameters = leg.parameters(self.status);
        parameters.remove("CallToken");
        let mut parameters = parameters
            .with("Timestamp", rfc2822(self.time))
            .with("CallbackSource", "call-progress-events")
            .with("SequenceNumber", self.sequence.to_string());
        if self.status.event() == "completed" {
            let seconds = self.seconds.unwrap_or(0);
            // `Duration` is what is billed, in minutes.
            parameters = parameters
                .with("CallDuration", seconds.to_string())
                .with("Duration", seconds.div_ceil(60).to_string())
                .with("SipResponseCode", self.status.sip_response());
        }
        match &self.recording {
            None => parameters,
            Some(recording) => parameters
                .with("RecordingUrl", recording.url())
                .with("RecordingSid", recording.sid.as_str())
                .with("RecordingDuration", recording.seconds.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twilio::sids::SidSupply;

    fn names(parameters: &Parameters) -> String {
        let mut names: Vec<&str> = parameters.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.join(" ")
    }

    fn inbound() -> CallLeg {
        let sids = SidSupply::seeded(1);
        CallLeg::inbound(
            sids.sid("AC").parse().unwrap(),
            sids.call(),
            "+15005550010",
            "+15005550006",
        )
    }

    #[test]
    fn an_inbound_call_has_the_parameters_that_twilio_sends() {
        assert_eq!(
            names(&inbound().parameters(CallStatus::Ringing)),
            "AccountSid ApiVersion CallSid CallStatus CallToken Called CalledCity CalledCountry CalledState CalledZip \
             Caller CallerCity CallerCountry CallerState CallerZip Direction From FromCity FromCountry FromState \
             FromZip StirVerstat To ToCity ToCountry ToState ToZip"
        );
    }

    #[test]
    fn a_browser_calls_as_a_client_and_sends_what_it_likes() {
        let sids = SidSupply::seeded(1);
        let account = sids.sid("AC").parse().unwrap();
        let mut leg = CallLeg::from_browser(
            account,
            sids.call(),
            "agent_1",
            "+15005550010",
            &sids.sid("AP"),
        );
        leg.custom = Parameters::new().with("lead", "42");
        let parameters = leg.parameters(CallStatus::Ringing);
        assert_eq!(
            names(&parameters),
            "AccountSid ApiVersion ApplicationSid CallSid CallStatus CallToken Called Caller Direction From To lead"
        );
        assert_eq!(parameters.get("From"), Some("client:agent_1"));
        assert_eq!(parameters.get("Called"), Some(""));
        assert_eq!(parameters.get("Direction"), Some("inbound"));
    }

    #[test]
    fn the_end_of_a_leg_tells_seconds_and_billed_minutes() {
        let parent = inbound();
        let leg = parent.child(SidSupply::seeded(2).call(), "+15005550006", "+15005550010");
        let time = "2021-08-20T01:13:42Z".parse().unwrap();
        let status = CallStatus::Completed;
        let progress = CallProgress {
            status,
            time,
            sequence: 3,
            seconds: Some(61),
            recording: None,
        };
        let parameters = progress.parameters(&leg);
        let expected = [
            ("ParentCallSid", parent.sid.as_str()),
            ("CallDuration", "61"),
            ("Duration", "2"),
            ("Timestamp", "Fri, 20 Aug 2021 01:13:42 +0000"),
            ("SequenceNumber", "3"),
            ("SipResponseCode", "200"),
            ("Direction", "outbound-dial"),
        ];
        for (name, value) in expected {
            assert_eq!(parameters.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn a_status_before_the_end_has_no_duration() {
        let time = Timestamp::UNIX_EPOCH;
        let status = CallStatus::InProgress;
        let progress = CallProgress {
            status,
            time,
            sequence: 2,
            seconds: None,
            recording: None,
        };
        let parameters = progress.parameters(&inbound());
        assert_eq!(parameters.get("CallStatus"), Some("in-progress"));
        assert_eq!(
            (parameters.get("CallDuration"), parameters.get("Duration")),
            (None, None)
        );
    }
}
