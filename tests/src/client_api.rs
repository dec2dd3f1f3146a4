//! The client API, called as apps call it: through the HTTP API with its JWT authorizer, to the real binaries.

mod admission;
mod authorisation;
mod behind_gateway;
mod caller;
mod claims;
mod deployment;
mod limits;
mod malformed;
mod onboarding;
mod request_logs;
mod selection;
mod walkthrough;
mod wire;
