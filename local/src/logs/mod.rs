//! What the functions print and what the platform says about them: shown readable, and kept so that tests can search it.

mod format;

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use shared::clock::Clock;
use tokio::sync::watch;

pub use format::Style;

/// Lines kept in memory. The oldest go first.
const KEPT_LINES: usize = 100_000;

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The function's own standard output or error.
    Function,
    /// The platform's report of an invocation, such as Lambda's `REPORT` line.
    Report,
    /// Something that the developer has to act on.
    Problem,
}

/// One line, as it was printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When the line was read.
    pub at: Timestamp,
    /// The function that the line is about.
    pub function: Arc<str>,
    /// Who said it.
    pub voice: Voice,
    /// The line without its line break.
    pub text: String,
}

/// Where lines are shown besides being kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// Nowhere: tests search the kept lines.
    Quiet,
    /// On standard output.
    Output(Style),
    /// On standard error, for commands whose output is something else.
    Errors(Style),
}

impl Display {
    /// Standard output, in colour if it is a terminal and `NO_COLOR` (<https://no-color.org>) is not set.
    #[must_use]
    pub fn output() -> Self {
        Self::Output(style(&std::io::stdout()))
    }

    /// Standard error, in colour on the same conditions.
    #[must_use]
    pub fn errors() -> Self {
        Self::Errors(style(&std::io::stderr()))
    }

    /// Shows one line. A closed pipe (`cargo run | head`) must not take the stack down.
    fn show(self, line: &Line) {
        match self {
            Self::Quiet => {}
            Self::Output(style) => drop(writeln!(
                std::io::stdout().lock(),
                "{}",
                format::readable(line, style)
            )),
            Self::Errors(style) => drop(writeln!(
                std::io::stderr().lock(),
                "{}",
                format::readable(line, style)
            )),
        }
    }
}

fn style(stream: &impl IsTerminal) -> Style {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if stream.is_terminal() && !plain {
        Style::Coloured
    } else {
        Style::Plain
    }
}

/// The lines of every function of one stack. Clones share them.
#[derive(Debug, Clone)]
pub struct Logs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    display: Display,
    clock: Clock,
    lines: Mutex<VecDeque<Line>>,
    written: watch::Sender<u64>,
}

impl Logs {
    /// No lines yet; new ones go to `display`.
    #[must_use]
    pub fn new(display: Display, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            display,
            clock,
            lines: Mutex::new(VecDeque::new()),
            written: watch::Sender::new(0),
        }))
    }

    /// Shows and keeps one line.
    pub fn record(&self, function: &Arc<str>, voice: Voice, text: impl Into<String>) {
        let line = Line {
            at: self.0.clock.now(),
            function: Arc::clone(function),
            voice,
            text: text.into(),
        };
        self.0.display.show(&line);
        {
            let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == KEPT_LINES {
                lines.pop_front();
            }
            lines.push_back(line);
        }
        self.0
            .written
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Every line kept so far, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.0
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    /// Waits until `condition` holds for the kept lines, and gives them. Put a time limit around it.
    pub async fn wait_until(&self, condition: impl Fn(&[Line]) -> bool) -> Vec<Line> {
        let mut written = self.0.written.subscribe();
        loop {
            written.mark_unchanged();
            let lines = self.lines();
            if condition(&lines) {
                return lines;
            }
            // The sender lives as long as `self`.
            let _ = written.changed().await;
        }
    }

    /// The first kept line that satisfies `predicate`, now or within `timeout`.
    pub async fn wait_for(
        &self,
        predicate: impl Fn(&Line) -> bool,
        timeout: Duration,
    ) -> Option<Line> {
        let mut written = self.0.written.subscribe();
        tokio::time::timeout(timeout, async {
            loop {
                written.mark_unchanged();
                let found = {
                    let lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
                    lines.iter().find(|line| predicate(line)).cloned()
                };
                match found {
                    Some(line) => return Some(line),
                    None => written.changed().await.ok()?,
                }
            }
        })
        .await
        .ok()
        .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs() -> (Logs, Arc<str>) {
        (
            Logs::new(Display::Quiet, Clock::fixed(Timestamp::UNIX_EPOCH)),
            Arc::from("sms-webhook"),
        )
    }

    #[test]
    fn every_line_is_kept_in_order() {
        let (logs, function) = logs();
        logs.record(&function, Voice::Function, "one");
        logs.record(&function, Voice::Report, "two");
        let texts: Vec<_> = logs.lines().into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["one", "two"]);
    }

    #[test]
    fn the_oldest_lines_are_dropped_first() {
        let (logs, function) = logs();
        for number in 0..=KEPT_LINES {
            logs.record(&function, Voice::Function, number.to_string());
        }
        let lines = logs.lines();
        assert_eq!(lines.len(), KEPT_LINES);
        assert_eq!(lines[0].text, "1");
    }

    #[tokio::test]
    async fn a_line_that_comes_later_is_waited_for() {
        let (logs, function) = logs();
        let waiting = tokio::spawn({
            let logs = logs.clone();
            async move {
                logs.wait_for(|line| line.text == "ready", Duration::from_secs(10))
                    .await
            }
        });
        tokio::task::yield_now().await;
        logs.record(&function, Voice::Function, "starting");
        logs.record(&function, Voice::Function, "ready");
        assert_eq!(waiting.await.unwrap().unwrap().text, "ready");
    }

    #[tokio::test]
    async fn so_many_lines_are_waited_for() {
        let (logs, function) = logs();
        logs.record(&function, Voice::Function, "one");
        let waiting = tokio::spawn({
            let logs = logs.clone();
            async move { logs.wait_until(|lines| lines.len() == 2).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        logs.record(&function, Voice::Report, "two");
        assert_eq!(waiting.await.unwrap(), logs.lines());
    }

    #[tokio::test]
    async fn waiting_ends_at_the_timeout() {
        let (logs, _) = logs();
        assert_eq!(
            logs.wait_for(|_| true, Duration::from_millis(10)).await,
            None
        );
    }
}
