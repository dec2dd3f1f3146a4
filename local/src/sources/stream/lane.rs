//! One of the lanes of a stream's source: batches of its records, one in work at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::super::invoke::{Invoke, InvokeError};
use super::batch::{Batch, Full, Outcome};
use super::destination::{Condition, GivenUp};
use super::{FIRST_RETRY, Ground, LAST_RETRY, Stopping, wait};
use crate::emulators::StreamRecord;

pub(super) struct Lane<I> {
    ground: Arc<Ground<I>>,
    /// Records that were handed out to it.
    handed_out: mpsc::Receiver<Vec<StreamRecord>>,
    /// Those of them that are in no batch yet.
    waiting: VecDeque<StreamRecord>,
    stopping: watch::Receiver<bool>,
}

impl<I: Invoke> Lane<I> {
    pub(super) fn new(
        ground: Arc<Ground<I>>,
        handed_out: mpsc::Receiver<Vec<StreamRecord>>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            ground,
            handed_out,
            waiting: VecDeque::new(),
            stopping,
        }
    }

    pub(super) async fn run(mut self) {
        let _: Result<(), Stopping> = async {
            loop {
                let batch = self.gather().await?;
                self.deliver(batch).await?;
            }
        }
        .await;
    }

    /// The next batch, of at least one record.
    async fn gather(&mut self) -> Result<Batch, Stopping> {
        let options = &self.ground.options;
        let (mut batch, mut window) = (Batch::default(), None);
        loop {
            if *self.stopping.borrow() {
                return Err(Stopping);
            }
            while let Some(record) = self.waiting.pop_front() {
                if let Err(Full(record)) = batch.add(record, options.batch_size) {
                    self.waiting.push_front(record);
                    return Ok(batch);
                }
            }
            match self.handed_out.try_recv() {
                Ok(records) => {
                    self.waiting.extend(records);
                    continue;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return Err(Stopping),
            }
            let now = Instant::now();
            if !batch.is_empty() {
                let window = *window.get_or_insert(now + options.batching_window);
                if batch.len() >= options.batch_size || now >= window {
                    return Ok(batch);
                }
            }
            let more = async {
                match window {
                    Some(window) => {
                        let more = tokio::time::timeout_at(window, self.handed_out.recv());
                        more.await.unwrap_or(Some(Vec::new()))
                    }
                    None => self.handed_out.recv().await,
                }
            };
            tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => return Err(Stopping),
                records = more => self.waiting.extend(records.ok_or(Stopping)?),
            }
        }
    }

    /// Invokes the function with a batch until all of its records are handled or given up.
    async fn deliver(&mut self, batch: Batch) -> Result<(), Stopping> {
        // Parts of the batch, the next one last.
        let mut parts = vec![batch];
        let mut pause = FIRST_RETRY;
        while let Some(mut part) = parts.pop() {
            if let Some(expired) = part.split_expired(|record| self.is_too_old(record)) {
                self.give_up(&expired, Condition::RecordAgeExceeded).await;
            }
            if part.is_empty() {
                continue;
            }
            if *self.stopping.borrow() {
                return Err(Stopping);
            }
            let event = Bytes::from(part.event().to_string());
            let answer = self
                .ground
                .invoke
                .invoke(&self.ground.function.function, event)
                .await;
            if answer.is_err() && *self.stopping.borrow() {
                // The function may have been ended with the stack, which is no failure of its own.
                return Err(Stopping);
            }
            let outcome = match answer {
                Ok(answer) if self.ground.options.report_batch_item_failures => {
                    part.outcome(&answer)
                }
                Ok(_) => Outcome::Done,
                Err(InvokeError::Failed(reason)) => Outcome::Failed {
                    at: 0,
                    error: true,
                    reason,
                },
                Err(InvokeError::NotInvoked(reason)) => {
                    tracing::warn!(
                        function = self.ground.function.function,
                        reason,
                        "not invoked"
                    );
                    parts.push(part);
                    wait(&mut self.stopping, pause).await?;
                    pause = (pause * 2).min(LAST_RETRY);
                    continue;
                }
            };
            let Outcome::Failed { at, error, reason } = outcome else {
                self.done(&part);
                pause = FIRST_RETRY;
                continue;
            };
            tracing::warn!(
                function = self.ground.function.function,
                records = part.len() - at,
                reason,
                "records of a stream failed"
            );
            part.note_failure(error);
            if at > 0 {
                self.done(&part.take_first(at));
                part.begin_anew();
                parts.push(part);
            } else if self.ground.options.bisect_on_error && part.len() > 1 {
                let first = part.take_first(part.len() / 2);
                parts.extend([part, first]);
            } else if part.is_exhausted(self.ground.options.maximum_retry_attempts) {
                self.give_up(&part, Condition::RetryAttemptsExhausted).await;
                continue;
            } else {
                part.count_attempt();
                parts.push(part);
            }
            wait(&mut self.stopping, pause).await?;
            pause = (pause * 2).min(LAST_RETRY);
        }
        Ok(())
    }

    fn is_too_old(&self, record: &StreamRecord) -> bool {
        let since = record.created.max(self.ground.started);
        let age = self.ground.clock.now().duration_since(since);
        Duration::try_from(age).is_ok_and(|age| age > self.ground.options.maximum_record_age)
    }

    /// Tells the on-failure destination, and goes on behind these records.
    async fn give_up(&self, part: &Batch, condition: Condition) {
        let ground = &self.ground;
        tracing::error!(
            function = ground.function.function,
            records = part.len(),
            ?condition,
            "records of a stream are given up"
        );
        if let Some(queue) = &ground.on_failure {
            let given_up = GivenUp {
                batch: part,
                condition,
                function: &ground.function.arn,
                stream: &ground.stream,
                at: ground.clock.now(),
            };
            if let Err(error) = queue.send(&given_up.message().to_string()).await {
                tracing::error!(%error, queue = queue.name(), "the on-failure destination took nothing");
            }
        }
        self.done(part);
    }

    fn done(&self, part: &Batch) {
        self.ground.progress.done(part.sequence_numbers());
    }
}
