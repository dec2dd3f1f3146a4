//! Voice access tokens: who asks gets one for itself, at its own tenant's account.

mod changes;
mod request;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use self::changes::HeardChanges;
pub use self::request::TokenRequest;
use crate::api::{Admission, Call, Code, Foundation, Problem, served};
use crate::applications::Applications;
use crate::audit::{Action, Actor};
use crate::cache::Source;
use crate::clock::Clock;
use crate::credentials::{CredentialError, CredentialVault, TwilioTenant};
use crate::environment::Environment;
use crate::identity::Identity;
use crate::outbound::Outbound;
use crate::secret::Secret;
use crate::sid::{ApiKeySid, ApplicationSid};
use crate::store::{ApplicationMemory, Integrations, Routes, Tenants};
use crate::tenant::{Provider, TenantScope};
use crate::twilio::access_token::{AccessToken, OutgoingCalls, VoiceGrant};
use crate::twilio::application::{How, ensure_application};
use crate::twilio::rest::ApplicationConfig;
use crate::twilio::{TwilioClient, TwilioError, WebhookUrls};
use crate::verification::Capability;

/// How old the word of when credentials were last used may be before it is written anew.
const USE_IS_KEPT_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Issues access tokens.
pub struct Tokens {
    credentials: CredentialVault,
    heard_changes: HeardChanges,
    applications: Applications<TwilioError>,
    integrations: Integrations,
    admission: Admission,
    outbound: Outbound,
    urls: WebhookUrls,
    clock: Clock,
}

/// A token, for the caller alone.
#[derive(Debug)]
pub struct Token {
    /// The JWT.
    pub token: Secret,
    /// Who the caller is at Twilio.
    pub identity: Identity,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

impl Tokens {
    /// Builds it on what all API functions have. `None` for a fault of the environment.
    #[must_use]
    pub fn new(environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws,
            tables,
            key,
            clock,
        } = foundation;
        let (outbound, urls) = (
            Outbound::from_environment(environment),
            WebhookUrls::from_environment(environment),
        );
        let (client, table) = (aws.dynamodb(), || tables.tenants.clone());
        let routes = Routes::new(client.clone(), tables.routes.clone(), clock.clone());
        let tenants = Tenants::new(client.clone(), table(), routes, clock.clone());
        let memory = ApplicationMemory::new(client.clone(), table());
        Some(Self {
            credentials: CredentialVault::new(aws, tenants, key.clone(), clock),
            heard_changes: HeardChanges::default(),
            applications: Applications::new(memory, clock, Actor::Function("token")),
            integrations: Integrations::new(&client, tables, clock),
            admission: Admission::new(foundation),
            outbound: outbound?,
            urls: urls?,
            clock: clock.clone(),
        })
    }

    /// Issues a token to the caller, for no other identity and no other tenant. Warm it makes no call to Twilio, KMS or a store;
    /// the request was counted before.
    ///
    /// # Errors
    /// What the tenant lacks for it, each under its own code.
    pub async fn issue(&self, call: &Call, request: &TokenRequest) -> Result<Token, Problem> {
        let (scope, now) = (call.scope()?, self.clock.now());
        let tenant = self.tenant(call, &scope).await?;
        let (key_sid, key_secret) = signing_key(&tenant)?;
        let application = self.application(call, &scope, &tenant).await?;
        let identity = Identity::of(call.caller().subject(), scope.tenant_id())
            .ok_or_else(|| Problem::internal("a subject that was let in is no identity"))?;
        let account = &tenant.credentials.account_sid;
        let token = AccessToken::new(account, key_sid, identity.as_str(), now)
            .ttl(request.ttl)
            .voice(VoiceGrant {
                incoming: true,
                outgoing: Some(OutgoingCalls::through(application)),
                push_credential_sid: request.push_credential_sid.clone(),
                endpoint_id: None,
            });
        Ok(Token {
            token: token.sign(key_secret).map_err(Problem::internal)?,
            expires_at: token.expires_at(),
            identity,
        })
    }

    /// The caller's tenant with its credentials, if it may act.
    async fn tenant(&self, call: &Call, scope: &TenantScope) -> Result<Arc<TwilioTenant>, Problem> {
        if let Some(changed_at) = call.changed_at() {
            let forget = || self.credentials.invalidate(scope);
            self.heard_changes
                .hear(scope.tenant_id(), changed_at, forget);
        }
        let cached = match self.credentials.twilio(scope, call.deadline()).await {
            Ok(cached) => cached,
            Err(error @ CredentialError::Missing { .. }) => {
                // Of what is not there the vault tells no more.
                self.admission.tenant(call).await?;
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        };
        let tenant = cached.value;
        served(tenant.status)?;
        if !tenant.is_active {
            let detail = "The tenant's Twilio credentials are not in use: GET /api/integrations/twilio says why.";
            return Err(Problem::new(Code::CredentialsInactive, detail));
        }
        if cached.source == Source::Loaded {
            self.keep_use(scope, &tenant).await;
        }
        Ok(tenant)
    }

    /// The TwiML App that the token's calls go through.
    async fn application(
        &self,
        call: &Call,
        scope: &TenantScope,
        tenant: &TwilioTenant,
    ) -> Result<ApplicationSid, Problem> {
        let (changed_at, deadline) = (call.changed_at(), call.deadline());
        let account = &tenant.credentials.account_sid;
        let expected = ApplicationConfig::of_tenant(scope.tenant_id(), account, &self.urls);
        let remembered = tenant.application.as_ref();
        let remembered = remembered.filter(|application| application.account_sid == *account);
        let remembered = remembered.map(|application| &application.application_sid);
        let make = || async {
            let client = TwilioClient::new(&self.outbound, &tenant.credentials, deadline);
            let ensured = ensure_application(&client, remembered, &expected).await?;
            let action = match ensured.how {
                How::Created => Action::TwimlAppCreated,
                How::Adopted => Action::TwimlAppAdopted,
                How::Updated | How::Unchanged => Action::TwimlAppUpdated,
            };
            Ok((ensured.sid, action))
        };
        let voice_url = &expected.voice_url;
        let ensured = self
            .applications
            .ensure(scope, tenant, voice_url, changed_at, make, deadline)
            .await;
        Ok(ensured?)
    }

    /// Keeps when the credentials were last used, once an hour: of all who waited for one load one does so, and of several
    /// processes the first. A token is not refused for it.
    async fn keep_use(&self, scope: &TenantScope, tenant: &TwilioTenant) {
        let now = self.clock.now();
        let since = now.saturating_sub(USE_IS_KEPT_EVERY).unwrap_or(now);
        let is_kept = tenant.last_used_at.is_some_and(|at| at >= since);
        if is_kept || tenant.use_is_kept.swap(true, Ordering::Relaxed) {
            return;
        }
        let kept = self
            .integrations
            .used(scope, Provider::Twilio, now, since)
            .await;
        if let Err(error) = kept {
            warn!(%error, "when credentials were last used was not kept");
        }
    }
}

/// The API key that signs the tenant's tokens.
fn signing_key(tenant: &TwilioTenant) -> Result<(&ApiKeySid, &Secret), Problem> {
    let credentials = &tenant.credentials;
    let (sid, secret) = (&credentials.api_key_sid, &credentials.api_key_secret);
    let Some(key) = sid.as_ref().zip(secret.as_ref()) else {
        let detail = "Tokens are signed with an API key: send api_key_sid and api_key_secret with PATCH /api/integrations/twilio.";
        return Err(Problem::new(Code::ApiKeyMissing, detail));
    };
    // What no check could tell yet is not held against the key.
    let known = &tenant.capabilities;
    if !known.is_empty() && !known.contains(&Capability::IssueTokens) {
        let detail = "The tenant's API key cannot sign tokens: make a Standard key in Twilio's console and send it with PATCH \
                      /api/integrations/twilio, whose verification_error says more.";
        return Err(Problem::new(Code::ApiKeyRestricted, detail));
    }
    Ok(key)
}
