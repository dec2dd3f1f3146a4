//! Who a user is at Twilio.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use crate::tenant::TenantId;

/// The name that Twilio Voice knows one user of one tenant by: 1 to 121 of `[A-Za-z0-9_]`, which is all that its SDKs take.
///
/// It is made of the token's subject and tenant alone, so that nobody can ask for another's, and no two pairs share one:
///
/// - `user_{subject}_tenant_{tenant}`, each byte that is no ASCII letter or digit written `_XX` in upper-case hexadecimal. In what
///   is escaped, `_` is always followed by `0-9A-F`; so the first `_t` is the separator's, both halves can be cut apart, and
///   each can be read back: different pairs are written differently.
/// - `user_sha256_{64 lower-case hexadecimal digits}` where that is longer than 121: the SHA-256 of both, the subject behind
///   its length. It never equals one of the first form, which always holds a `t`, of `_tenant_`; `user_sha256_` and
///   `0-9a-f` hold none.
///
/// It is stored wherever a tenant names its users, and so never changes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(String);

/// The longest that Twilio Voice takes.
/// Source: "Twilio.Device", Voice JavaScript SDK reference.
const LONGEST: usize = 121;

impl Identity {
    /// The identity of a user, by the verified subject of its token; `None` for an empty subject, which is nobody's.
    #[must_use]
    pub fn of(subject: &str, tenant: &TenantId) -> Option<Self> {
        if subject.is_empty() {
            return None;
        }
        let mut identity = String::with_capacity(LONGEST);
        identity.push_str("user_");
        escape(subject, &mut identity);
        identity.push_str("_tenant_");
        escape(tenant.as_str(), &mut identity);
        if identity.len() > LONGEST {
            identity = hashed(subject, tenant);
        }
        Some(Self(identity))
    }

    /// Whether a name was made for a user of another tenant.
    ///
    /// A name that is not of the first form is nobody else's: a hashed one does not tell its tenant, and every other was chosen
    /// by whoever holds the account's API key, which alone signs the tokens that hold names.
    #[must_use]
    pub fn is_of_another_tenant(name: &str, tenant: &TenantId) -> bool {
        let halves = name.strip_prefix("user_");
        let Some((_, named)) = halves.and_then(|halves| halves.split_once("_tenant_")) else {
            return false;
        };
        let mut own = String::with_capacity(named.len());
        escape(tenant.as_str(), &mut own);
        named != own
    }

    /// The name as Twilio is given it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            into.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(into, "_{byte:02X}");
        }
    }
}

fn hashed(subject: &str, tenant: &TenantId) -> String {
    let length = u64::try_from(subject.len()).unwrap_or(u64::MAX);
    let digest = Sha256::new()
        .chain_update(length.to_be_bytes())
        .chain_update(subject)
        .chain_update(tenant.as_str())
        .finalize();
    let mut identity = "user_sha256_".to_owned();
    for byte in digest {
        // Writing to a string cannot fail.
        let _ = write!(identity, "{byte:02x}");
    }
    identity
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        identity.0
    }
}

impl From<&Identity> for String {
    fn from(identity: &Identity) -> Self {
        identity.0.clone()
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn identity(subject: &str, tenant: &str) -> String {
        Identity::of(subject, &tenant.parse().unwrap())
            .unwrap()
            .into()
    }

    #[test]
    fn letters_and_digits_stand_for_themselves_and_all_else_is_escaped() {
        for (subject, tenant, expected) in [
            ("alice", "acme", "user_alice_tenant_acme"),
            ("a_b", "a-1", "user_a_5Fb_tenant_a_2D1"),
            ("auth0|5f", "acme", "user_auth0_7C5f_tenant_acme"),
            ("é@x.io", "acme", "user__C3_A9_40x_2Eio_tenant_acme"),
        ] {
            assert_eq!(identity(subject, tenant), expected);
        }
    }

    #[test]
    fn a_uuid_at_a_tenant_of_ordinary_length_is_readable() {
        let found = identity("0b7c6f3e-1f5e-4f0a-9d0e-1f2a3b4c5d6e", "acme-dental");
        assert!(found.starts_with("user_0b7c6f3e_2D1f5e_2D"), "{found}");
    }

    #[test]
    fn what_is_too_long_is_hashed() {
        let longest = "x".repeat(LONGEST - "user__tenant_acme".len());
        assert_eq!(identity(&longest, "acme").len(), LONGEST);
        let hashed = identity(&format!("{longest}x"), "acme");
        assert!(hashed.starts_with("user_sha256_"), "{hashed}");
        assert_eq!(hashed.len(), 76);
        // The length stands before the subject, so that nothing moves between the two.
        let base = "x".repeat(200);
        assert_ne!(
            identity(&format!("{base}ab"), "cd"),
            identity(&base, "abcd")
        );
        // Stored by tenants: a change of the form would lose their users.
        assert_eq!(
            identity(&"é".repeat(100), "acme"),
            "user_sha256_cb8874278519611e6635a62cc4a83868feca6ad10f535231aa916f12659f2cf1"
        );
    }

    #[test]
    fn a_name_tells_its_tenant_whose_id_looks_like_the_separator() {
        let tenant = "tenant-22".parse().unwrap();
        let name = identity("alice", "tenant-22");
        assert_eq!(name, "user_alice_tenant_tenant_2D22");
        assert!(!Identity::is_of_another_tenant(&name, &tenant));
    }

    #[test]
    fn a_name_tells_whether_it_was_made_for_another_tenant() {
        let acme = "acme-1".parse().unwrap();
        for (subject, tenant) in [
            ("alice", "globex"),
            ("alice", "acme"),
            ("a_tenant_", "acme-12"),
        ] {
            let name = identity(subject, tenant);
            assert!(Identity::is_of_another_tenant(&name, &acme), "{name}");
        }
        let hashed = identity(&"x".repeat(200), "globex");
        let own = [
            identity("alice", "acme-1"),
            identity("_tenant_globex", "acme-1"),
            hashed,
        ];
        let chosen = ["alice", "user_7", "user_tenant_globex", "tenant_globex", ""];
        for name in own.iter().map(String::as_str).chain(chosen) {
            assert!(!Identity::is_of_another_tenant(name, &acme), "{name}");
        }
    }

    #[test]
    fn nobody_has_no_identity() {
        assert_eq!(Identity::of("", &"acme".parse().unwrap()), None);
    }

    /// Undoes the escaped form: a writing that can be undone is injective.
    fn read(identity: &str) -> (Vec<u8>, Vec<u8>) {
        let (subject, tenant) = identity
            .strip_prefix("user_")
            .unwrap()
            .split_once("_tenant_")
            .unwrap();
        (unescape(subject), unescape(tenant))
    }

    fn unescape(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            if *first == b'_' {
                let (hexadecimal, after) = after.split_at(2);
                let hexadecimal = std::str::from_utf8(hexadecimal).unwrap();
                bytes.push(u8::from_str_radix(hexadecimal, 16).unwrap());
                rest = after;
            } else {
                bytes.push(*first);
                rest = after;
            }
        }
        bytes
    }

    fn subjects() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{1,40}",
            ".{1,300}",
            "[a-z0-9._%+-]{1,200}@[a-z0-9.-]{1,60}",
            "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
            "(auth0|google-oauth2|waad)\\|[0-9a-zA-Z]{1,60}",
            // Made to look like the forms themselves.
            "[a_t]{0,6}(_tenant_|_74enant_|sha256_)[_0-9A-Fa-f]{0,80}",
        ]
    }

    proptest! {
        #[test]
        fn an_identity_is_one_that_twilio_takes_and_can_be_told_from_all_others(
            subject in subjects(),
            tenant in "[a-z0-9][a-z0-9-]{1,62}",
        ) {
            let found = identity(&subject, &tenant);
            prop_assert!(found.len() <= LONGEST, "{} characters", found.len());
            prop_assert!(found.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'), "{found}");
            if let Some(digest) = found.strip_prefix("user_sha256_").filter(|_| !found.contains('t')) {
                prop_assert_eq!(digest.len(), 64);
            } else {
                let own = tenant.parse().unwrap();
                prop_assert!(!Identity::is_of_another_tenant(&found, &own), "{found}");
                let other = format!("{tenant}x").parse();
                if let Ok(other) = other {
                    prop_assert!(Identity::is_of_another_tenant(&found, &other), "{found}");
                }
                prop_assert_eq!(read(&found), (subject.into_bytes(), tenant.into_bytes()));
            }
        }

        #[test]
        fn no_two_users_share_an_identity(
            // Near one another, and on both sides of the bound.
            pairs in prop::collection::vec((subjects(), "[ab0][ab0-]{1,3}|[a-z][a-z0-9-]{40,62}"), 2..30),
            padding in 0_usize..120,
        ) {
            let mut seen = HashMap::new();
            for (subject, tenant) in pairs {
                for subject in [format!("{}{subject}", "x".repeat(padding)), subject] {
                    let pair = (subject, tenant.clone());
                    let found = identity(&pair.0, &pair.1);
                    let before = seen.insert(found, pair.clone());
                    prop_assert!(before.is_none_or(|before| before == pair));
                }
            }
        }
    }
}
