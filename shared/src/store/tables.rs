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
        let tenants = environment.required("TENANTS_TABLE");
        let activity = environment.required("ACTIVITY_TABLE");
        let routes = environment.required("ROUTES_TABLE");
        Some(Self {
            tenants: tenants?.to_owned(),
            activity: activity?.to_owned(),
            routes: routes?.to_owned(),
        })
    }
}
