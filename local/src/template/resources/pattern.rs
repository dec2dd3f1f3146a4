//! Patterns that choose events, as EventBridge and event source mappings know them.

use std::collections::BTreeMap;

use serde_json::Value;

/// A pattern: each of its fields must match the field of the event with the same name.
/// Source: "Filter rule syntax", AWS Lambda Developer Guide. Of its matchers there are lists of exact values here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(BTreeMap<String, Field>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    /// The field is one of these texts, numbers or booleans, or null.
    OneOf(Vec<Value>),
    /// The field is an object that matches.
    Object(Pattern),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// A sentence about what is not understood, such as a matcher other than an exact value.
    pub fn read(text: &str) -> Result<Self, String> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("a pattern is JSON: {error}"))?;
        Self::of(&value, "the pattern")
    }

    fn of(value: &Value, place: &str) -> Result<Self, String> {
        let fields = value
            .as_object()
            .filter(|fields| !fields.is_empty())
            .ok_or_else(|| format!("{place} must be an object with at least one field"))?;
        let fields = fields.iter().map(|(name, value)| {
            if name.starts_with('$') {
                return Err(format!(
                    "the local stack does not understand `{name}` in a pattern: write lists of exact values"
                ));
            }
            let place = format!("`{name}` of {place}");
            let field = match value {
                Value::Array(values) => Field::OneOf(exact(values, &place)?),
                Value::Object(_) => Field::Object(Self::of(value, &place)?),
                _ => return Err(format!("{place} must be a list of values or an object")),
            };
            Ok((name.clone(), field))
        });
        fields.collect::<Result<_, _>>().map(Self)
    }

    /// Whether `event` is one that the pattern chooses. A list matches if one of its items does.
    #[must_use]
    pub fn matches(&self, event: &Value) -> bool {
        self.0.iter().all(|(name, field)| {
            let value = event.get(name);
            match (field, value) {
                (Field::Object(pattern), Some(value)) => pattern.matches(value),
                (Field::OneOf(values), Some(Value::Array(items))) => {
                    items.iter().any(|item| values.contains(item))
                }
                (Field::OneOf(values), Some(value)) => values.contains(value),
                (_, None) => false,
            }
        })
    }
}

fn exact(values: &[Value], place: &str) -> Result<Vec<Value>, String> {
    if values.is_empty() {
        return Err(format!("{place} is an empty list: nothing would match"));
    }
    match values
        .iter()
        .find(|value| value.is_object() || value.is_array())
    {
        Some(other) => Err(format!(
            "the local stack does not understand `{other}` in {place}: write exact values"
        )),
        None => Ok(values.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_fields_must_match_and_one_value_of_each_list() {
        let pattern = Pattern::read(
            r#"{"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"sk": {"S": ["call"]}}}}"#,
        )
        .unwrap();
        let record = |name: &str, kind: &str| json!({"eventName": name, "dynamodb": {"Keys": {"sk": {"S": kind}}}});
        assert!(pattern.matches(&record("INSERT", "call")));
        assert!(pattern.matches(&record("MODIFY", "call")));
        assert!(!pattern.matches(&record("REMOVE", "call")));
        assert!(!pattern.matches(&record("INSERT", "message")));
        assert!(!pattern.matches(&json!({"eventName": "INSERT"})));
    }

    #[test]
    fn numbers_booleans_null_and_items_of_lists_match_exactly() {
        let pattern = Pattern::read(r#"{"a": [1, true, null, "x"]}"#).unwrap();
        for matching in [json!(1), json!(true), json!(null), json!(["y", "x"])] {
            assert!(pattern.matches(&json!({"a": matching})), "{matching}");
        }
        for other in [json!("1"), json!(false), json!(["y"]), json!({"x": 1})] {
            assert!(!pattern.matches(&json!({"a": other})), "{other}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (pattern, part) in [
            ("{", "is JSON"),
            ("{}", "at least one field"),
            ("[]", "at least one field"),
            (r#"{"a": []}"#, "empty list"),
            (r#"{"a": "x"}"#, "`a` of the pattern must be a list"),
            (r#"{"a": {"b": 1}}"#, "`b` of `a` of the pattern"),
            (r#"{"a": [{"prefix": "x"}]}"#, "does not understand"),
            (r#"{"$or": [{"a": ["x"]}]}"#, "does not understand `$or`"),
        ] {
            let error = Pattern::read(pattern).unwrap_err();
            assert!(error.contains(part), "{pattern}: {error}");
        }
    }
}
