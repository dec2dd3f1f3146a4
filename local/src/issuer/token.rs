//! Tokens, good ones and flawed ones (RFC 7519).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use shared::clock::Clock;

use super::key::{KeyError, SigningKey};

/// How long a token is good unless told otherwise.
pub(super) const TTL: Duration = Duration::from_secs(12 * 60 * 60);

/// What the API of the stack expects of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenProfile {
    /// The claim `aud`.
    pub audience: String,
    /// The claim that names the tenant.
    pub tenant_claim: String,
    /// The claim that lists the roles.
    pub roles_claim: String,
}

/// What a token is asked to say.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenRequest {
    /// The claim `sub`: who the user is.
    pub subject: String,
    /// The tenant that the user belongs to; an operator may belong to none.
    pub tenant_id: Option<String>,
    /// The user's roles.
    pub roles: Vec<String>,
    /// How long the token is good.
    pub ttl: Duration,
    /// More claims, over those that follow from the rest: with null one is left out.
    pub claims: Map<String, Value>,
}

impl TokenRequest {
    /// A user without tenant and roles, for twelve hours.
    #[must_use]
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            tenant_id: None,
            roles: Vec::new(),
            ttl: TTL,
            claims: Map::new(),
        }
    }

    /// As a user of this tenant.
    #[must_use]
    pub fn tenant(self, tenant_id: impl Into<String>) -> Self {
        Self {
            tenant_id: Some(tenant_id.into()),
            ..self
        }
    }

    /// With this role besides the others.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// With this claim besides the others.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: Value) -> Self {
        self.claims.insert(name.into(), value);
        self
    }
}

/// What may be wrong with a token that is otherwise good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It expired a second ago.
    Expired,
    /// It does not say when it expires.
    NeverExpires,
    /// It is good from an hour on.
    NotYetValid,
    /// It was issued an hour from now.
    IssuedLater,
    /// It is for somebody else.
    OtherAudience,
    /// It says to be of another issuer.
    OtherIssuer,
    /// It is signed by another key under the issuer's key's name.
    OtherKey,
    /// It names a key that the issuer does not have.
    UnknownKey,
    /// It names no key.
    NoKey,
    /// It has the algorithm `none` and no signature.
    Unsigned,
    /// It is signed by HS256, with the public key as the secret.
    PublicKeyAsSecret,
    /// Its subject was changed after it was signed.
    Tampered,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Self; 12] = [
        Self::Expired,
        Self::NeverExpires,
        Self::NotYetValid,
        Self::IssuedLater,
        Self::OtherAudience,
        Self::OtherIssuer,
        Self::OtherKey,
        Self::UnknownKey,
        Self::NoKey,
        Self::Unsigned,
        Self::PublicKeyAsSecret,
        Self::Tampered,
    ];
}

/// What makes tokens.
pub(super) struct Tokens {
    pub(super) issuer: String,
    pub(super) key: SigningKey,
    pub(super) profile: TokenProfile,
    pub(super) clock: Clock,
}

impl Tokens {
    pub(super) fn good(&self, request: &TokenRequest) -> String {
        self.signed(&self.header(), &self.claims(request))
    }

    pub(super) fn flawed(&self, request: &TokenRequest, flaw: Flaw) -> String {
        let now = self.clock.now().as_second();
        let (mut header, mut claims) = (self.header(), self.claims(request));
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        match flaw {
            Flaw::Expired => {
                set("iat", json!(now - 3_600));
                set("exp", json!(now - 1));
            }
            Flaw::NeverExpires => drop(claims.remove("exp")),
            Flaw::NotYetValid => drop(set("nbf", json!(now + 3_600))),
            Flaw::IssuedLater => drop(set("iat", json!(now + 3_600))),
            Flaw::OtherAudience => drop(set("aud", json!("somebody-else"))),
            Flaw::OtherIssuer => drop(set("iss", json!("https://issuer.example"))),
            Flaw::UnknownKey => drop(header.insert("kid".to_owned(), json!("unknown"))),
            Flaw::NoKey => drop(header.remove("kid")),
            Flaw::OtherKey => {
                let message = message(&header, &claims);
                let signature = other_key().map(|key| key.sign(message.as_bytes()));
                return with_signature(message, &signature.unwrap_or_default());
            }
            Flaw::Unsigned => {
                header.insert("alg".to_owned(), json!("none"));
                return with_signature(message(&header, &claims), &[]);
            }
            Flaw::PublicKeyAsSecret => {
                header.insert("alg".to_owned(), json!("HS256"));
                let message = message(&header, &claims);
                let secret = self.key.public().to_string();
                let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                let signature = hmac::sign(&secret, message.as_bytes());
                return with_signature(message, signature.as_ref());
            }
            Flaw::Tampered => {
                let signature = self.key.sign(message(&header, &claims).as_bytes());
                claims.insert("sub".to_owned(), json!("somebody else"));
                return with_signature(message(&header, &claims), &signature);
            }
        }
        self.signed(&header, &claims)
    }

    fn header(&self) -> Map<String, Value> {
        object([
            ("alg", json!("RS256")),
            ("typ", json!("JWT")),
            ("kid", json!(self.key.id())),
        ])
    }

    fn claims(&self, request: &TokenRequest) -> Map<String, Value> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let now = self.clock.now();
        let expiry = now
            .as_second()
            .saturating_add_unsigned(request.ttl.as_secs());
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut claims = object([
            ("iss", json!(self.issuer)),
            ("sub", json!(request.subject)),
            ("aud", json!(self.profile.audience)),
            ("iat", json!(now.as_second())),
            ("exp", json!(expiry)),
            ("jti", json!(format!("{}-{number}", now.as_microsecond()))),
        ]);
        if let Some(tenant_id) = &request.tenant_id {
            claims.insert(self.profile.tenant_claim.clone(), json!(tenant_id));
        }
        if !request.roles.is_empty() {
            claims.insert(self.profile.roles_claim.clone(), json!(request.roles));
        }
        claims.extend(request.claims.clone());
        claims.retain(|_, value| !value.is_null());
        claims
    }

    fn signed(&self, header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
        let message = message(header, claims);
        let signature = self.key.sign(message.as_bytes());
        with_signature(message, &signature)
    }
}

fn other_key() -> Result<SigningKey, KeyError> {
    SigningKey::generate()
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// What is signed: both parts encoded, with a point between.
fn message(header: &Map<String, Value>, claims: &Map<String, Value>) -> String {
    let encoded = |part: &Map<String, Value>| {
        BASE64_URL_SAFE_NO_PAD.encode(Value::Object(part.clone()).to_string())
    };
    format!("{}.{}", encoded(header), encoded(claims))
}

fn with_signature(message: String, signature: &[u8]) -> String {
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}
