//! What a user of the API may do.

/// A role, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Takes tokens, reads and sends messages for its tenant.
    Member,
    /// Changes its tenant's credentials and settings.
    Admin,
    /// Onboards tenants, and acts for any of them.
    Operator,
}

impl Role {
    /// The name in claims and in `openapi.yaml`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }

    /// The highest role that a claim names: one text is one name, a list has several. Names that are no roles count for nothing.
    ///
    /// A list is a JSON array of texts, or what API Gateway makes of one: `[admin member]` of `["admin","member"]`, in which a
    /// name with a space cannot be told from two, nor `["admin"]` from a name with quotes. So nobody but the platform may name
    /// roles and groups (`docs/api.md`). Names are split there and nowhere else, and of anything else, such as an object or a
    /// list of lists, nothing is taken: a member of it may have a role's name and mean anything.
    #[must_use]
    pub fn of_claim(claim: &str) -> Option<Self> {
        let claim = claim.trim();
        let inner = claim
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let Some(inner) = inner else {
            return Self::named(claim);
        };
        if let Ok(names) = serde_json::from_str::<Vec<String>>(claim) {
            return names.iter().filter_map(|name| Self::named(name)).max();
        }
        if inner.contains(['[', ']', '{', '}', '"', ',']) {
            return None;
        }
        inner.split_whitespace().filter_map(Self::named).max()
    }

    fn named(name: &str) -> Option<Self> {
        let mut roles = [Self::Member, Self::Admin, Self::Operator].into_iter();
        roles.find(|role| role.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_role_of_a_claim_counts_however_it_was_flattened() {
        for (claim, role) in [
            ("[admin member]", Some(Role::Admin)),
            ("[member]", Some(Role::Member)),
            ("member", Some(Role::Member)),
            (r#"["operator","member"]"#, Some(Role::Operator)),
            (r#"[ "admin" , "sales" ]"#, Some(Role::Admin)),
            ("[]", None),
            ("", None),
            ("[Admin administrator super-operator]", None),
            ("[sales operator]", Some(Role::Operator)),
            (" [ admin ] ", Some(Role::Admin)),
        ] {
            assert_eq!(Role::of_claim(claim), role, "{claim}");
        }
    }

    #[test]
    fn a_name_that_has_a_role_as_a_word_is_no_role_where_names_can_be_told_apart() {
        for claim in [
            "night operator",
            "admin, member",
            "admin,member",
            r#""admin""#,
            r#"["night operator"]"#,
            r#"["operator,night","\"admin\""]"#,
            "[operator,night]",
            r#"["operator" night]"#,
            r#"["admin",7]"#,
        ] {
            assert_eq!(Role::of_claim(claim), None, "{claim}");
        }
        // Here they cannot: it is what the gateway makes of ["night operator"] too.
        assert_eq!(Role::of_claim("[night operator]"), Some(Role::Operator));
    }

    #[test]
    fn a_claim_that_is_more_than_a_list_names_no_role() {
        for claim in [
            r#"{"admin":true}"#,
            r#"{"operator": false, "member": false}"#,
            r#"[{"name": "admin"}]"#,
            "[[admin] member]",
            "map[roles:[member admin member]]",
            "[admin",
            "member admin]",
        ] {
            assert_eq!(Role::of_claim(claim), None, "{claim}");
        }
    }
}
