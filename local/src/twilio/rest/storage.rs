//! Where Twilio keeps files: another host, whose addresses are good for a while and take no other authentication.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::file::File;
use super::state::{Accounts, State};
use super::{message_media, recordings};
use crate::double::{Answer, Played, Refusal, Request, sid_kind};
use crate::emulators::wire::Target;

/// How long an address is good. Source: "Protect Media Access with HTTP Basic Authentication", support.twilio.com.
const ADDRESS_IS_GOOD_FOR: SignedDuration = SignedDuration::from_hours(4);

/// An address that was handed out.
#[derive(Debug, Clone)]
pub(super) struct Address {
    path: String,
    signature: String,
    until: Timestamp,
}

/// A request that arrived at the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageRequest {
    /// The path: the account's SID and the file's name.
    pub path: String,
    /// Whether it came with an `Authorization`, which it should not.
    pub has_authorization: bool,
    /// The range that it asked for.
    pub range: Option<String>,
    /// The status that it was answered.
    pub status: u16,
}

/// The storage as the listener plays it.
#[derive(Debug)]
pub(super) struct MediaStorage {
    accounts: Arc<Accounts>,
    requests: Arc<Mutex<Vec<StorageRequest>>>,
}

impl MediaStorage {
    pub(super) fn new(accounts: Arc<Accounts>, requests: Arc<Mutex<Vec<StorageRequest>>>) -> Self {
        Self { accounts, requests }
    }

    fn find(&self, request: &Request) -> Result<(File, bool), Answer> {
        if request.header("authorization").is_some() {
            return Err(error(
                400,
                "InvalidArgument",
                "Only one auth mechanism allowed",
            ));
        }
        let denied = || error(403, "AccessDenied", "Request has expired");
        let signature = request.query("X-Amz-Signature").ok_or_else(denied)?;
        if !self
            .accounts
            .storage
            .knows(&request.path, signature, self.accounts.clock.now())
        {
            return Err(denied());
        }
        let missing = || error(404, "NoSuchKey", "The specified key does not exist.");
        self.accounts
            .read(|state| stored(state, &request.path))
            .ok_or_else(missing)
    }
}

/// The file of a path, `/AC…/RE….mp3`, and whether it is handed out whole whatever is asked.
fn stored(state: &State, path: &str) -> Option<(File, bool)> {
    let (sid, name) = path.strip_prefix('/')?.split_once('/')?;
    let account = state.0.get(sid)?;
    let file = match name.get(..2)? {
        "RE" => recordings::file(account, name),
        _ => message_media::file(account, name),
    };
    Some((file?, account.ignores_ranges))
}

/// S3's form of an error.
fn error(status: u16, code: &str, message: &str) -> Answer {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Answer::new(status, "application/xml", text)
}

impl Played for MediaStorage {
    const NAME: &'static str = "the storage of Twilio's double";

    fn targets(&self, request: &Request) -> Vec<Target> {
        let segments = request.path.split(['/', '.']);
        segments
            .filter(|segment| sid_kind(segment).is_some())
            .map(|sid| Target {
                resource: sid.to_owned(),
                index: None,
                partition: None,
                action: None,
            })
            .collect()
    }

    fn answer(&self, request: &Request) -> Answer {
        let answer = match self.find(request) {
            Ok((file, ignores_ranges)) => file.answer(request, ignores_ranges),
            Err(refusal) => refusal,
        };
        let seen = StorageRequest {
            path: request.path.clone(),
            has_authorization: request.header("authorization").is_some(),
            range: request.header("range").map(str::to_owned),
            status: answer.status,
        };
        let requests = &self.requests;
        requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(seen);
        answer
    }

    fn refusal(&self, _: &Request, refusal: Refusal) -> Answer {
        match refusal {
            Refusal::Unauthorized => error(403, "AccessDenied", "Access Denied"),
            Refusal::NotFound => error(404, "NoSuchKey", "The specified key does not exist."),
            Refusal::TooManyRequests | Refusal::Unavailable => {
                error(503, "SlowDown", "Please reduce your request rate.")
            }
            Refusal::InternalError => {
                error(500, "InternalError", "We encountered an internal error.")
            }
        }
    }
}

/// The addresses that were handed out.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    base_url: Mutex<String>,
    addresses: Mutex<Vec<Address>>,
}

impl Addresses {
    /// Says where the storage is.
    pub(super) fn are_at(&self, base_url: String) {
        *self.base_url.lock().unwrap_or_else(PoisonError::into_inner) = base_url;
    }

    /// An address of a file, good for a while.
    pub(super) fn hand_out(
        &self,
        account: &str,
        name: &str,
        signature: String,
        now: Timestamp,
    ) -> String {
        let path = format!("/{account}/{name}");
        let base_url = self.base_url.lock().unwrap_or_else(PoisonError::into_inner);
        let address = format!("{base_url}{path}?X-Amz-Signature={signature}");
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        addresses.retain(|known| known.until > now);
        addresses.push(Address {
            path,
            signature,
            until: now.saturating_add(ADDRESS_IS_GOOD_FOR).unwrap_or(now),
        });
        address
    }

    fn knows(&self, path: &str, signature: &str, now: Timestamp) -> bool {
        let addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        addresses
            .iter()
            .any(|known| known.path == path && known.signature == signature && known.until > now)
    }
}
