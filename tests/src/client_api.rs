//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod caller;
mod health;
mod onboarding;
mod other_providers;
mod retries;
mod verification;
mod walkthrough;
