//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod caller;
mod integrations;
mod marked_secrets;
mod onboarding;
mod sealing;
mod settings;
mod takeover;
mod versions;
mod walkthrough;
