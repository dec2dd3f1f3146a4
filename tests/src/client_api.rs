//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod admission;
mod authorisation;
mod behind_gateway;
mod caller;
mod claims;
mod deployment;
mod health;
mod limits;
mod malformed;
mod onboarding;
mod other_providers;
mod request_logs;
mod retries;
mod selection;
mod verification;
mod walkthrough;
mod wire;
