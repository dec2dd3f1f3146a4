//! The program `trunkline` as somebody runs it from a shell.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use local::binaries::{Progress, build};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

/// The longest that anything is waited for: a busy machine has cargo look at the functions' sources for a while.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// The program, built.
pub(super) async fn program() -> &'static Path {
    static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();
    let built = PROGRAM.get_or_init(|| async {
        let folder = build(&["trunkline"], false, Progress::OnFailure).await;
        folder
            .unwrap_or_else(|error| panic!("{error}"))
            .join("trunkline")
    });
    built.await
}

/// The program with arguments, none of its streams connected, and nothing of a deployment in its variables.
pub(super) async fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(program().await);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| name.starts_with("AWS_") || name.ends_with("_TABLE")) {
        command.env_remove(name);
    }
    command
}

/// What a run of the program came to.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: Option<i32>,
    pub(super) output: String,
    pub(super) errors: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            output: text(output.stdout),
            errors: text(output.stderr),
        }
    }
}

/// Runs a command to its end.
pub(super) async fn finish(mut command: Command) -> Run {
    let output = tokio::time::timeout(PATIENCE, command.output());
    output.await.unwrap().unwrap().into()
}

/// Runs the program to its end.
pub(super) async fn run(arguments: &[&str]) -> Run {
    finish(command(arguments).await).await
}

/// Runs a command to its end with something on its standard input.
pub(super) async fn run_with_input(mut command: Command, input: &str) -> Run {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output());
    output.await.unwrap().unwrap().into()
}

/// A stack that the program runs.
pub(super) struct Up {
    child: Child,
    output: Lines,
    errors: Lines,
    /// The data folder, as arguments for other commands.
    pub(super) data: String,
    /// The first port.
    pub(super) port: u16,
}

impl Up {
    /// Starts a stack on a data folder, and waits for its first screen.
    pub(super) async fn start(data: &Path, more: &[&str]) -> Self {
        let (data, port) = (data.to_str().unwrap().to_owned(), free_ports());
        let base = port.to_string();
        let arguments = [&["up", "--data", &data, "--port-base", &base], more].concat();
        let mut child = command(&arguments).await.spawn().unwrap();
        let up = Self {
            output: Lines::of(child.stdout.take().unwrap()),
            errors: Lines::of(child.stderr.take().unwrap()),
            child,
            data,
            port,
        };
        let is_ready = || {
            let text = up.output.text();
            // What functions log may follow at once: the publisher is told of what was there before.
            let next = text.split_once("Next, in another terminal:\n\n  ");
            next.is_some_and(|(_, next)| next.contains("\n\n"))
        };
        if !holds_soon(is_ready).await {
            panic!("{}{}", up.output.text(), up.errors.text());
        }
        up
    }

    /// What it has printed so far.
    pub(super) fn screen(&self) -> String {
        self.output.text()
    }

    /// The command that the first screen ends with.
    pub(super) fn next_command(&self) -> String {
        let screen = self.screen();
        let (_, next) = screen.split_once("Next, in another terminal:").unwrap();
        next.trim().lines().next().unwrap().to_owned()
    }

    /// The processes that it has started.
    pub(super) fn children(&self) -> Vec<u32> {
        let own = self.child.id().unwrap();
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter(|id| parent(*id) == Some(own)).collect()
    }

    /// Presses Ctrl-C, and waits for the end. Returns what was said about it, too.
    pub(super) async fn interrupt(mut self) -> (ExitStatus, String) {
        let id = self.child.id().unwrap().to_string();
        let kill = Command::new("kill").args(["-INT", &id]).status();
        assert!(kill.await.unwrap().success());
        let status = tokio::time::timeout(PATIENCE, self.child.wait());
        let status = status.await.unwrap().unwrap();
        (status, self.errors.all().await)
    }
}

/// The parent of a process, if it runs.
fn parent(id: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    line?.trim().parse().ok()
}

/// Whether a process runs.
pub(super) fn runs(id: u32) -> bool {
    parent(id).is_some()
}

/// Waits until something holds. Says whether it did in time.
pub(super) async fn holds_soon(condition: impl Fn() -> bool) -> bool {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.is_ok()
}

/// What a process has printed on one of its streams so far.
struct Lines {
    text: Arc<Mutex<String>>,
    reading: tokio::task::JoinHandle<()>,
}

impl Lines {
    fn of(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let printed = Arc::clone(&text);
        let reading = tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                printed.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Self { text, reading }
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    async fn all(&mut self) -> String {
        (&mut self.reading).await.unwrap();
        self.text()
    }
}

/// The first of a row of ports that nobody uses. They lie below those that the system gives to whoever asks for any.
pub(super) fn free_ports() -> u16 {
    static ROWS: AtomicU32 = AtomicU32::new(0);
    loop {
        let row = std::process::id() + ROWS.fetch_add(1, Ordering::Relaxed);
        let first = 10_000 + u16::try_from(row % 200).unwrap() * 100;
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (first..first + 100).all(is_free) {
            return first;
        }
    }
}
