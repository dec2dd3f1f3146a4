//! An issuer's keys: found by OpenID Connect discovery and remembered.
//! <https://openid.net/specs/openid-connect-discovery-1_0.html>

use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::clock::Clock;
use tokio::sync::Mutex;

/// How long keys are believed. Source: "Control access to HTTP APIs with JWT authorizers".
const REMEMBERED_SECONDS: i64 = 2 * 60 * 60;

/// How soon an unknown key may have the issuer asked again: a key that is new is found, and tokens of made-up keys do not
/// make a flood.
const ASKED_AGAIN_SECONDS: i64 = 10;

/// What the issuer has for each of its answers. Source: "Quotas for configuring and running an HTTP API".
const LONGEST_WAIT: Duration = Duration::from_millis(1_500);
const LARGEST_DOCUMENT: usize = 150_000;

/// Why the issuer's keys are not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url} {reason}")]
pub(super) struct Unavailable {
    url: String,
    reason: String,
}

/// The keys of one issuer.
pub(super) struct Keys {
    discovery: String,
    client: reqwest::Client,
    clock: Clock,
    known: Mutex<Option<Known>>,
}

struct Known {
    keys: Vec<RsaKey>,
    read_at: Timestamp,
}

#[derive(Clone)]
struct RsaKey {
    id: String,
    modulus: String,
    exponent: String,
}

#[derive(Deserialize)]
struct Discovery {
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

impl Keys {
    /// Of the issuer whose tokens say `issuer`. Nothing is asked before the first token.
    pub(super) fn of(issuer: &str, clock: Clock) -> Self {
        let base = issuer.trim_end_matches('/');
        Self {
            discovery: format!("{base}/.well-known/openid-configuration"),
            client: crate::http_client::client(),
            clock,
            known: Mutex::new(None),
        }
    }

    /// The key with this id. Those who ask at the same time wait for one answer.
    pub(super) async fn find(&self, id: &str) -> Result<Option<DecodingKey>, Unavailable> {
        let mut known = self.known.lock().await;
        let now = self.clock.now();
        let age = known
            .as_ref()
            .map(|known| now.as_second().saturating_sub(known.read_at.as_second()));
        if let (Some(known), Some(age)) = (&*known, age)
            && (0..REMEMBERED_SECONDS).contains(&age)
        {
            let key = known.key(id);
            if key.is_some() || age < ASKED_AGAIN_SECONDS {
                return Ok(key);
            }
        }
        let read = Known {
            keys: self.read().await?,
            read_at: now,
        };
        let key = read.key(id);
        *known = Some(read);
        Ok(key)
    }

    async fn read(&self) -> Result<Vec<RsaKey>, Unavailable> {
        let discovery: Discovery = self.document(&self.discovery).await?;
        let set: KeySet = self.document(&discovery.jwks_uri).await?;
        Ok(set.keys.iter().filter_map(RsaKey::of).collect())
    }

    async fn document<T: DeserializeOwned>(&self, url: &str) -> Result<T, Unavailable> {
        let unavailable = |reason: String| Unavailable {
            url: url.to_owned(),
            reason,
        };
        let answer = async {
            let mut response = self.client.get(url).send().await?.error_for_status()?;
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await? {
                body.extend_from_slice(&chunk);
                if body.len() > LARGEST_DOCUMENT {
                    break;
                }
            }
            Ok::<_, reqwest::Error>(body)
        };
        let body = tokio::time::timeout(LONGEST_WAIT, answer)
            .await
            .map_err(|_| unavailable("did not answer in 1.5 s".to_owned()))?
            .map_err(|error| unavailable(format!("cannot be read: {}", error.without_url())))?;
        if body.len() > LARGEST_DOCUMENT {
            return Err(unavailable("is larger than 150 kB".to_owned()));
        }
        serde_json::from_slice(&body)
            .map_err(|error| unavailable(format!("is not understood: {error}")))
    }
}

impl Known {
    fn key(&self, id: &str) -> Option<DecodingKey> {
        let key = self.keys.iter().find(|key| key.id == id)?;
        DecodingKey::from_rsa_components(&key.modulus, &key.exponent).ok()
    }
}

impl RsaKey {
    /// A key of a set, if it is one to verify RSA signatures with. Others may be there and are nobody's fault.
    fn of(key: &Value) -> Option<Self> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        let usable = text("kty") == Some("RSA")
            && text("use").is_none_or(|purpose| purpose == "sig")
            && text("alg").is_none_or(|algorithm| algorithm == "RS256");
        if !usable {
            return None;
        }
        Some(Self {
            id: text("kid")?.to_owned(),
            modulus: text("n")?.to_owned(),
            exponent: text("e")?.to_owned(),
        })
    }
}
