//! The run of a minute: all of its tenants, one after another, 32 at a time, from where the last one who was at it came to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error, info, info_span, warn};

use super::counts::Counts;
use super::request::{RunEnd, VerifierError};
use super::{AT_ONCE, Time, Verifier};
use crate::integrations::IntegrationError;
use crate::outbound::Tally;
use crate::store::{Leased, RunState, owner};
use crate::tenant::{Minute, TenantId, TenantScope};

/// How often it is kept how far a run is.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// For how long a run is somebody's who does not say so again.
const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// How many tenants a query gives.
const PAGE: i32 = 200;

/// A run's tenants, in the order of their ids.
struct Walk {
    minute: Minute,
    state: RunState<Counts>,
    /// Those that were begun and are not part of the state yet, the first at the front.
    begun: VecDeque<(TenantScope, Option<Counts>)>,
    /// The number of the one at the front.
    front: usize,
    page: VecDeque<TenantScope>,
    last: Option<String>,
    is_over: bool,
}

impl Walk {
    fn new(minute: Minute, state: RunState<Counts>) -> Self {
        Self {
            minute,
            last: state.after.clone(),
            state,
            begun: VecDeque::new(),
            front: 0,
            page: VecDeque::new(),
            is_over: false,
        }
    }

    /// The next tenant, and its number.
    async fn next(
        &mut self,
        verifier: &Verifier,
    ) -> Result<Option<(usize, TenantScope)>, VerifierError> {
        if self.page.is_empty() && !self.is_over {
            let last = self.last.as_deref();
            let page = verifier.minutes.tenants_after(self.minute, last, PAGE);
            self.page = page.await?.into();
            self.is_over = self.page.is_empty();
            if let Some(last) = self.page.back() {
                self.last = Some(last.tenant_id().to_string());
            }
        }
        Ok(self.page.pop_front().map(|scope| {
            let number = self.front.saturating_add(self.begun.len());
            self.begun.push_back((scope.clone(), None));
            (number, scope)
        }))
    }

    /// Takes what came of a tenant; the state goes on as far as all are done.
    fn done(&mut self, number: usize, counts: Counts) {
        let place = number.checked_sub(self.front);
        if let Some((_, done)) = place.and_then(|place| self.begun.get_mut(place)) {
            *done = Some(counts);
        }
        while let Some((scope, Some(counts))) = self.begun.front() {
            self.state.after = Some(scope.tenant_id().to_string());
            self.state.counts.add(counts);
            self.begun.pop_front();
            self.front = self.front.saturating_add(1);
        }
    }

    /// What is not done, with everything that was not even begun, as put off.
    async fn rest(&mut self, verifier: &Verifier) -> Result<Vec<TenantId>, VerifierError> {
        while self.next(verifier).await?.is_some() {}
        let mut rest = Vec::new();
        for (scope, counts) in self.begun.drain(..) {
            self.state.after = Some(scope.tenant_id().to_string());
            match counts {
                Some(counts) => self.state.counts.add(&counts),
                None => {
                    self.state.counts.add(&Counts::put_off(0));
                    rest.push(scope.tenant_id().clone());
                }
            }
        }
        Ok(rest)
    }
}

/// The name of a minute's run: minutes since 1970, in a fixed width until the year 2160.
pub(super) fn name_of(minute: i64) -> String {
    format!("{minute:08}")
}

/// The number of the minute that a moment is in, since 1970.
pub(super) fn minute_of(moment: Timestamp) -> i64 {
    moment.as_second().div_euclid(60)
}

impl Verifier {
    /// Makes the run of a minute, or goes on with it. What there is no time for goes to the queue.
    pub(super) async fn run(
        self: &Arc<Self>,
        minute: i64,
        time: &Time,
    ) -> Result<(RunEnd, Option<Counts>), VerifierError> {
        let (run, owner, began) = (name_of(minute), owner()?, Instant::now());
        let state = match self.runs.lease(&run, &owner, self.later(LEASE)).await? {
            Leased::Taken(state) => state,
            Leased::Held => return Ok((RunEnd::Held, None)),
            Leased::Finished => return Ok((RunEnd::Finished, None)),
        };
        if state.after.is_some() {
            info!(run, after = state.after, "a run goes on");
        }
        let moment = Timestamp::from_second(minute.saturating_mul(60)).unwrap_or_default();
        let mut walk = Walk::new(Minute::at(moment), state);
        let mut tasks = JoinSet::new();
        let mut kept_at = Instant::now();
        loop {
            while tasks.len() < AT_ONCE && Instant::now() < time.begin_until {
                let Some((number, scope)) = walk.next(self).await? else {
                    break;
                };
                let (verifier, run, time) = (Arc::clone(self), run.clone(), *time);
                let span = info_span!("tenant", tenant_id = scope.tenant_id().as_str());
                let task = async move { (number, verifier.one_of(&scope, &run, &time).await) };
                tasks.spawn(task.instrument(span));
            }
            let look_at = time.end_at.min(kept_at + KEEP_EVERY);
            match timeout_at(look_at, tasks.join_next()).await {
                Ok(None) => break,
                Ok(Some(Ok((number, Some(counts))))) => walk.done(number, counts),
                // It was not begun in time, or it panicked, which is logged where it happened: it is left to the queue.
                Ok(Some(Ok((_, None)) | Err(_))) => {}
                Err(_) if Instant::now() >= time.end_at => break,
                Err(_) => {}
            }
            if kept_at.elapsed() >= KEEP_EVERY {
                let until = Some(self.later(LEASE));
                if !self.runs.keep(&run, &owner, &walk.state, until).await? {
                    warn!(run, "somebody else goes on with the run");
                    return Ok((RunEnd::Held, None));
                }
                kept_at = Instant::now();
            }
        }
        tasks.abort_all();
        let rest = walk.rest(self).await?;
        if !self.queue.put(&run, &rest).await {
            return Err(VerifierError::Queue);
        }
        if !self.runs.keep(&run, &owner, &walk.state, None).await? {
            return Ok((RunEnd::Held, None));
        }
        let counts = walk.state.counts;
        counts.log(&run, "minute", began.elapsed());
        Ok((RunEnd::Done, Some(counts)))
    }

    /// A tenant of a run; what a store failed in goes to the queue. Nothing, when it was not begun in time or is not in the queue
    /// either.
    pub(super) async fn one_of(
        self: &Arc<Self>,
        scope: &TenantScope,
        run: &str,
        time: &Time,
    ) -> Option<Counts> {
        let tally = Arc::new(Tally::default());
        match self.begin(scope, run, &tally, time).await? {
            Ok(counts) => Some(counts),
            Err(error) => {
                error!(%error, "a tenant is not verified, and is left to the queue");
                let is_put = self.queue.put(run, &[scope.tenant_id().clone()]).await;
                is_put.then(|| Counts::put_off(tally.calls()))
            }
        }
    }

    /// Verifies a tenant of a run when there is a place for it; nothing, when there is none in time.
    pub(super) async fn begin(
        self: &Arc<Self>,
        scope: &TenantScope,
        run: &str,
        tally: &Arc<Tally>,
        time: &Time,
    ) -> Option<Result<Counts, IntegrationError>> {
        // Nobody closes it.
        let _place = self.places.acquire().await;
        if Instant::now() >= time.begin_until {
            return None;
        }
        let found = self.tenant(scope, Some(run), tally, time.end_at).await;
        Some(found.map(|found| Counts::of(&found.unwrap_or_default(), tally.calls())))
    }
}
