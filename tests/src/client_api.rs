//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod admission;
mod applications;
mod audit;
mod authorisation;
mod behind_gateway;
mod caller;
mod claims;
mod deletion;
mod deployment;
mod health;
mod in_force;
mod integrations;
mod limits;
mod malformed;
mod marked_secrets;
pub(crate) mod onboarding;
mod other_providers;
mod phone_numbers;
mod reads;
mod recordings;
mod request_logs;
mod retries;
mod sealing;
mod selection;
mod settings;
mod squatting;
pub(crate) mod subaccounts;
mod suspension;
mod takeover;
mod tenant_lists;
mod tenant_versions;
mod tenants;
mod token_costs;
mod token_refusals;
mod tokens;
mod usage;
mod verification;
mod versions;
mod walkthrough;
mod webhooks_in_force;
mod wire;

/// The path of a tenant's Twilio credentials.
pub(crate) const TWILIO: &str = "/api/integrations/twilio";
