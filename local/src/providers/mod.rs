//! Doubles of Vapi, Google, Resend and `ElevenLabs`, as far as their credentials are checked: one listener, a path prefix
//! for each.
//!
//! Credentials are registered with their kind, good or bad; what is not registered is refused as the provider refuses
//! what it does not know. Nothing is kept: it is all registered again when a stack starts.

mod credential;
mod demo;
mod elevenlabs;
mod google;
mod resend;
mod routes;
mod vapi;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::clock::Clock;

pub use elevenlabs::ElevenLabsKey;
pub use google::{Grant, GrantState};
pub use resend::{Domain, ResendKey};
pub use vapi::VapiKey;

use crate::double::{Listener, Misbehaviour};
use crate::emulators::StartError;
use crate::emulators::faults::{FaultId, Faults, Matching, Times};
use crate::emulators::wire::{Calls, WireLog};
use crate::twilio::SidSupply;
use credential::{Fingerprint, Keys};

/// A service that is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// `api.vapi.ai`
    Vapi,
    /// `accounts.google.com` and `oauth2.googleapis.com`
    GoogleOauth,
    /// `www.googleapis.com`
    GoogleApi,
    /// `api.resend.com`
    Resend,
    /// `api.elevenlabs.io`
    ElevenLabs,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Vapi,
        Self::GoogleOauth,
        Self::GoogleApi,
        Self::Resend,
        Self::ElevenLabs,
    ];

    /// The first segment of its paths, and the resource by which the wire log names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vapi => "vapi",
            Self::GoogleOauth => "google-oauth",
            Self::GoogleApi => "google-api",
            Self::Resend => "resend",
            Self::ElevenLabs => "elevenlabs",
        }
    }

    /// The variable by which the functions find it.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Vapi => "VAPI_API_BASE_URL",
            Self::GoogleOauth => "GOOGLE_OAUTH_BASE_URL",
            Self::GoogleApi => "GOOGLE_API_BASE_URL",
            Self::Resend => "RESEND_API_BASE_URL",
            Self::ElevenLabs => "ELEVENLABS_API_BASE_URL",
        }
    }
}

/// What the providers know, by the fingerprints of credentials.
#[derive(Default)]
struct State {
    vapi: Keys<VapiKey>,
    google: google::Directory,
    resend: Keys<ResendKey>,
    elevenlabs: Keys<ElevenLabsKey>,
}

/// What the listener and those who register credentials share.
struct Known {
    state: Mutex<State>,
    clock: Clock,
    sids: SidSupply,
}

impl fmt::Debug for Known {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Known(••••)")
    }
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running doubles. The wire log names a request by method and path, with the service as its resource and the
/// fingerprint of the credential that came with it as its partition.
#[derive(Debug)]
pub struct ProviderDoubles {
    known: Arc<Known>,
    listener: Listener,
}

impl ProviderDoubles {
    /// Starts them knowing nobody. Port 0 lets the system choose.
    ///
    /// # Errors
    ///
    /// A port that is taken.
    pub async fn start(port: u16, clock: Clock) -> Result<Self, StartError> {
        let known = Arc::new(Known {
            state: Mutex::default(),
            clock,
            sids: SidSupply::random(),
        });
        let listener = Listener::start(port, Arc::clone(&known)).await?;
        Ok(Self { known, listener })
    }

    /// The URL of them all, below which each has its prefix.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.listener.url()
    }

    /// The base URL of a service, without a slash at the end.
    #[must_use]
    pub fn url(&self, service: Service) -> String {
        format!("{}/{}", self.listener.url(), service.as_str())
    }

    /// The variables by which the functions find them.
    #[must_use]
    pub fn endpoints(&self) -> BTreeMap<String, String> {
        Service::ALL
            .into_iter()
            .map(|service| (service.variable().to_owned(), self.url(service)))
            .collect()
    }

    /// Every request so far.
    #[must_use]
    pub fn wire(&self) -> &WireLog {
        self.listener.wire()
    }

    /// How they misbehave; `Matching::on` takes [`Service::as_str`].
    #[must_use]
    pub fn faults(&self) -> &Faults<Misbehaviour> {
        self.listener.faults()
    }

    /// The requests so far to one service.
    #[must_use]
    pub fn calls(&self, service: Service) -> Calls {
        self.wire().calls().resource(service.as_str())
    }

    /// Misbehaves to all requests to one service.
    pub fn misbehave(&self, service: Service, misbehaviour: Misbehaviour, times: Times) -> FaultId {
        let matching = Matching::any().on(service.as_str());
        self.faults().inject(matching, misbehaviour, times)
    }

    /// Misbehaves to requests that come with one API key, or with one refresh token or what it gave.
    pub fn misbehave_to(
        &self,
        credential: &str,
        misbehaviour: Misbehaviour,
        times: Times,
    ) -> FaultId {
        let matching = Matching::any().partition(Self::partition(credential));
        self.faults().inject(matching, misbehaviour, times)
    }

    /// The requests so far that came with one API key, or with one refresh token or what it gave.
    #[must_use]
    pub fn calls_with(&self, credential: &str) -> Calls {
        self.wire().calls().partition(&Self::partition(credential))
    }

    /// The partition under which the wire log has the requests with a credential; `Matching::partition` takes it too.
    #[must_use]
    pub fn partition(credential: &str) -> String {
        Fingerprint::of(credential).as_str().to_owned()
    }

    /// Registers a key at Vapi, or changes its kind.
    pub fn add_vapi_key(&self, key: &str, kind: VapiKey) {
        self.known.lock().vapi.insert(Fingerprint::of(key), kind);
    }

    /// Registers a key at Resend, or changes its kind.
    pub fn add_resend_key(&self, key: &str, kind: ResendKey) {
        self.known.lock().resend.insert(Fingerprint::of(key), kind);
    }

    /// Registers a key at `ElevenLabs`, or changes its kind.
    pub fn add_elevenlabs_key(&self, key: &str, kind: ElevenLabsKey) {
        let key = Fingerprint::of(key);
        self.known.lock().elevenlabs.insert(key, kind);
    }

    /// Registers an OAuth client at Google whose project has the Calendar API enabled or not.
    pub fn add_google_client(&self, id: &str, secret: &str, calendar_enabled: bool) {
        let secret = Fingerprint::of(secret);
        let mut state = self.known.lock();
        state.google.add_client(id, secret, calendar_enabled);
    }

    /// Registers what a Google account granted to a client, or changes it.
    pub fn add_google_grant(&self, refresh_token: &str, grant: Grant) {
        let token = Fingerprint::of(refresh_token);
        self.known.lock().google.add_grant(token, grant);
    }

    /// Whether a refresh token is good: neither unknown nor dead.
    #[must_use]
    pub fn is_google_grant_live(&self, refresh_token: &str) -> bool {
        let token = Fingerprint::of(refresh_token);
        self.known.lock().google.is_live(&token)
    }

    /// Registers the demo credentials of `docs/local-stack.md`.
    pub fn register_demo_credentials(&self) {
        demo::register(self);
    }

    /// Lets requests in work end.
    pub async fn stop(self) {
        self.listener.stop().await;
    }
}
