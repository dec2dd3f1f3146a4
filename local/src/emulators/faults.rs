//! Faults that tests inject into an emulator, as AWS shows them: refusals, slowness, lost connections and answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::wire::Target;
use crate::iam::{Denial, Refusal};

/// An error answer of an AWS service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsError {
    /// The HTTP status.
    pub status: u16,
    /// The code by which SDKs know it.
    pub code: String,
    /// The sentence that comes with it.
    pub message: String,
}

impl AwsError {
    /// An error with any code.
    #[must_use]
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    /// A table or partition that gets more than its throughput. SDKs retry it.
    #[must_use]
    pub fn throughput_exceeded() -> Self {
        Self::new(
            400,
            "ProvisionedThroughputExceededException",
            "The level of configured provisioned throughput for the table was exceeded.",
        )
    }

    /// An account that calls more often than it may. SDKs retry it.
    #[must_use]
    pub fn throttled() -> Self {
        Self::new(400, "ThrottlingException", "Rate exceeded")
    }

    /// A fault of the service itself. SDKs retry it.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            500,
            "InternalServerError",
            "The request processing has failed.",
        )
    }

    /// A call that policies do not allow, and why. SDKs do not retry it.
    pub(crate) fn denied(denial: &Denial) -> Self {
        Self::new(400, "AccessDeniedException", denial.to_string())
    }

    /// A call by somebody who is not known. SDKs do not retry it.
    pub(crate) fn unknown_caller(refusal: Refusal) -> Self {
        let (code, message) = match refusal {
            Refusal::Missing => (
                "MissingAuthenticationTokenException",
                "Request is missing Authentication Token",
            ),
            Refusal::Unknown => (
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Refusal::Expired => (
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            Refusal::WrongSignature => (
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.",
            ),
        };
        Self::new(400, code, message)
    }

    /// A call that the caller's policy does not allow. SDKs do not retry it.
    #[must_use]
    pub fn access_denied() -> Self {
        Self::new(
            400,
            "AccessDeniedException",
            "User is not authorized to perform this action.",
        )
    }
}

/// Which calls a fault hits. Everything that is set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    operations: Vec<String>,
    resource: Option<String>,
    partition: Option<String>,
}

impl Matching {
    /// Every call.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// The calls of some operations.
    #[must_use]
    pub fn operations<'name>(operations: impl IntoIterator<Item = &'name str>) -> Self {
        let operations = operations.into_iter().map(str::to_owned).collect();
        Self {
            operations,
            ..Self::default()
        }
    }

    /// The calls of DynamoDB that write items.
    #[must_use]
    pub fn writes() -> Self {
        Self::operations([
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "BatchWriteItem",
            "TransactWriteItems",
        ])
    }

    /// The calls of DynamoDB that read items.
    #[must_use]
    pub fn reads() -> Self {
        Self::operations([
            "GetItem",
            "BatchGetItem",
            "Query",
            "Scan",
            "TransactGetItems",
        ])
    }

    /// Of these, only those about one table, queue or key.
    #[must_use]
    pub fn on(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// Of these, only those that touch a partition whose key begins with `prefix`.
    #[must_use]
    pub fn partition(mut self, prefix: impl Into<String>) -> Self {
        self.partition = Some(prefix.into());
        self
    }

    fn matches(&self, operation: &str, targets: &[Target]) -> bool {
        let operations =
            self.operations.is_empty() || self.operations.iter().any(|one| one == operation);
        let open = self.resource.is_none() && self.partition.is_none();
        operations
            && (open
                || targets.iter().any(|target| {
                    let resource = self
                        .resource
                        .as_ref()
                        .is_none_or(|name| target.resource == *name);
                    let partition = self.partition.as_ref().is_none_or(|prefix| {
                        target
                            .partition
                            .as_ref()
                            .is_some_and(|key| key.starts_with(prefix.as_str()))
                    });
                    resource && partition
                }))
    }
}

/// What happens to a call that is hit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It is not done, and answered with an error.
    Refuse(AwsError),
    /// It is done after a while.
    Delay(Duration),
    /// It is done when the fault is taken back.
    Hold,
    /// It is not done, and not answered until the fault is taken back; then the connection is dropped.
    Hang,
    /// It is not done, and the connection is dropped.
    Drop,
    /// It is done, and the connection is dropped instead of the answer.
    LoseAnswer,
}

/// For how many calls a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Until it is taken back.
    Always,
    /// For the next so many calls that match.
    Next(u32),
    /// Until it is taken back, for all but the next so many calls that match.
    AlwaysAfter(u32),
}

/// An injected fault, to be taken back by [`Faults::remove`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultId(u64);

/// The faults of one emulator, or of a double with effects of its own. Clones share them.
#[derive(Debug, Clone)]
pub struct Faults<E = Effect> {
    rules: Arc<Mutex<Rules<E>>>,
    removals: watch::Sender<u64>,
}

#[derive(Debug)]
struct Rules<E> {
    next: u64,
    active: Vec<Rule<E>>,
}

#[derive(Debug)]
struct Rule<E> {
    id: FaultId,
    matching: Matching,
    effect: E,
    times: Times,
}

impl<E> Default for Faults<E> {
    fn default() -> Self {
        let rules = Rules {
            next: 0,
            active: Vec::new(),
        };
        Self {
            rules: Arc::new(Mutex::new(rules)),
            removals: watch::Sender::new(0),
        }
    }
}

impl<E: Clone> Faults<E> {
    /// Makes calls fail. If several faults match a call, the oldest takes it.
    pub fn inject(&self, matching: Matching, effect: E, times: Times) -> FaultId {
        let mut rules = self.lock();
        let id = FaultId(rules.next);
        rules.next = rules.next.saturating_add(1);
        rules.active.push(Rule {
            id,
            matching,
            effect,
            times,
        });
        id
    }

    /// Takes one fault back. Every call that it holds or lets hang goes on.
    pub fn remove(&self, id: FaultId) {
        self.lock().active.retain(|rule| rule.id != id);
        self.removals
            .send_modify(|removals| *removals = removals.wrapping_add(1));
    }

    /// Takes all faults back. Every call that is held or hangs goes on.
    pub fn clear(&self) {
        self.lock().active.clear();
        self.removals
            .send_modify(|removals| *removals = removals.wrapping_add(1));
    }

    /// The fault that hits a call that has arrived, and its effect; the call counts as one of [`Times::Next`].
    pub(crate) fn hit(&self, operation: &str, targets: &[Target]) -> Option<(FaultId, E)> {
        let mut rules = self.lock();
        let matching = rules
            .active
            .iter_mut()
            .filter(|rule| rule.matching.matches(operation, targets));
        for rule in matching {
            match &mut rule.times {
                Times::Always | Times::AlwaysAfter(0) => {}
                Times::AlwaysAfter(passing) => {
                    *passing = passing.saturating_sub(1);
                    continue;
                }
                Times::Next(0) => continue,
                Times::Next(left) => *left = left.saturating_sub(1),
            }
            return Some((rule.id, rule.effect.clone()));
        }
        None
    }

    /// Waits until this fault is taken back, whatever happens to others; at once if it was already.
    pub(crate) async fn removed(&self, id: FaultId) {
        let mut removals = self.removals.subscribe();
        let is_active = || self.lock().active.iter().any(|rule| rule.id == id);
        // The sender lives as long as `self`.
        let _ = removals.wait_for(|_| !is_active()).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Rules<E>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
