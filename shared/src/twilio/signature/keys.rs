//! The keys that a webhook may be signed with, and the header that names one of them.

use crate::secret::Secret;
use crate::twilio::{SharedKey, TwilioCredentials};

use super::SignatureError;

/// The longest `X-Twilio-Webhooks-Signature-Settings` that is read, in bytes; Twilio's are under
/// 100.
const MAXIMUM_SETTINGS_LENGTH: usize = 512;

/// The hash under the HMAC of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC-SHA1: every signature with an auth token, and those with a shared key unless it says
    /// otherwise.
    HmacSha1,
    /// HMAC-SHA256: on request, with a shared key.
    HmacSha256,
}

/// The keys of one account that are accepted for its webhooks.
///
/// An empty auth token or secret is never tried: anyone can sign with it.
#[derive(Debug, Clone, Copy)]
pub struct SigningKeys<'a> {
    primary: &'a Secret,
    secondary: Option<&'a Secret>,
    previous: Option<&'a Secret>,
    shared: &'a [SharedKey],
}

impl<'a> SigningKeys<'a> {
    /// One auth token and nothing else.
    #[must_use]
    pub fn auth_token(token: &'a Secret) -> Self {
        Self {
            primary: token,
            secondary: None,
            previous: None,
            shared: &[],
        }
    }

    /// The keys to try for a request, with the algorithm that it is signed with.
    ///
    /// A request that names a shared key is tried with that one alone, any other with the auth
    /// tokens. Several secrets under one id are all tried, so that a shared key can be replaced
    /// without a gap.
    pub(super) fn candidates(
        &self,
        settings: Option<&str>,
    ) -> Result<(Algorithm, Vec<Candidate<'a>>), SignatureError> {
        let settings = settings
            .map(str::trim)
            .filter(|settings| !settings.is_empty());
        let (algorithm, keys): (_, Vec<_>) = match settings {
            None => {
                let tokens = [
                    (SigningKey::Primary, Some(self.primary)),
                    (SigningKey::Secondary, self.secondary),
                    (SigningKey::Previous, self.previous),
                ];
                let keys = tokens.into_iter().filter_map(|(key, secret)| {
                    Some(Candidate {
                        key,
                        secret: secret?,
                    })
                });
                (Algorithm::HmacSha1, keys.collect())
            }
            Some(settings) => {
                let settings = Settings::parse(settings)?;
                let named = self.shared.iter().filter(|key| key.id == settings.key);
                let keys = named.map(|key| Candidate {
                    key: SigningKey::Shared(&key.id),
                    secret: &key.secret,
                });
                (settings.algorithm, keys.collect())
            }
        };
        let keys: Vec<_> = keys
            .into_iter()
            .filter(|candidate| !candidate.secret.expose().is_empty())
            .collect();
        if keys.is_empty() {
            Err(SignatureError::UnknownKey)
        } else {
            Ok((algorithm, keys))
        }
    }
}

impl<'a> From<&'a TwilioCredentials> for SigningKeys<'a> {
    fn from(credentials: &'a TwilioCredentials) -> Self {
        Self {
            primary: &credentials.auth_token,
            secondary: credentials.secondary_auth_token.as_ref(),
            previous: credentials.previous_auth_token.as_ref(),
            shared: &credentials.shared_keys,
        }
    }
}

/// Which key a webhook was signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningKey<'a> {
    /// The primary auth token.
    Primary,
    /// The secondary auth token: it has been promoted at Twilio and not yet here.
    Secondary,
    /// The auth token before the last promotion.
    Previous,
    /// The shared key of this id.
    Shared(&'a str),
}

/// A key that is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) key: SigningKey<'a>,
    pub(super) secret: &'a Secret,
}

/// `X-Twilio-Webhooks-Signature-Settings: key=<id>,algorithm=<name>`.
#[derive(Debug, PartialEq, Eq)]
struct Settings<'a> {
    key: &'a str,
    algorithm: Algorithm,
}

impl<'a> Settings<'a> {
    /// Reads the header's value. White space round names and values does not count, nor does the
    /// case of the algorithm; names that are not known are passed over. A setting that is given
    /// twice is refused.
    fn parse(header: &'a str) -> Result<Self, SignatureError> {
        if header.len() > MAXIMUM_SETTINGS_LENGTH {
            return Err(SignatureError::MalformedSettings);
        }
        let mut key = None;
        let mut algorithm = None;
        for setting in header.split(',') {
            let (name, value) = setting
                .split_once('=')
                .ok_or(SignatureError::MalformedSettings)?;
            let place = match name.trim() {
                "key" => &mut key,
                "algorithm" => &mut algorithm,
                _ => continue,
            };
            if place.replace(value.trim()).is_some() {
                return Err(SignatureError::MalformedSettings);
            }
        }
        let key = key
            .filter(|key| !key.is_empty())
            .ok_or(SignatureError::MalformedSettings)?;
        let algorithm = match algorithm {
            None => Algorithm::HmacSha1,
            Some(name) if name.eq_ignore_ascii_case("HMAC_SHA1") => Algorithm::HmacSha1,
            Some(name) if name.eq_ignore_ascii_case("HMAC_SHA256") => Algorithm::HmacSha256,
            Some(_) => return Err(SignatureError::UnknownAlgorithm),
        };
        Ok(Self { key, algorithm })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_a_key_and_an_algorithm() {
        for (header, algorithm) in [
            ("key=k1", Algorithm::HmacSha1),
            ("key=k1,algorithm=HMAC_SHA1", Algorithm::HmacSha1),
            (
                " algorithm = hmac_sha256 , key = k1 ",
                Algorithm::HmacSha256,
            ),
            ("key=k1,version=2", Algorithm::HmacSha1),
        ] {
            assert_eq!(
                Settings::parse(header),
                Ok(Settings {
                    key: "k1",
                    algorithm
                }),
                "{header}"
            );
        }
    }

    #[test]
    fn settings_without_one_clear_key_are_malformed() {
        let long = format!("key={}", "k".repeat(MAXIMUM_SETTINGS_LENGTH));
        for header in [
            "k1",
            "key",
            "key=",
            "key= ",
            "algorithm=HMAC_SHA1",
            "key=k1,key=k2",
            "key=k1,",
            &long,
        ] {
            assert_eq!(
                Settings::parse(header),
                Err(SignatureError::MalformedSettings),
                "{header}"
            );
        }
    }

    #[test]
    fn an_algorithm_that_is_not_known_is_refused() {
        for header in [
            "key=k1,algorithm=HMAC_SHA512",
            "key=k1,algorithm=",
            "key=k1,algorithm=none",
        ] {
            assert_eq!(
                Settings::parse(header),
                Err(SignatureError::UnknownAlgorithm),
                "{header}"
            );
        }
    }
}
