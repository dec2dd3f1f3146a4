//! The answer to a webhook, with what the log says of it.

use std::time::Duration;

use lambda_http::http::StatusCode;
use tracing::{error, info, warn};

use super::Refusal;
use crate::activity::Route;
use crate::cache::Source;
use crate::http::Reply;
use crate::telemetry::metrics::{WEBHOOK, one_if};
use crate::telemetry::{AwsCalls, aws_calls};
use crate::tenant::TenantId;

/// An answer, and what the log says of how it came about.
pub struct Answer {
    pub(super) reply: Reply,
    pub(super) refusal: Option<Refusal>,
    pub(super) trace: Trace,
}

/// What the log says of a webhook besides its answer.
#[derive(Default)]
pub(super) struct Trace {
    /// The tenant that the webhook claims to be of; true only of an answer that is no refusal.
    pub(super) claimed: Option<TenantId>,
    /// Where its holder's credentials came from, once they are there.
    pub(super) credentials: Option<Source>,
    /// Why it was put aside, if it was.
    pub(super) put_aside: Option<PutAside>,
    /// Whether it is answered with the tenant's auto-reply.
    pub(super) is_auto_reply: bool,
}

/// Why a webhook was put aside instead of stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PutAside {
    /// Its tenant is past the limit of its minute.
    Limit,
    /// The store did not take it in time.
    Outage,
}

impl PutAside {
    fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Outage => "outage",
        }
    }
}

impl Answer {
    /// An answer that needs no webhook to be taken.
    #[must_use]
    pub fn of(reply: Reply) -> Self {
        Self {
            reply,
            refusal: None,
            trace: Trace::default(),
        }
    }

    /// What Twilio is answered.
    #[must_use]
    pub fn reply(&self) -> &Reply {
        &self.reply
    }

    /// A refusal.
    #[must_use]
    pub fn refused(refusal: Refusal) -> Self {
        Self {
            reply: refusal.reply(),
            refusal: Some(refusal),
            trace: Trace::default(),
        }
    }

    /// Writes the one event of the invocation, with its metrics. Only known routes are named: any other path may hold anything.
    pub(super) fn log(&self, route: Option<Route>, took: Duration, cold_start: bool) {
        let status = self.reply.status();
        let route = route.map_or("-", Route::path);
        let tenant_id = self.trace.claimed.as_ref().map(TenantId::as_str);
        let reason = self.refusal.as_ref().map(ToString::to_string);
        let duration_ms = took.as_micros().min(u128::from(u32::MAX)) as f64 / 1_000.0;
        let status_code = status.as_u16();
        let Trace {
            credentials,
            put_aside,
            ..
        } = self.trace;
        let is_signature = matches!(self.refusal, Some(Refusal::Signature(_)));
        let AwsCalls {
            store_calls,
            store_failures,
            kms_calls,
            kms_failures,
            denied,
            unopened,
        } = aws_calls();
        macro_rules! event {
            ($level:ident, $message:literal) => {
                $level!(
                    target: WEBHOOK,
                    tenant_id,
                    route,
                    status = status_code,
                    reason,
                    duration_ms,
                    cold_start,
                    credentials = credentials.map(Source::as_str),
                    put_aside = put_aside.map(PutAside::as_str),
                    answered = one_if(status.is_success()),
                    refused = one_if(status.is_client_error() && status != StatusCode::FORBIDDEN),
                    unverified = one_if(status == StatusCode::FORBIDDEN),
                    // Its holder was found, so that somebody is who signs otherwise.
                    wrongly_signed = one_if(is_signature && tenant_id.is_some()),
                    // Of these two, zeros count: their averages are rates.
                    unavailable = u64::from(status.is_server_error()),
                    cache_hits = credentials.map(|source| u64::from(source != Source::Loaded)),
                    put_aside_at_limit = one_if(put_aside == Some(PutAside::Limit)),
                    put_aside_in_outage = one_if(put_aside == Some(PutAside::Outage)),
                    served_stale = one_if(credentials == Some(Source::Stale)),
                    auto_replies = one_if(self.trace.is_auto_reply),
                    cold_starts = one_if(cold_start),
                    store_calls,
                    store_failures,
                    kms_calls,
                    kms_failures,
                    denied,
                    unopened,
                    $message
                )
            };
        }
        match status {
            status if status.is_server_error() => event!(error, "webhook not taken"),
            status if status.is_client_error() => event!(warn, "webhook refused"),
            _ => event!(info, "webhook answered"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::telemetry::captured;

    /// The metrics of an answer's line, by name, with what the log says of them.
    fn metrics_of(answer: &Answer) -> Value {
        captured::begin();
        answer.log(Some(Route::Sms), Duration::from_micros(1_500), true);
        let lines = captured::lines();
        let [line] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
        let names = metrics.unwrap().iter().map(|metric| &metric["Name"]);
        let names = names.filter_map(|name| name.as_str());
        // Those of calls are the process's, in which other tests run at the same time.
        let names = names.filter(|name| {
            let is_of_calls = ["_calls", "_failures", "denied", "unopened"];
            !is_of_calls.iter().any(|end| name.ends_with(end))
        });
        let metrics = names.map(|name| (name.to_owned(), line[name].clone()));
        Value::Object(metrics.collect())
    }

    #[test]
    fn a_tenant_that_is_served_as_it_was_known_is_counted_and_is_in_memory() {
        let mut answer = Answer::of(Reply::no_content());
        answer.trace.credentials = Some(Source::Stale);
        let expected = json!({
            "duration_ms": 1.5, "answered": 1, "unavailable": 0, "cache_hits": 1, "served_stale": 1, "cold_starts": 1,
        });
        assert_eq!(metrics_of(&answer), expected);
    }

    #[test]
    fn a_wrong_signature_is_one_of_a_tenant_only_when_somebody_holds_the_account() {
        use crate::twilio::signature::SignatureError;
        let mut answer = Answer::refused(Refusal::Signature(SignatureError::Mismatch));
        let of_nobody = metrics_of(&answer);
        assert_eq!(
            (&of_nobody["unverified"], &of_nobody["wrongly_signed"]),
            (&json!(1), &Value::Null)
        );
        answer.trace.claimed = Some("acme".parse().unwrap());
        answer.trace.credentials = Some(Source::Loaded);
        let of_acme = metrics_of(&answer);
        assert_eq!(
            (&of_acme["wrongly_signed"], &of_acme["cache_hits"]),
            (&json!(1), &json!(0))
        );
    }
}
