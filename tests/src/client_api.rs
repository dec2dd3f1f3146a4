//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod applications;
mod caller;
mod in_force;
mod onboarding;
mod token_costs;
mod token_refusals;
mod tokens;
mod walkthrough;
mod webhooks_in_force;
