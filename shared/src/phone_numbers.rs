//! The phone numbers of the tenants' accounts: read from Twilio, pointed at this deployment, and looked at again.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::activity::Route;
use crate::audit::Actor;
use crate::clock::Clock;
use crate::sid::{AccountSid, PhoneNumberSid};
use crate::store::{
    NumberState, PhoneNumberItems, StoreError, StoredNumber, SyncCounts, WriteConflict, WriteError,
};
use crate::tenant::{Settings, TenantScope};
use crate::twilio::health::{self, Complaint, JudgedNumbers, Leads, NumberFindings};
use crate::twilio::rest::{ErrorKind, IncomingPhoneNumber, NumberConfig};
use crate::twilio::{TwilioClient, TwilioError, WebhookUrls};

/// The tenants' phone numbers, here and at Twilio.
///
/// Nothing here reads a tenant's credentials: who calls brings a client that has them, and the tenant's settings.
pub struct PhoneNumbers {
    items: PhoneNumberItems,
    urls: WebhookUrls,
    clock: Clock,
}

/// What a sync found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// What it made of what was stored.
    pub counts: SyncCounts,
    /// When Twilio was asked.
    pub synced_at: Timestamp,
    /// Why not everything that decides where numbers lead could be looked at, and what to do about it.
    pub gap: Option<Complaint>,
}

/// A number that was connected and is no longer set as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifted {
    /// The number as it is stored.
    pub number: StoredNumber,
    /// How it is at Twilio.
    pub how: Drift,
}

/// How a number is no longer set as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// The account does not have it any more. Nothing can be mended: it is to be forgotten.
    Gone,
    /// These settings are others, as Twilio names them.
    Settings(Vec<&'static str>),
    /// Its own settings are right, and a messaging service takes its messages elsewhere. Nothing can be mended here.
    Overruled,
}

/// What a look at the connected numbers found.
#[derive(Debug, Default)]
pub struct Looked {
    /// Those that are no longer set as they should be.
    pub drifted: Vec<Drifted>,
    /// Why not all that decides where they lead could be looked at.
    pub gap: Option<TwilioError>,
}

/// Why a number was not connected.
#[derive(Debug, thiserror::Error)]
pub enum NumberError {
    /// The account has no such number.
    #[error("the account has no such number")]
    Unknown,
    /// Twilio did not do it.
    #[error(transparent)]
    Twilio(#[from] TwilioError),
    /// Something stood against the write, or the store failed.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<StoreError> for NumberError {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

impl NumberConfig {
    /// How the numbers of an account are set that lead to this deployment.
    #[must_use]
    pub fn of_account(account: &AccountSid, urls: &WebhookUrls) -> Self {
        Self {
            voice_url: urls.webhook(Route::Voice, account),
            voice_fallback_url: urls.voice_fallback(account),
            status_callback: urls.webhook(Route::VoiceStatus, account),
            sms_url: urls.webhook(Route::Sms, account),
            sms_fallback_url: urls.sms_fallback(account),
        }
    }
}

impl PhoneNumbers {
    /// Builds it on the table of the tenants and the URLs of this deployment.
    #[must_use]
    pub fn new(items: PhoneNumberItems, urls: WebhookUrls, clock: Clock) -> Self {
        Self { items, urls, clock }
    }

    /// What is stored of them.
    #[must_use]
    pub fn items(&self) -> &PhoneNumberItems {
        &self.items
    }

    /// Reads all numbers of the client's account from Twilio and stores them over what was known: new ones, changed ones, and
    /// none that the account does not have. At Twilio one list of numbers and one of messaging services, and one call for each
    /// service and each TwiML App that a number names; nothing is changed there.
    ///
    /// # Errors
    /// Why they could not be read or stored.
    pub async fn sync(
        &self,
        scope: &TenantScope,
        client: &TwilioClient<'_>,
        settings: &Settings,
    ) -> Result<Synced, NumberError> {
        let synced_at = self.now();
        let account = &client.credentials().account_sid;
        let JudgedNumbers { numbers, gap } = health::judge_numbers(client, &self.urls).await?;
        let states: Vec<NumberState> = numbers
            .into_iter()
            .map(|(number, findings)| {
                state(account, number, findings, gap.as_ref(), settings, synced_at)
            })
            .collect();
        let counts = self.items.sync(scope, account, &states, synced_at).await?;
        Ok(Synced {
            counts,
            synced_at,
            gap,
        })
    }

    /// Points a number of the client's account at this deployment, with voice, fallback, status and SMS URLs, and takes away a
    /// trunk or TwiML App that would count before them; a messaging service is left as it is and warned of. What is right already
    /// is not set again. Whoever asks again, at once or after a crash, gets the same.
    ///
    /// # Errors
    /// [`NumberError`] of any kind; [`WriteConflict::ForwardedTo`] when the tenant's calls are forwarded to it.
    pub async fn connect(
        &self,
        scope: &TenantScope,
        client: &TwilioClient<'_>,
        settings: &Settings,
        sid: &PhoneNumberSid,
        actor: &Actor,
    ) -> Result<StoredNumber, NumberError> {
        let account = &client.credentials().account_sid;
        let asked_at = self.now();
        let mut number = match client.incoming_phone_number(sid).await {
            Ok(number) => number,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.items.forget(scope, sid).await?;
                return Err(NumberError::Unknown);
            }
            Err(error) => return Err(error.into()),
        };
        // Before Twilio is asked anything; the writes look again.
        if number.abilities().voice && is_forwarded_to(settings, &number.phone_number) {
            return Err(WriteError::from(WriteConflict::ForwardedTo).into());
        }
        let config = NumberConfig::of_account(account, &self.urls);
        if !config.differences(&number).is_empty() {
            let before = unjudged(account, &number, asked_at);
            self.items.note_connecting(scope, &before).await?;
            number = client
                .update_incoming_phone_number(&number, &config)
                .await?;
        }
        let synced_at = self.now();
        let judged = health::judge_number(client, &self.urls, &number).await;
        let gap = judged.gap;
        let found = judged.numbers.into_iter().next();
        let (number, findings) = found.ok_or(NumberError::Unknown)?;
        let state = state(account, number, findings, gap.as_ref(), settings, synced_at);
        Ok(self.items.keep_connected(scope, &state, actor).await?)
    }

    /// The numbers of the client's account that were connected and are no longer set as [`PhoneNumbers::connect`] sets them, which
    /// mends each of them, and those that are and whose messages a messaging service takes elsewhere. At Twilio one list of numbers, one
    /// of messaging services and one for each of those, and no call where none is connected; nothing is changed anywhere.
    ///
    /// # Errors
    /// Why they could not be read.
    pub async fn drifted(
        &self,
        scope: &TenantScope,
        client: &TwilioClient<'_>,
    ) -> Result<Looked, NumberError> {
        let account = &client.credentials().account_sid;
        let kept = self.items.kept(scope, account).await?;
        if kept.is_empty() {
            return Ok(Looked::default());
        }
        let config = NumberConfig::of_account(account, &self.urls);
        let listed = client.incoming_phone_numbers().await?;
        let mut listed: HashMap<_, _> = listed.into_iter().map(|it| (it.sid.clone(), it)).collect();
        let (mut drifted, mut right, mut texted) = (Vec::new(), HashMap::new(), Vec::new());
        for number in kept {
            let sid = number.state.sid.clone();
            let Some(found) = listed.remove(&sid) else {
                let how = Drift::Gone;
                drifted.push(Drifted { number, how });
                continue;
            };
            let differences = config.differences(&found);
            if !differences.is_empty() {
                let how = Drift::Settings(differences);
                drifted.push(Drifted { number, how });
            } else if found.abilities().sms {
                right.insert(sid, number);
                texted.push(found);
            }
        }
        let overruled = health::overruled(client, &self.urls, texted).await;
        drifted.extend(overruled.numbers.iter().filter_map(|sid| {
            let (number, how) = (right.remove(sid)?, Drift::Overruled);
            Some(Drifted { number, how })
        }));
        let gap = overruled.gap;
        Ok(Looked { drifted, gap })
    }

    /// Now, as exactly as it is stored.
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// A number with what was found of it.
fn state(
    account: &AccountSid,
    number: IncomingPhoneNumber,
    findings: NumberFindings,
    gap: Option<&Complaint>,
    settings: &Settings,
    synced_at: Timestamp,
) -> NumberState {
    let complaints = findings.complaints.iter().chain(gap);
    let mut warnings: Vec<String> = complaints
        .map(|Complaint { what, remedy }| format!("{what} {remedy}"))
        .collect();
    let voice = findings.voice.as_ref().map(|route| route.leads);
    if voice == Some(Leads::Here) && is_forwarded_to(settings, &number.phone_number) {
        warnings.push(
            "Calls are forwarded to this number (forward_to of the settings), which would call itself over and over: it is not \
             dialled. Forward them to another."
                .to_owned(),
        );
    }
    NumberState {
        is_connected: findings.is_set_to_here,
        voice_route: findings.voice,
        message_route: findings.messages,
        warnings,
        ..unjudged(account, &number, synced_at)
    }
}

/// A number of which nothing is known but what it is itself.
fn unjudged(
    account: &AccountSid,
    number: &IncomingPhoneNumber,
    synced_at: Timestamp,
) -> NumberState {
    NumberState {
        sid: number.sid.clone(),
        account_sid: account.clone(),
        phone_number: number.phone_number.clone(),
        friendly_name: number.friendly_name.clone(),
        capabilities: number.abilities(),
        is_connected: false,
        voice_route: None,
        message_route: None,
        warnings: Vec::new(),
        synced_at,
    }
}

fn is_forwarded_to(settings: &Settings, number: &str) -> bool {
    settings
        .forward_to
        .as_ref()
        .is_some_and(|target| target.as_str() == number)
}
