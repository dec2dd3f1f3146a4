//! The rotation of a tenant's Twilio auth token, without a webhook that is lost: a secondary token is made and stored, promoted once
//! every function can know of it, and the old one forgotten when nothing that it signed is on its way any more.
//!
//! Each stage is noted before what it does at Twilio, so that whoever comes next knows what may have happened. Whoever makes a step
//! has a lease, and stores what came of it only as long as the lease is its own.

mod lease;
mod request;
mod steps;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::warn;

use self::lease::Held;
pub use self::request::{Continued, RotationAction, RotationError, RotationRequest};
use self::steps::Outcome;
use super::{IntegrationAdministration, IntegrationError};
use crate::audit::{Action, Actor, AuditEntry};
use crate::cache::CacheLimits;
use crate::environment::Environment;
use crate::integrations::Configuration;
use crate::store::{IntegrationRecord, RotationStep, StoreError, WriteConflict, WriteError};
use crate::tenant::{Provider, TenantScope};
use crate::twilio::{Rotation, RotationStage, TwilioCredentials};

/// How long the secondary token is stored before it is promoted: as long as a function may refuse to read credentials anew after
/// a signature that it does not know, and as much again for clocks and writes that take their time.
const BEFORE_PROMOTION: Duration = CacheLimits::TENANTS.refresh_interval.saturating_mul(2);

/// For how long a rotation that is done is what is answered to whoever asks it to go on, instead of another that begins.
const DONE_LATELY: SignedDuration = SignedDuration::from_hours(1);

/// For how long a rotation is waited for that is to be rolled back while somebody else is at it, and how often it is looked at.
const BEFORE_ROLL_BACK: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How often a write is thought over again that others were in the way of.
const TRIES: u32 = 8;

/// Somebody who is at a rotation.
struct Turn {
    /// A name that nobody else has.
    owner: String,
    actor: Actor,
    deadline: Instant,
    /// Whether the list of due work has to be told in case that nothing comes of a step.
    is_noted: bool,
}

/// Reads `AUTH_TOKEN_GRACE_SECONDS`.
pub(super) fn grace(environment: &Environment) -> Option<SignedDuration> {
    const NAME: &str = "AUTH_TOKEN_GRACE_SECONDS";
    let form = "a number of seconds, 1 to 86400";
    let seconds: u32 = environment.parsed(NAME, form, 15 * 60)?;
    if !(1..=86_400).contains(&seconds) {
        environment.fault(format!("{NAME} must be {form}"));
        return None;
    }
    Some(SignedDuration::from_secs(seconds.into()))
}

/// Whether credentials that are changed in part have the tokens that are stored. If not, and a rotation ends with them, the token of
/// before it goes too: nothing would ever take it away.
pub(super) fn keeps_tokens(
    stored: &Configuration,
    changed: &mut Configuration,
    before: &IntegrationRecord,
) -> bool {
    let (Configuration::Twilio(stored), Configuration::Twilio(changed)) = (stored, changed) else {
        return false;
    };
    let secondary = |of: &TwilioCredentials| {
        let token = of.secondary_auth_token.as_ref();
        token
            .map(|token| token.expose().to_owned())
            .map(zeroize::Zeroizing::new)
    };
    let keeps = stored.account_sid == changed.account_sid
        && stored.auth_token.expose() == changed.auth_token.expose()
        && secondary(stored) == secondary(changed);
    let ends = !keeps
        && before
            .rotation
            .as_ref()
            .is_some_and(Rotation::is_in_progress);
    if ends {
        changed.previous_auth_token = None;
    }
    keeps
}

impl IntegrationAdministration {
    /// Begins the rotation of the Twilio auth token, goes on with it as far as it can now, or rolls it back; gives it as it is
    /// then. While somebody else is at it, that is as it was; a roll-back waits for them.
    ///
    /// # Errors
    /// [`RotationError`] of any kind. The rotation stays where it was, and goes on when it is asked to or by itself.
    pub async fn rotate(
        &self,
        scope: &TenantScope,
        request: RotationRequest,
    ) -> Result<Rotation, RotationError> {
        let turn = Turn {
            owner: owner()?,
            actor: request.actor,
            deadline: request.deadline,
            is_noted: true,
        };
        self.begin(scope, &turn, request.action).await?;
        match request.action {
            RotationAction::RollBack => self.roll_back(scope, &turn).await,
            RotationAction::Advance | RotationAction::Start => self.advance(scope, &turn).await,
        }
    }

    /// Goes on with a rotation that is due, and says when it is again. What Twilio cannot do now is tried again in a minute, and
    /// after an hour every 15 minutes. Whoever calls it remembers by itself that there may be more to do.
    ///
    /// # Errors
    /// When a store or the vault fails: it is to be tried again.
    pub async fn continue_rotation(
        &self,
        scope: &TenantScope,
        actor: Actor,
        deadline: Instant,
    ) -> Result<Continued, RotationError> {
        let turn = Turn {
            owner: owner()?,
            actor,
            deadline,
            is_noted: false,
        };
        let now = self.clock.now();
        match self.advance(scope, &turn).await {
            Ok(rotation) => Ok(match rotation.look_at() {
                None => Continued::Finished,
                Some(at) => Continued::At(at.max(now)),
            }),
            Err(RotationError::Twilio(error)) => {
                warn!(%error, "a rotation cannot go on now");
                let stored = self.integrations.read(scope, Provider::Twilio).await?;
                let rotation = stored.and_then(|stored| stored.rotation);
                let began = rotation.map_or(now, |rotation| rotation.started_at);
                let is_old = now.duration_since(began) > SignedDuration::from_hours(1);
                let pause = SignedDuration::from_mins(if is_old { 15 } else { 1 });
                Ok(Continued::At(now.saturating_add(pause).unwrap_or(now)))
            }
            // Nothing is left that could be rotated.
            Err(
                RotationError::NotPossible(_)
                | RotationError::Integration(
                    IntegrationError::Missing(_)
                    | IntegrationError::Write(WriteError::Conflict(
                        WriteConflict::TenantDeleting | WriteConflict::TenantMissing,
                    )),
                ),
            ) => Ok(Continued::Finished),
            Err(error) => Err(error),
        }
    }

    /// Sees to it that there is a rotation to go on with or to roll back, or that there need be none.
    async fn begin(
        &self,
        scope: &TenantScope,
        turn: &Turn,
        action: RotationAction,
    ) -> Result<(), RotationError> {
        for tries in 1..=TRIES {
            let before = self.read(scope, Provider::Twilio).await?;
            let now = self.clock.now();
            let last = before.rotation.as_ref();
            if last.is_some_and(Rotation::is_in_progress) {
                return Ok(());
            }
            if action == RotationAction::RollBack {
                return Err(RotationError::NotPossible("no rotation is in progress"));
            }
            let is_done_lately = last.is_some_and(|last| {
                let ended_at = last.ended_at.unwrap_or(Timestamp::MIN);
                last.stage == RotationStage::Done && now.duration_since(ended_at) < DONE_LATELY
            });
            if action == RotationAction::Advance && is_done_lately {
                return Ok(());
            }
            if !before.is_active {
                return Err(RotationError::Inactive);
            }
            let rotation = Rotation::begun(now, turn.actor.name()).held_by(&turn.owner, now);
            let entry = self.stage_entry(turn, &rotation);
            let step = RotationStep {
                rotation: &rotation,
                credentials: None,
                is_promotion: false,
                entry: Some(&entry),
                at: now,
                due: rotation.look_at(),
            };
            let stored = self.integrations.rotate(scope, &before, &step).await?;
            if stored.is_some() {
                return Ok(());
            }
            pause(tries).await;
        }
        Err(raced())
    }

    /// Goes on as far as can be now.
    async fn advance(&self, scope: &TenantScope, turn: &Turn) -> Result<Rotation, RotationError> {
        // More than there are stages: a step may be taken from somebody who was too late with it.
        for _ in 0..2 * TRIES {
            let (record, rotation) = match self.hold(scope, turn, false).await? {
                Held::Turn(record, rotation) => (record, rotation),
                Held::Idle(rotation) => return Ok(rotation),
            };
            let made = self.step(scope, turn, &record, &rotation).await;
            self.release_after(scope, turn, made).await?;
        }
        Err(raced())
    }

    /// Rolls back, once nobody else is at it: whoever asks is not told that it is given up while somebody goes on with it.
    async fn roll_back(&self, scope: &TenantScope, turn: &Turn) -> Result<Rotation, RotationError> {
        let patience = turn.deadline.min(Instant::now() + BEFORE_ROLL_BACK);
        loop {
            match self.hold(scope, turn, true).await? {
                Held::Turn(record, rotation) => {
                    let made = self.undo(scope, turn, &record, &rotation).await;
                    self.release_after(scope, turn, made).await?;
                    break;
                }
                // It has ended meanwhile, one way or another.
                Held::Idle(rotation) if !rotation.is_in_progress() => return Ok(rotation),
                Held::Idle(_) if Instant::now() + LOOK_AGAIN >= patience => {
                    return Err(RotationError::Held);
                }
                Held::Idle(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
        let after = self.read(scope, Provider::Twilio).await?;
        after
            .rotation
            .ok_or(RotationError::NotPossible("no rotation is in progress"))
    }

    /// Stores what came of a step, if it is still this turn's to make: over what is stored by now, of which everything else stays.
    async fn settle(
        &self,
        scope: &TenantScope,
        turn: &Turn,
        from: &Rotation,
        outcome: &Outcome,
    ) -> Result<(), RotationError> {
        for tries in 1..=TRIES {
            let (before, configuration) = self.open(scope, Provider::Twilio).await?;
            let Configuration::Twilio(mut credentials) = configuration else {
                return Ok(());
            };
            let is_own = before
                .rotation
                .as_ref()
                .is_some_and(|stored| stored.is_held_by(&turn.owner) && stored.stage == from.stage);
            if !is_own && !outcome.must_be_known(&credentials) {
                warn!("what came of a step of a rotation is of no use any more");
                return Ok(());
            }
            let now = self.clock.now();
            let mut rotation = from.at(outcome.stage, now);
            rotation.problem = outcome.reason.map(str::to_owned);
            match outcome.stage {
                RotationStage::Stored => {
                    rotation.promote_after = now.checked_add(BEFORE_PROMOTION).ok();
                }
                RotationStage::Promoted => {
                    rotation.old_token_until = now.checked_add(self.grace).ok();
                }
                _ => {}
            }
            let credentials = match outcome.tokens.apply(&mut credentials) {
                false => None,
                true => {
                    let configuration = Configuration::Twilio(credentials);
                    Some(self.sealed(scope, &configuration, None).await?)
                }
            };
            let entry = self.stage_entry(turn, &rotation);
            let step = RotationStep {
                rotation: &rotation,
                credentials: credentials.as_ref(),
                is_promotion: outcome.stage == RotationStage::Promoted,
                entry: Some(&entry),
                at: now,
                // What can go on at once does so, and was noted when it was held.
                due: rotation.look_at().filter(|at| *at > now),
            };
            let stored = self.integrations.rotate(scope, &before, &step).await;
            if credentials.is_some() && !matches!(stored, Err(WriteError::Conflict(_))) {
                self.announce(scope, Provider::Twilio).await;
            }
            if stored?.is_some() {
                return Ok(());
            }
            pause(tries).await;
        }
        Err(raced())
    }

    fn stage_entry(&self, turn: &Turn, rotation: &Rotation) -> AuditEntry {
        let stage = rotation.stage.as_str();
        let detail = match &rotation.problem {
            None => stage.to_owned(),
            Some(reason) => format!("{stage}: {reason}"),
        };
        let (action, provider) = (Action::AuthTokenRotation, Provider::Twilio);
        self.note(&turn.actor, action, provider, detail)
    }
}

/// A name that no other caller has.
fn owner() -> Result<String, RotationError> {
    let mut random = [0_u8; 16];
    let drawn = aws_lc_rs::rand::fill(&mut random);
    drawn.map_err(|_| StoreError::Refused {
        operation: "begin a step of a rotation",
        cause: "there is no randomness".to_owned(),
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}

async fn pause(tries: u32) {
    tokio::time::sleep(Duration::from_millis(15).saturating_mul(tries)).await;
}

fn raced() -> RotationError {
    let error = StoreError::Unavailable {
        operation: "store a step of a rotation",
        cause: "others change the same over and over".to_owned(),
    };
    error.into()
}
