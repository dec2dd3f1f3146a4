//! A double of Twilio's REST API: every host of it on one base URL, paths unchanged.
//!
//! Accounts with their credentials, TwiML Apps, numbers, messaging services, recordings and what is attached to messages. What Twilio leaves open is played in
//! the way that asks most of a client: a name filter that finds more than was asked for, lists with the newest first,
//! two Apps of one name.

mod account;
mod applications;
mod authentication;
mod documents;
mod error;
mod file;
mod files;
mod message_media;
mod messaging;
mod named;
mod numbers;
mod paging;
mod property;
mod recordings;
mod routes;
mod state;
mod storage;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use shared::clock::Clock;
use shared::sid::AccountSid;
use shared::twilio::TwilioCredentials;

pub use account::{IssuedKey, TwilioAccount};
pub use files::Format;
pub use state::{KeyKind, Permission};
pub use storage::StorageRequest;

use crate::double::{Listener, Misbehaviour};
use crate::emulators::faults::Faults;
use crate::emulators::wire::WireLog;
use crate::emulators::{StartError, Storage};
use state::Accounts;
use storage::MediaStorage;

/// The accounts that exist on a fresh stack: those of the demo tenants, and one that is nobody's yet. In the form in
/// which a tenant's Twilio credentials are entered.
pub const DEMO_ACCOUNTS: &str = include_str!("../../../demo/accounts.json");

/// The running double. Operations of its wire log are a method and a path with the kind of each SID in its place, such
/// as `GET /2010-04-01/Accounts/{AC}.json`; its resources are the SIDs themselves, the account's first.
#[derive(Debug)]
pub struct TwilioDouble {
    accounts: Arc<Accounts>,
    listener: Listener,
    storage: Listener,
    storage_requests: Arc<Mutex<Vec<StorageRequest>>>,
}

impl TwilioDouble {
    /// Starts it with the accounts that `storage` kept, or with none. Files are kept at a host of their own, `storage_port`.
    /// Port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// A port that is taken, or data that cannot be read.
    pub async fn start(
        storage: &Storage,
        port: u16,
        storage_port: u16,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let accounts = Arc::new(Accounts::open(storage, clock)?);
        let listener = Listener::start(port, Arc::clone(&accounts)).await?;
        let storage_requests = Arc::default();
        let files = MediaStorage::new(Arc::clone(&accounts), Arc::clone(&storage_requests));
        let storage = Listener::start(storage_port, Arc::new(files)).await?;
        accounts.storage.are_at(storage.url());
        Ok(Self {
            accounts,
            listener,
            storage,
            storage_requests,
        })
    }

    /// The base URL that stands for all of Twilio's hosts, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        self.listener.url()
    }

    /// Every request so far.
    #[must_use]
    pub fn wire(&self) -> &WireLog {
        self.listener.wire()
    }

    /// Every request so far to the host of the files of an account.
    #[must_use]
    pub fn storage_requests(&self, account: &AccountSid) -> Vec<StorageRequest> {
        let requests = self.storage_requests.lock();
        let requests = requests.unwrap_or_else(PoisonError::into_inner);
        let of_account = format!("/{account}/");
        let requests = requests.iter();
        requests
            .filter(|request| request.path.starts_with(&of_account))
            .cloned()
            .collect()
    }

    /// How the host of the files misbehaves; `Matching::on` takes an account's SID.
    #[must_use]
    pub fn storage_faults(&self) -> &Faults<Misbehaviour> {
        self.storage.faults()
    }

    /// How it misbehaves; `Matching::on` takes an account's SID.
    #[must_use]
    pub fn faults(&self) -> &Faults<Misbehaviour> {
        self.listener.faults()
    }

    /// An account, which need not exist yet.
    #[must_use]
    pub fn account(&self, sid: &AccountSid) -> TwilioAccount {
        TwilioAccount::new(
            sid.clone(),
            Arc::clone(&self.accounts),
            self.wire().clone(),
            self.faults().clone(),
        )
    }

    /// Opens the account of a tenant's credentials, with its API key and its number, unless it exists: what somebody
    /// changed of it stays.
    pub fn register(&self, credentials: &TwilioCredentials) -> TwilioAccount {
        let account = self.account(&credentials.account_sid);
        if !account.exists() {
            account.open(credentials.auth_token.expose());
            if let (Some(sid), Some(secret)) =
                (&credentials.api_key_sid, &credentials.api_key_secret)
            {
                account.add_known_key(KeyKind::Standard, sid.as_str(), secret.expose());
            }
            if let Some(number) = &credentials.phone_number {
                account.add_number(number.as_str());
            }
        }
        account
    }

    /// Opens the accounts of [`DEMO_ACCOUNTS`] that do not exist yet.
    ///
    /// # Errors
    ///
    /// A fault of that document.
    pub fn register_demo_accounts(&self) -> Result<(), serde_json::Error> {
        let accounts: Vec<TwilioCredentials> = serde_json::from_str(DEMO_ACCOUNTS)?;
        for account in &accounts {
            self.register(account);
        }
        Ok(())
    }

    /// Lets requests in work end. What was changed is on disk already.
    pub async fn stop(self) {
        tokio::join!(self.listener.stop(), self.storage.stop());
    }
}
