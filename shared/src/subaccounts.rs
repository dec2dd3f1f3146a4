//! Subaccounts: a tenant without a Twilio account is given one below the platform's, which follows it until it is closed.
//!
//! Whatever interrupts it, going on with it finds at Twilio what was made and not taken note of: a subaccount by its name, an API
//! key whose secret is lost by its name too. Nothing is ever undone by it but what nobody can use.

mod error;
mod name;

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use tracing::{info, warn};

pub use self::error::SubaccountError;
pub use self::name::{Deployment, subaccount_name};
use crate::api::Foundation;
use crate::audit::{Action, Actor, AuditEntry};
use crate::aws::as_function;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::input::Document;
use crate::integrations::{Configuration, Entry, IntegrationAdministration, IntegrationError};
use crate::sid::AccountSid;
use crate::store::{Expected, Profiles, StoredProfile, SubaccountMemory, owner};
use crate::tenant::{Provider, Subaccount, SubaccountStatus, TenantScope, TenantStatus};
use crate::twilio::rest::{Account, AccountStatus, ErrorKind};
use crate::twilio::{TwilioClient, TwilioCredentials, TwilioError};

/// For how long one caller may be at it before another may, in seconds: as long as a function of the API runs at most.
const LEASE_SECONDS: u32 = 30;

/// For how long nobody else may begin after an attempt of which it is not known what it made, in seconds: by then Twilio lists it.
const AFTER_UNCERTAINTY_SECONDS: u32 = 5;

/// What has to be left of the time to begin with it.
const LEAST_TIME: Duration = Duration::from_secs(3);

/// Twilio's error code of a subaccount that Twilio itself suspended, and that cannot be changed.
const SUSPENDED_BY_TWILIO: u32 = 21478;

/// The name of the API key that is made for a tenant.
const KEY_NAME: &str = "Trunkline";

/// Opens, suspends, resumes and closes the tenants' subaccounts.
pub struct Subaccounts {
    memory: SubaccountMemory,
    profiles: Profiles,
    integrations: IntegrationAdministration,
    deployment: Deployment,
    clock: Clock,
}

/// The right to go on with one subaccount, and how far it got.
struct Work<'w> {
    scope: &'w TenantScope,
    owner: String,
    tenant: StoredProfile,
    subaccount: Subaccount,
    actor: &'w Actor,
    deadline: Instant,
}

impl Subaccounts {
    /// Builds it on what all API functions have. `None` for a fault of the environment.
    #[must_use]
    pub fn new(environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws, tables, clock, ..
        } = foundation;
        let (client, table) = (aws.dynamodb(), || tables.tenants.clone());
        Some(Self {
            memory: SubaccountMemory::new(client.clone(), table()),
            profiles: Profiles::new(client, table()),
            integrations: IntegrationAdministration::new(environment, foundation)?,
            deployment: Deployment::of_table(&tables.tenants),
            clock: clock.clone(),
        })
    }

    /// Goes on with a tenant's subaccount until it is as the tenant is: opened with its credentials stored, suspended with it,
    /// closed when it is being deleted. Nothing is done for a tenant that has none, or whose is settled: one read. How far it got
    /// by now.
    ///
    /// # Errors
    /// Why it got no further. What is done is kept; whoever asks again goes on from there.
    pub async fn go_on(
        &self,
        scope: &TenantScope,
        actor: &Actor,
        deadline: Instant,
    ) -> Result<Option<Subaccount>, SubaccountError> {
        let Some(stored) = self.profiles.read(scope).await? else {
            return Ok(None);
        };
        let Some(subaccount) = stored.subaccount else {
            return Ok(None);
        };
        if subaccount.is_settled(stored.profile.status) {
            return Ok(Some(subaccount));
        }
        if deadline.saturating_duration_since(Instant::now()) < LEAST_TIME {
            return Err(SubaccountError::TooLate);
        }
        let owner = owner()?;
        let now = self.clock.now();
        let leased = self.memory.lease(scope, &owner, now, LEASE_SECONDS).await?;
        let tenant = leased.ok_or(SubaccountError::Busy)?;
        let mut work = Work {
            scope,
            owner,
            subaccount: tenant.subaccount.clone().unwrap_or_default(),
            tenant,
            actor,
            deadline,
        };
        let done = self.settle(&mut work).await;
        self.end(&work, done.as_ref().err()).await;
        done.map(|()| Some(work.subaccount))
    }

    async fn settle(&self, work: &mut Work<'_>) -> Result<(), SubaccountError> {
        let is_leaving = work.tenant.profile.status == TenantStatus::Deleting;
        let platform = match self.platforms_credentials().await {
            // Without an account of the platform none was opened.
            Err(SubaccountError::NoPlatformAccount)
                if is_leaving && work.subaccount.account_sid.is_none() =>
            {
                work.subaccount.status = SubaccountStatus::Closed;
                return self.keep(work, None).await;
            }
            platform => platform?,
        };
        let parent = work.subaccount.parent_sid.as_ref();
        if let Some(other) = parent.filter(|parent| **parent != platform.account_sid) {
            // Under this one it is as if it were closed, and stays open and billed.
            return Err(SubaccountError::OtherParent(other.clone()));
        }
        let outbound = self.integrations.outbound();
        let parent = TwilioClient::new(outbound, &platform, work.deadline).as_auth_token();
        if is_leaving {
            return self.close(work, &parent).await;
        }
        let account = self.open(work, &parent).await?;
        let sid = account.sid.clone();
        if !work.subaccount.is_ready {
            // One that was suspended before it had credentials is resumed for them.
            self.follow(work, &parent, &sid).await?;
            self.give_credentials(work, account).await?;
        }
        self.follow(work, &parent, &sid).await
    }

    /// The credentials of the platform's own account.
    async fn platforms_credentials(&self) -> Result<TwilioCredentials, SubaccountError> {
        let scope = TenantScope::platform();
        let opened = self.integrations.open(&scope, Provider::Twilio);
        // They are no tenant's.
        match as_function(opened).await {
            Ok((_, Configuration::Twilio(credentials))) => Ok(credentials),
            Ok(_) | Err(IntegrationError::Missing(_)) => Err(SubaccountError::NoPlatformAccount),
            Err(error) => Err(error.into()),
        }
    }

    /// The subaccount: the known one, else the oldest of its name, else a new one.
    async fn open(
        &self,
        work: &mut Work<'_>,
        parent: &TwilioClient<'_>,
    ) -> Result<Account, SubaccountError> {
        if let Some(sid) = &work.subaccount.account_sid {
            let account = parent.subaccount(sid).await?;
            return match account.status {
                AccountStatus::Closed => Err(SubaccountError::Closed),
                _ => Ok(account),
            };
        }
        let name = subaccount_name(&self.deployment, work.scope.tenant_id());
        let (account, action) = match oldest(parent.subaccounts_named(&name).await?) {
            Some(account) => (account, Action::SubaccountAdopted),
            None => match parent.create_subaccount(&name).await {
                Ok(account) => (account, Action::SubaccountOpened),
                Err(TwilioError::Call(call)) if call.may_have_been_done() => {
                    // It may have been opened though the answer was lost: it is looked up, never opened again.
                    let found = parent.subaccounts_named(&name).await?;
                    let found = oldest(found).ok_or(TwilioError::Call(call))?;
                    (found, Action::SubaccountAdopted)
                }
                Err(error) => return Err(error.into()),
            },
        };
        work.subaccount.account_sid = Some(account.sid.clone());
        work.subaccount.parent_sid = Some(parent.credentials().account_sid.clone());
        work.subaccount.status = match account.status {
            AccountStatus::Suspended => SubaccountStatus::Suspended,
            _ => SubaccountStatus::Active,
        };
        self.keep(work, Some(action)).await?;
        Ok(account)
    }

    /// Stores the subaccount's auth token and a new API key as the tenant's credentials, unless the tenant has some.
    async fn give_credentials(
        &self,
        work: &mut Work<'_>,
        account: Account,
    ) -> Result<(), SubaccountError> {
        let stored = match self.integrations.read(work.scope, Provider::Twilio).await {
            Ok(_) => true,
            Err(IntegrationError::Missing(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if !stored {
            let token = account
                .auth_token
                .filter(|token| !token.expose().is_empty());
            let token = token.ok_or(SubaccountError::NoAuthToken)?;
            let document = json!({"account_sid": account.sid, "auth_token": token.expose()});
            let document = Document::from(document);
            let credentials = TwilioCredentials::from_input(document.value());
            let credentials = credentials.map_err(IntegrationError::from)?;
            let outbound = self.integrations.outbound();
            let client = TwilioClient::new(outbound, &credentials, work.deadline).as_auth_token();
            // Of one that was made and not stored the secret is lost.
            for lost in client.keys_named(KEY_NAME).await? {
                client.delete_key(&lost.sid).await?;
            }
            let key = client.create_key(KEY_NAME).await?;
            let document = Document::from(json!({
                "account_sid": account.sid, "auth_token": token.expose(),
                "api_key_sid": key.sid, "api_key_secret": key.secret.expose(),
            }));
            let entry = Entry {
                document: &document,
                expected: Expected::Absent,
                is_checked: true,
                actor: work.actor.clone(),
                deadline: work.deadline,
            };
            self.integrations
                .replace(work.scope, Provider::Twilio, entry)
                .await?;
        }
        work.subaccount.is_ready = true;
        self.keep(work, None).await
    }

    /// Suspends or resumes the subaccount with its tenant.
    async fn follow(
        &self,
        work: &mut Work<'_>,
        parent: &TwilioClient<'_>,
        sid: &AccountSid,
    ) -> Result<(), SubaccountError> {
        let wanted = SubaccountStatus::of(work.tenant.profile.status);
        // Its credentials are made with the subaccount's own token, which takes that it works.
        let wanted = match work.subaccount.is_ready {
            true => wanted,
            false => SubaccountStatus::Active,
        };
        if work.subaccount.status == wanted {
            return Ok(());
        }
        let (status, action) = match wanted {
            SubaccountStatus::Suspended => (AccountStatus::Suspended, Action::SubaccountSuspended),
            _ => (AccountStatus::Active, Action::SubaccountResumed),
        };
        parent.set_subaccount_status(sid, &status).await?;
        work.subaccount.status = wanted;
        self.keep(work, Some(action)).await?;
        if wanted == SubaccountStatus::Active && work.subaccount.is_ready {
            self.use_again(work).await;
        }
        Ok(())
    }

    /// Takes credentials into use that checks found invalid while the account was suspended. It is no matter if that fails: they
    /// are checked every day.
    async fn use_again(&self, work: &Work<'_>) {
        let stored = self.integrations.read(work.scope, Provider::Twilio).await;
        if stored.is_ok_and(|stored| !stored.is_active) {
            let (scope, actor) = (work.scope, work.actor);
            let checked = self
                .integrations
                .verify(scope, Provider::Twilio, actor, work.deadline);
            if let Err(error) = checked.await {
                warn!(%error, "the credentials of a resumed subaccount are not in use");
            }
        }
    }

    /// Closes the subaccount, and whatever else of its name there is: one may have been opened that nobody took note of.
    async fn close(
        &self,
        work: &mut Work<'_>,
        parent: &TwilioClient<'_>,
    ) -> Result<(), SubaccountError> {
        let name = subaccount_name(&self.deployment, work.scope.tenant_id());
        let mut open: Vec<AccountSid> = work.subaccount.account_sid.iter().cloned().collect();
        let named = parent.subaccounts_named(&name).await?.into_iter();
        open.extend(named.filter(is_open).map(|account| account.sid));
        open.sort_unstable();
        open.dedup();
        let mut left = Vec::new();
        for sid in &open {
            match parent
                .set_subaccount_status(sid, &AccountStatus::Closed)
                .await
            {
                Ok(_) => {}
                // Twilio itself suspended it: nobody but Twilio can change it, and a deletion must not wait for that.
                Err(TwilioError::Refused(error)) if error.code == Some(SUSPENDED_BY_TWILIO) => {
                    warn!(%sid, %error, "a subaccount is left as Twilio suspended it");
                    left.push(sid.clone());
                }
                // Twilio deletes closed ones after 30 days, and changes none that is closed.
                Err(error) => match parent.subaccount(sid).await {
                    Ok(account) if account.status == AccountStatus::Closed => {}
                    Err(gone) if gone.kind() == ErrorKind::NotFound => {}
                    _ => return Err(error.into()),
                },
            }
        }
        work.subaccount.status = SubaccountStatus::Closed;
        let action = match left.is_empty() {
            true => Action::SubaccountClosed,
            false => Action::SubaccountLeft,
        };
        self.keep(work, (!open.is_empty()).then_some(action)).await
    }

    async fn keep(&self, work: &Work<'_>, action: Option<Action>) -> Result<(), SubaccountError> {
        let subaccount = &work.subaccount;
        let target = subaccount.account_sid.as_ref();
        let entry = action.map(|action| AuditEntry {
            at: self.clock.now(),
            actor: work.actor.clone(),
            action,
            target: target.map_or_else(|| work.scope.tenant_id().to_string(), ToString::to_string),
            detail: work.scope.tenant_id().to_string(),
        });
        let status = work.tenant.profile.status;
        let (scope, owner) = (work.scope, &work.owner);
        self.memory
            .keep(scope, owner, subaccount, status, entry.as_ref())
            .await?;
        if let Some(entry) = entry {
            info!(
                action = entry.action.as_str(),
                target = entry.target,
                "the subaccount goes on"
            );
        }
        Ok(())
    }

    /// Ends the lease; soon, if it is not known what was made.
    async fn end(&self, work: &Work<'_>, error: Option<&SubaccountError>) {
        // What is only to be suspended, resumed or closed may be so again at once.
        let makes = !work.subaccount.is_ready && !work.subaccount.is_closed();
        let is_uncertain = match error {
            Some(SubaccountError::Twilio(error)) => makes && error.kind() == ErrorKind::Unavailable,
            _ => false,
        };
        let (scope, owner, now) = (work.scope, &work.owner, self.clock.now());
        let ended = match is_uncertain {
            true => {
                let seconds = AFTER_UNCERTAINTY_SECONDS;
                let shortened = self.memory.lease(scope, owner, now, seconds).await;
                shortened.map(drop)
            }
            false => self.memory.release(scope, owner).await,
        };
        if let Err(error) = ended {
            warn!(%error, "the lease of a subaccount is held for longer than it need be");
        }
    }
}

fn is_open(account: &Account) -> bool {
    account.status != AccountStatus::Closed
}

/// The one that was opened first, of those that are not closed. Of two of the same second the lower SID.
fn oldest(accounts: Vec<Account>) -> Option<Account> {
    let open = accounts.into_iter().filter(is_open);
    open.min_by(|one, other| {
        let age = |account: &Account| (account.date_created.is_none(), account.date_created);
        (age(one), &one.sid).cmp(&(age(other), &other.sid))
    })
}
