//! What is shown of a configuration.

use serde_json::{Map, Value};

use crate::secret::Secret;

/// Stands for what is not shown, however long that is.
const DOTS: &str = "••••";

/// Of a shorter secret nothing is shown, in characters.
const SHORTEST_SHOWN: usize = 12;

/// The most that is shown of a secret, in characters.
const SHOWN: usize = 4;

/// What people recognise a secret by: `••••` and its last 4 characters; of one under 12 characters `••••` alone.
#[must_use]
pub fn mask(secret: &Secret) -> String {
    let text = secret.expose();
    let length = text.chars().count();
    let shown = if length < SHORTEST_SHOWN { 0 } else { SHOWN };
    let last = text.chars().skip(length.saturating_sub(shown));
    DOTS.chars().chain(last).collect()
}

/// A configuration as it is read: identifiers whole, secrets masked, nothing for what is not set.
#[derive(Debug, Default)]
pub(crate) struct Summary(Map<String, Value>);

impl Summary {
    /// With something that may be seen.
    pub(crate) fn identifier(mut self, field: &str, identifier: Option<&str>) -> Self {
        if let Some(identifier) = identifier {
            self.0.insert(field.to_owned(), identifier.into());
        }
        self
    }

    /// With the mask of a secret.
    pub(crate) fn secret(mut self, field: &str, secret: Option<&Secret>) -> Self {
        if let Some(secret) = secret {
            self.0.insert(field.to_owned(), mask(secret).into());
        }
        self
    }

    /// With a list; nothing for an empty one.
    pub(crate) fn list(mut self, field: &str, items: impl Iterator<Item = Self>) -> Self {
        let items: Vec<Value> = items.map(|item| item.0.into()).collect();
        if !items.is_empty() {
            self.0.insert(field.to_owned(), items.into());
        }
        self
    }

    /// The members.
    pub(crate) fn into_members(self) -> Map<String, Value> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_recognised_by_its_end() {
        assert_eq!(mask(&Secret::from("0123456789abcdef")), "••••cdef");
        assert_eq!(mask(&Secret::from("0123456789ab")), "••••89ab");
    }

    #[test]
    fn a_short_secret_is_not_shown_at_all() {
        for secret in ["", "abcd", "0123456789a"] {
            assert_eq!(mask(&Secret::from(secret)), "••••");
        }
    }

    proptest! {
        #[test]
        fn no_more_than_four_characters_and_no_length_are_shown(secret in any::<String>()) {
            let shown = mask(&Secret::from(secret.as_str()));
            let rest = shown.strip_prefix(DOTS).unwrap();
            let expected = if secret.chars().count() < 12 { 0 } else { 4 };
            prop_assert_eq!(rest.chars().count(), expected);
            prop_assert!(secret.ends_with(rest));
        }
    }
}
