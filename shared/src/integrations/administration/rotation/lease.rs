//! The lease that makes one caller at a time make a step of a rotation.

use tracing::warn;

use super::super::IntegrationAdministration;
use super::{RotationError, TRIES, Turn, pause, raced};
use crate::store::{IntegrationRecord, RotationStep};
use crate::tenant::{Provider, TenantScope};
use crate::twilio::rest::ErrorKind;
use crate::twilio::{Rotation, RotationStage};

/// Whether a step may be made.
pub(super) enum Held {
    /// It may, on these credentials.
    Turn(Box<IntegrationRecord>, Rotation),
    /// There is none to make now, or somebody else is at it.
    Idle(Rotation),
}

impl IntegrationAdministration {
    /// Takes the lease of a rotation that can go on now, or of any that has not ended if it need not be time for the next step.
    pub(super) async fn hold(
        &self,
        scope: &TenantScope,
        turn: &Turn,
        whenever: bool,
    ) -> Result<Held, RotationError> {
        for tries in 1..=TRIES {
            let before = self.read(scope, Provider::Twilio).await?;
            let Some(rotation) = before.rotation.clone() else {
                return Err(RotationError::NotPossible("no rotation is in progress"));
            };
            let now = self.clock.now();
            let is_time = rotation.next_at().is_some_and(|at| whenever || at <= now);
            if !is_time || rotation.held_until(&turn.owner, now).is_some() {
                return Ok(Held::Idle(rotation));
            }
            if rotation.is_held_by(&turn.owner) {
                return Ok(Held::Turn(Box::new(before), rotation));
            }
            let held = rotation.held_by(&turn.owner, now);
            let step = RotationStep {
                rotation: &held,
                credentials: None,
                is_promotion: false,
                entry: None,
                at: now,
                due: held.look_at().filter(|_| turn.is_noted),
            };
            if let Some(record) = self.integrations.rotate(scope, &before, &step).await? {
                return Ok(Held::Turn(Box::new(record), held));
            }
            pause(tries).await;
        }
        Err(raced())
    }

    /// Gives the lease up after a step that failed, and keeps why, for the tenant's admin to see. That may fail: the lease runs out.
    /// A promotion of which Twilio said nothing may still be on its way: the lease is kept until that is over.
    pub(super) async fn release_after(
        &self,
        scope: &TenantScope,
        turn: &Turn,
        made: Result<(), RotationError>,
    ) -> Result<(), RotationError> {
        let Err(error) = made else {
            return Ok(());
        };
        let released = async {
            let before = self.read(scope, Provider::Twilio).await?;
            let Some(rotation) = &before.rotation else {
                return Ok(());
            };
            if !rotation.is_held_by(&turn.owner) {
                return Ok(());
            }
            let mut rotation = match is_open(rotation, &error) {
                true => rotation.clone(),
                false => rotation.released(),
            };
            rotation.problem = problem(&error).or(rotation.problem);
            let step = RotationStep {
                rotation: &rotation,
                credentials: None,
                is_promotion: false,
                entry: None,
                at: self.clock.now(),
                due: None,
            };
            self.integrations.rotate(scope, &before, &step).await?;
            Ok::<(), RotationError>(())
        };
        if let Err(error) = released.await {
            warn!(%error, "a rotation is held for longer than it need be");
        }
        Err(error)
    }
}

/// Whether it is not known what came of a promotion.
fn is_open(rotation: &Rotation, error: &RotationError) -> bool {
    rotation.stage == RotationStage::Promoting
        && matches!(error, RotationError::Twilio(error) if error.kind() == ErrorKind::Unavailable)
}

/// What is said of a step that failed. What is the platform's own is nothing for the tenant's admin.
fn problem(error: &RotationError) -> Option<String> {
    let RotationError::Twilio(error) = error else {
        return None;
    };
    let what = match error.kind() {
        ErrorKind::Authentication => {
            "Twilio accepts neither of the stored auth tokens: store the account's tokens anew"
        }
        ErrorKind::TestCredentials => "these are Twilio's test credentials, which have no tokens",
        ErrorKind::AccountNotActive => "the Twilio account is suspended or closed",
        ErrorKind::RateLimited { .. } | ErrorKind::Unavailable => {
            "Twilio could not be asked: it is tried again"
        }
        ErrorKind::NotPermitted | ErrorKind::NotFound | ErrorKind::Rejected => {
            "Twilio refused it: it is tried again"
        }
    };
    Some(what.to_owned())
}
