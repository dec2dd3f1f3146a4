//! `X-Twilio-Signature`: proof that a request comes from Twilio and was made for the account whose
//! key signed it.
//!
//! Twilio signs the URL it calls, byte for byte, followed by the decoded form parameters, sorted. A
//! JSON body is not signed itself: its hash is in the query as `bodySHA256`. Neither form holds a
//! time, so a captured request can be replayed for ever: effects must be idempotent. Nor is there
//! anything between a parameter's name and its value, so that `Digits=1` and `Digit=s1` sign alike:
//! act on known names only. What is peculiar in this is listed in `docs/twilio-quirks.md`.

mod keys;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod url;
#[cfg(test)]
mod vectors;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::secret::Secret;
use crate::twilio::Parameters;
use crate::twilio::parameters::Pair;

pub use keys::{Algorithm, SigningKey, SigningKeys};
pub use url::{BaseUrl, InvalidBaseUrl, InvalidUrl, SignedUrl};

/// The longest `X-Twilio-Signature` that is decoded, in bytes: an HMAC-SHA256 in base64 takes 44.
const MAXIMUM_SIGNATURE_LENGTH: usize = 64;

/// A request whose signature is to be verified.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The URLs that Twilio may have called, the likeliest first.
    pub urls: &'a [SignedUrl<'a>],
    /// What came with the URL.
    pub content: SignedContent<'a>,
    /// The header `X-Twilio-Signature`.
    pub signature: Option<&'a str>,
    /// The header `X-Twilio-Webhooks-Signature-Settings`, which names a shared key.
    pub settings: Option<&'a str>,
}

/// The part of a request that is signed besides its URL. The request's `Content-Type` says which it
/// is.
#[derive(Debug, Clone, Copy)]
pub enum SignedContent<'a> {
    /// The parameters of an `application/x-www-form-urlencoded` body.
    Form(&'a Parameters<'a>),
    /// Nothing: the data of a GET is in the query, which is part of the URL.
    Query,
    /// The raw bytes of an `application/json` body, whose hash must be in the URL.
    Json(&'a [u8]),
}

/// What a signature was found to be made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'u, 'k> {
    /// The key.
    pub key: SigningKey<'k>,
    /// The URL, of those given, with the port that it was given with.
    pub url: SignedUrl<'u>,
}

/// Why a request is not accepted. The variants are for logs and metrics: whoever sent it learns
/// only that it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is missing or empty.
    #[error("the request is not signed")]
    Missing,
    /// The header cannot be a signature: not base64, or not of the algorithm's length.
    #[error("the signature is not the base64 of an HMAC of its algorithm")]
    Malformed,
    /// The settings header does not name one key.
    #[error("the signature settings do not name one key")]
    MalformedSettings,
    /// The settings header names an algorithm other than `HMAC_SHA1` and `HMAC_SHA256`.
    #[error("the signature settings name an algorithm that is not known")]
    UnknownAlgorithm,
    /// There is no such shared key, or no auth token.
    #[error("the account has no such signing key")]
    UnknownKey,
    /// No key and URL give this signature.
    #[error("the signature belongs to another key, URL or content")]
    Mismatch,
    /// A JSON body without `bodySHA256` in the URL: the URL is Twilio's, the body may be anyone's.
    #[error("the signed URL holds no hash of the JSON body")]
    BodyHashMissing,
    /// A JSON body that is not the one whose hash is in the URL.
    #[error("the JSON body is not the one whose hash is signed")]
    BodyHashMismatch,
}

impl SignatureError {
    /// Whether newer credentials of the account could change the answer.
    #[must_use]
    pub fn may_be_stale_keys(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Mismatch)
    }
}

/// Judges a signature by itself, before anybody is asked for keys: it is there, and could be an HMAC of one of the algorithms.
///
/// # Errors
///
/// [`SignatureError::Missing`] and [`SignatureError::Malformed`]: no key makes such a signature right.
pub fn could_be_right(signature: Option<&str>) -> Result<(), SignatureError> {
    let signature = present(signature)?;
    let length = decoded(signature, &mut [0; MAXIMUM_SIGNATURE_LENGTH])?.len();
    let lengths = [length_of::<Hmac<Sha1>>(), length_of::<Hmac<Sha256>>()];
    lengths
        .contains(&length)
        .then_some(())
        .ok_or(SignatureError::Malformed)
}

/// The length of what a MAC gives, in bytes.
fn length_of<M: Mac>() -> usize {
    M::output_size()
}

fn present(signature: Option<&str>) -> Result<&str, SignatureError> {
    signature
        .filter(|signature| !signature.is_empty())
        .ok_or(SignatureError::Missing)
}

fn decoded<'b>(
    signature: &str,
    buffer: &'b mut [u8; MAXIMUM_SIGNATURE_LENGTH],
) -> Result<&'b [u8], SignatureError> {
    Some(signature)
        .filter(|signature| signature.len() <= MAXIMUM_SIGNATURE_LENGTH)
        .and_then(|signature| STANDARD.decode_slice(signature, buffer).ok())
        .and_then(|length| buffer.get(..length))
        .ok_or(SignatureError::Malformed)
}

/// Verifies a request's signature with every key that may have made it, over every URL that it may
/// have been made for.
///
/// All of them are tried whatever comes out, each compared in constant time, so that the time taken
/// does not tell which key or URL was right. If several are, the first counts.
///
/// # Errors
///
/// [`SignatureError`] if the request must be refused.
pub fn verify<'u, 'k>(
    request: &SignedRequest<'u>,
    keys: &SigningKeys<'k>,
) -> Result<Match<'u, 'k>, SignatureError> {
    let signature = present(request.signature)?;
    let (algorithm, keys) = keys.candidates(request.settings)?;
    let search = match algorithm {
        Algorithm::HmacSha1 => search::<Hmac<Sha1>>,
        Algorithm::HmacSha256 => search::<Hmac<Sha256>>,
    };
    let found = search(request, signature, &keys)?;
    if let SignedContent::Json(body) = request.content {
        let expected = found
            .url
            .body_hash()
            .ok_or(SignatureError::BodyHashMissing)?;
        if !bool::from(hexadecimal_hash(body).as_bytes().ct_eq(expected.as_bytes())) {
            return Err(SignatureError::BodyHashMismatch);
        }
    }
    Ok(found)
}

fn search<'u, 'k, M: Mac + KeyInit + Clone>(
    request: &SignedRequest<'u>,
    signature: &str,
    keys: &[keys::Candidate<'k>],
) -> Result<Match<'u, 'k>, SignatureError> {
    let mut buffer = [0; MAXIMUM_SIGNATURE_LENGTH];
    let received = decoded(signature, &mut buffer)?;
    if received.len() != length_of::<M>() {
        return Err(SignatureError::Malformed);
    }

    let pairs = pairs_to_sign(request.content);
    let mut found = Choice::from(0);
    let (mut found_key, mut found_url) = (0_u32, 0_u32);
    for (key_number, candidate) in (0_u32..).zip(keys) {
        let Some(keyed) = keyed::<M>(candidate.secret) else {
            continue;
        };
        for (url_number, url) in (0_u32..).zip(request.urls) {
            for url in [url.without_port(), url.with_port()] {
                let computed = compute(keyed.clone(), &url, &pairs);
                let first = computed.ct_eq(received) & !found;
                found_key.conditional_assign(&key_number, first);
                found_url.conditional_assign(&url_number, first);
                found |= first;
            }
        }
    }
    if !bool::from(found) {
        return Err(SignatureError::Mismatch);
    }
    let candidate = usize::try_from(found_key)
        .ok()
        .and_then(|number| keys.get(number));
    let url = usize::try_from(found_url)
        .ok()
        .and_then(|number| request.urls.get(number));
    let (candidate, url) = candidate.zip(url).ok_or(SignatureError::Mismatch)?;
    Ok(Match {
        key: candidate.key,
        url: *url,
    })
}

/// Signs a request as Twilio does, for a double that stands in for it. A JSON body counts through
/// the hash in the URL alone ([`url_with_body_hash`]).
#[must_use]
pub fn sign(
    url: &SignedUrl<'_>,
    content: SignedContent<'_>,
    key: &Secret,
    algorithm: Algorithm,
) -> String {
    fn encoded<M: Mac + KeyInit>(
        url: &SignedUrl<'_>,
        content: SignedContent<'_>,
        key: &Secret,
    ) -> String {
        let pairs = pairs_to_sign(content);
        keyed::<M>(key)
            .map(|keyed| STANDARD.encode(compute(keyed, url, &pairs)))
            .unwrap_or_default()
    }
    match algorithm {
        Algorithm::HmacSha1 => encoded::<Hmac<Sha1>>(url, content, key),
        Algorithm::HmacSha256 => encoded::<Hmac<Sha256>>(url, content, key),
    }
}

/// The URL that Twilio calls with a JSON body: the configured one, without its fragment, with
/// `bodySHA256` appended.
#[must_use]
pub fn url_with_body_hash(configured: &str, body: &[u8]) -> String {
    let url = configured
        .split_once('#')
        .map_or(configured, |(url, _)| url);
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}bodySHA256={}", hexadecimal_hash(body))
}

/// The SHA-256 of a body in lower-case hexadecimal digits.
fn hexadecimal_hash(body: &[u8]) -> String {
    let digits =
        |byte: u8| [byte >> 4, byte & 0xf].map(|digit| char::from_digit(u32::from(digit), 16));
    Sha256::digest(body)
        .into_iter()
        .flat_map(digits)
        .flatten()
        .collect()
}

fn pairs_to_sign<'a>(content: SignedContent<'a>) -> Vec<&'a Pair<'a>> {
    match content {
        SignedContent::Form(parameters) => parameters.in_signing_order(),
        SignedContent::Query | SignedContent::Json(_) => Vec::new(),
    }
}

/// A MAC under a key. HMAC takes keys of any length, so that there always is one.
fn keyed<M: KeyInit>(key: &Secret) -> Option<M> {
    M::new_from_slice(key.expose().as_bytes()).ok()
}

fn compute<M: Mac>(
    mut mac: M,
    url: &SignedUrl<'_>,
    pairs: &[&Pair<'_>],
) -> hmac::digest::Output<M> {
    url.feed(&mut mac);
    for (name, value) in pairs {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    mac.finalize().into_bytes()
}
