//! The condition keys that are understood: those that the emulators know the values of.

/// The name of something about a call that conditions and policy variables speak of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConditionKey(String);

/// Keys with any number of values.
const MULTIVALUED: [&str; 5] = [
    LEADING_KEYS,
    ENCRYPTION_CONTEXT_KEYS,
    EVENT_SOURCE,
    TAG_KEYS,
    TRANSITIVE_TAG_KEYS,
];

/// Keys with one value.
const SINGLE: [&str; 4] = [
    PRINCIPAL_ACCOUNT,
    PRINCIPAL_ARN,
    EVENT_DETAIL_TYPE,
    ROLE_SESSION_NAME,
];

/// What keys begin with whose rest is a name of the caller's choice.
const NAMED: [&str; 3] = [ENCRYPTION_CONTEXT, PRINCIPAL_TAG, REQUEST_TAG];

/// The partition keys of the items that a call of `DynamoDB` touches.
pub const LEADING_KEYS: &str = "dynamodb:LeadingKeys";
/// One entry of KMS's encryption context.
pub const ENCRYPTION_CONTEXT: &str = "kms:EncryptionContext:";
/// The names of all entries of KMS's encryption context.
pub const ENCRYPTION_CONTEXT_KEYS: &str = "kms:EncryptionContextKeys";
/// The source of an event that is put. EventBridge has it as a list, though an entry has one.
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html>
pub const EVENT_SOURCE: &str = "events:source";
/// The type of an event that is put.
pub const EVENT_DETAIL_TYPE: &str = "events:detail-type";
/// A tag of whoever calls.
pub(super) const PRINCIPAL_TAG: &str = "aws:PrincipalTag/";
/// The role of whoever calls.
pub(super) const PRINCIPAL_ARN: &str = "aws:PrincipalArn";
/// The account of whoever calls.
pub(super) const PRINCIPAL_ACCOUNT: &str = "aws:PrincipalAccount";
/// A tag that a new session gets.
pub const REQUEST_TAG: &str = "aws:RequestTag/";
/// The names of the tags that a new session gets.
pub const TAG_KEYS: &str = "aws:TagKeys";
/// The names of the tags that a new session hands on to those that it makes.
pub const TRANSITIVE_TAG_KEYS: &str = "sts:TransitiveTagKeys";
/// The name of a new session.
pub const ROLE_SESSION_NAME: &str = "sts:RoleSessionName";

impl ConditionKey {
    /// Reads a key as a policy writes it. AWS takes any case; here it is AWS's own spelling.
    ///
    /// # Errors
    /// A key that no emulator knows a value of, as a sentence.
    pub fn read(name: &str) -> Result<Self, String> {
        let is_named = |prefix: &str| {
            name.strip_prefix(prefix)
                .is_some_and(|rest| !rest.is_empty() && !rest.contains(','))
        };
        let known = MULTIVALUED.contains(&name)
            || SINGLE.contains(&name)
            || NAMED.iter().any(|prefix| is_named(prefix));
        if known {
            return Ok(Self(name.to_owned()));
        }
        Err(format!(
            "the local stack does not understand the condition key `{name}`: remove it, or teach it to local/src/iam"
        ))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether a call may have several values of it, which takes `ForAllValues` or `ForAnyValue`.
    #[must_use]
    pub fn is_multivalued(&self) -> bool {
        MULTIVALUED.contains(&self.name())
    }
}
