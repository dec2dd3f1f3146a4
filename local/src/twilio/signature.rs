//! The signer of the double.
//!
//! It is written from Twilio's description, apart from the verifier in `shared`, so that a fault there is not mirrored here.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use shared::secret::Secret;

use super::parameters::Parameters;

/// `X-Twilio-Signature` for a request: HMAC-SHA1 under the auth token over the URL, then every name and value sorted by
/// name, then base64. A repeated name contributes its distinct values in order.
///
/// `url` is what was configured; fragment, user name and password are left out here. For GET pass no parameters.
#[must_use]
pub fn sign(auth_token: &Secret, url: &str, parameters: &Parameters) -> String {
    let pairs: BTreeSet<(&str, &str)> = parameters.iter().collect();
    let mut message = public_url(url);
    for (name, value) in pairs {
        message.push_str(name);
        message.push_str(value);
    }
    let mut mac = keyed(auth_token);
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn keyed(auth_token: &Secret) -> Hmac<Sha1> {
    Hmac::new_from_slice(auth_token.expose().as_bytes()).expect("HMAC takes a key of any length")
}

/// The URL without fragment, user name and password, every other byte as given.
#[must_use]
pub(crate) fn public_url(url: &str) -> String {
    let url = url.split_once('#').map_or(url, |(before, _)| before);
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{tail}")
}

/// The URL without its port, as Twilio signs voice webhooks over https.
#[must_use]
pub(crate) fn without_port(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    format!("{scheme}://{host}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        auth_token: String,
        url: String,
        params: Vec<(String, String)>,
        signature: String,
    }

    #[test]
    fn signatures_are_those_of_the_official_helper() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("signature_cases.json")).unwrap();
        assert_eq!(cases.len(), 13);
        for case in cases {
            let parameters = Parameters::from_iter(case.params);
            let signature = sign(&Secret::new(case.auth_token), &case.url, &parameters);
            assert_eq!(signature, case.signature, "{}", case.name);
        }
    }

    #[test]
    fn fragment_and_user_information_are_not_part_of_the_signed_url() {
        assert_eq!(
            public_url("https://user:p%40ss@host:8443/a?b=c@d#rc=3"),
            "https://host:8443/a?b=c@d"
        );
        assert_eq!(public_url("http://host?x=1#"), "http://host?x=1");
    }

    #[test]
    fn only_the_port_goes_when_the_port_goes() {
        assert_eq!(
            without_port("https://host:8443/a:1?b=c:2"),
            "https://host/a:1?b=c:2"
        );
        assert_eq!(without_port("https://[::1]:8443/a"), "https://[::1]/a");
        assert_eq!(without_port("https://[::1]/a"), "https://[::1]/a");
        assert_eq!(without_port("https://host"), "https://host");
    }
}
