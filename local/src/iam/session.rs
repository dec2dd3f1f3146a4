//! Sessions: credentials with the role that they stand for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::Timestamp;

use super::credentials::Credentials;
use super::principal::Principal;
use super::signature::{Authorization, SignedRequest};

/// Somebody whose credentials are known.
#[derive(Debug, Clone)]
pub struct Caller(pub(super) Arc<Session>);

#[derive(Debug)]
pub(super) struct Session {
    pub(super) credentials: Credentials,
    pub(super) principal: Principal,
    /// The logical id of the role; none for the administrator.
    pub(super) role: Option<String>,
    /// The id of role and session, as `GetCallerIdentity` has it.
    pub(super) id: String,
    /// Under which name denials are logged: the function's binary.
    pub(super) label: Arc<str>,
    /// When its credentials end, if they do.
    pub(super) expires_at: Option<Timestamp>,
    /// The names of those tags that sessions made by this one have too.
    pub(super) transitive: BTreeSet<String>,
}

impl Caller {
    /// Its credentials.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// The logical id of its role; none for the administrator.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.0.role.as_deref()
    }

    /// The id of its role and session.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// When its credentials end, if they do.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at
    }

    /// The tags that sessions which it makes have too.
    #[must_use]
    pub fn transitive_tags(&self) -> BTreeMap<String, String> {
        let names = self.0.transitive.iter();
        let tags =
            names.filter_map(|name| Some((name.clone(), self.principal().tag(name)?.clone())));
        tags.collect()
    }

    /// Under which name its denials are logged.
    pub(crate) fn label(&self) -> Arc<str> {
        Arc::clone(&self.0.label)
    }
}

/// Why a request's credentials are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It has none.
    Missing,
    /// Nobody has such an access key, or its session token is another one.
    Unknown,
    /// They have ended.
    Expired,
    /// The request was signed with another secret, or changed afterwards.
    WrongSignature,
}

impl Session {
    /// Checks a request that names this session's access key.
    pub(super) fn check(
        &self,
        authorization: &Authorization<'_>,
        request: &SignedRequest<'_>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let token = request.headers.get("x-amz-security-token");
        let token = token.map(http::HeaderValue::as_bytes).unwrap_or_default();
        let own = self.credentials.session_token.as_bytes();
        if verify_slices_are_equal(own, token).is_err() {
            return Err(Refusal::Unknown);
        }
        if !authorization.is_made_with(&self.credentials.secret_access_key, request) {
            return Err(Refusal::WrongSignature);
        }
        if self.expires_at.is_some_and(|end| now >= end) {
            return Err(Refusal::Expired);
        }
        Ok(())
    }
}
