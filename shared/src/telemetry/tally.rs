//! What a process asked of AWS since it last logged how an invocation ended.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use super::metrics::counted;

/// The calls of this process that no line has counted yet. One for all that are under way: of two invocations at once, one may
/// count a call of the other's, and the sum is right.
pub(crate) static TALLY: Tally = Tally {
    store: Calls::none(),
    kms: Calls::none(),
    denied: AtomicUsize::new(0),
    unopened: AtomicUsize::new(0),
};

/// Calls by service, and what of them is nobody's outage.
pub(crate) struct Tally {
    pub(crate) store: Calls,
    pub(crate) kms: Calls,
    /// Calls that IAM, or a key's policy, did not allow.
    denied: AtomicUsize,
    /// Sealed messages that do not open.
    pub(crate) unopened: AtomicUsize,
}

/// Calls of one service: every attempt is one.
#[derive(Debug)]
pub(crate) struct Calls {
    made: AtomicUsize,
    failed: AtomicUsize,
}

/// What a line says of the calls to AWS: nothing of what there was none of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwsCalls {
    /// Calls of `DynamoDB`.
    pub store_calls: Option<u64>,
    /// Those of them that failed; a condition that did not hold is no failure.
    pub store_failures: Option<u64>,
    /// Calls of KMS.
    pub kms_calls: Option<u64>,
    /// Those of them that failed.
    pub kms_failures: Option<u64>,
    /// Calls of either that IAM, or a key's policy, did not allow.
    pub denied: Option<u64>,
    /// Sealed messages that do not open, though KMS could be asked.
    pub unopened: Option<u64>,
}

/// The calls of this process that no line has counted yet, to be logged with how an invocation ended.
#[must_use]
pub fn aws_calls() -> AwsCalls {
    TALLY.take()
}

impl Tally {
    /// Takes what was counted: the next line begins anew.
    fn take(&self) -> AwsCalls {
        let taken = |count: &AtomicUsize| counted(count.swap(0, Relaxed));
        AwsCalls {
            store_calls: taken(&self.store.made),
            store_failures: taken(&self.store.failed),
            kms_calls: taken(&self.kms.made),
            kms_failures: taken(&self.kms.failed),
            denied: taken(&self.denied),
            unopened: taken(&self.unopened),
        }
    }
}

impl Calls {
    const fn none() -> Self {
        Self {
            made: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
        }
    }

    /// Counts the calls of a client that this is added to.
    pub(crate) const fn counted(&'static self) -> CountsCalls {
        CountsCalls(self)
    }
}

/// What a client counts its calls with.
#[derive(Debug)]
pub(crate) struct CountsCalls(&'static Calls);

#[dyn_dispatch_hint]
impl Intercept for CountsCalls {
    fn name(&self) -> &'static str {
        "CountsCalls"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.made.fetch_add(1, Relaxed);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_failed = context
            .output_or_error()
            .is_none_or(|answer| answer.is_err());
        if is_failed && !context.response().is_some_and(is_condition) {
            self.0.failed.fetch_add(1, Relaxed);
        }
        if context.response().is_some_and(is_denial) {
            TALLY.denied.fetch_add(1, Relaxed);
        }
        Ok(())
    }
}

/// Whether a service answers that the caller may not do this.
fn is_denial(response: &HttpResponse) -> bool {
    let body = response.body().bytes().unwrap_or_default();
    let code = b"AccessDeniedException";
    response.status().as_u16() == 400 && body.windows(code.len()).any(|part| part == code)
}

/// Whether a store answers that a condition does not hold, which is what conditions are for.
fn is_condition(response: &HttpResponse) -> bool {
    let body = response.body().bytes().unwrap_or_default();
    let says = |code: &str| body.windows(code.len()).any(|part| part == code.as_bytes());
    response.status().as_u16() == 400
        && (says("ConditionalCheckFailedException")
            || says("TransactionCanceledException") && !says("ThrottlingError"))
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn what_was_taken_is_not_counted_twice_and_nothing_is_said_of_none() {
        let tally = Tally {
            store: Calls::none(),
            kms: Calls::none(),
            denied: AtomicUsize::new(0),
            unopened: AtomicUsize::new(2),
        };
        tally.store.made.fetch_add(3, Relaxed);
        tally.kms.failed.fetch_add(1, Relaxed);
        let expected = AwsCalls {
            store_calls: Some(3),
            store_failures: None,
            kms_calls: None,
            kms_failures: Some(1),
            denied: None,
            unopened: Some(2),
        };
        assert_eq!(tally.take(), expected);
        assert_eq!(tally.take().store_calls, None);
    }

    #[test]
    fn what_a_policy_does_not_allow_is_a_denial_and_nothing_else() {
        let of = |status: u16, body: &'static str| {
            is_denial(&HttpResponse::new(
                status.try_into().unwrap(),
                SdkBody::from(body),
            ))
        };
        assert!(of(
            400,
            r#"{"__type":"com.amazon.coral.service#AccessDeniedException"}"#
        ));
        assert!(!of(400, r#"{"__type":"DisabledException"}"#));
        assert!(!of(503, "AccessDeniedException"));
        assert!(!of(200, "AccessDeniedException"));
    }

    #[test]
    fn a_condition_that_does_not_hold_is_no_failure_and_everything_else_is() {
        let of = |status: u16, body: &'static str| {
            is_condition(&HttpResponse::new(
                status.try_into().unwrap(),
                SdkBody::from(body),
            ))
        };
        let condition =
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}"#;
        assert!(of(400, condition));
        assert!(!of(500, condition));
        let cancelled = r#"{"__type":"x#TransactionCanceledException","CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed"}]}"#;
        assert!(of(400, cancelled));
        assert!(!of(
            400,
            r#"{"__type":"x#TransactionCanceledException","CancellationReasons":[{"Code":"ThrottlingError"}]}"#
        ));
        assert!(!of(400, r#"{"__type":"x#AccessDeniedException"}"#));
        assert!(!of(400, ""));
    }
}
