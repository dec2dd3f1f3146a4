//! The TwiML App of a tenant: there, one, and set to this deployment.
//!
//! One that nobody ever needed is not missed: the first access token makes it.

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::Look;
use crate::audit::{Action, AuditEntry};
use crate::drift::{DriftFinding, DriftOutcome, DriftProblem, DriftedResource};
use crate::integrations::IntegrationError;
use crate::sid::ApplicationSid;
use crate::store::{Leasing, StoredApplication, TenantConnections, owner};
use crate::tenant::{Provider, TenantScope};
use crate::twilio::application::{How, ensure_application, oldest};
use crate::twilio::rest::{Application, ApplicationConfig, ErrorKind};
use crate::twilio::{TwilioClient, TwilioError};
use crate::verifier::Verifier;
use crate::verifier::tenant::ACTOR;

/// For how long nobody else may make an App while the verifier does, in seconds, beside what one tenant may take.
const LEASE_MARGIN_SECONDS: u64 = 15;

/// For how long an access token is good at most, which names an App.
const LONGEST_TOKEN: SignedDuration = SignedDuration::from_hours(24);

/// The Apps of a tenant, as they are at Twilio.
struct Apps {
    /// The remembered one, if it is still there.
    own: Option<Application>,
    /// All others of its name.
    others: Vec<Application>,
}

impl Verifier {
    pub(super) async fn application(
        &self,
        scope: &TenantScope,
        connections: &TenantConnections,
        client: &TwilioClient<'_>,
        look: &mut Look,
    ) -> Result<(), IntegrationError> {
        const WHAT: &str = "the TwiML App";
        let account = &client.credentials().account_sid;
        let memory = &connections.application;
        let remembered = memory.application.as_ref();
        let remembered = remembered.map(|it| (&it.account_sid, &it.application_sid));
        // One that was found gone by somebody else is missed all the same.
        let missed = memory.missed.as_ref().map(|(of, sid)| (of, sid));
        let known = remembered.or(missed).filter(|(of, _)| *of == account);
        let Some((_, sid)) = known else {
            return Ok(());
        };
        let expected = ApplicationConfig::of_tenant(scope.tenant_id(), account, &self.urls);
        let apps = match Apps::of(client, sid, &expected).await {
            Ok(apps) => apps,
            Err(error) => {
                look.miss(DriftedResource::TwimlApp, WHAT, &error);
                return Ok(());
            }
        };
        let differences = apps.own.as_ref().map(|own| expected.differences(own));
        let (problem, fields) = match differences {
            None => (Some(DriftProblem::Missing), Vec::new()),
            Some(fields) if fields.is_empty() => (None, fields),
            Some(fields) => (Some(DriftProblem::Changed), fields),
        };
        if let Some(deleting) = memory.deleting.as_ref().filter(|it| !apps.has(it)) {
            // Whoever deleted it got no further.
            self.note_deleted(scope, deleting).await?;
        }
        let others = apps.beside_the_one_in_use();
        // Whoever was at it did not get so far as to take note.
        let was_interrupted = memory
            .leased_until
            .is_some_and(|until| until <= self.clock.now());
        let mut outcome = DriftOutcome::Reported;
        if connections.is_repaired() && (problem.is_some() || was_interrupted) {
            outcome = match self.mend(scope, client, sid, &expected).await? {
                Ok(true) => DriftOutcome::Repaired,
                Ok(false) => {
                    look.is_whole = false;
                    DriftOutcome::Failed
                }
                Err(error) => {
                    look.fail(WHAT, &error);
                    DriftOutcome::Failed
                }
            };
        }
        if let Some(problem) = problem {
            look.find(DriftFinding {
                resource: DriftedResource::TwimlApp,
                sid: sid.to_string(),
                problem,
                fields: fields.into_iter().map(ToOwned::to_owned).collect(),
                outcome,
            });
        }
        let since = memory.ensured_at;
        for other in others {
            let removed = match (connections.is_repaired(), look.is_whole) {
                (false, _) => Ok(false),
                (true, true) => self.remove(scope, client, &other, since).await?,
                (true, false) => {
                    look.find(duplicate(&other, DriftOutcome::Failed));
                    continue;
                }
            };
            let outcome = match removed {
                Ok(true) => DriftOutcome::Repaired,
                Ok(false) => DriftOutcome::Reported,
                Err(error) => {
                    look.fail(WHAT, &error);
                    DriftOutcome::Failed
                }
            };
            look.find(duplicate(&other, outcome));
        }
        Ok(())
    }

    /// Makes sure of the App under the lease that access tokens make it under; false, when somebody else has it.
    async fn mend(
        &self,
        scope: &TenantScope,
        client: &TwilioClient<'_>,
        remembered: &ApplicationSid,
        expected: &ApplicationConfig,
    ) -> Result<Result<bool, TwilioError>, IntegrationError> {
        let owner = owner()?;
        let now = self.clock.now();
        let seconds = self.patience.as_secs().saturating_add(LEASE_MARGIN_SECONDS);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        let leasing = self.memory.lease(scope, &owner, now, seconds).await?;
        let Leasing::Taken(lease) = leasing else {
            return Ok(Ok(false));
        };
        let ensured = match ensure_application(client, Some(remembered), expected).await {
            Ok(ensured) => ensured,
            Err(error) => {
                if let Err(error) = self.memory.release(scope, lease).await {
                    warn!(%error, "the lease of a TwiML App is held for longer than it need be");
                }
                return Ok(Err(error));
            }
        };
        let made = StoredApplication {
            account_sid: client.credentials().account_sid.clone(),
            application_sid: ensured.sid,
            voice_url: expected.voice_url.clone(),
        };
        let entry = AuditEntry {
            at: self.clock.now(),
            actor: ACTOR,
            action: match ensured.how {
                How::Created => Action::TwimlAppCreated,
                How::Adopted => Action::TwimlAppAdopted,
                How::Updated | How::Unchanged => Action::TwimlAppUpdated,
            },
            target: made.application_sid.to_string(),
            detail: made.voice_url.clone(),
        };
        let is_kept = self.memory.remember(scope, &lease, &made, &entry).await?;
        if is_kept && made.application_sid != *remembered {
            // Warm functions issue tokens for the one that is gone.
            self.integrations.announce(scope, Provider::Twilio).await;
        }
        Ok(Ok(is_kept))
    }

    /// Deletes an App of the name that is not the one in use, unless something may still name it; whether it did. `since` is when
    /// somebody last made sure of the one in use: one that was made after that is named by no access token.
    async fn remove(
        &self,
        scope: &TenantScope,
        client: &TwilioClient<'_>,
        other: &Application,
        since: Option<Timestamp>,
    ) -> Result<Result<bool, TwilioError>, IntegrationError> {
        if may_be_in_a_token(other.date_created, since, self.clock.now()) {
            return Ok(Ok(false));
        }
        let numbers = match client.incoming_phone_numbers().await {
            Ok(numbers) => numbers,
            Err(error) => return Ok(Err(error)),
        };
        let name = other.sid.as_str();
        let is_named = numbers.iter().any(|number| {
            [&number.voice_application_sid, &number.sms_application_sid]
                .into_iter()
                .flatten()
                .any(|sid| sid.as_str() == name)
        });
        if is_named {
            return Ok(Ok(false));
        }
        // Marked before and told after it is done: never done without a word, nor told without being done.
        self.memory.mark_deleting(scope, &other.sid).await?;
        if let Err(error) = client.delete_application(&other.sid).await {
            return Ok(Err(error));
        }
        self.note_deleted(scope, &other.sid).await?;
        Ok(Ok(true))
    }

    /// Tells the audit log of an App that was deleted.
    async fn note_deleted(
        &self,
        scope: &TenantScope,
        deleted: &ApplicationSid,
    ) -> Result<(), IntegrationError> {
        let entry = AuditEntry {
            at: self.clock.now(),
            actor: ACTOR,
            action: Action::TwimlAppDeleted,
            target: deleted.to_string(),
            detail: "another App of the same name is in use".to_owned(),
        };
        self.memory.note_deleted(scope, deleted, &entry).await?;
        Ok(())
    }
}

impl Apps {
    /// One list, and one call more when the remembered one is not in it: it was renamed, or is gone.
    async fn of(
        client: &TwilioClient<'_>,
        remembered: &ApplicationSid,
        expected: &ApplicationConfig,
    ) -> Result<Self, TwilioError> {
        let named = client.applications_named(&expected.friendly_name).await?;
        let (mut own, others): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|app| app.sid == *remembered);
        let own = match own.pop() {
            Some(own) => Some(own),
            None => match client.application(remembered).await {
                Ok(own) => Some(own),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
        };
        Ok(Self { own, others })
    }

    /// Whether one is there.
    fn has(&self, sid: &ApplicationSid) -> bool {
        let mut all = self.own.iter().chain(&self.others);
        all.any(|app| app.sid == *sid)
    }

    /// Those that are too many: where the remembered one is gone, the oldest of the others takes its place.
    fn beside_the_one_in_use(self) -> Vec<Application> {
        let next = match self.own {
            Some(_) => None,
            None => oldest(self.others.clone()),
        };
        let others = self.others.into_iter();
        others
            .filter(|app| next.as_ref().is_none_or(|next| next.sid != app.sid))
            .collect()
    }
}

fn duplicate(other: &Application, outcome: DriftOutcome) -> DriftFinding {
    DriftFinding {
        resource: DriftedResource::TwimlApp,
        sid: other.sid.to_string(),
        problem: DriftProblem::Duplicated,
        fields: Vec::new(),
        outcome,
    }
}

/// Whether an access token that is still good may name an App that is not the one in use.
fn may_be_in_a_token(made_at: Option<Timestamp>, since: Option<Timestamp>, now: Timestamp) -> bool {
    let Some(since) = since else {
        return true;
    };
    // Twilio tells whole seconds.
    let is_younger = made_at.is_some_and(|made_at| made_at.as_second() >= since.as_second());
    !is_younger && now.duration_since(since) < LONGEST_TOKEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_may_be_in_a_token_if_it_was_there_before_the_one_in_use_was_made_sure_of() {
        let at = |time: &str| -> Option<Timestamp> { Some(time.parse().unwrap()) };
        let since = at("2026-11-01T12:00:00.500Z");
        let now = at("2026-11-01T13:00:00Z").unwrap();
        let tomorrow = at("2026-11-02T12:00:01Z").unwrap();
        assert!(!may_be_in_a_token(at("2026-11-01T12:00:00Z"), since, now));
        assert!(may_be_in_a_token(at("2026-11-01T11:59:59Z"), since, now));
        assert!(may_be_in_a_token(None, since, now));
        assert!(!may_be_in_a_token(None, since, tomorrow));
        assert!(may_be_in_a_token(
            at("2026-11-01T12:30:00Z"),
            None,
            tomorrow
        ));
    }
}
