//! Tenants as an operator enters them.

use serde_json::Value;

use crate::fault::InvalidInput;
use crate::input::{Document, Entry, Faults, one_of, parsed, text};
use crate::store::{NewProfile, ProfileChanges};
use crate::tenant::{Subdomain, TenantId, TenantStatus};

/// The longest name, in characters.
const LONGEST_NAME: usize = 200;

/// A tenant to be created, as it was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantCreation {
    /// The id, if one was chosen.
    pub tenant_id: Option<TenantId>,
    /// Everything else.
    pub profile: NewProfile,
}

impl TenantCreation {
    /// Reads what somebody entered.
    ///
    /// # Errors
    /// All faults.
    pub fn from_input(document: &Document) -> Result<Self, InvalidInput> {
        let fields = ["tenant_id", "name", "subdomain", "twilio"];
        Entry::document("tenant", document.value(), &fields, |entry| {
            let tenant_id = entry.optional::<TenantId>("tenant_id", None, parsed);
            if tenant_id.as_ref().is_some_and(TenantId::is_reserved) {
                entry.fault("tenant_id", "the platform keeps this id for itself");
            }
            let name = entry.required("name", None, name);
            let subdomain = entry.optional("subdomain", None, subdomain);
            let own = [("own", true), ("subaccount", false)];
            let is_own = entry.optional("twilio", None, one_of(&own));
            Some(Self {
                tenant_id,
                profile: NewProfile {
                    name: name?,
                    status: TenantStatus::Active,
                    subdomain,
                    has_subaccount: is_own == Some(false),
                },
            })
        })
    }
}

impl ProfileChanges {
    /// Reads what somebody entered; what is left out stays.
    ///
    /// # Errors
    /// All faults.
    pub fn from_input(document: &Document) -> Result<Self, InvalidInput> {
        let fields = ["name", "status", "subdomain"];
        Entry::document("tenant", document.value(), &fields, |entry| {
            let status = [
                ("active", TenantStatus::Active),
                ("suspended", TenantStatus::Suspended),
            ];
            let removes = entry.names("subdomain") && !entry.has("subdomain");
            for field in ["name", "status"] {
                if entry.names(field) && !entry.has(field) {
                    entry.fault(field, "it cannot be removed");
                }
            }
            Some(Self {
                name: entry.optional("name", None, name),
                status: entry.optional("status", None, one_of(&status)),
                subdomain: if removes {
                    Some(None)
                } else {
                    entry.optional("subdomain", None, subdomain).map(Some)
                },
            })
        })
    }
}

fn name(value: &Value, path: &str, faults: &mut Faults) -> Option<String> {
    let name = text(LONGEST_NAME)(value, path, faults)?;
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        faults.add(path, "expected 1 to 200 characters that can be seen");
        return None;
    }
    Some(name)
}

fn subdomain(value: &Value, path: &str, faults: &mut Faults) -> Option<Subdomain> {
    // By its form first, which says so when it is no text.
    let label: Subdomain = parsed(value, path, faults)?;
    let label = Subdomain::from_input(label.as_str());
    label
        .map_err(|refused| faults.add(path, refused.to_string()))
        .ok()
}

/// A slug made from a name: its ASCII letters and digits in lower case, everything between as one hyphen; `tenant` where
/// nothing is left. `suffix` is added when the slug itself is taken.
pub(super) fn slug(name: &str, suffix: Option<u32>) -> Option<TenantId> {
    let mut slug = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        // Room for the suffix in the 63 characters of an id.
        if slug.len() == 50 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    let slug = if slug.len() < 2 { "tenant" } else { slug };
    match suffix {
        None => slug.parse().ok(),
        Some(number) => format!("{slug}-{number:08x}").parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_slug_is_made_from_any_name() {
        for (name, made) in [
            ("Acme Corp.", "acme-corp"),
            ("  Müller & Söhne  ", "m-ller-s-hne"),
            ("東京", "tenant"),
            ("A", "tenant"),
            (&"x".repeat(200), &"x".repeat(50)),
        ] {
            assert_eq!(slug(name, None).unwrap().as_str(), made, "{name}");
        }
        assert_eq!(slug("Acme", Some(7)).unwrap().as_str(), "acme-00000007");
    }

    #[test]
    fn every_fault_of_a_tenant_is_named_at_once() {
        let document = json!({"tenant_id": "A B", "name": " ", "subdomain": "-www", "twilio": "theirs", "x": 1});
        let refusal = TenantCreation::from_input(&document.into()).unwrap_err();
        let fields = refusal.faults.iter().map(|fault| fault.field.as_str());
        assert_eq!(
            fields.collect::<Vec<_>>(),
            ["x", "tenant_id", "name", "subdomain", "twilio"]
        );
    }

    #[test]
    fn a_subdomain_that_the_platform_keeps_is_given_to_nobody() {
        let document = json!({"name": "A", "subdomain": "www"});
        let created = TenantCreation::from_input(&document.clone().into()).unwrap_err();
        let changed = ProfileChanges::from_input(&document.into()).unwrap_err();
        for faults in [created.faults, changed.faults] {
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!(faults[0].field, "subdomain");
        }
    }

    #[test]
    fn a_change_tells_a_removed_subdomain_from_one_left_out() {
        let changes = |document: Value| ProfileChanges::from_input(&document.into()).unwrap();
        assert_eq!(changes(json!({})), ProfileChanges::default());
        assert_eq!(changes(json!({"subdomain": null})).subdomain, Some(None));
        let moved = changes(json!({"subdomain": "acme"})).subdomain;
        assert_eq!(moved.unwrap().unwrap().as_str(), "acme");
        let removed = json!({"name": null, "status": "deleting"});
        let refusal = ProfileChanges::from_input(&removed.into()).unwrap_err();
        assert_eq!(refusal.faults.len(), 2);
    }
}
