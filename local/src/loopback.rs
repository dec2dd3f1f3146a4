//! Listening on loopback only, and answering only those who mean to be here.
//!
//! A page in the developer's browser can send requests to loopback, and a name that its owner points at 127.0.0.1 can
//! make the browser believe it talks to the page's own site. Checking Host and Origin refuses both.

use std::net::{Ipv4Addr, SocketAddr};

use http::{HeaderMap, Uri, header};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Why a port cannot be listened on, as a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another program has it.
    #[error(
        "port {port}, meant for {purpose}, is in use: stop the program that has it, or choose others with --port-base"
    )]
    InUse {
        /// The port.
        port: u16,
        /// What would have listened there.
        purpose: String,
    },
    /// Anything else, such as a port below 1024.
    #[error(
        "cannot listen on 127.0.0.1:{port} for {purpose}: {source}; choose other ports with --port-base"
    )]
    Refused {
        /// The port.
        port: u16,
        /// What would have listened there.
        purpose: String,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Listens on 127.0.0.1; port 0 takes any free one.
pub async fn listen(port: u16, purpose: &str) -> Result<TcpListener, ListenError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(|source| {
            let purpose = purpose.to_owned();
            if source.kind() == std::io::ErrorKind::AddrInUse {
                ListenError::InUse { port, purpose }
            } else {
                ListenError::Refused {
                    port,
                    purpose,
                    source,
                }
            }
        })
}

/// A port of loopback that is taken but not answered on yet, so that its URL can be told to others first.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listening {
    /// Takes a port; 0 takes any free one.
    pub async fn bind(port: u16, purpose: &str) -> Result<Self, ListenError> {
        let listener = listen(port, purpose).await?;
        let address = listener
            .local_addr()
            .map_err(|source| ListenError::Refused {
                port,
                purpose: purpose.to_owned(),
                source,
            })?;
        Ok(Self { listener, address })
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers until the returned value is dropped.
    #[must_use]
    pub fn serve(self, router: axum::Router) -> Serving {
        Serving::spawn(self.listener, router)
    }
}

/// A server's task. Dropping it stops the server.
#[derive(Debug)]
pub struct Serving(JoinHandle<()>);

impl Serving {
    /// Serves until dropped.
    #[must_use]
    pub fn spawn(listener: TcpListener, router: axum::Router) -> Self {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        // `serve` returns no error; the task ends by `abort`.
        Self(tokio::spawn(async move {
            drop(axum::serve(listener, service).await)
        }))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Who may send requests to one listener.
#[derive(Debug, Clone)]
pub struct Guard {
    port: u16,
    tunnels: Vec<String>,
    subdomains: bool,
    origins: Vec<String>,
}

/// How a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Straight to loopback.
    Direct,
    /// Through a tunnel whose Host was allowed.
    Tunnel,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Without a Host nobody knows what was meant.
    #[error("the request has no Host")]
    NoHost,
    /// The Host is neither loopback nor an allowed tunnel.
    #[error("{0:?} is not served here: allow it with `--host NAME` if it is your tunnel")]
    ForeignHost(String),
    /// A web page of another site sent the request.
    #[error("requests from the web page {0:?} are refused")]
    ForeignOrigin(String),
}

impl Guard {
    /// Allows `127.0.0.1` and `localhost` at `port`, and the Hosts of tunnels.
    #[must_use]
    pub fn new(port: u16, tunnels: &[String]) -> Self {
        Self {
            port,
            tunnels: tunnels.to_vec(),
            subdomains: false,
            origins: Vec::new(),
        }
    }

    /// Allows names below `localhost` too, which browsers and curl take for loopback.
    #[must_use]
    pub fn with_subdomains(self) -> Self {
        Self {
            subdomains: true,
            ..self
        }
    }

    /// Allows pages of these origins (`*`: all) besides the listener's own.
    #[must_use]
    pub fn with_origins(self, origins: &[String]) -> Self {
        Self {
            origins: origins.to_vec(),
            ..self
        }
    }

    /// The Host as the caller wrote it and the way it came, or why the request is refused.
    pub fn check<'a>(
        &self,
        uri: &'a Uri,
        headers: &'a HeaderMap,
    ) -> Result<(&'a str, Way), Refusal> {
        let in_target = uri.authority().map(http::uri::Authority::as_str);
        let in_header = headers
            .get(header::HOST)
            .map(|value| value.to_str().unwrap_or("\u{fffd}"));
        // A request target in absolute form goes before the header (RFC 9112, 3.2.2).
        let host = in_target
            .or(in_header)
            .filter(|host| !host.is_empty())
            .ok_or(Refusal::NoHost)?;
        let way = self
            .way(host)
            .ok_or_else(|| Refusal::ForeignHost(host.to_owned()))?;
        for origin in headers.get_all(header::ORIGIN) {
            let origin = origin.to_str().unwrap_or("\u{fffd}");
            let host = origin
                .strip_prefix("http://")
                .or_else(|| origin.strip_prefix("https://"));
            let own = host.and_then(|host| self.way(host)).is_some();
            let allowed = self
                .origins
                .iter()
                .any(|known| known == "*" || known == origin);
            if !own && !allowed {
                return Err(Refusal::ForeignOrigin(origin.to_owned()));
            }
        }
        Ok((host, way))
    }

    fn way(&self, host: &str) -> Option<Way> {
        if self.is_loopback(host) {
            Some(Way::Direct)
        } else if self
            .tunnels
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
        {
            Some(Way::Tunnel)
        } else {
            None
        }
    }

    fn is_loopback(&self, host: &str) -> bool {
        let Some((name, port)) = host.rsplit_once(':') else {
            return false;
        };
        let name = name.to_ascii_lowercase();
        let below = |name: &str| {
            name.strip_suffix(".localhost").is_some_and(|below| {
                below
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
            })
        };
        port == self.port.to_string()
            && (matches!(name.as_str(), "127.0.0.1" | "localhost")
                || self.subdomains && below(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, headers: &[(&str, &str)]) -> Result<Way, Refusal> {
        let guard = Guard::new(9_000, &["quiet-river.example.net".to_owned()]);
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        guard
            .check(&target.parse().unwrap(), &headers)
            .map(|(_, way)| way)
    }

    #[test]
    fn loopback_is_direct_under_both_its_names() {
        assert_eq!(check("/", &[("host", "127.0.0.1:9000")]), Ok(Way::Direct));
        assert_eq!(check("/", &[("host", "LocalHost:9000")]), Ok(Way::Direct));
    }

    #[test]
    fn an_allowed_host_is_a_tunnel() {
        assert_eq!(
            check("/", &[("host", "quiet-river.example.net")]),
            Ok(Way::Tunnel)
        );
    }

    #[test]
    fn another_host_is_refused_even_on_the_right_port() {
        for host in [
            "attacker.example",
            "attacker.example:9000",
            "127.0.0.1:9001",
            "127.0.0.1",
            "127.0.0.1:9000@x",
        ] {
            assert_eq!(
                check("/", &[("host", host)]),
                Err(Refusal::ForeignHost(host.to_owned()))
            );
        }
    }

    #[test]
    fn the_target_goes_before_the_header() {
        let refused = check("http://attacker.example/", &[("host", "127.0.0.1:9000")]);
        assert_eq!(
            refused,
            Err(Refusal::ForeignHost("attacker.example".to_owned()))
        );
    }

    #[test]
    fn a_request_without_a_host_is_refused() {
        assert_eq!(check("/", &[]), Err(Refusal::NoHost));
        assert_eq!(check("/", &[("host", "")]), Err(Refusal::NoHost));
    }

    #[test]
    fn only_the_listeners_own_pages_may_send_requests() {
        let own = [
            ("host", "127.0.0.1:9000"),
            ("origin", "http://localhost:9000"),
        ];
        assert_eq!(check("/", &own), Ok(Way::Direct));
        for origin in [
            "https://attacker.example",
            "null",
            "http://127.0.0.1:9001",
            "file://",
        ] {
            let refused = check("/", &[("host", "127.0.0.1:9000"), ("origin", origin)]);
            assert_eq!(refused, Err(Refusal::ForeignOrigin(origin.to_owned())));
        }
    }

    #[test]
    fn names_below_localhost_are_loopback_where_they_are_asked_for() {
        let guard = Guard::new(9_000, &[]).with_subdomains();
        let check = |guard: &Guard, host: &str| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            guard.check(&Uri::from_static("/"), &headers).is_ok()
        };
        assert!(check(&guard, "acme.localhost:9000"));
        for foreign in [
            "acme.localhost:9001",
            "acmelocalhost:9000",
            "attacker.example/.localhost:9000",
            "localhost.attacker.example:9000",
        ] {
            assert!(!check(&guard, foreign), "{foreign}");
        }
        assert!(!check(&Guard::new(9_000, &[]), "acme.localhost:9000"));
    }

    #[test]
    fn pages_of_an_allowed_origin_may_send_requests() {
        let guard = Guard::new(9_000, &[]).with_origins(&["http://localhost:5173".to_owned()]);
        let check = |origin: &str| {
            let headers = HeaderMap::from_iter([
                (header::HOST, "localhost:9000".parse().unwrap()),
                (header::ORIGIN, origin.parse().unwrap()),
            ]);
            guard.check(&Uri::from_static("/"), &headers).is_ok()
        };
        assert!(check("http://localhost:5173"));
        assert!(!check("http://localhost:5174"));
    }

    #[tokio::test]
    async fn a_port_in_use_is_named_with_the_way_out() {
        let taken = listen(0, "a test").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = listen(port, "the function URL of sms-webhook")
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "port {port}, meant for the function URL of sms-webhook, is in use: stop the program that has it, or \
                 choose others with --port-base"
            )
        );
    }
}
