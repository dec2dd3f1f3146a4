//! What the calls of one piece of work come to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Answer, CallError};

tokio::task_local! {
    static TALLY: Arc<Tally>;
}

/// What the calls of one piece of work come to: how many there were, and for how long providers asked not to be asked again.
#[derive(Debug, Default)]
pub struct Tally {
    calls: AtomicU64,
    patience_ms: AtomicU64,
    /// Whose calls are counted too; who is asked to wait is not the whole.
    whole: Option<Arc<Self>>,
}

/// The longest that anybody is left in peace who asked for it: a day, after which everybody is looked at again anyway.
const LONGEST_PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

impl Tally {
    /// Does a piece of work whose calls count, as far as they are made by the task that does it.
    pub async fn of<W: Future>(self: &Arc<Self>, work: W) -> W::Output {
        TALLY.scope(Arc::clone(self), work).await
    }

    /// A tally of a part of the work: its calls count for the whole as well, the time that its provider asked for does not.
    #[must_use]
    pub fn part(self: &Arc<Self>) -> Arc<Self> {
        Arc::new(Self {
            whole: Some(Arc::clone(self)),
            ..Self::default()
        })
    }

    /// How many calls were made; one that is made again counts again.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The longest that a provider of the current work asked to wait, by `Retry-After`, a day at most; nothing, when none did.
    pub(crate) fn patience() -> Duration {
        let patience = TALLY.try_with(|tally| tally.patience_ms.load(Ordering::Relaxed));
        Duration::from_millis(patience.unwrap_or_default()).min(LONGEST_PATIENCE)
    }

    /// Counts an attempt of a call and what came of it.
    pub(super) fn take(outcome: &Result<Answer, CallError>) {
        // Most work is not counted.
        let _ = TALLY.try_with(|tally| {
            let mut counted = Some(tally);
            while let Some(tally) = counted {
                tally.calls.fetch_add(1, Ordering::Relaxed);
                counted = tally.whole.as_ref();
            }
            if let Err(CallError::RateLimited { retry_after, .. }) = outcome {
                let asked = retry_after.unwrap_or_default().as_millis();
                let asked = u64::try_from(asked).unwrap_or(u64::MAX);
                tally.patience_ms.fetch_max(asked, Ordering::Relaxed);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{Provider, Reaction, soon};
    use super::super::{Call, Host};
    use super::*;

    #[tokio::test]
    async fn every_attempt_counts_and_the_longest_wait_is_remembered() {
        let limited = Reaction::error(429, 20429);
        let reactions = [limited.clone(), limited.with("retry-after", "3600")];
        let provider = Provider::in_turn(&reactions).await;
        let tally = Arc::new(Tally::default());
        let outbound = provider.outbound();
        let patience = tally
            .of(async {
                let call = Call::get(Host::TwilioApi, "things.list", &["things"], soon());
                let answer = outbound.send(call).await;
                assert!(matches!(answer, Err(CallError::RateLimited { .. })));
                Tally::patience()
            })
            .await;
        assert_eq!((tally.calls(), patience.as_secs()), (2, 3600));
        assert_eq!(Tally::patience(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_part_counts_for_the_whole_and_nobody_waits_for_longer_than_a_day() {
        let limited = Reaction::error(429, 20429).with("retry-after", "99999999");
        let provider = Provider::in_turn(&[limited]).await;
        let (whole, outbound) = (Arc::new(Tally::default()), provider.outbound());
        let asked = async {
            let call = Call::get(Host::TwilioApi, "things.list", &["things"], soon());
            assert!(outbound.send(call).await.is_err());
            Tally::patience()
        };
        assert_eq!(whole.part().of(asked).await, LONGEST_PATIENCE);
        assert_eq!(whole.calls(), 1);
        let patience = whole.of(async { Tally::patience() }).await;
        assert_eq!(patience, Duration::ZERO);
    }
}
