use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use shared::clock::Clock;
use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::environment::environment;
use super::output::Output;
use super::runtime_api::{Gate, Invocation, RuntimeApi};
use super::{FunctionSpec, InvocationError, Platform, identifiers};

/// How long the streams of an ended process are read on: a grandchild may hold them open for ever.
const DRAIN_LIMIT: Duration = Duration::from_millis(200);

/// How long a process that has posted an init error may take to end by itself.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(1);

/// How long an answer is held back for the process to poll again. The caller's next request then finds it idle, as it
/// nearly always does in Lambda; whatever the process does for longer after its answer, the caller does not wait for.
const SETTLE_LIMIT: Duration = Duration::from_millis(100);

/// Ends one process, from anywhere.
#[derive(Debug, Clone, Default)]
pub(super) struct KillSwitch(Arc<Notify>);

impl KillSwitch {
    pub(super) fn pull(&self) {
        self.0.notify_one();
    }
}

/// What all processes of one function share: how many run, and the orders to end.
#[derive(Debug)]
pub(super) struct Supervision {
    running: watch::Sender<usize>,
    stop: watch::Sender<bool>,
    /// How often all processes were killed.
    kills: watch::Sender<u64>,
}

impl Default for Supervision {
    fn default() -> Self {
        Self {
            running: watch::Sender::new(0),
            stop: watch::Sender::new(false),
            kills: watch::Sender::new(0),
        }
    }
}

impl Supervision {
    pub(super) fn running(&self) -> usize {
        *self.running.borrow()
    }

    pub(super) fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Returns once a process runs.
    #[cfg(test)]
    pub(super) async fn wait_for_a_process(&self) {
        self.running
            .subscribe()
            .wait_for(|running| *running > 0)
            .await
            .unwrap();
    }

    /// Kills every process that runs now.
    pub(super) fn kill(&self) {
        self.kills
            .send_modify(|kills| *kills = kills.wrapping_add(1));
    }

    /// Kills every process, those still initialising included, and returns once all are gone.
    pub(super) async fn stop(&self) {
        self.stop.send_replace(true);
        // Fails only without a sender, and `self` holds it.
        drop(
            self.running
                .subscribe()
                .wait_for(|running| *running == 0)
                .await,
        );
    }
}

/// A process that has polled at least once. Dropping it kills it.
pub(super) struct Process {
    pid: u32,
    api: RuntimeApi,
    output: Output,
    end: watch::Receiver<Option<ExitStatus>>,
    kill: KillSwitch,
    init_duration: Duration,
}

/// What a process is started from.
pub(super) struct Launch<'a> {
    pub(super) spec: &'a FunctionSpec,
    pub(super) platform: &'a Platform,
    pub(super) clock: &'a Clock,
    pub(super) supervision: &'a Arc<Supervision>,
    pub(super) output: Output,
    pub(super) kill: KillSwitch,
    pub(super) gate: Gate,
}

impl Launch<'_> {
    /// Starts the process and waits for its first poll.
    pub(super) async fn start(self, request_id: &str) -> Result<Process, InvocationError> {
        let not_started =
            |error: std::io::Error| InvocationError::not_started(request_id, &error.to_string());
        let api = RuntimeApi::start(self.gate.clone())
            .await
            .map_err(not_started)?;
        let began = Instant::now();
        let (pid, mut end) = self.spawn(&api).map_err(not_started)?;
        let mut polls = api.polls();
        let mut init_error = api.init_error();
        let outcome = tokio::select! {
            biased;
            Ok(_) = polls.wait_for(|polls| *polls > 0) => Ok(()),
            Ok(error) = init_error.wait_for(Option::is_some) => {
                Err(error.clone().unwrap_or_else(InvocationError::stopped))
            }
            status = ended(&mut end) => Err(InvocationError::exited_in_init(request_id, status)),
            () = tokio::time::sleep(self.platform.init_limit) => {
                Err(InvocationError::init_timed_out(request_id, self.platform.init_limit))
            }
        };
        if let Err(error) = outcome {
            // A process that has reported its error ends by itself and may still print why; any other is gone or stuck.
            let reported = api.init_error().borrow().is_some();
            if !reported
                || tokio::time::timeout(LAST_WORDS_LIMIT, ended(&mut end))
                    .await
                    .is_err()
            {
                self.kill.pull();
                ended(&mut end).await;
            }
            return Err(error);
        }
        Ok(Process {
            pid,
            api,
            output: self.output,
            end,
            kill: self.kill,
            init_duration: began.elapsed(),
        })
    }

    fn spawn(
        &self,
        api: &RuntimeApi,
    ) -> std::io::Result<(u32, watch::Receiver<Option<ExitStatus>>)> {
        let log_stream = identifiers::log_stream(self.clock.now());
        let path = self.platform.binaries.join(&self.spec.binary);
        let mut child = Command::new(&path)
            .env_clear()
            .envs(environment(
                self.spec,
                self.platform,
                &log_stream,
                api.address(),
            ))
            .current_dir(&self.platform.binaries)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C must reach the stack alone, which then ends its processes; not both at once.
            .process_group(0)
            .spawn()
            .map_err(|error| {
                std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
        let pid = child.id().unwrap_or_default();
        let readers = [
            child.stdout.take().map(|stream| self.output.read(stream)),
            child.stderr.take().map(|stream| self.output.read(stream)),
        ];
        let (ended, end) = watch::channel(None);
        // Before it counts as running, so that no order to those that run passes it by.
        let kills = self.supervision.kills.subscribe();
        self.supervision
            .running
            .send_modify(|running| *running += 1);
        tokio::spawn(supervise(
            child,
            readers,
            (self.kill.clone(), kills),
            Arc::clone(self.supervision),
            ended,
        ));
        Ok((pid, end))
    }
}

/// Waits for the process's end, whoever brings it about, and tells it once everything it printed is read.
async fn supervise(
    mut child: Child,
    readers: [Option<JoinHandle<()>>; 2],
    (kill, mut kills): (KillSwitch, watch::Receiver<u64>),
    supervision: Arc<Supervision>,
    end: watch::Sender<Option<ExitStatus>>,
) {
    let mut stop = supervision.stop.subscribe();
    let by_itself = tokio::select! {
        status = child.wait() => Some(status),
        () = kill.0.notified() => None,
        _ = stop.wait_for(|stop| *stop) => None,
        _ = kills.changed() => None,
    };
    let status = match by_itself {
        Some(status) => status,
        None => {
            // Fails only if the process has ended meanwhile.
            drop(child.start_kill());
            child.wait().await
        }
    };
    for reader in readers.into_iter().flatten() {
        drop(tokio::time::timeout(DRAIN_LIMIT, reader).await);
    }
    supervision
        .running
        .send_modify(|running| *running = running.saturating_sub(1));
    end.send_replace(Some(status.unwrap_or_default()));
}

async fn ended(end: &mut watch::Receiver<Option<ExitStatus>>) -> ExitStatus {
    match end.wait_for(Option::is_some).await {
        Ok(status) => (*status).unwrap_or_default(),
        // The supervisor went down with the runtime, and the process with it.
        Err(_) => ExitStatus::default(),
    }
}

/// What became of an invocation, and of its process.
pub(super) struct Answered {
    pub(super) result: Result<Bytes, InvocationError>,
    pub(super) began: Instant,
    polls: watch::Receiver<u64>,
    deadline: tokio::time::Instant,
}

impl Process {
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn init_duration(&self) -> Duration {
        self.init_duration
    }

    pub(super) fn output(&self) -> &Output {
        &self.output
    }

    pub(super) fn is_alive(&self) -> bool {
        self.end.borrow().is_none()
    }

    /// Delivers one event and waits for its answer, the process's end or the deadline. At the deadline the process is
    /// killed, as Lambda does.
    pub(super) async fn invoke(&mut self, invocation: Invocation, timeout: Duration) -> Answered {
        let request_id = invocation.request_id.clone();
        let began = Instant::now();
        let deadline = tokio::time::Instant::now() + timeout;
        let mut polls = self.api.polls();
        polls.mark_unchanged();
        let mut answer = self.api.send(invocation);
        let result = tokio::select! {
            biased;
            answer = &mut answer => answer.unwrap_or_else(|_| Err(InvocationError::stopped())),
            status = ended(&mut self.end) => Err(InvocationError::exited(&request_id, status)),
            () = tokio::time::sleep_until(deadline) => {
                self.kill().await;
                Err(InvocationError::timed_out(&request_id, timeout))
            }
        };
        self.api.forget(&request_id);
        Answered {
            result,
            began,
            polls,
            deadline,
        }
    }

    /// Waits a moment for the next poll. `false` if the process is still busy.
    pub(super) async fn settle_soon(&mut self, answered: &mut Answered) -> bool {
        tokio::time::timeout(SETTLE_LIMIT, self.settle(answered))
            .await
            .is_ok()
    }

    /// Waits for the next poll, the process's end or the deadline, at which it is killed.
    pub(super) async fn settle(&mut self, answered: &mut Answered) {
        let late = tokio::select! {
            biased;
            _ = answered.polls.changed() => false,
            _ = ended(&mut self.end) => false,
            () = tokio::time::sleep_until(answered.deadline) => true,
        };
        if late {
            self.kill().await;
        }
    }

    async fn kill(&mut self) {
        self.kill.pull();
        ended(&mut self.end).await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill.pull();
    }
}
