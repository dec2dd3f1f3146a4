use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::task::JoinHandle;

use crate::logs::{Logs, Voice};

/// Lines remembered of each process, for the sentence about its end.
const REMEMBERED: usize = 20;

/// What a process prints: to the logs, with its last lines remembered.
#[derive(Clone)]
pub(super) struct Output {
    logs: Logs,
    function: Arc<str>,
    last: Arc<Mutex<VecDeque<String>>>,
}

impl Output {
    pub(super) fn new(logs: Logs, function: Arc<str>) -> Self {
        Self {
            logs,
            function,
            last: Arc::default(),
        }
    }

    /// Reads a stream line by line until its end. What is not UTF-8 is shown with replacement characters.
    pub(super) fn read(&self, stream: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<()> {
        let output = self.clone();
        tokio::spawn(async move {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line).await, Ok(length) if length > 0) {
                output.take(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
                line.clear();
            }
        })
    }

    fn take(&self, line: &str) {
        {
            let mut last = self.lock();
            if last.len() == REMEMBERED {
                last.pop_front();
            }
            last.push_back(line.to_owned());
        }
        self.logs.record(&self.function, Voice::Function, line);
    }

    /// The last line that says anything: a fatal sentence comes last, before at most a hint about backtraces.
    pub(super) fn last_words(&self) -> Option<String> {
        let last = self.lock();
        let telling = |line: &&String| {
            !line.trim().is_empty() && !line.starts_with("note: run with `RUST_BACKTRACE")
        };
        last.iter()
            .rev()
            .find(telling)
            .map(|line| line.trim().to_owned())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<String>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use shared::clock::Clock;

    use super::*;
    use crate::logs::Display;

    #[tokio::test]
    async fn lines_reach_the_logs_and_the_last_words_are_kept() {
        let logs = Logs::new(Display::Quiet, Clock::system());
        let output = Output::new(logs.clone(), Arc::from("sms-webhook"));
        let printed: &[u8] = b"one\r\ncaf\xe9\nTENANTS_TABLE is missing\n\nnote: run with `RUST_BACKTRACE=1` environment";
        output.read(printed).await.unwrap();
        let texts: Vec<_> = logs.lines().into_iter().map(|line| line.text).collect();
        assert_eq!(
            texts[..3],
            ["one", "caf\u{fffd}", "TENANTS_TABLE is missing"]
        );
        assert_eq!(
            output.last_words().as_deref(),
            Some("TENANTS_TABLE is missing")
        );
    }
}
