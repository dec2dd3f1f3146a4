//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod caller;
mod onboarding;
mod other_providers;
mod verification;
mod walkthrough;
