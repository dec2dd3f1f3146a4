//! What each step of a rotation does at Twilio, and what came of it.

use tracing::warn;

use super::super::IntegrationAdministration;
use super::{RotationError, Turn};
use crate::integrations::Configuration;
use crate::secret::Secret;
use crate::store::IntegrationRecord;
use crate::tenant::{Provider, TenantScope};
use crate::twilio::rest::ErrorKind;
use crate::twilio::{Rotation, RotationStage, TwilioClient, TwilioCredentials};

/// Why a rotation ends early that nobody rolled back.
const SECONDARY_GONE: &str = "somebody removed the secondary token at Twilio";

/// What a step changes about the stored tokens.
pub(super) enum Tokens {
    /// Nothing.
    Keep,
    /// There is a secondary one.
    Secondary(Secret),
    /// There is no secondary one.
    Forget,
    /// Another is the primary one, and this was.
    Promote { new: Secret, old: Secret },
    /// What the one of before signed is no longer taken.
    Retire,
}

impl Tokens {
    /// Makes the change, and says whether there was anything to change.
    pub(super) fn apply(&self, credentials: &mut TwilioCredentials) -> bool {
        match self {
            Self::Keep => false,
            Self::Secondary(token) => {
                credentials.secondary_auth_token = Some(token.clone());
                true
            }
            Self::Forget => credentials.secondary_auth_token.take().is_some(),
            Self::Promote { new, old } => {
                credentials.auth_token = new.clone();
                credentials.secondary_auth_token = None;
                credentials.previous_auth_token = Some(old.clone());
                true
            }
            Self::Retire => credentials.previous_auth_token.take().is_some(),
        }
    }
}

/// What came of a step.
pub(super) struct Outcome {
    pub(super) stage: RotationStage,
    pub(super) tokens: Tokens,
    /// Why it ends early, if it does.
    pub(super) reason: Option<&'static str>,
}

impl Outcome {
    fn of(stage: RotationStage, tokens: Tokens) -> Self {
        Self {
            stage,
            tokens,
            reason: None,
        }
    }

    /// Whether it counts even if the rotation was ended meanwhile: the stored token is the very one that was just made invalid, and
    /// only here it is known what took its place.
    pub(super) fn must_be_known(&self, stored: &TwilioCredentials) -> bool {
        match &self.tokens {
            Tokens::Promote { old, .. } => stored.auth_token.expose() == old.expose(),
            _ => false,
        }
    }
}

impl IntegrationAdministration {
    /// Makes the next step of a rotation that this turn holds.
    pub(super) async fn step(
        &self,
        scope: &TenantScope,
        turn: &Turn,
        record: &IntegrationRecord,
        rotation: &Rotation,
    ) -> Result<(), RotationError> {
        let Some(credentials) = self.credentials_of(scope, record).await? else {
            return Ok(());
        };
        let client = TwilioClient::new(&self.outbound, &credentials, turn.deadline).as_auth_token();
        let outcome = match rotation.stage {
            RotationStage::Creating => created(&client).await?,
            RotationStage::Stored => checked(&client).await?,
            RotationStage::Promoting => promoted(&client).await?,
            RotationStage::Promoted => Outcome::of(RotationStage::Done, Tokens::Retire),
            RotationStage::Done | RotationStage::RolledBack | RotationStage::Superseded => {
                return Ok(());
            }
        };
        self.settle(scope, turn, rotation, &outcome).await?;
        if outcome.stage == RotationStage::Promoted {
            // A check that met the promotion found the old token invalid, or an API key may have gone with it.
            let actor = &turn.actor;
            let checked = self.verify(scope, Provider::Twilio, actor, turn.deadline);
            if let Err(error) = checked.await {
                warn!(%error, "the credentials were not checked after the rotation of their token");
            }
        }
        Ok(())
    }

    /// Takes the secondary token back, which signs nothing yet.
    pub(super) async fn undo(
        &self,
        scope: &TenantScope,
        turn: &Turn,
        record: &IntegrationRecord,
        rotation: &Rotation,
    ) -> Result<(), RotationError> {
        const PROMOTED: RotationError =
            RotationError::NotPossible("the new token is the primary one by now");
        if rotation.stage == RotationStage::Promoted {
            return Err(PROMOTED);
        }
        let Some(credentials) = self.credentials_of(scope, record).await? else {
            return Ok(());
        };
        let client = TwilioClient::new(&self.outbound, &credentials, turn.deadline);
        match client.delete_secondary_auth_token().await {
            Ok(()) => {}
            // It was promoted, though nobody was told.
            Err(error)
                if error.kind() == ErrorKind::Authentication
                    && rotation.stage == RotationStage::Promoting =>
            {
                return Err(PROMOTED);
            }
            Err(error) => return Err(error.into()),
        }
        let outcome = Outcome::of(RotationStage::RolledBack, Tokens::Forget);
        self.settle(scope, turn, rotation, &outcome).await
    }

    async fn credentials_of(
        &self,
        scope: &TenantScope,
        record: &IntegrationRecord,
    ) -> Result<Option<TwilioCredentials>, RotationError> {
        let (tenant, provider) = (scope.tenant_id(), Provider::Twilio);
        let opened = Configuration::open(&self.vault, tenant, provider, &record.message).await;
        match opened.map_err(super::IntegrationError::from)? {
            Configuration::Twilio(credentials) => Ok(Some(credentials)),
            _ => Ok(None),
        }
    }
}

/// Makes a secondary token. One that the tenant stored itself, and Twilio accepts, is the one to rotate to; one that nobody knows,
/// such as one whose making was not heard of, is removed first.
async fn created(client: &TwilioClient<'_>) -> Result<Outcome, RotationError> {
    if client.credentials().secondary_auth_token.is_some() {
        match client.as_secondary_auth_token().account().await {
            Ok(_) => return Ok(Outcome::of(RotationStage::Stored, Tokens::Keep)),
            Err(error) if error.kind() == ErrorKind::Authentication => {}
            Err(error) => return Err(error.into()),
        }
    }
    client.delete_secondary_auth_token().await?;
    let token = client.create_secondary_auth_token().await?;
    let tokens = Tokens::Secondary(token);
    Ok(Outcome::of(RotationStage::Stored, tokens))
}

/// Looks whether Twilio accepts the secondary token. While it does not, its promotion would make every webhook one that nobody can
/// verify.
async fn checked(client: &TwilioClient<'_>) -> Result<Outcome, RotationError> {
    let Err(error) = client.as_secondary_auth_token().account().await else {
        return Ok(Outcome::of(RotationStage::Promoting, Tokens::Keep));
    };
    if error.kind() != ErrorKind::Authentication {
        return Err(error.into());
    }
    client.account().await?;
    Ok(gone())
}

/// Promotes the secondary token. A primary one that Twilio no longer accepts says that this was done before: then the secondary one
/// is asked by, which is either the primary one, with no other to promote, or becomes it.
async fn promoted(client: &TwilioClient<'_>) -> Result<Outcome, RotationError> {
    let credentials = client.credentials();
    let Some(secondary) = &credentials.secondary_auth_token else {
        return Ok(gone());
    };
    let new = match client.promote_secondary_auth_token().await {
        Ok(new) => new,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(gone()),
        Err(error) if error.kind() == ErrorKind::Authentication => {
            let by_secondary = client.as_secondary_auth_token();
            match by_secondary.promote_secondary_auth_token().await {
                Ok(new) => new,
                Err(error) if error.kind() == ErrorKind::NotFound => secondary.clone(),
                Err(error) => return Err(error.into()),
            }
        }
        Err(error) => return Err(error.into()),
    };
    let old = credentials.auth_token.clone();
    let tokens = Tokens::Promote { new, old };
    Ok(Outcome::of(RotationStage::Promoted, tokens))
}

fn gone() -> Outcome {
    Outcome {
        reason: Some(SECONDARY_GONE),
        ..Outcome::of(RotationStage::RolledBack, Tokens::Forget)
    }
}
