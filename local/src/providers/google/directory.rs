//! Clients, grants and access tokens.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::providers::credential::Fingerprint;
use crate::twilio::SidSupply;

/// Seconds that an access token lives.
pub(super) const LIFETIME: i64 = 3_599;

/// What a Google account granted to a client, by its refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The client that it was granted to.
    pub client_id: String,
    /// The scopes without `https://www.googleapis.com/auth/`, such as `calendar.events`.
    pub scopes: Vec<String>,
    /// Whether it is good.
    pub state: GrantState,
    /// The refresh token that the next refresh gives in its place, which it seldom does.
    pub replaced_by: Option<String>,
}

/// Whether a grant is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// It is.
    Live,
    /// It expired or was revoked.
    Dead,
    /// A Google Workspace asks for a new sign-in.
    SessionEnded,
}

impl Grant {
    /// A good grant of scopes.
    #[must_use]
    pub fn live(client_id: &str, scopes: &[&str]) -> Self {
        Self {
            client_id: client_id.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            state: GrantState::Live,
            replaced_by: None,
        }
    }
}

/// An OAuth client.
pub(super) struct Client {
    pub(super) secret: Fingerprint,
    pub(super) calendar_enabled: bool,
}

struct Access {
    grant: Fingerprint,
    expires: Timestamp,
}

/// What Google knows.
#[derive(Default)]
pub(in crate::providers) struct Directory {
    clients: BTreeMap<String, Client>,
    grants: BTreeMap<Fingerprint, Grant>,
    access: BTreeMap<Fingerprint, Access>,
}

impl Directory {
    pub(in crate::providers) fn add_client(
        &mut self,
        id: &str,
        secret: Fingerprint,
        calendar_enabled: bool,
    ) {
        let client = Client {
            secret,
            calendar_enabled,
        };
        self.clients.insert(id.to_owned(), client);
    }

    pub(in crate::providers) fn add_grant(&mut self, token: Fingerprint, grant: Grant) {
        self.grants.insert(token, grant);
    }

    pub(in crate::providers) fn is_live(&self, token: &Fingerprint) -> bool {
        let grant = self.grants.get(token);
        grant.is_some_and(|grant| grant.state == GrantState::Live)
    }

    /// The refresh token behind an access token.
    pub(in crate::providers) fn grant_behind(&self, access: &Fingerprint) -> Option<&Fingerprint> {
        self.access.get(access).map(|access| &access.grant)
    }

    pub(super) fn client(&self, id: &str) -> Option<&Client> {
        self.clients.get(id)
    }

    pub(super) fn grant(&self, token: &Fingerprint) -> Option<&Grant> {
        self.grants.get(token)
    }

    /// The grant that an access token speaks for, as long as both are good.
    pub(super) fn granted(&self, access: &Fingerprint, now: Timestamp) -> Option<&Grant> {
        let access = self.access.get(access)?;
        let grant = self.grants.get(&access.grant)?;
        (now < access.expires && grant.state == GrantState::Live).then_some(grant)
    }

    /// Makes an access token, and replaces the refresh token if the grant says so.
    pub(super) fn refresh(
        &mut self,
        token: &Fingerprint,
        now: Timestamp,
        sids: &SidSupply,
    ) -> (String, Option<String>) {
        let replacement = self
            .grants
            .get_mut(token)
            .and_then(|grant| grant.replaced_by.take());
        let mut owner = token.clone();
        if let Some(replacement) = &replacement
            && let Some(grant) = self.grants.remove(token)
        {
            owner = Fingerprint::of(replacement);
            self.grants.insert(owner.clone(), grant);
        }
        let text = format!("ya29.{}", sids.sid("local-"));
        let access = Access {
            grant: owner,
            expires: now + SignedDuration::from_secs(LIFETIME),
        };
        self.access.insert(Fingerprint::of(&text), access);
        (text, replacement)
    }

    /// Ends the grant of a refresh or access token; whether there was a good one.
    pub(super) fn revoke(&mut self, token: &Fingerprint) -> bool {
        let refresh = self.grant_behind(token).unwrap_or(token).clone();
        let grant = self.grants.get_mut(&refresh);
        let Some(grant) = grant.filter(|grant| grant.state == GrantState::Live) else {
            return false;
        };
        grant.state = GrantState::Dead;
        true
    }
}
