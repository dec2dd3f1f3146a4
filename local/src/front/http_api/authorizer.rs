//! The JWT authorizer: who may pass, and what the others are told.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, Validation};
use serde_json::{Map, Value};
use shared::clock::Clock;

use super::keys::{Keys, Unavailable};
use crate::template::JwtAuthorizer;

/// Why a request does not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// It brings no token.
    #[error("there is no token")]
    NoToken,
    /// It brings one that is not good.
    #[error("{0}")]
    Invalid(&'static str),
    /// Nobody knows: the issuer does not say its keys.
    #[error("the keys of the issuer are not to be had: {0}")]
    NoKeys(#[from] Unavailable),
}

impl Refusal {
    /// The header `www-authenticate` (RFC 6750, 3). It tells nothing of the issuer's troubles.
    pub(super) fn challenge(&self) -> String {
        let description = match self {
            Self::NoToken => return "Bearer".to_owned(),
            Self::Invalid(description) => description,
            Self::NoKeys(_) => "JWKS communication error",
        };
        format!(r#"Bearer scope="" error="invalid_token" error_description="{description}""#)
    }
}

/// Lets through whoever brings a token of one issuer for one of its audiences.
pub(super) struct Authorizer {
    issuer: String,
    audience: Vec<String>,
    keys: Keys,
    clock: Clock,
}

impl Authorizer {
    pub(super) fn new(declared: &JwtAuthorizer, clock: Clock) -> Self {
        Self {
            issuer: declared.issuer.clone(),
            audience: declared.audience.clone(),
            keys: Keys::of(&declared.issuer, clock.clone()),
            clock,
        }
    }

    /// The claims of the request's token: a bearer token, or the token alone.
    pub(super) async fn authorize(
        &self,
        headers: &HeaderMap,
    ) -> Result<Map<String, Value>, Refusal> {
        let header = headers.get(AUTHORIZATION).ok_or(Refusal::NoToken)?;
        let header = header
            .to_str()
            .map_err(|_| Refusal::Invalid("the token is not text"))?;
        let token = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => header.trim(),
        };
        if token.is_empty() {
            return Err(Refusal::NoToken);
        }
        let key = self.keys.find(&key_id(token)?).await?;
        let key = key.ok_or(Refusal::Invalid("the token's kid is no key of the issuer"))?;
        let mut signature_alone = Validation::new(Algorithm::RS256);
        signature_alone.required_spec_claims.clear();
        signature_alone.validate_exp = false;
        signature_alone.validate_aud = false;
        let token = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &signature_alone)
            .map_err(|_| Refusal::Invalid("the token's signature is invalid"))?;
        self.check(&token.claims)?;
        Ok(token.claims)
    }

    fn check(&self, claims: &Map<String, Value>) -> Result<(), Refusal> {
        if claims.get("iss").and_then(Value::as_str) != Some(&self.issuer) {
            return Err(Refusal::Invalid("the token does not have a valid issuer"));
        }
        if !self.is_meant(claims) {
            return Err(Refusal::Invalid("the token does not have a valid audience"));
        }
        let now = self.clock.now().as_second();
        match time(claims, "exp")? {
            None => return Err(Refusal::Invalid("the token does not say when it expires")),
            Some(expiry) if expiry <= now => return Err(Refusal::Invalid("the token has expired")),
            Some(_) => {}
        }
        if time(claims, "nbf")?.is_some_and(|start| start > now) {
            return Err(Refusal::Invalid("the token is not valid yet"));
        }
        if time(claims, "iat")?.is_some_and(|issued| issued > now) {
            return Err(Refusal::Invalid("the token was issued in the future"));
        }
        Ok(())
    }

    /// Whether it is for one of the audiences: by `aud`, or by `client_id` where there is no `aud`.
    fn is_meant(&self, claims: &Map<String, Value>) -> bool {
        let known = |value: &Value| {
            value
                .as_str()
                .is_some_and(|value| self.audience.iter().any(|known| known == value))
        };
        match claims.get("aud").filter(|audience| !audience.is_null()) {
            Some(Value::Array(audiences)) => audiences.iter().any(known),
            Some(audience) => known(audience),
            None => claims.get("client_id").is_some_and(known),
        }
    }
}

/// The `kid` of a token that says to be signed as the issuer signs.
fn key_id(token: &str) -> Result<String, Refusal> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::Invalid("the token does not have three segments"));
    };
    let header = BASE64_URL_SAFE_NO_PAD.decode(header).ok();
    let header: Option<Value> = header.and_then(|header| serde_json::from_slice(&header).ok());
    let header = header.ok_or(Refusal::Invalid("the token's header is not understood"))?;
    let text = |name: &str| header.get(name).and_then(Value::as_str);
    if text("alg") != Some("RS256") {
        return Err(Refusal::Invalid("the token is not signed by RS256"));
    }
    text("kid")
        .map(str::to_owned)
        .ok_or(Refusal::Invalid("the token does not name its key"))
}

/// Seconds since 1970, if the claim is there.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, Refusal> {
    let invalid = Refusal::Invalid("a time of the token is not a number");
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => {
            let whole = number.as_i64();
            // RFC 7519 allows fractions; a second more or less is not of interest, and nothing that is out of range passes.
            let text = number.to_string();
            let before_point = text.split('.').next().and_then(|text| text.parse().ok());
            whole.or(before_point).map(Some).ok_or(invalid)
        }
        Some(_) => Err(invalid),
    }
}

#[cfg(test)]
mod tests;
