//! What each step of a rotation does at Twilio, and what came of it.

use tracing::warn;

use super::super::IntegrationAdministration;
use super::{RotationError, Turn};
use crate::integrations::Configuration;
use crate::secret::Secret;
use crate::store::IntegrationRecord;
use crate::tenant::{Provider, TenantScope};
use crate::twilio::rest::ErrorKind;
use crate::twilio::{
    Rotation, RotationStage, TwilioClient, TwilioCredentials, TwilioError, shows_as_primary,
};

/// Why a rotation ends early that nobody rolled back.
const SECONDARY_GONE: &str = "Twilio does not accept the secondary token any more";
const NOT_ACTIVE: &str = "the credentials are not active any more";

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
            // The account may be another tenant's by now, whose token is not to be exchanged.
            RotationStage::Creating | RotationStage::Stored if !record.is_active => {
                given_up(&client, rotation.stage).await?
            }
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
        let mut must_be_gone = rotation.stage == RotationStage::Promoting;
        match client.delete_secondary_auth_token().await {
            Ok(()) => {}
            // So Twilio may say that there is none.
            Err(error) if error.kind() == ErrorKind::Rejected => {
                must_be_gone |= credentials.secondary_auth_token.is_some();
            }
            // It was promoted, though nobody was told.
            Err(error)
                if error.kind() == ErrorKind::Authentication
                    && rotation.stage == RotationStage::Promoting =>
            {
                return Err(PROMOTED);
            }
            Err(error) => return Err(error.into()),
        }
        // That there was none to remove may mean that it was promoted.
        if must_be_gone {
            match standing(&client).await? {
                Standing::Gone => {}
                Standing::Primary => return Err(PROMOTED),
                Standing::Secondary => {
                    let reason = "Twilio still accepts the secondary token: ask again";
                    return Err(RotationError::NotPossible(reason));
                }
            }
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
    match client.delete_secondary_auth_token().await {
        // Nothing tells how Twilio words that there is none; whether another can be made shows next.
        Err(error) if error.kind() != ErrorKind::Rejected => return Err(error.into()),
        _ => {}
    }
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
    gone(client).await
}

/// Promotes the secondary token. What Twilio says against it is no proof of anything, since a promotion that nobody heard of is
/// answered by a refusal too: what the tokens are accepted as decides.
async fn promoted(client: &TwilioClient<'_>) -> Result<Outcome, RotationError> {
    let Some(secondary) = &client.credentials().secondary_auth_token else {
        return gone(client).await;
    };
    let refused = match client.promote_secondary_auth_token().await {
        Ok(new) => return Ok(promotion(client, new)),
        Err(error) => error,
    };
    if is_silent(&refused) {
        return Err(refused.into());
    }
    match standing(client).await? {
        Standing::Primary => Ok(promotion(client, secondary.clone())),
        // The primary one was changed by somebody else: the secondary one can ask for itself.
        Standing::Secondary if refused.kind() == ErrorKind::Authentication => {
            let by_secondary = client.as_secondary_auth_token();
            let new = by_secondary.promote_secondary_auth_token().await?;
            Ok(promotion(client, new))
        }
        Standing::Secondary => Err(refused.into()),
        Standing::Gone => gone(client).await,
    }
}

fn promotion(client: &TwilioClient<'_>, new: Secret) -> Outcome {
    let old = client.credentials().auth_token.clone();
    Outcome::of(RotationStage::Promoted, Tokens::Promote { new, old })
}

/// What Twilio takes the secondary token for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It signs.
    Primary,
    /// It is accepted, and nothing shows that it signs.
    Secondary,
    /// It is not accepted, and the primary one is.
    Gone,
}

/// Asks by the secondary token, and by the primary one where that leaves it open. An error is no answer: nothing is to be concluded.
async fn standing(client: &TwilioClient<'_>) -> Result<Standing, TwilioError> {
    let client = client.as_auth_token();
    let credentials = client.credentials();
    match client.as_secondary_auth_token().account().await {
        Ok(account) => {
            match shows_as_primary(&account, credentials.secondary_auth_token.as_ref()) {
                Some(true) => Ok(Standing::Primary),
                Some(false) => Ok(Standing::Secondary),
                // Twilio does not show it. Two tokens are accepted before a promotion, and one after it.
                None => match client.account().await {
                    Ok(_) => Ok(Standing::Secondary),
                    Err(error) if error.kind() == ErrorKind::Authentication => {
                        Ok(Standing::Primary)
                    }
                    Err(error) => Err(error),
                },
            }
        }
        Err(error) if error.kind() == ErrorKind::Authentication => {
            client.account().await?;
            Ok(Standing::Gone)
        }
        Err(error) => Err(error),
    }
}

/// Ends a rotation whose secondary token is not accepted. Another may be in its place, made by a call that was given up and came late:
/// nobody knows it, and it is not left there.
async fn gone(client: &TwilioClient<'_>) -> Result<Outcome, RotationError> {
    match client.delete_secondary_auth_token().await {
        Err(error) if error.kind() != ErrorKind::Rejected => Err(error.into()),
        _ => Ok(Outcome {
            reason: Some(SECONDARY_GONE),
            ..Outcome::of(RotationStage::RolledBack, Tokens::Forget)
        }),
    }
}

/// Ends a rotation of credentials that are not active any more, before the promotion. The token that is stored is taken back if Twilio
/// has it, and counts if somebody promoted it; any other is not this tenant's to remove.
async fn given_up(
    client: &TwilioClient<'_>,
    stage: RotationStage,
) -> Result<Outcome, RotationError> {
    let mut tokens = Tokens::Keep;
    if let (RotationStage::Stored, Some(secondary)) =
        (stage, &client.credentials().secondary_auth_token)
    {
        match standing(client).await {
            Ok(Standing::Primary) => return Ok(promotion(client, secondary.clone())),
            Ok(Standing::Secondary) => {
                match client.delete_secondary_auth_token().await {
                    Err(error) if is_silent(&error) => return Err(error.into()),
                    _ => {}
                }
                tokens = Tokens::Forget;
            }
            Ok(Standing::Gone) => tokens = Tokens::Forget,
            Err(error) if is_silent(&error) => return Err(error.into()),
            // Neither is accepted: nothing is known of them.
            Err(_) => {}
        }
    }
    Ok(Outcome {
        reason: Some(NOT_ACTIVE),
        ..Outcome::of(RotationStage::RolledBack, tokens)
    })
}

/// Whether Twilio said nothing at all, and may later.
fn is_silent(error: &TwilioError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::RateLimited { .. } | ErrorKind::Unavailable
    )
}
