//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod authorisation;
mod caller;
mod claims;
mod deployment;
mod malformed;
mod onboarding;
mod walkthrough;
