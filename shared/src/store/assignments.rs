//! The clauses of an update, with placeholders named after the attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Update};

use super::keys::Key;

/// What an update sets and removes. Attributes that it does not name stay as they are. An attribute `name` has the
/// placeholders `#name` and `:name`, so that no reserved word is in the way.
#[derive(Default)]
pub(super) struct Assignments {
    set: Vec<String>,
    removed: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Assignments {
    /// Sets an attribute.
    pub(super) fn set(&mut self, attribute: &'static str, value: AttributeValue) {
        self.name(attribute);
        self.set.push(format!("#{attribute} = :{attribute}"));
        self.values.insert(format!(":{attribute}"), value);
    }

    /// Removes an attribute.
    pub(super) fn remove(&mut self, attribute: &'static str) {
        self.name(attribute);
        self.removed.push(format!("#{attribute}"));
    }

    /// Sets an attribute, or removes it where there is nothing to set it to.
    pub(super) fn set_or_remove(&mut self, attribute: &'static str, value: Option<AttributeValue>) {
        match value {
            Some(value) => self.set(attribute, value),
            None => self.remove(attribute),
        }
    }

    fn name(&mut self, attribute: &'static str) {
        self.names
            .insert(format!("#{attribute}"), attribute.to_owned());
    }

    /// The update of one item, to be completed with its condition. The condition needs placeholders of its own.
    pub(super) fn update(self, table: &str, key: Key) -> UpdateBuilder {
        let clause = |word: &str, parts: &[String]| match parts {
            [] => None,
            parts => Some(format!("{word} {}", parts.join(", "))),
        };
        let clauses = [clause("SET", &self.set), clause("REMOVE", &self.removed)];
        let clauses: Vec<String> = clauses.into_iter().flatten().collect();
        Update::builder()
            .table_name(table)
            .set_key(Some(key.into_attributes()))
            .update_expression(clauses.join(" "))
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values((!self.values.is_empty()).then_some(self.values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::item::text;
    use crate::store::keys;

    #[test]
    fn an_update_sets_what_there_is_and_removes_what_there_is_not() {
        let mut assignments = Assignments::default();
        assignments.set("status", text("valid"));
        assignments.set_or_remove("fingerprint", Some(text("f")));
        assignments.set_or_remove("verification_error", None);
        let account = "AC00000000000000000000000000000001".parse().unwrap();
        let update = assignments.update("table", keys::account_route(&account));
        let update = update.build().unwrap();
        assert_eq!(
            update.update_expression(),
            "SET #status = :status, #fingerprint = :fingerprint REMOVE #verification_error"
        );
        let names = update.expression_attribute_names().unwrap();
        assert_eq!(names["#verification_error"], "verification_error");
        let values = update.expression_attribute_values().unwrap();
        assert_eq!(values.len(), 2);
    }

    #[test]
    fn an_update_that_only_removes_has_no_values() {
        let mut assignments = Assignments::default();
        assignments.remove("leased_by");
        let account = "AC00000000000000000000000000000001".parse().unwrap();
        let update = assignments.update("table", keys::account_route(&account));
        let update = update.build().unwrap();
        assert_eq!(update.update_expression(), "REMOVE #leased_by");
        // DynamoDB refuses an empty map.
        assert!(update.expression_attribute_values().is_none());
    }
}
