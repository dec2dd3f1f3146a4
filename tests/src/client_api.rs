//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod audit;
mod caller;
mod deletion;
mod onboarding;
mod suspension;
mod tenant_lists;
mod tenants;
mod walkthrough;
