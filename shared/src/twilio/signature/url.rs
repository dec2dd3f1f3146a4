//! The URLs that a request may have been signed for, kept in parts so that none is put together to
//! be checked.

use std::fmt;
use std::str::FromStr;

use hmac::Mac;

/// A text that is not a URL: no scheme, or no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a URL with a scheme and a host")]
pub struct InvalidUrl;

/// A URL as Twilio may have signed it, byte for byte: nothing is decoded, re-encoded, sorted or
/// lower-cased.
///
/// It is tried without its port, and with its port or the default one of its scheme, because Twilio
/// drops the port of some callbacks. The WHATWG-normalised and re-encoded forms that the official
/// Node.js helper tries after these are not tried: they exist for servers that see another URL than
/// the one that was called, and each more form is one more that a forger may aim at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedUrl<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<&'a str>,
    prefix: &'a str,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> SignedUrl<'a> {
    /// The URL that a caller used, from the parts that the server received: `authority` is the host
    /// with its port, if it has one; `path` and `query` are raw. An empty query (`Some("")`) stands
    /// for a URL that ends in `?`.
    #[must_use]
    pub fn received(
        scheme: &'a str,
        authority: &'a str,
        path: &'a str,
        query: Option<&'a str>,
    ) -> Self {
        let (host, port) = split_port(authority);
        Self {
            scheme,
            host,
            port,
            prefix: "",
            path,
            query,
        }
    }

    /// The URL that a caller used behind a proxy or custom domain: `path` and `query` are what
    /// arrived here.
    #[must_use]
    pub fn under(base: &'a BaseUrl, path: &'a str, query: Option<&'a str>) -> Self {
        Self {
            scheme: &base.scheme,
            host: &base.host,
            port: base.port.as_deref(),
            prefix: &base.prefix,
            path,
            query,
        }
    }

    /// A whole URL as it was received; user info and fragment, which no request line holds, stay
    /// where they are.
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`] if it has no scheme or no host.
    pub fn parse(url: &'a str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl)?;
        let (authority, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (path, query) = target
            .split_once('?')
            .map_or((target, None), |(path, query)| (path, Some(query)));
        let parsed = Self::received(scheme, authority, path, query);
        let in_scheme =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if scheme.is_empty() || !scheme.bytes().all(in_scheme) || parsed.host.is_empty() {
            Err(InvalidUrl)
        } else {
            Ok(parsed)
        }
    }

    /// A whole URL as it was configured at Twilio. Twilio signs it without its user info, which
    /// answers a 401, and without its fragment, which holds connection overrides (`#rc=3&rp=5xx`).
    ///
    /// # Errors
    ///
    /// [`InvalidUrl`] if it has no scheme or no host.
    pub fn configured(url: &'a str) -> Result<Self, InvalidUrl> {
        let url = url.split_once('#').map_or(url, |(url, _)| url);
        let mut parsed = Self::parse(url)?;
        if let Some((_, host)) = parsed.host.rsplit_once('@') {
            parsed.host = host;
        }
        if parsed.host.is_empty() {
            Err(InvalidUrl)
        } else {
            Ok(parsed)
        }
    }

    /// The same URL without its port, as Twilio signs voice callbacks over `https`.
    #[must_use]
    pub fn without_port(self) -> Self {
        Self { port: None, ..self }
    }

    /// The scheme, host, port and path prefix of this URL, to which an absolute path can be
    /// appended.
    #[must_use]
    pub fn base(&self) -> String {
        let Self {
            scheme,
            host,
            prefix,
            ..
        } = self;
        match self.port {
            Some(port) => format!("{scheme}://{host}:{port}{prefix}"),
            None => format!("{scheme}://{host}{prefix}"),
        }
    }

    /// The value of `bodySHA256` in the query, as it is written there; of several the first.
    pub(super) fn body_hash(&self) -> Option<&'a str> {
        self.query?
            .split('&')
            .find_map(|pair| pair.strip_prefix("bodySHA256="))
    }

    /// The same URL with its own port, or else with the default one: 443 for `https` and 80 for any
    /// other scheme, `wss` too, as the official helpers have it.
    pub(super) fn with_port(self) -> Self {
        let default = if self.scheme == "https" { "443" } else { "80" };
        Self {
            port: self.port.or(Some(default)),
            ..self
        }
    }

    /// Feeds the URL to a MAC, with the port that it has.
    pub(super) fn feed(&self, mac: &mut impl Mac) {
        for part in [self.scheme, "://", self.host] {
            mac.update(part.as_bytes());
        }
        if let Some(port) = self.port {
            mac.update(b":");
            mac.update(port.as_bytes());
        }
        mac.update(self.prefix.as_bytes());
        mac.update(self.path.as_bytes());
        if let Some(query) = self.query {
            mac.update(b"?");
            mac.update(query.as_bytes());
        }
    }
}

/// Divides `host:port`. The colons of an IPv6 address are inside brackets, those of user info
/// before an `@`.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, Some(port)),
        _ => (authority, None),
    }
}

/// A text that cannot be the public base of webhook URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBaseUrl {
    /// Neither `https` nor `http`.
    #[error("expected a URL that begins with https:// or http://")]
    Scheme,
    /// No host, or one with characters that a host cannot have; Twilio also refuses underscores.
    #[error(
        "expected a host of letters, digits, dots and hyphens, or an address, with an optional port"
    )]
    Host,
    /// A query cannot be the base of anything.
    #[error("a base URL has no query")]
    Query,
}

/// The public base of the webhook URLs: scheme, host, optional port and optional path prefix. User
/// info, a fragment and slashes at the end are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Box<str>,
    host: Box<str>,
    port: Option<Box<str>>,
    prefix: Box<str>,
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        if !text.starts_with("https://") && !text.starts_with("http://") {
            return Err(InvalidBaseUrl::Scheme);
        }
        let url = SignedUrl::configured(text).map_err(|_| InvalidBaseUrl::Host)?;
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let in_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
        let is_host = match url
            .host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            Some(address) => !address.is_empty() && address.bytes().all(in_address),
            None => url.host.bytes().all(in_name),
        };
        if !is_host || url.port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(InvalidBaseUrl::Host);
        }
        if url.query.is_some() {
            return Err(InvalidBaseUrl::Query);
        }
        Ok(Self {
            scheme: url.scheme.into(),
            host: url.host.into(),
            port: url.port.map(Into::into),
            prefix: url.path.trim_end_matches('/').into(),
        })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&SignedUrl::under(self, "", None).base())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_divided_at_its_port_and_query() {
        let url = SignedUrl::parse("https://h.example:8443/a/b?c=?d").unwrap();
        assert_eq!(
            url,
            SignedUrl::received("https", "h.example:8443", "/a/b", Some("c=?d"))
        );
        assert_eq!((url.host, url.port), ("h.example", Some("8443")));
    }

    #[test]
    fn the_colons_of_an_address_are_not_a_port() {
        let url = SignedUrl::parse("http://[::1]/x").unwrap();
        assert_eq!((url.host, url.port), ("[::1]", None));
        let url = SignedUrl::parse("http://[::1]:80/x").unwrap();
        assert_eq!((url.host, url.port), ("[::1]", Some("80")));
    }

    #[test]
    fn a_configured_url_loses_user_info_and_fragment() {
        let url =
            SignedUrl::configured("https://user:p@ss@h.example:8443/v?x=1#rc=2&rp=5xx").unwrap();
        assert_eq!(
            url,
            SignedUrl::parse("https://h.example:8443/v?x=1").unwrap()
        );
        let url = SignedUrl::configured("https://user:1234@h.example#rc=2").unwrap();
        assert_eq!(url, SignedUrl::parse("https://h.example").unwrap());
    }

    #[test]
    fn what_has_no_scheme_or_host_is_no_url() {
        for text in [
            "",
            "h.example/x",
            "://h/x",
            "https:///x",
            "https://:80/x",
            "ht?tps://h/x",
        ] {
            assert_eq!(SignedUrl::parse(text), Err(InvalidUrl), "{text}");
        }
        assert_eq!(SignedUrl::configured("https://user@/x"), Err(InvalidUrl));
    }

    #[test]
    fn the_default_port_follows_the_scheme() {
        for (url, port) in [
            ("https://h/", "443"),
            ("http://h/", "80"),
            ("wss://h/", "80"),
            ("https://h:1/", "1"),
        ] {
            assert_eq!(
                SignedUrl::parse(url).unwrap().with_port().port,
                Some(port),
                "{url}"
            );
        }
    }

    #[test]
    fn the_first_body_hash_of_the_query_counts() {
        let url = SignedUrl::parse("https://h/?xbodySHA256=0&bodySHA256=1&bodySHA256=2").unwrap();
        assert_eq!(url.body_hash(), Some("1"));
        assert_eq!(
            SignedUrl::parse("https://h/bodySHA256=1")
                .unwrap()
                .body_hash(),
            None
        );
    }

    #[test]
    fn a_base_url_stands_before_the_path_that_arrived() {
        let base: BaseUrl = "https://user:pass@hooks.example.com:8443/twilio//#rc=3"
            .parse()
            .unwrap();
        assert_eq!(base.to_string(), "https://hooks.example.com:8443/twilio");
        let url = SignedUrl::under(&base, "/sms", Some("account=AC1"));
        assert_eq!(url.base(), "https://hooks.example.com:8443/twilio");
        assert_eq!(
            url.without_port().base(),
            "https://hooks.example.com/twilio"
        );
        assert_eq!(
            "http://127.0.0.1:9001/"
                .parse::<BaseUrl>()
                .unwrap()
                .to_string(),
            "http://127.0.0.1:9001"
        );
        assert_eq!(
            "http://[::1]:9001".parse::<BaseUrl>().unwrap().to_string(),
            "http://[::1]:9001"
        );
    }

    #[test]
    fn what_cannot_be_a_base_url_is_refused() {
        for (text, refusal) in [
            ("", InvalidBaseUrl::Scheme),
            ("hooks.example.com", InvalidBaseUrl::Scheme),
            ("ftp://hooks.example.com", InvalidBaseUrl::Scheme),
            ("https://", InvalidBaseUrl::Host),
            ("https://my_hooks.example.com", InvalidBaseUrl::Host),
            ("https://hooks example.com", InvalidBaseUrl::Host),
            ("https://h:65536", InvalidBaseUrl::Host),
            ("https://[]:1", InvalidBaseUrl::Host),
            ("https://hooks.example.com/?a=1", InvalidBaseUrl::Query),
        ] {
            assert_eq!(text.parse::<BaseUrl>(), Err(refusal), "{text}");
        }
    }
}
