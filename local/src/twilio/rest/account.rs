//! An account as tests and the stack set it up: what somebody does at Twilio's Console, or to the tenant's back.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use shared::sid::AccountSid;

use super::state::{AccountState, Accounts, ApiKey, KeyKind, Status, Used};
use super::{applications, messaging, numbers};
use crate::double::Misbehaviour;
use crate::emulators::faults::{FaultId, Faults, Matching, Times};
use crate::emulators::wire::{Calls, WireLog};

/// An account of the double. Of one that was never opened Twilio knows nothing, and changes of it do nothing.
#[derive(Debug, Clone)]
pub struct TwilioAccount {
    sid: AccountSid,
    pub(super) accounts: Arc<Accounts>,
    wire: WireLog,
    faults: Faults<Misbehaviour>,
}

/// An API key with the secret that Twilio shows once.
#[derive(Clone)]
pub struct IssuedKey {
    /// Its SID, `SK…`.
    pub sid: String,
    /// Its secret.
    pub secret: String,
}

impl fmt::Debug for IssuedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IssuedKey({})", self.sid)
    }
}

impl TwilioAccount {
    pub(super) fn new(
        sid: AccountSid,
        accounts: Arc<Accounts>,
        wire: WireLog,
        faults: Faults<Misbehaviour>,
    ) -> Self {
        Self {
            sid,
            accounts,
            wire,
            faults,
        }
    }

    /// Its SID.
    #[must_use]
    pub fn sid(&self) -> &AccountSid {
        &self.sid
    }

    /// Opens it, or closes what was there under this SID and opens it anew.
    pub fn open(&self, auth_token: &str) -> &Self {
        self.open_owned_by(self.sid.as_str(), auth_token)
    }

    /// Opens it as a subaccount of `parent`.
    pub fn open_under(&self, parent: &AccountSid, auth_token: &str) -> &Self {
        self.open_owned_by(parent.as_str(), auth_token)
    }

    fn open_owned_by(&self, owner: &str, auth_token: &str) -> &Self {
        let now = self.accounts.clock.now();
        let name = format!("Account {}", self.sid);
        let account = AccountState::opened(name, owner, auth_token.to_owned(), now);
        let sid = self.sid.as_str().to_owned();
        self.accounts.change(|state| state.0.insert(sid, account));
        self
    }

    /// Its subaccounts with their names, the oldest first.
    #[must_use]
    pub fn subaccounts(&self) -> Vec<(String, TwilioAccount)> {
        let mut found = self.accounts.read(|state| {
            let all = state.0.iter();
            let own = all.filter(|(sid, account)| {
                account.owner == self.sid.as_str() && sid.as_str() != self.sid.as_str()
            });
            own.map(|(sid, account)| (account.created, account.friendly_name.clone(), sid.clone()))
                .collect::<Vec<_>>()
        });
        found.sort_unstable();
        let account = |sid: &str| {
            let (accounts, wire) = (Arc::clone(&self.accounts), self.wire.clone());
            let sid = sid.parse().ok()?;
            Some(Self::new(sid, accounts, wire, self.faults.clone()))
        };
        found
            .into_iter()
            .filter_map(|(_, name, sid)| Some((name, account(&sid)?)))
            .collect()
    }

    /// Gives it another name.
    pub fn rename(&self, name: &str) {
        self.change(|account| name.clone_into(&mut account.friendly_name));
    }

    /// Its status as Twilio words it: `active`, `suspended`, `closed`.
    #[must_use]
    pub fn status(&self) -> Option<String> {
        self.read(|account| account.status.to_string())
    }

    /// The SIDs of its API keys.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let keys = self.read(|account| account.keys.iter().map(|key| key.sid.clone()).collect());
        keys.unwrap_or_default()
    }

    /// Whether it was opened.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.read(|_| ()).is_some()
    }

    /// Suspends it: every request is refused by 403 and 20005.
    pub fn suspend(&self) {
        self.change(|account| account.status = Status::Suspended);
    }

    /// Suspends it as Twilio does of itself: nobody can change its status, its owner neither (21478), until it is resumed here.
    pub fn suspend_for_good(&self) {
        self.change(|account| {
            account.status = Status::Suspended;
            account.is_suspended_by_twilio = true;
        });
    }

    /// Takes a suspension back.
    pub fn resume(&self) {
        self.change(|account| {
            account.status = Status::Active;
            account.is_suspended_by_twilio = false;
        });
    }

    /// Closes it for good: every request is refused by 403 and 20403.
    pub fn close(&self) {
        self.change(|account| account.status = Status::Closed);
    }

    /// Makes it the one of Twilio's test credentials, for which everything that is played here is refused by 403 and 20008.
    pub fn become_test_account(&self) {
        self.change(|account| account.status = Status::Test);
    }

    /// The primary auth token.
    #[must_use]
    pub fn auth_token(&self) -> Option<String> {
        self.read(|account| account.auth_token.clone())
    }

    /// The secondary auth token, if there is one.
    #[must_use]
    pub fn secondary_auth_token(&self) -> Option<String> {
        self.read(|account| account.secondary_auth_token.clone())
            .flatten()
    }

    /// Changes the primary auth token, as somebody else's rotation does.
    pub fn set_auth_token(&self, token: &str) {
        self.change(|account| account.auth_token = token.to_owned());
    }

    /// Sets the secondary auth token, or takes it away.
    pub fn set_secondary_auth_token(&self, token: Option<&str>) {
        self.change(|account| account.secondary_auth_token = token.map(str::to_owned));
    }

    /// Makes an API key.
    pub fn add_key(&self, kind: KeyKind) -> IssuedKey {
        let issued = IssuedKey {
            sid: self.accounts.sids.sid("SK"),
            secret: self.accounts.sids.sid(""),
        };
        self.add_known_key(kind, &issued.sid, &issued.secret);
        issued
    }

    /// Makes an API key of a given SID and secret.
    pub fn add_known_key(&self, kind: KeyKind, sid: &str, secret: &str) {
        let key = ApiKey {
            sid: sid.to_owned(),
            secret: secret.to_owned(),
            friendly_name: String::new(),
            kind,
            created: self.accounts.clock.now(),
        };
        self.change(|account| account.keys.push(key));
    }

    /// Deletes an API key.
    pub fn delete_key(&self, sid: &str) {
        self.change(|account| account.keys.retain(|key| key.sid != sid));
    }

    /// Buys a number, and returns its SID.
    pub fn add_number(&self, phone_number: &str) -> String {
        let sid = self.accounts.sids.sid("PN");
        self.add_known_number(&sid, phone_number);
        sid
    }

    /// Buys a number that has this SID.
    pub fn add_known_number(&self, sid: &str, phone_number: &str) {
        let now = self.accounts.clock.now();
        let number = numbers::bought(sid.to_owned(), phone_number, now);
        self.change(|account| account.numbers.push(number));
    }

    /// Gives a number back to Twilio.
    pub fn release_number(&self, sid: &str) {
        self.change(|account| account.numbers.retain(|number| number.sid != sid));
    }

    /// Configures a number as a form of the REST API does; whether Twilio took it.
    pub fn configure_number(&self, sid: &str, form: &[(&str, &str)]) -> bool {
        let (form, now) = (owned(form), self.accounts.clock.now());
        let done = self.change(|account| {
            let found = account.numbers.iter_mut().find(|one| one.sid == sid);
            found.is_some_and(|number| numbers::update(number, &form, now).is_ok())
        });
        done.unwrap_or_default()
    }

    /// Its numbers as Twilio shows them, the oldest first.
    #[must_use]
    pub fn numbers(&self) -> Vec<Value> {
        let sid = self.sid.as_str();
        self.read(|account| {
            let numbers = account.numbers.iter();
            numbers
                .map(|number| numbers::document(sid, number))
                .collect()
        })
        .unwrap_or_default()
    }

    /// Has so much of a category used on a day, at a price in millionths. A date that is none is passed over.
    pub fn use_up(&self, date: &str, category: &str, count: u64, price: u64) {
        if let Ok(date) = date.parse() {
            let category = category.to_owned();
            let used = Used {
                date,
                category,
                count,
                price,
            };
            self.change(|account| account.usage.push(used));
        }
    }

    /// Makes a messaging service, and returns its SID. Without a URL it drops what comes in.
    pub fn add_messaging_service(&self, name: &str, inbound_request_url: Option<&str>) -> String {
        let sid = self.accounts.sids.sid("MG");
        let now = self.accounts.clock.now();
        let service = messaging::created(sid.clone(), name, inbound_request_url, now);
        self.change(|account| account.services.push(service));
        sid
    }

    /// Sets a property of a messaging service, by its name in JSON.
    pub fn configure_messaging_service(&self, service: &str, property: &str, value: Value) {
        self.change(|account| {
            let mut services = account.services.iter_mut();
            if let Some(found) = services.find(|one| one.resource.sid == service) {
                found.resource.put(property, value);
            }
        });
    }

    /// Puts a number into a messaging service.
    pub fn add_to_messaging_service(&self, service: &str, number: &str) {
        self.change(|account| {
            let mut services = account.services.iter_mut();
            if let Some(found) = services.find(|one| one.resource.sid == service) {
                found.numbers.push(number.to_owned());
            }
        });
    }

    /// Its Apps as Twilio shows them, the oldest first.
    #[must_use]
    pub fn applications(&self) -> Vec<Value> {
        let sid = self.sid.as_str();
        self.read(|account| {
            let applications = account.applications.iter();
            applications
                .map(|application| applications::document(sid, application))
                .collect()
        })
        .unwrap_or_default()
    }

    /// Makes an App as somebody else does, and returns its SID; `None` if Twilio refuses it.
    pub fn add_application(&self, friendly_name: &str, voice_url: &str) -> Option<String> {
        let form = owned(&[("FriendlyName", friendly_name), ("VoiceUrl", voice_url)]);
        self.change(|account| applications::create(&self.accounts, account, &form))?
            .ok()
            .map(|created| created.sid)
    }

    /// Changes an App as a form of the REST API does; whether Twilio took it.
    pub fn configure_application(&self, sid: &str, form: &[(&str, &str)]) -> bool {
        let (form, now) = (owned(form), self.accounts.clock.now());
        let done = self.change(|account| {
            let mut all = account.applications.iter_mut();
            let found = all.find(|one| one.sid == sid);
            found.is_some_and(|one| one.update(applications::PROPERTIES, &form, now).is_ok())
        });
        done.unwrap_or_default()
    }

    /// Deletes an App; whether there was one.
    pub fn delete_application(&self, sid: &str) -> bool {
        let done = self.change(|account| {
            let before = account.applications.len();
            account.applications.retain(|one| one.sid != sid);
            account.applications.len() < before
        });
        done.unwrap_or_default()
    }

    /// Misbehaves to requests that name this account or come with its credentials.
    pub fn misbehave(&self, misbehaviour: Misbehaviour, times: Times) -> FaultId {
        let matching = Matching::any().on(self.sid.as_str());
        self.faults.inject(matching, misbehaviour, times)
    }

    /// The requests so far that named this account or came with its credentials.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.wire.calls().resource(self.sid.as_str())
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&AccountState) -> T) -> Option<T> {
        self.accounts
            .read(|state| state.0.get(self.sid.as_str()).map(read))
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut AccountState) -> T) -> Option<T> {
        self.accounts
            .change(|state| state.0.get_mut(self.sid.as_str()).map(change))
    }
}

fn owned(form: &[(&str, &str)]) -> Vec<(String, String)> {
    form.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
