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

    /// The highest role that a claim names. API Gateway flattens the array `["admin","member"]` to `[admin member]`, and a
    /// claim that is one text stays as it is; quotes and commas are taken too, from issuers that write the array themselves.
    /// Names that are no roles count for nothing, and so does a claim with brackets or braces inside: an object's member may
    /// have a role's name and mean anything.
    #[must_use]
    pub fn of_claim(claim: &str) -> Option<Self> {
        let claim = claim.trim();
        let inner = claim
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let names = inner.unwrap_or(claim);
        if names.contains(['[', ']', '{', '}']) {
            return None;
        }
        let is_separator = |c: char| c.is_whitespace() || matches!(c, ',' | '"');
        let roles = names.split(is_separator).filter_map(|name| {
            [Self::Member, Self::Admin, Self::Operator]
                .into_iter()
                .find(|role| role.as_str() == name)
        });
        roles.max()
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
            ("admin, member", Some(Role::Admin)),
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
