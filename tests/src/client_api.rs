//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod admission;
mod applications;
mod authorisation;
mod behind_gateway;
mod caller;
mod claims;
mod deployment;
mod health;
mod in_force;
mod limits;
mod malformed;
mod onboarding;
mod other_providers;
mod request_logs;
mod retries;
mod selection;
mod token_costs;
mod token_refusals;
mod tokens;
mod verification;
mod walkthrough;
mod webhooks_in_force;
mod wire;
