//! Who sends a request, and whether Twilio lets them.

use super::error::ApiError;
use super::state::{AccountState, KeyKind, Permission, State, Status};
use crate::double::{Request, same_secret};

/// What a request is about, as far as permissions go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// The account itself or its auth tokens.
    Account,
    /// Its API keys.
    Keys,
    /// What a restricted key may be allowed.
    Allowed(Permission),
}

/// An authenticated caller.
#[derive(Debug)]
pub(super) struct Caller {
    account: String,
    /// The kind of its key; none if it came with an auth token.
    pub(super) key: Option<KeyKind>,
}

impl State {
    /// Checks the credentials of a request.
    pub(super) fn authenticate(&self, request: &Request) -> Result<Caller, ApiError> {
        let credentials = request.basic().ok_or_else(ApiError::unauthenticated)?;
        let (sid, account) = self
            .account_of_user(&credentials.user)
            .ok_or_else(ApiError::unauthenticated)?;
        let key = account.keys.iter().find(|key| key.sid == credentials.user);
        let fits = match key {
            Some(key) => same_secret(&key.secret, &credentials.password),
            None => {
                let secondary = account.secondary_auth_token.as_ref();
                // Both are compared, so that the time does not tell which one fits.
                same_secret(&account.auth_token, &credentials.password)
                    | secondary.is_some_and(|token| same_secret(token, &credentials.password))
            }
        };
        if !fits {
            return Err(ApiError::unauthenticated());
        }
        active(self.status(account))?;
        Ok(Caller {
            account: sid.clone(),
            key: key.map(|key| key.kind.clone()),
        })
    }

    /// The account of a v2010 path: the caller's own or a subaccount of it.
    pub(super) fn account_in_path<'a>(
        &'a self,
        caller: &Caller,
        sid: &str,
        path: &str,
        area: Area,
    ) -> Result<&'a AccountState, ApiError> {
        let account = self.0.get(sid).ok_or_else(|| ApiError::not_found(path))?;
        if sid == caller.account {
            return Ok(account);
        }
        let own = self.0.get(&caller.account);
        if own.is_some_and(|own| own.owner == sid) {
            return Err(ApiError::unauthenticated());
        }
        if account.owner != caller.account {
            return Err(ApiError::not_found(path));
        }
        // A parent sees that its subaccount is suspended.
        if area != Area::Account {
            active(account.status)?;
        }
        Ok(account)
    }
}

impl Caller {
    /// Its own account, which requests without an account in their path are about.
    pub(super) fn account(&self) -> &str {
        &self.account
    }

    /// Whether its credentials go that far.
    pub(super) fn allowed(&self, area: Area) -> Result<(), ApiError> {
        match (&self.key, area) {
            (None | Some(KeyKind::Main), _) | (Some(KeyKind::Standard), Area::Allowed(_)) => Ok(()),
            (Some(KeyKind::Standard), _) => Err(ApiError::unauthenticated()),
            (Some(KeyKind::Restricted(permissions)), Area::Allowed(permission))
                if permissions.contains(&permission) =>
            {
                Ok(())
            }
            (Some(KeyKind::Restricted(_)), _) => Err(ApiError::not_permitted()),
        }
    }
}

fn active(status: Status) -> Result<(), ApiError> {
    match status {
        Status::Active => Ok(()),
        Status::Suspended => Err(ApiError::new(403, 20_005, "Account is not active")),
        Status::Closed => Err(ApiError::new(403, 20_403, "Account is closed")),
        Status::Test => Err(ApiError::new(
            403,
            20_008,
            "Resource not accessible with Test Account Credentials",
        )),
    }
}
