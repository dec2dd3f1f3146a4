//! Opaque paging cursors: where a list goes on, sealed for whoever was given it.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::Prk;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::secret::derived;
use crate::length_prefix::length_prefixed;
use crate::tenant::TenantScope;

/// The first byte of a cursor: its format.
const VERSION: u8 = 1;
/// The longest position, in bytes: more than two of DynamoDB's longest sort keys, and short enough for a request line.
const LONGEST_POSITION: usize = 2_048;
/// The longest cursor in base64url: version, nonce, position and tag.
const LONGEST_CURSOR: usize = (1 + NONCE_LEN + LONGEST_POSITION + 16) * 4 / 3 + 3;

/// Whose list a cursor pages, which one, and by what query.
///
/// Every part stands behind its length, so that different contexts are different bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorContext(Vec<u8>);

impl CursorContext {
    /// A tenant's list. `query` is everything of the request that selects or orders its items, by name and value; the order of the
    /// pairs does not matter. The page's size is no part of it.
    #[must_use]
    pub fn of_tenant(scope: &TenantScope, list: &str, query: &[(&str, &str)]) -> Self {
        Self::of(b"tenant", scope.tenant_id().as_str(), list, query)
    }

    /// A list of the platform's.
    #[must_use]
    pub fn of_platform(list: &str, query: &[(&str, &str)]) -> Self {
        Self::of(b"platform", "", list, query)
    }

    fn of(kind: &[u8], owner: &str, list: &str, query: &[(&str, &str)]) -> Self {
        let mut query = query.to_vec();
        query.sort_unstable();
        let query = query.iter().flat_map(|(name, value)| [name, value]);
        let parts = [kind, owner.as_bytes(), list.as_bytes()];
        let parts = parts.into_iter().chain(query.map(|text| text.as_bytes()));
        let mut bytes = vec![VERSION];
        length_prefixed(parts, |fed| bytes.extend(fed));
        Self(bytes)
    }
}

/// A cursor that is none of this list: another tenant's or query's, changed, cut short or made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one of this list and query")]
pub struct InvalidCursor;

/// A cursor that could not be made: a position longer than any list has, or no random bytes. Only a defect leads here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a paging cursor could not be sealed")]
pub struct UnsealedCursor;

/// Seals and opens cursors: AES-256-GCM under a key of the list and query's own.
///
/// A key of its own, derived from the context, keeps the number of random 96-bit nonces of one key far below the 2^32 that NIST
/// allows (SP 800-38D, 8.3), however many tenants page. A cursor hides its position, which may hold a phone number, and does
/// not expire.
pub struct Cursors(Prk);

impl Cursors {
    pub(super) fn new(key: Prk) -> Self {
        Self(key)
    }

    /// A cursor for a position: base64url, at most about 2,800 characters. Twice the same gives two different ones.
    ///
    /// # Errors
    /// [`UnsealedCursor`] when the position is longer than 2,048 bytes.
    pub fn seal(&self, context: &CursorContext, position: &str) -> Result<String, UnsealedCursor> {
        if position.len() > LONGEST_POSITION {
            return Err(UnsealedCursor);
        }
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| UnsealedCursor)?;
        let mut sealed = position.as_bytes().to_vec();
        self.key(context)
            .and_then(|key| {
                let nonce = Nonce::assume_unique_for_key(nonce);
                key.seal_in_place_append_tag(nonce, Aad::from(&context.0), &mut sealed)
                    .ok()
            })
            .ok_or(UnsealedCursor)?;
        let cursor = [&[VERSION], nonce.as_slice(), &sealed].concat();
        Ok(URL_SAFE_NO_PAD.encode(cursor))
    }

    /// The position of a cursor that was sealed for this very context.
    ///
    /// # Errors
    /// [`InvalidCursor`] for everything else, alike.
    pub fn open(&self, context: &CursorContext, cursor: &str) -> Result<String, InvalidCursor> {
        if cursor.len() > LONGEST_CURSOR {
            return Err(InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| InvalidCursor)?;
        let (version, bytes) = bytes.split_first().ok_or(InvalidCursor)?;
        let (nonce, sealed) = bytes.split_first_chunk().ok_or(InvalidCursor)?;
        if *version != VERSION {
            return Err(InvalidCursor);
        }
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let key = self.key(context).ok_or(InvalidCursor)?;
        let position = key
            .open_in_place(nonce, Aad::from(&context.0), &mut sealed)
            .map_err(|_| InvalidCursor)?;
        let position = std::str::from_utf8(position).map_err(|_| InvalidCursor)?;
        Ok(position.to_owned())
    }

    fn key(&self, context: &CursorContext) -> Option<LessSafeKey> {
        let key = derived(&self.0, &context.0)?;
        let key = UnboundKey::new(&AES_256_GCM, &*key).ok()?;
        Some(LessSafeKey::new(key))
    }
}

impl fmt::Debug for Cursors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cursors(••••)")
    }
}

#[cfg(test)]
mod tests;
