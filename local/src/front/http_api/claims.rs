//! A token's claims as a function gets them: strings, every one.
//!
//! Source: "Control access to HTTP APIs with JWT authorizers", API Gateway Developer Guide, and what it was seen to do.

use serde_json::{Map, Value};

/// Numbers and booleans as text, lists as `[a b]`, objects as JSON; what is null is left out.
pub(super) fn flattened(claims: &Map<String, Value>) -> Map<String, Value> {
    let present = claims.iter().filter(|(_, value)| !value.is_null());
    present
        .map(|(name, value)| (name.clone(), Value::String(text(value))))
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(text).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flat(value: Value) -> Option<String> {
        let claims = flattened(&Map::from_iter([("claim".to_owned(), value)]));
        claims.get("claim")?.as_str().map(str::to_owned)
    }

    #[test]
    fn every_claim_becomes_a_string() {
        for (value, expected) in [
            (json!("acme"), "acme"),
            (json!(1_607_107_429), "1607107429"),
            (json!(1.5), "1.5"),
            (json!(true), "true"),
            (json!(["admin", "member"]), "[admin member]"),
            (json!(["a b", 1, false]), "[a b 1 false]"),
            (json!([]), "[]"),
            (json!([["a"], {"b": 1}]), r#"[[a] {"b":1}]"#),
            (json!({"city": "Ulm"}), r#"{"city":"Ulm"}"#),
        ] {
            assert_eq!(flat(value.clone()).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn a_claim_that_is_null_is_left_out() {
        assert_eq!(flat(Value::Null), None);
    }
}
