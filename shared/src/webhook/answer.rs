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
                    unavailable = one_if(status.is_server_error()),
                    put_aside_at_limit = one_if(put_aside == Some(PutAside::Limit)),
                    put_aside_in_outage = one_if(put_aside == Some(PutAside::Outage)),
                    cache_hits = one_if(matches!(credentials, Some(Source::Memory | Source::Stale))),
                    cache_misses = one_if(credentials == Some(Source::Loaded)),
                    served_stale = one_if(credentials == Some(Source::Stale)),
                    auto_replies = one_if(self.trace.is_auto_reply),
                    cold_starts = one_if(cold_start),
                    store_calls,
                    store_failures,
                    kms_calls,
                    kms_failures,
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
