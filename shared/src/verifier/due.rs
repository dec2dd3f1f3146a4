//! What is due: checks that are made again, and what somebody left in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error, info, info_span, warn};

use super::tenant::{ACTOR, AGAIN_AFTER, Found};
use super::{Time, Verifier};
use crate::integrations::{Continued, IntegrationError, RotationError};
use crate::outbound::Tally;
use crate::store::{Due, OwnCheck, Repeat, StoreError, Work};
use crate::subaccounts::SubaccountError;
use crate::telemetry::metrics::DUE_WORK;
use crate::tenant::{Provider, TenantStatus};
use crate::tenants::{Deletion, TenantError};
use crate::verification::Outcome;

/// How many entries are taken in a minute.
const MOST: usize = 500;

/// How often something was tried before it counts as stuck: for two hours, as the pauses grow.
const STUCK_AFTER: u64 = 7;

/// How long one entry is worked on at most. An id of a deleted tenant rests for 2 minutes, by when no sweep may be under way.
const LONGEST: Duration = Duration::from_secs(25);

/// How often a check that cannot tell is made again, before it is left to the next day.
const MOST_CHECKS: u64 = 6;

/// The pauses between attempts: the first, of which each is twice the one before, and the longest.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// What is to become of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Nothing is left to be done.
    Done,
    /// It is due again at this moment.
    At(Timestamp),
    /// A part of it is done, and the rest is due at this moment, as if it were new.
    GoesOn(Timestamp),
    /// Something stood against it that may pass.
    Later,
}

/// Why nothing came of an entry.
#[derive(Debug, thiserror::Error)]
enum DueError {
    #[error(transparent)]
    Integration(#[from] IntegrationError),
    #[error(transparent)]
    Rotation(#[from] RotationError),
    #[error(transparent)]
    Subaccount(#[from] SubaccountError),
    #[error(transparent)]
    Tenant(#[from] TenantError),
}

impl From<StoreError> for DueError {
    fn from(error: StoreError) -> Self {
        IntegrationError::from(error).into()
    }
}

impl Verifier {
    /// Does what is due, as far as there is time; says how many entries were taken.
    pub(super) async fn due(self: &Arc<Self>, time: &Time) -> Result<usize, StoreError> {
        let began = Instant::now();
        let left = time.end_at.saturating_duration_since(began);
        let left = SignedDuration::try_from(left).unwrap_or(SignedDuration::ZERO);
        let until = self.later(left.saturating_add(SignedDuration::from_secs(10)));
        let found = self.due.look(MOST).await?;
        let count = found.len();
        let oldest = found.iter().map(|due| due.at).min();
        let oldest = oldest.map(|oldest| self.clock.now().duration_since(oldest));
        let (failed, stuck) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for due in found {
            let (verifier, time) = (Arc::clone(self), *time);
            let (failed, stuck) = (Arc::clone(&failed), Arc::clone(&stuck));
            let tenant_id = due.scope.tenant_id().as_str();
            let span = info_span!("tenant", tenant_id);
            let task = async move {
                // Nobody closes it.
                let _place = verifier.places_of_due.acquire().await;
                if Instant::now() >= time.begin_until {
                    return;
                }
                // Not before it is begun: what there is no time for is as it was.
                let due = match verifier.due.claim(due, until).await {
                    Ok(Some(due)) => due,
                    Ok(None) => return,
                    Err(error) => return error!(%error, "what is due could not be taken"),
                };
                if !verifier.do_due(&due, time.end_at).await {
                    failed.fetch_add(1, Ordering::Relaxed);
                    if due.tries >= STUCK_AFTER {
                        stuck.fetch_add(1, Ordering::Relaxed);
                    }
                }
            };
            tasks.spawn(task.instrument(span));
        }
        // What is not done by then is given again later.
        while let Ok(Some(_)) = timeout_at(time.end_at, tasks.join_next()).await {}
        if let Some(oldest) = oldest {
            info!(
                target: DUE_WORK,
                due = count,
                due_failed = failed.load(Ordering::Relaxed),
                due_stuck = stuck.load(Ordering::Relaxed),
                due_oldest_ms = oldest.as_secs_f64().max(0.0) * 1_000.0,
                duration_ms = began.elapsed().as_secs_f64() * 1_000.0,
                "what is due was looked after"
            );
        }
        Ok(count)
    }

    /// Does what is due; false, when something stood against it.
    async fn do_due(self: &Arc<Self>, due: &Due, end_at: Instant) -> bool {
        let deadline = end_at.min(Instant::now() + LONGEST);
        let tally = Arc::new(Tally::default());
        let next = tally.of(self.next(due, deadline)).await;
        let work = due.work;
        let next = next.unwrap_or_else(|error| {
            warn!(%work, tries = due.tries, %error, "what is due is not done yet");
            Next::Later
        });
        let settled = match next {
            Next::Done => {
                info!(%work, calls = tally.calls(), "what was due is done");
                self.due.done(due).await
            }
            Next::At(at) => self.due.later(due, at).await,
            Next::GoesOn(at) => {
                let mut anew = due.clone();
                anew.tries = 0;
                self.due.later(&anew, at).await
            }
            Next::Later => self.due.later(due, self.later(pause(due.tries))).await,
        };
        if let Err(error) = settled {
            // It is given again.
            error!(%work, %error, "it is not kept what became of something due");
        }
        next != Next::Later
    }

    async fn next(&self, due: &Due, deadline: Instant) -> Result<Next, DueError> {
        let scope = &due.scope;
        match due.work {
            Work::Recheck(provider) => self.recheck(due, provider, deadline).await,
            Work::Rotation => {
                let rotation = self.integrations.continue_rotation(scope, ACTOR, deadline);
                Ok(match rotation.await? {
                    Continued::Finished => Next::Done,
                    Continued::At(at) => Next::At(at),
                })
            }
            Work::Subaccount => {
                self.subaccounts.go_on(scope, &ACTOR, deadline).await?;
                Ok(Next::Done)
            }
            Work::Deletion => {
                let deleted = self.tenants.go_on_with_deletion(scope, &ACTOR, deadline);
                Ok(match deleted.await? {
                    None | Some(Deletion::Finished) => Next::Done,
                    // In growing pauses: Twilio, or who operates the platform, has to do something.
                    Some(Deletion::Continues {
                        is_held_up: true, ..
                    }) => {
                        warn!("a deletion waits for its subaccount alone");
                        Next::Later
                    }
                    Some(Deletion::Continues {
                        retry_after_seconds,
                        ..
                    }) => {
                        let wait = SignedDuration::from_secs(retry_after_seconds.into());
                        Next::At(self.later(wait))
                    }
                })
            }
        }
    }

    /// Checks credentials again. What still cannot tell is made again, in growing pauses, until the next day's check is near enough.
    async fn recheck(
        &self,
        due: &Due,
        provider: Provider,
        deadline: Instant,
    ) -> Result<Next, DueError> {
        let Some(connections) = self.inspections.look(&due.scope).await? else {
            return Ok(Next::Done);
        };
        let mut records = connections.integrations.iter();
        let record = records.find(|record| record.provider == provider);
        let is_in_use =
            connections.status == TenantStatus::Active || due.scope.tenant_id().is_reserved();
        let Some(record) = record.filter(|_| is_in_use) else {
            return Ok(Next::Done);
        };
        let own = OwnCheck {
            run: None,
            repeat: Repeat::IfInvalid(self.later(AGAIN_AFTER)),
        };
        let seen = self
            .integration(&due.scope, &connections, record.clone(), own, deadline)
            .await?;
        if let Some(after) = seen.goes_on_after() {
            return Ok(Next::GoesOn(self.later(after)));
        }
        let cannot_tell = matches!(
            seen.found,
            Found::Outcome(Outcome::RateLimited | Outcome::Unreachable)
        );
        let is_done = seen.again_after.is_none() && !cannot_tell;
        if is_done || due.tries >= MOST_CHECKS {
            return Ok(Next::Done);
        }
        let patience = SignedDuration::try_from(Tally::patience()).unwrap_or_default();
        Ok(Next::At(
            self.later(pause(due.tries.saturating_add(2)).max(patience)),
        ))
    }
}

fn pause(tries: u64) -> SignedDuration {
    let doublings = u32::try_from(tries.min(6)).unwrap_or(6);
    let factor = 1_i32.checked_shl(doublings).unwrap_or(64);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let minutes: Vec<i64> = (0..9).map(|tries| pause(tries).as_mins()).collect();
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
