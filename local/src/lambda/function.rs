use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::SignedDuration;
use shared::clock::Clock;
use tokio::sync::{Semaphore, oneshot};

use super::advice::advice;
use super::output::Output;
use super::process::{Answered, KillSwitch, Launch, Process, Supervision};
use super::runtime_api::{Gate, Invocation, Step};
use super::{
    FunctionSpec, InvocationError, InvocationRecord, Outcome, PAYLOAD_LIMIT, Platform, memory,
    request_id, trace_id,
};
use crate::logs::{Logs, Voice};

/// Records kept of each function. The oldest go first.
const KEPT_RECORDS: usize = 10_000;

/// A moment at which a test wants a process to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// An event is on its way to it: the invocation fails before the function has seen it.
    Delivery,
    /// It has done its work and posted its answer: the work stays, the answer is lost.
    Answer,
}

/// One function: its processes and everything that happened to them. Clones share them.
///
/// A process serves one invocation at a time; another is started when all are busy, up to the platform's limit, beyond
/// which invocations wait their turn. Idle processes stay warm; the most recently used is used first.
#[derive(Clone)]
pub struct Function(Arc<Inner>);

struct Inner {
    name: Arc<str>,
    spec: FunctionSpec,
    platform: Arc<Platform>,
    logs: Logs,
    clock: Clock,
    slots: Semaphore,
    idle: Mutex<Vec<Process>>,
    records: Mutex<VecDeque<InvocationRecord>>,
    condemned: Arc<Mutex<Vec<Moment>>>,
    supervision: Arc<Supervision>,
}

impl Function {
    /// A function without a process yet.
    #[must_use]
    pub fn new(spec: FunctionSpec, platform: Arc<Platform>, logs: Logs, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            name: Arc::from(spec.binary.as_str()),
            slots: Semaphore::new(concurrency(&spec, &platform)),
            spec,
            platform,
            logs,
            clock,
            idle: Mutex::default(),
            records: Mutex::default(),
            condemned: Arc::default(),
            supervision: Arc::default(),
        }))
    }

    /// The function as declared.
    #[must_use]
    pub fn spec(&self) -> &FunctionSpec {
        &self.0.spec
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        let Platform {
            region, account_id, ..
        } = &*self.0.platform;
        format!(
            "arn:aws:lambda:{region}:{account_id}:function:{}",
            self.0.spec.name
        )
    }

    /// Invokes the function with a JSON event and waits for its answer. Once begun, the invocation goes on even if the
    /// caller stops waiting, as in Lambda.
    pub async fn invoke(&self, payload: Bytes) -> Result<Bytes, InvocationError> {
        if payload.len() > PAYLOAD_LIMIT {
            return Err(InvocationError::request_too_large());
        }
        if concurrency(&self.0.spec, &self.0.platform) == 0 {
            return Err(InvocationError::throttled());
        }
        let (answer, receiver) = oneshot::channel();
        tokio::spawn(self.clone().run(payload, answer));
        receiver
            .await
            .unwrap_or_else(|_| Err(InvocationError::stopped()))
    }

    /// What became of every invocation so far, in the order they ended.
    #[must_use]
    pub fn records(&self) -> Vec<InvocationRecord> {
        lock(&self.0.records).iter().cloned().collect()
    }

    /// How many processes run now, busy or idle.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.0.supervision.running()
    }

    /// Ends the idle processes, so that the next invocation is a cold start.
    pub fn retire(&self) {
        lock(&self.0.idle).clear();
    }

    /// Kills the process that reaches `moment` next, once per call.
    pub fn kill_next_at(&self, moment: Moment) {
        lock(&self.0.condemned).push(moment);
    }

    /// Kills every process that runs now, busy or idle, as by SIGKILL: what it was at fails. The next invocation is a cold start.
    pub fn kill(&self) {
        self.0.supervision.kill_all();
    }

    /// Kills every process and fails every invocation, waiting ones too. Returns how many processes there were, once
    /// all are gone.
    pub async fn stop(&self) -> usize {
        let processes = self.processes();
        self.0.slots.close();
        self.0.supervision.stop().await;
        self.retire();
        processes
    }

    async fn run(self, payload: Bytes, answer: oneshot::Sender<Result<Bytes, InvocationError>>) {
        // A closed semaphore drops `answer`: the stack is stopping.
        let Ok(_slot) = self.0.slots.acquire().await else {
            return;
        };
        let request_id = request_id();
        let (mut process, cold) = match self.warm() {
            Some(process) => (process, false),
            None => {
                let began = Instant::now();
                match self.start(&request_id).await {
                    Ok(process) => (process, true),
                    Err(error) => {
                        if !self.0.supervision.stopped() {
                            self.keep(InvocationRecord {
                                init_duration: Some(began.elapsed()),
                                ..self.record(
                                    request_id,
                                    Duration::ZERO,
                                    Outcome::Failed(error.kind()),
                                )
                            });
                        }
                        // The caller that waits in `invoke` may be gone, here and below.
                        return drop(answer.send(Err(error)));
                    }
                }
            }
        };
        let timeout = self.0.spec.timeout;
        let now = self.0.clock.now();
        let limit = SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX);
        let invocation = Invocation {
            request_id: request_id.clone(),
            deadline: now.saturating_add(limit).unwrap_or(now),
            function_arn: self.arn(),
            trace_id: trace_id(now),
            payload,
        };
        let mut answered = process.invoke(invocation, timeout).await;
        if self.0.supervision.stopped() {
            return;
        }
        if process.settle_soon(&mut answered).await {
            self.finish(request_id, process, cold, &answered);
            drop(answer.send(answered.result));
        } else {
            drop(answer.send(answered.result.clone()));
            process.settle(&mut answered).await;
            self.finish(request_id, process, cold, &answered);
        }
    }

    /// The most recently used process that is still alive.
    fn warm(&self) -> Option<Process> {
        let mut idle = lock(&self.0.idle);
        std::iter::from_fn(|| idle.pop()).find(Process::is_alive)
    }

    async fn start(&self, request_id: &str) -> Result<Process, InvocationError> {
        let Inner {
            name,
            spec,
            platform,
            logs,
            clock,
            supervision,
            ..
        } = &*self.0;
        let kill = KillSwitch::default();
        let output = Output::new(logs.clone(), Arc::clone(name));
        let gate = self.gate(kill.clone());
        let launch = Launch {
            spec,
            platform,
            clock,
            supervision,
            output: output.clone(),
            kill,
            gate,
        };
        let started = launch.start(request_id).await;
        if let Err(error) = &started
            && !supervision.stopped()
        {
            logs.record(
                name,
                Voice::Problem,
                advice(error, spec, output.last_words().as_deref()),
            );
        }
        started
    }

    /// Kills a condemned process at its moment.
    fn gate(&self, kill: KillSwitch) -> Gate {
        let condemned = Arc::clone(&self.0.condemned);
        Arc::new(move |step| {
            let moment = match step {
                Step::Delivery => Moment::Delivery,
                Step::Answer => Moment::Answer,
            };
            let mut condemned = lock(&condemned);
            match condemned.iter().position(|condemned| *condemned == moment) {
                Some(position) => {
                    condemned.swap_remove(position);
                    kill.pull();
                    false
                }
                None => true,
            }
        })
    }

    /// Keeps the record, and the process warm if it lives.
    fn finish(&self, request_id: String, process: Process, cold: bool, answered: &Answered) {
        let Inner {
            name, spec, logs, ..
        } = &*self.0;
        let outcome = match &answered.result {
            Ok(_) => Outcome::Answered,
            Err(error) => {
                logs.record(
                    name,
                    Voice::Problem,
                    advice(error, spec, process.output().last_words().as_deref()),
                );
                Outcome::Failed(error.kind())
            }
        };
        self.keep(InvocationRecord {
            init_duration: cold.then(|| process.init_duration()),
            peak_memory_megabytes: memory::peak_megabytes(process.pid()),
            ..self.record(request_id, answered.began.elapsed(), outcome)
        });
        if process.is_alive() {
            lock(&self.0.idle).push(process);
        }
    }

    fn record(&self, request_id: String, duration: Duration, outcome: Outcome) -> InvocationRecord {
        InvocationRecord {
            request_id,
            init_duration: None,
            duration,
            outcome,
            memory_megabytes: self.0.spec.memory_megabytes,
            peak_memory_megabytes: None,
        }
    }

    fn keep(&self, record: InvocationRecord) {
        self.0
            .logs
            .record(&self.0.name, Voice::Report, record.to_string());
        let mut records = lock(&self.0.records);
        if records.len() == KEPT_RECORDS {
            records.pop_front();
        }
        records.push_back(record);
    }
}

/// Processes the function may have: what the template reserves for it, and no more than the platform gives any.
fn concurrency(spec: &FunctionSpec, platform: &Platform) -> usize {
    let reserved = spec
        .reserved_concurrency
        .map(|reserved| usize::try_from(reserved).unwrap_or(usize::MAX));
    reserved.map_or(platform.concurrency, |reserved| {
        reserved.min(platform.concurrency)
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
