//! The values of `!Ref` and `!GetAtt`, some of which exist only once something runs.

use std::collections::BTreeMap;

/// The name under which the value of `!Ref` is kept among a resource's attributes.
pub const REF: &str = "Ref";

/// Values of resources' attributes by logical id and attribute name ([`REF`] for what `!Ref` gives).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<(String, String), String>);

impl Attributes {
    /// No attribute at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one value, for example `("SmsWebhookFunctionUrl", "FunctionUrl")` to a URL that ends in `/`.
    pub fn set(
        &mut self,
        logical_id: impl Into<String>,
        attribute: impl Into<String>,
        value: impl Into<String>,
    ) {
        self.0
            .insert((logical_id.into(), attribute.into()), value.into());
    }

    /// The value of one attribute.
    #[must_use]
    pub fn get(&self, logical_id: &str, attribute: &str) -> Option<&str> {
        self.0
            .get(&(logical_id.to_owned(), attribute.to_owned()))
            .map(String::as_str)
    }

    /// Adds all of `other`, whose values win.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}
