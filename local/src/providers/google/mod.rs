//! Google: OAuth clients, what accounts granted them, access tokens, and the Calendar API as far as it proves a grant.

mod calendar;
mod directory;
mod oauth;

pub use directory::{Grant, GrantState};

pub(super) use calendar::{api, refusal as api_refusal};
pub(super) use directory::Directory;
pub(super) use oauth::{oauth, refusal as oauth_refusal, token_of};

/// What the names of scopes begin with.
const SCOPE: &str = "https://www.googleapis.com/auth/";
