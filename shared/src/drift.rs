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
    /// What was found; nothing, when all was right.
    pub found: Vec<DriftFinding>,
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
