//! Who calls, and whom a policy speaks of.

use std::collections::BTreeMap;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A session of a role of this account.
    Session(RoleSession),
    /// A service of AWS, such as `lambda.amazonaws.com`.
    Service(String),
}

/// A session of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSession {
    /// The account, 12 digits.
    pub account: String,
    /// The role's name.
    pub role_name: String,
    /// The role's ARN.
    pub role_arn: String,
    /// The session's own name.
    pub session_name: String,
    /// Its tags, over those of the role.
    pub tags: BTreeMap<String, String>,
}

impl RoleSession {
    /// The ARN by which services name it.
    #[must_use]
    pub fn arn(&self) -> String {
        format!(
            "arn:aws:sts::{}:assumed-role/{}/{}",
            self.account, self.role_name, self.session_name
        )
    }
}

impl Principal {
    /// The role, if it is one's session.
    #[must_use]
    pub fn role_arn(&self) -> Option<&String> {
        match self {
            Self::Session(session) => Some(&session.role_arn),
            Self::Service(_) => None,
        }
    }

    /// The account, unless it is a service.
    #[must_use]
    pub fn account(&self) -> Option<&String> {
        match self {
            Self::Session(session) => Some(&session.account),
            Self::Service(_) => None,
        }
    }

    /// The value of a tag.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&String> {
        match self {
            Self::Session(session) => session.tags.get(name),
            Self::Service(_) => None,
        }
    }

    /// What error messages call it.
    #[must_use]
    pub fn arn(&self) -> String {
        match self {
            Self::Session(session) => session.arn(),
            Self::Service(name) => name.clone(),
        }
    }
}

/// Whom a statement of a resource's policy speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// `*`: everybody.
    Anyone,
    /// An account: to allow it something leaves the decision to its IAM policies.
    Account(String),
    /// A role, or one session of it, by its ARN.
    Arn(String),
    /// A service of AWS.
    Service(String),
}

/// How a statement of a resource's policy speaks of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// By its account.
    Account,
    /// Itself.
    Direct,
}

impl PrincipalPattern {
    /// Reads an entry of `AWS` of a `Principal`.
    ///
    /// # Errors
    /// What is not understood, as a sentence.
    pub fn read(text: &str) -> Result<Self, String> {
        let is_account =
            |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if text == "*" {
            return Ok(Self::Anyone);
        }
        if is_account(text) {
            return Ok(Self::Account(text.to_owned()));
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "iam", "", account, "root"] if is_account(account) => {
                Ok(Self::Account((*account).to_owned()))
            }
            ["arn", _, "iam", "", account, role]
                if is_account(account) && role.starts_with("role/") && !text.contains('*') =>
            {
                Ok(Self::Arn(text.to_owned()))
            }
            ["arn", _, "sts", "", account, session]
                if is_account(account)
                    && session.starts_with("assumed-role/")
                    && !text.contains('*') =>
            {
                Ok(Self::Arn(text.to_owned()))
            }
            _ => Err(format!(
                "the local stack does not understand the principal `{text}`: use an account, its root, a role or `*`"
            )),
        }
    }

    /// How it speaks of `principal`; not at all if there is none.
    #[must_use]
    pub fn reach(&self, principal: &Principal) -> Option<Reach> {
        let (is_meant, reach) = match (self, principal) {
            (Self::Anyone, _) => (true, Reach::Direct),
            (Self::Account(account), Principal::Session(session)) => {
                (session.account == *account, Reach::Account)
            }
            (Self::Arn(arn), Principal::Session(session)) => (
                session.role_arn == *arn || session.arn() == *arn,
                Reach::Direct,
            ),
            (Self::Service(name), Principal::Service(service)) => (name == service, Reach::Direct),
            _ => (false, Reach::Direct),
        };
        is_meant.then_some(reach)
    }
}
