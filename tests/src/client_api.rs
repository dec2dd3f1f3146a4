//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod caller;
mod integrations;
mod onboarding;
mod settings;
mod takeover;
mod versions;
mod walkthrough;
