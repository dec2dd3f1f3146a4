//! The names of the tables.

use crate::environment::Environment;

/// The physical names of the three tables, from the template.
#[derive(Debug, Clone)]
pub struct TableNames {
    /// Profiles, settings, integrations.
    pub tenants: String,
    /// Calls, messages, recordings.
    pub activity: String,
    /// What a webhook knows before it knows its tenant.
    pub routes: String,
}

impl TableNames {
    /// Reads `TENANTS_TABLE`, `ACTIVITY_TABLE` and `ROUTES_TABLE`.
    #[must_use]
    pub fn from_environment(environment: &Environment) -> Option<Self> {
        let tenants = table_name(environment, "TENANTS_TABLE");
        let activity = table_name(environment, "ACTIVITY_TABLE");
        let routes = table_name(environment, "ROUTES_TABLE");
        Some(Self {
            tenants: tenants?,
            activity: activity?,
            routes: routes?,
        })
    }
}

/// Reads a variable that names a table. A name that DynamoDB would refuse is a fault: it would only show with the first
/// webhook.
/// Source: "Naming rules", Amazon DynamoDB Developer Guide.
#[must_use]
pub fn table_name(environment: &Environment, variable: &str) -> Option<String> {
    let name = environment.required(variable)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if (3..=255).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Some(name.to_owned());
    }
    environment.fault(format!(
        "{variable} must be the name of a DynamoDB table: 3 to 255 letters, digits and _-."
    ));
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_name_that_dynamodb_takes() {
        let longest = "t".repeat(255);
        for name in ["abc", "trunkline-Activity_1.2", longest.as_str()] {
            let environment = Environment::of([("TABLE", name)]);
            assert_eq!(table_name(&environment, "TABLE").as_deref(), Some(name));
            assert!(environment.finish(Some(())).is_ok());
        }
        let too_long = "t".repeat(256);
        for name in ["ab", "no table", "a/b", "täble", too_long.as_str()] {
            let environment = Environment::of([("TABLE", name)]);
            assert_eq!(table_name(&environment, "TABLE"), None, "{name}");
            let error = environment.finish(Some(())).unwrap_err();
            assert!(error.to_string().contains("TABLE must be"), "{error}");
        }
    }
}
