//! What calls recorded and messages carried: fetched from Twilio with the tenant's credentials, a piece at a time, and never by
//! handing out Twilio's address of it.

mod deletion;
mod kind;
mod problems;
mod request;
#[cfg(test)]
mod tests;

use tokio::time::Instant;

pub use self::deletion::Deletion;
pub use self::request::MediaRequest;
use crate::activity::{History, Resource, media_url};
use crate::api::{Code, Foundation, Problem};
use crate::clock::Clock;
use crate::credentials::{CredentialVault, TwilioTenant};
use crate::environment::Environment;
use crate::outbound::{Media, MediaFault, Outbound, Wanted};
use crate::sid::{AccountSid, MediaSid, MessageSid, RecordingSid};
use crate::store::{Activity, RecordingDeletions, Routes, Tenants};
use crate::tenant::TenantScope;
use crate::twilio::TwilioClient;
use crate::twilio::rest::{MediaError, RecordingFormat, account_of_url, media_of_url};

/// The tenants' recordings and what is attached to their messages, as they are at Twilio.
pub struct TenantMedia {
    activity: Activity,
    deletions: RecordingDeletions,
    credentials: CredentialVault,
    outbound: Outbound,
    clock: Clock,
}

/// A file at Twilio.
enum File<'f> {
    Recording(&'f RecordingSid, RecordingFormat),
    Attachment(&'f MessageSid, MediaSid),
}

impl TenantMedia {
    /// Builds it on what all API functions have. `None` for a fault of the environment.
    #[must_use]
    pub fn new(environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws,
            tables,
            key,
            clock,
        } = foundation;
        let client = aws.dynamodb();
        let routes = Routes::new(client.clone(), tables.routes.clone(), clock.clone());
        let tenants = Tenants::new(
            client.clone(),
            tables.tenants.clone(),
            routes,
            clock.clone(),
        );
        // Nothing is kept by it that could expire.
        let retention_days = 0;
        Some(Self {
            activity: Activity::new(
                client.clone(),
                tables.activity.clone(),
                retention_days,
                clock.clone(),
            ),
            deletions: RecordingDeletions::new(client, tables, clock.clone()),
            credentials: CredentialVault::new(aws, tenants, key.clone(), clock),
            outbound: Outbound::from_environment(environment)?,
            clock: clock.clone(),
        })
    }

    /// What is asked for of a recording.
    ///
    /// # Errors
    /// Why it is not had, each under its own code.
    pub async fn recording(
        &self,
        scope: &TenantScope,
        sid: &RecordingSid,
        format: RecordingFormat,
        request: &MediaRequest,
        deadline: Instant,
    ) -> Result<Media, Problem> {
        let resource = Resource::Recording(sid.clone());
        let history = self.activity.history(scope, &resource).await?;
        if history.iter().next().is_none() {
            return Err(problems::unknown_recording());
        }
        let tenant = self.tenant(scope, deadline).await?;
        let account = recorded_by(&history);
        problems::of_own_account(account.as_ref(), &tenant.credentials.account_sid)?;
        let file = File::Recording(sid, format);
        self.fetch(&tenant, &file, request, deadline).await
    }

    /// What is asked for of a file that is attached to a message, by Twilio's number of it, from 0.
    ///
    /// # Errors
    /// Why it is not had, each under its own code.
    pub async fn attachment(
        &self,
        scope: &TenantScope,
        sid: &MessageSid,
        index: usize,
        request: &MediaRequest,
        deadline: Instant,
    ) -> Result<Media, Problem> {
        let resource = Resource::Message(sid.clone());
        let history = self.activity.history(scope, &resource).await?;
        if history.iter().next().is_none() {
            let detail = "The tenant has no such message.";
            return Err(Problem::new(Code::MessageNotFound, detail));
        }
        let none = || {
            let detail = "The message has no such media: its media name those that it has.";
            Problem::new(Code::MediaNotFound, detail)
        };
        let url = media_url(&history, index).ok_or_else(none)?;
        let (account, file) = media_of_url(url, sid).ok_or_else(none)?;
        let tenant = self.tenant(scope, deadline).await?;
        problems::of_own_account(Some(&account), &tenant.credentials.account_sid)?;
        let file = File::Attachment(sid, file);
        self.fetch(&tenant, &file, request, deadline).await
    }

    /// The tenant with its credentials, if they may be used.
    async fn tenant(
        &self,
        scope: &TenantScope,
        deadline: Instant,
    ) -> Result<TwilioTenant, Problem> {
        let tenant = self.credentials.twilio_as_stored(scope, deadline).await?;
        if !tenant.is_active {
            let detail = "The tenant's Twilio credentials are not in use: GET /api/integrations/twilio says why.";
            return Err(Problem::new(Code::CredentialsInactive, detail));
        }
        Ok(tenant)
    }

    /// Fetches what is asked for; all of a file that is another by now than the one that a range was asked of.
    async fn fetch(
        &self,
        tenant: &TwilioTenant,
        file: &File<'_>,
        request: &MediaRequest,
        deadline: Instant,
    ) -> Result<Media, Problem> {
        let client = TwilioClient::new(&self.outbound, &tenant.credentials, deadline);
        let fetch = async |wanted| match file {
            File::Recording(sid, format) => client.recording_media(sid, *format, wanted).await,
            File::Attachment(message, file) => client.message_media(message, file, wanted).await,
        };
        let mut fetched = fetch(request.wanted()).await;
        let length = match &fetched {
            Ok(media) => media.total,
            Err(MediaError::Fault(MediaFault::Unsatisfiable { total })) => *total,
            Err(_) => return fetched.map_err(problems::of_media),
        };
        if request.wanted() != Wanted::Whole && !request.holds_for(length) {
            fetched = fetch(Wanted::Whole).await;
        }
        fetched.map_err(problems::of_media)
    }
}

/// The account whose call was recorded: the one that told of it. Of a recording that was kept before that was kept with it, the one
/// that its URL names; nothing, where that is elsewhere.
fn recorded_by(history: &History) -> Option<AccountSid> {
    let told_by = history.account().cloned();
    told_by.or_else(|| account_of_url(history.parameter("RecordingUrl")?))
}
