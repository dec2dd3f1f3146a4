//! What no longer was at Twilio as this deployment set it, and what became of that.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sid::AccountSid;

/// What the last look at an account's TwiML App and numbers found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftReport {
    /// The run that looked; none, when it was somebody's own wish or a repeated check.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run: Option<String>,
    /// The account. What was found of another is of no interest any more.
    pub account_sid: AccountSid,
    /// When.
    pub checked_at: Timestamp,
    /// What was found, the first [`MOST_FINDINGS`] of it; nothing, when all was right that could be looked at. Of what could not be,
    /// what an earlier look found and was not set right.
    pub found: Vec<DriftFinding>,
    /// How much more was found.
    #[serde(skip_serializing_if = "is_none", default)]
    pub more: u64,
    /// What could not be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unseen: Vec<DriftedResource>,
}

/// How many findings are kept: a webhook reads them too, with the credentials.
pub const MOST_FINDINGS: usize = 20;

impl DriftReport {
    /// Whether another look would find no more: all was seen, and what was to be set right was.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let failed = |finding: &DriftFinding| finding.outcome == DriftOutcome::Failed;
        self.unseen.is_empty() && self.more == 0 && !self.found.iter().any(failed)
    }

    /// The same with what was found by an earlier look of what this one could not see, if it was not set right then.
    #[must_use]
    pub fn after(mut self, before: Option<Self>) -> Self {
        let before = before.filter(|before| before.account_sid == self.account_sid);
        for finding in before.map(|before| before.found).unwrap_or_default() {
            let is_unseen = self.unseen.contains(&finding.resource);
            let is_told = self.found.iter().any(|told| told.sid == finding.sid);
            if is_unseen && !is_told && finding.outcome != DriftOutcome::Repaired {
                self.found.push(finding);
            }
        }
        let more = self.found.len().saturating_sub(MOST_FINDINGS);
        self.found.truncate(MOST_FINDINGS);
        self.more = u64::try_from(more).unwrap_or(u64::MAX);
        self
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// One thing that was not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftFinding {
    /// What it is.
    pub resource: DriftedResource,
    /// Its SID: `AP…` or `PN…`.
    pub sid: String,
    /// How it was not as it should be.
    pub problem: DriftProblem,
    /// The settings that were others, as Twilio names them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<String>,
    /// What became of it.
    pub outcome: DriftOutcome,
}

/// What can drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftedResource {
    /// The App of browser calls.
    TwimlApp,
    /// A number that was connected.
    PhoneNumber,
}

/// How it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftProblem {
    /// It is set otherwise.
    Changed,
    /// It is not there any more.
    Missing,
    /// There is another of its name.
    Duplicated,
    /// A messaging service that the number is in takes its messages elsewhere, or drops them. The service is never changed.
    Overruled,
}

/// What became of something that drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftOutcome {
    /// It was set right.
    Repaired,
    /// It was left: the tenant wants to be told only, or nothing can be done about it here.
    Reported,
    /// It was to be set right, and was not: something stood against it.
    Failed,
}

impl fmt::Display for DriftedResource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TwimlApp => "twiml_app",
            Self::PhoneNumber => "phone_number",
        })
    }
}

impl fmt::Display for DriftProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Duplicated => "duplicated",
            Self::Overruled => "overruled",
        })
    }
}

impl fmt::Display for DriftOutcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Repaired => "repaired",
            Self::Reported => "reported",
            Self::Failed => "failed",
        })
    }
}
