use std::fmt;
use std::time::Duration;

use super::ErrorKind;

/// How an invocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer.
    Answered,
    /// With an error.
    Failed(ErrorKind),
}

/// What Lambda would have reported and billed for one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvocationRecord {
    /// The invocation's request id, a UUID.
    pub request_id: String,
    /// Present if the invocation started its process: how long that took to the first poll.
    pub init_duration: Option<Duration>,
    /// From the event's delivery to the process's next poll.
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// The function's memory size, in MB.
    pub memory_megabytes: u32,
    /// The most memory its process has had, in MB, where the system tells.
    pub peak_memory_megabytes: Option<u64>,
}

impl InvocationRecord {
    /// Whether the invocation started its process.
    #[must_use]
    pub fn cold_start(&self) -> bool {
        self.init_duration.is_some()
    }

    /// What Lambda bills, in milliseconds: initialisation included, rounded up.
    #[must_use]
    pub fn billed_milliseconds(&self) -> u128 {
        (self.init_duration.unwrap_or_default() + self.duration)
            .as_nanos()
            .div_ceil(1_000_000)
    }
}

/// Lambda's own `REPORT` line.
impl fmt::Display for InvocationRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        write!(
            formatter,
            "REPORT RequestId: {} Duration: {:.2} ms Billed Duration: {} ms Memory Size: {} MB",
            self.request_id,
            milliseconds(self.duration),
            self.billed_milliseconds(),
            self.memory_megabytes,
        )?;
        if let Some(peak) = self.peak_memory_megabytes {
            write!(formatter, " Max Memory Used: {peak} MB")?;
        }
        if let Some(init) = self.init_duration {
            write!(formatter, " Init Duration: {:.2} ms", milliseconds(init))?;
        }
        match self.outcome {
            Outcome::Answered => Ok(()),
            Outcome::Failed(ErrorKind::TimedOut) => formatter.write_str(" Status: timeout"),
            Outcome::Failed(_) => formatter.write_str(" Status: error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(init: Option<u64>, duration: u64) -> InvocationRecord {
        InvocationRecord {
            request_id: "r-1".to_owned(),
            init_duration: init.map(Duration::from_micros),
            duration: Duration::from_micros(duration),
            outcome: Outcome::Answered,
            memory_megabytes: 128,
            peak_memory_megabytes: Some(14),
        }
    }

    #[test]
    fn a_begun_millisecond_is_billed_whole() {
        assert_eq!(record(None, 1_001).billed_milliseconds(), 2);
        assert_eq!(record(None, 2_000).billed_milliseconds(), 2);
    }

    #[test]
    fn initialisation_is_billed() {
        assert_eq!(record(Some(7_600), 1_500).billed_milliseconds(), 10);
    }

    #[test]
    fn the_report_reads_as_lambdas() {
        assert_eq!(
            record(Some(7_600), 1_500).to_string(),
            "REPORT RequestId: r-1 Duration: 1.50 ms Billed Duration: 10 ms Memory Size: 128 MB \
             Max Memory Used: 14 MB Init Duration: 7.60 ms"
        );
    }

    #[test]
    fn a_failure_is_named_in_the_report() {
        let failed = |kind| {
            InvocationRecord {
                outcome: Outcome::Failed(kind),
                ..record(None, 1)
            }
            .to_string()
        };
        assert!(failed(ErrorKind::TimedOut).ends_with(" Status: timeout"));
        assert!(failed(ErrorKind::Exited).ends_with(" Status: error"));
    }
}
