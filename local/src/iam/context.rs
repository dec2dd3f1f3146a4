//! What is known of a call besides its action and resource.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::key::{ConditionKey, PRINCIPAL_ACCOUNT, PRINCIPAL_ARN, PRINCIPAL_TAG};
use super::principal::Principal;

/// The condition keys that a call has, with their values. A key without values is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// No key at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds values of a key.
    #[must_use]
    pub fn with(
        mut self,
        key: impl Into<String>,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let mut values = values.into_iter().map(Into::into).peekable();
        if values.peek().is_some() {
            self.0.entry(key.into()).or_default().extend(values);
        }
        self
    }

    /// The same with other values of a key, which is absent if there are none.
    #[must_use]
    pub fn replacing(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.0.remove(key);
        self.with(key, values)
    }

    /// The values of a key; none if it is absent.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(key).map(Vec::as_slice)
    }
}

/// Who calls, and what is known of the call: what conditions and policy variables are asked about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Who calls.
    pub principal: &'a Principal,
    /// What is known of the call.
    pub context: &'a Context,
}

impl Subject<'_> {
    /// The values of a key; none if it is absent.
    #[must_use]
    pub fn values(&self, key: &ConditionKey) -> Option<Cow<'_, [String]>> {
        let one = |value: &String| Cow::Owned(vec![value.clone()]);
        match key.name() {
            PRINCIPAL_ARN => self.principal.role_arn().map(one),
            PRINCIPAL_ACCOUNT => self.principal.account().map(one),
            name => match name.strip_prefix(PRINCIPAL_TAG) {
                Some(tag) => self.principal.tag(tag).map(one),
                None => self.context.get(name).map(Cow::Borrowed),
            },
        }
    }
}
