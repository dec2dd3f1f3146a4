//! The accounts of the double and what they own, kept between runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::clock::Clock;

use super::property::Resource;
use super::storage::Addresses;
use crate::emulators::state_directory::{Hold, StateDirectory};
use crate::emulators::{StartError, Storage};
use crate::twilio::SidSupply;

/// The folder of the double in the data folder, and the file in it.
const FOLDER: &str = "twilio";
const FILE: &str = "accounts.json";

/// What an API key may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyKind {
    /// Everything but accounts and keys.
    Standard,
    /// Everything.
    Main,
    /// Only this.
    Restricted(Vec<Permission>),
}

/// What a restricted key may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    /// Listing and fetching Apps.
    ReadApplications,
    /// Creating, updating and deleting Apps.
    WriteApplications,
    /// Listing and fetching numbers.
    ReadNumbers,
    /// Updating numbers.
    WriteNumbers,
    /// Listing and fetching messaging services and their numbers.
    ReadServices,
    /// Listing and fetching recordings and what they hold.
    ReadRecordings,
    /// Deleting recordings.
    DeleteRecordings,
    /// Listing transcriptions.
    ReadTranscriptions,
    /// Deleting transcriptions.
    DeleteTranscriptions,
    /// Listing and fetching what is attached to messages.
    ReadMedia,
    /// Deleting it.
    DeleteMedia,
    /// Listing what was used.
    ReadUsage,
}

impl Permission {
    /// Its name in a key's policy, in the form of the one that Twilio's API description shows. Nobody here reads it.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::ReadApplications => "/twilio/voice/applications/read",
            Self::WriteApplications => "/twilio/voice/applications/write",
            Self::ReadNumbers => "/twilio/phone-numbers/incoming-phone-numbers/read",
            Self::WriteNumbers => "/twilio/phone-numbers/incoming-phone-numbers/update",
            Self::ReadServices => "/twilio/messaging/services/read",
            Self::ReadRecordings => "/twilio/voice/recordings/read",
            Self::DeleteRecordings => "/twilio/voice/recordings/delete",
            Self::ReadTranscriptions => "/twilio/voice/transcriptions/read",
            Self::DeleteTranscriptions => "/twilio/voice/transcriptions/delete",
            Self::ReadMedia => "/twilio/messaging/media/read",
            Self::DeleteMedia => "/twilio/messaging/media/delete",
            Self::ReadUsage => "/twilio/usage/records/read",
        }
    }
}

/// Whether an account works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Active,
    Suspended,
    Closed,
    /// The account of test credentials, which never has anything.
    Test,
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Active | Self::Test => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        })
    }
}

/// An API key. It holds a secret, so it has no `Debug`.
#[derive(Serialize, Deserialize)]
pub(super) struct ApiKey {
    pub(super) sid: String,
    pub(super) secret: String,
    #[serde(default)]
    pub(super) friendly_name: String,
    pub(super) kind: KeyKind,
    pub(super) created: Timestamp,
}

/// An account. It holds secrets, so it has no `Debug`.
#[derive(Serialize, Deserialize)]
pub(super) struct AccountState {
    pub(super) friendly_name: String,
    pub(super) status: Status,
    /// Itself, unless it is a subaccount.
    pub(super) owner: String,
    pub(super) auth_token: String,
    pub(super) secondary_auth_token: Option<String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) keys: Vec<ApiKey>,
    /// The oldest first, here and below.
    pub(super) applications: Vec<Resource>,
    pub(super) numbers: Vec<Resource>,
    pub(super) services: Vec<Service>,
    #[serde(default)]
    pub(super) recordings: Vec<Resource>,
    /// What was transcribed. It stays when its recording is deleted.
    #[serde(default)]
    pub(super) transcriptions: Vec<Resource>,
    /// What is attached to messages.
    #[serde(default)]
    pub(super) media: Vec<Resource>,
    /// What was used, the oldest first.
    #[serde(default)]
    pub(super) usage: Vec<Used>,
    /// Whether files are handed out whole whatever range is asked for.
    #[serde(default)]
    pub(super) ignores_ranges: bool,
    /// Whether recordings are kept elsewhere, as in a bucket of the customer's own.
    #[serde(default)]
    pub(super) has_external_storage: bool,
    /// Whether Twilio suspended it, so that its owner cannot change its status.
    #[serde(default)]
    pub(super) is_suspended_by_twilio: bool,
}

impl AccountState {
    /// An account that has nothing yet.
    pub(super) fn opened(name: String, owner: &str, auth_token: String, now: Timestamp) -> Self {
        Self {
            friendly_name: name,
            status: Status::Active,
            owner: owner.to_owned(),
            auth_token,
            secondary_auth_token: None,
            created: now,
            updated: now,
            keys: Vec::new(),
            applications: Vec::new(),
            numbers: Vec::new(),
            services: Vec::new(),
            recordings: Vec::new(),
            transcriptions: Vec::new(),
            media: Vec::new(),
            usage: Vec::new(),
            ignores_ranges: false,
            has_external_storage: false,
            is_suspended_by_twilio: false,
        }
    }
}

/// What an account used on a day of a category.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Used {
    pub(super) date: jiff::civil::Date,
    pub(super) category: String,
    pub(super) count: u64,
    /// In millionths.
    pub(super) price: u64,
}

/// A messaging service and the SIDs of its numbers.
#[derive(Serialize, Deserialize)]
pub(super) struct Service {
    pub(super) resource: Resource,
    pub(super) numbers: Vec<String>,
}

/// All accounts by SID.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct State(pub(super) BTreeMap<String, AccountState>);

/// The accounts, shared by the listener and by those who set them up.
pub(super) struct Accounts {
    state: Mutex<State>,
    kept: Option<(StateDirectory, Hold)>,
    pub(super) clock: Clock,
    pub(super) sids: SidSupply,
    pub(super) storage: Addresses,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Accounts(••••)")
    }
}

impl Accounts {
    /// The accounts that `storage` kept.
    pub(super) fn open(storage: &Storage, clock: Clock) -> Result<Self, StartError> {
        let (state, kept) = match storage {
            Storage::Memory => (State::default(), None),
            Storage::Directory(path) => {
                let (directory, hold) = StateDirectory::open(&path.join(FOLDER))?;
                (
                    directory.read(FILE)?.unwrap_or_default(),
                    Some((directory, hold)),
                )
            }
        };
        Ok(Self {
            state: Mutex::new(state),
            kept,
            clock,
            sids: SidSupply::random(),
            storage: Addresses::default(),
        })
    }

    /// Reads.
    pub(super) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.lock())
    }

    /// Changes, and writes down what has changed before anybody sees it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = change(&mut state);
        if let Some((directory, _)) = &self.kept
            && let Err(error) = directory.write(FILE, &*state)
        {
            tracing::error!(%error, "the accounts of Twilio's double cannot be written");
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The account that a user name of Basic authentication belongs to: its SID, or one of its keys'.
    pub(super) fn account_of_user(&self, user: &str) -> Option<(&String, &AccountState)> {
        if let Some(found) = self.0.get_key_value(user) {
            return Some(found);
        }
        self.0
            .iter()
            .find(|(_, account)| account.keys.iter().any(|key| key.sid == user))
    }

    /// Whether an account works: it may be suspended itself or through its owner.
    pub(super) fn status(&self, account: &AccountState) -> Status {
        let owner = self.0.get(&account.owner).map(|owner| owner.status);
        match (account.status, owner) {
            (Status::Active, Some(owner)) => owner,
            (own, _) => own,
        }
    }
}
