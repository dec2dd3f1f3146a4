//! How far the rotation of an auth token has come.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// For how long whoever makes a step may take, in seconds: as long as a function of the API runs at most. Its calls to Twilio end 4
/// seconds before, so that the clocks of two callers may differ by as much.
const LEASE_SECONDS: i64 = 30;

/// The stages of a rotation, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RotationStage {
    /// A secondary token is being made at Twilio.
    Creating,
    /// It is stored: webhooks that it signs are taken, once every function can know of it.
    Stored,
    /// It is being promoted at Twilio.
    Promoting,
    /// It is the primary one; what the old one signed is still taken.
    Promoted,
    /// The old token is forgotten.
    Done,
    /// It was given up before the promotion.
    RolledBack,
    /// Somebody stored other tokens meanwhile, which count.
    Superseded,
}

impl RotationStage {
    /// The name in JSON and in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Stored => "stored",
            Self::Promoting => "promoting",
            Self::Promoted => "promoted",
            Self::Done => "done",
            Self::RolledBack => "rolled_back",
            Self::Superseded => "superseded",
        }
    }
}

/// The rotation of a tenant's auth token: the one that is in progress, or the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// How far it has come.
    pub stage: RotationStage,
    /// When it began.
    pub started_at: Timestamp,
    /// Who began it.
    pub started_by: String,
    /// From when on the secondary token may be promoted; once it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promote_after: Option<Timestamp>,
    /// Until when what the old token signed is taken; once another is promoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_token_until: Option<Timestamp>,
    /// When it ended, however it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What stood against the last attempt to go on, or why it ended early; in words for the tenant's admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Who is at it, and until when nobody else is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<RotationLease>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct RotationLease {
    owner: String,
    until: Timestamp,
}

impl Rotation {
    /// One that begins now.
    #[must_use]
    pub fn begun(now: Timestamp, started_by: String) -> Self {
        Self {
            stage: RotationStage::Creating,
            started_at: now,
            started_by,
            promote_after: None,
            old_token_until: None,
            ended_at: None,
            problem: None,
            lease: None,
        }
    }

    /// Whether there is more to come of it.
    #[must_use]
    pub fn is_in_progress(&self) -> bool {
        self.next_at().is_some()
    }

    /// From when on it can go on; `None` of one that has ended. Of a step that was begun that is when it began: it can be made
    /// again at once.
    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        match self.stage {
            RotationStage::Creating | RotationStage::Promoting => Some(self.started_at),
            RotationStage::Stored => self.promote_after.or(Some(self.started_at)),
            RotationStage::Promoted => self.old_token_until.or(Some(self.started_at)),
            RotationStage::Done | RotationStage::RolledBack | RotationStage::Superseded => None,
        }
    }

    /// Until when somebody else than `owner` is at it, if anybody is.
    #[must_use]
    pub fn held_until(&self, owner: &str, now: Timestamp) -> Option<Timestamp> {
        let lease = self.lease.as_ref()?;
        (lease.owner != owner && lease.until > now).then_some(lease.until)
    }

    /// Whether `owner` is at it.
    #[must_use]
    pub fn is_held_by(&self, owner: &str) -> bool {
        self.lease
            .as_ref()
            .is_some_and(|lease| lease.owner == owner)
    }

    /// The same with `owner` at it, for as long as one step may take.
    #[must_use]
    pub fn held_by(&self, owner: &str, now: Timestamp) -> Self {
        let until = now.saturating_add(SignedDuration::from_secs(LEASE_SECONDS));
        Self {
            lease: Some(RotationLease {
                owner: owner.to_owned(),
                until: until.unwrap_or(now),
            }),
            ..self.clone()
        }
    }

    /// The same with nobody at it.
    #[must_use]
    pub fn released(&self) -> Self {
        Self {
            lease: None,
            ..self.clone()
        }
    }

    /// The same at another stage, with nobody at it and without what stood against it.
    #[must_use]
    pub fn at(&self, stage: RotationStage, now: Timestamp) -> Self {
        let mut after = self.released();
        after.stage = stage;
        after.problem = None;
        if !after.is_in_progress() {
            after.ended_at = Some(now);
        }
        after
    }

    /// What becomes of it when other tokens are stored: it has ended, unless it had before.
    #[must_use]
    pub fn superseded(&self, now: Timestamp) -> Self {
        match self.is_in_progress() {
            true => self.at(RotationStage::Superseded, now),
            false => self.clone(),
        }
    }

    /// When to look at it again whatever happens: when whoever is at it should be done.
    #[must_use]
    pub fn look_at(&self) -> Option<Timestamp> {
        let held_until = self.lease.as_ref().map(|lease| lease.until);
        held_until.or(self.next_at())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn begun() -> Rotation {
        Rotation::begun(time("2026-11-01T12:00:00Z"), "user:ada".to_owned())
    }

    #[test]
    fn a_rotation_is_read_as_it_is_written_and_an_older_one_too() {
        let now = time("2026-11-01T12:00:10Z");
        let whole = begun().held_by("one", now);
        let written = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Rotation>(&written).unwrap(), whole);
        let least =
            r#"{"stage":"done","started_at":"2026-11-01T12:00:00Z","started_by":"console"}"#;
        let read: Rotation = serde_json::from_str(least).unwrap();
        assert!(!read.is_in_progress());
    }

    #[test]
    fn every_stage_has_one_name_in_the_log_and_in_json() {
        for stage in [
            RotationStage::Creating,
            RotationStage::Stored,
            RotationStage::Promoting,
            RotationStage::Promoted,
            RotationStage::Done,
            RotationStage::RolledBack,
            RotationStage::Superseded,
        ] {
            assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
        }
    }

    #[test]
    fn whoever_is_at_it_keeps_others_away_for_30_seconds() {
        let now = time("2026-11-01T12:00:10Z");
        let held = begun().held_by("one", now);
        assert_eq!(held.held_until("one", now), None);
        assert_eq!(
            held.held_until("other", now),
            Some(time("2026-11-01T12:00:40Z"))
        );
        assert_eq!(held.held_until("other", time("2026-11-01T12:00:40Z")), None);
        assert_eq!(held.look_at(), Some(time("2026-11-01T12:00:40Z")));
    }

    #[test]
    fn what_has_ended_is_not_ended_by_what_is_stored_later() {
        let (ended, later) = (time("2026-11-01T12:10:00Z"), time("2026-11-01T13:00:00Z"));
        let done = begun().at(RotationStage::Done, ended);
        assert_eq!(done.superseded(later), done);
        let superseded = begun().superseded(later);
        assert_eq!(superseded.stage, RotationStage::Superseded);
        assert_eq!(
            (superseded.ended_at, superseded.next_at()),
            (Some(later), None)
        );
    }
}
