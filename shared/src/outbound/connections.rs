//! The connections to the providers, which must survive a sandbox that is frozen between events.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Client;
use rustls::{ClientConfig, RootCertStore};

use crate::clock::Clock;

/// How long a TCP and TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an idle connection is used again. Servers and the network in between forget one after a minute or more.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Connections that are kept for the next call, and the means to open new ones.
///
/// A frozen process does not see its connections die, and its timers stand still: after the thaw the pool's own idle timeout
/// still believes in connections that the other side gave up long ago. What is sent on one of them is lost, after a reset at
/// best and a silence at worst. So the idle time is told by the wall clock too: a pool that was not used for longer is thrown
/// away whole. What remains (a server that closes earlier) is met by repeating the call at once on a new connection, for
/// calls that may be repeated, and by never using an old connection for the others.
pub(super) struct Connections {
    pool: Mutex<Pool>,
    fresh: Client,
    tls: ClientConfig,
    clock: Clock,
}

struct Pool {
    client: Client,
    used_at: Timestamp,
}

impl Connections {
    pub(super) fn new(clock: Clock) -> Option<Self> {
        let tls = tls()?;
        let pool = Pool {
            client: client(tls.clone(), true)?,
            used_at: clock.now(),
        };
        Some(Self {
            pool: Mutex::new(pool),
            fresh: client(tls.clone(), false)?,
            tls,
            clock,
        })
    }

    /// A client that opens a connection for every call.
    pub(super) fn fresh(&self) -> Client {
        self.fresh.clone()
    }

    /// A client that uses connections again.
    pub(super) fn pooled(&self) -> Client {
        let now = self.clock.now();
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = now.duration_since(pool.used_at);
        // A clock that was set back says nothing about the connections: they are not trusted either.
        let is_trusted = Duration::try_from(idle).is_ok_and(|idle| idle < POOL_IDLE_TIMEOUT);
        if !is_trusted {
            match client(self.tls.clone(), true) {
                Some(client) => pool.client = client,
                None => return self.fresh(),
            }
        }
        pool.used_at = now;
        pool.client.clone()
    }
}

/// TLS 1.2 and 1.3 by AWS-LC, with Mozilla's roots, which are compiled in: Lambda's image may hold any, and reading them
/// would cost every cold start.
fn tls() -> Option<ClientConfig> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let configuration = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Some(configuration)
}

/// Deadlines and repetitions are [`super::Outbound`]'s own. Redirects would carry credentials elsewhere, and a proxy from the
/// environment would see where calls go.
fn client(tls: ClientConfig, is_pooled: bool) -> Option<Client> {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("trunkline/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .pool_max_idle_per_host(if is_pooled { 8 } else { 0 })
        .build()
        .ok()
}
