//! The accounts that a caller sees: its own and its subaccounts. It opens those, suspends, resumes and closes them.

use super::authentication::Caller;
use super::documents::account_document;
use super::error::ApiError;
use super::paging::{Item, page};
use super::state::{AccountState, Accounts, State, Status};
use crate::double::{Answer, Request, first};

/// The list, the newest first. The filters are exact.
pub(super) fn list(
    state: &State,
    caller: &Caller,
    sid: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let (name, status) = (request.query("FriendlyName"), request.query("Status"));
    let mut found: Vec<(&String, &AccountState)> = state
        .0
        .iter()
        .filter(|(known, account)| known.as_str() == sid || account.owner == sid)
        .filter(|(_, account)| name.is_none_or(|name| account.friendly_name == name))
        .filter(|(_, account)| status.is_none_or(|status| account.status.to_string() == status))
        .collect();
    found.sort_unstable_by_key(|(sid, account)| (std::cmp::Reverse(account.created), *sid));
    let key = caller.key.as_ref();
    let items: Vec<Item> = found
        .into_iter()
        .map(|(sid, account)| (sid.clone(), account_document(state, sid, account, key)))
        .collect();
    let page = page(request, &["FriendlyName", "Status"], items)?;
    Ok(Answer::json(200, &page.envelope("accounts")))
}

/// Opens a subaccount. A name may be had by several.
pub(super) fn open(
    accounts: &Accounts,
    state: &mut State,
    owner: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let own = state.0.get(owner);
    if own.is_some_and(|own| own.owner != owner) {
        return Err(ApiError::bad_request(
            20_001,
            "A subaccount has no subaccounts",
        ));
    }
    let (form, now) = (request.form(), accounts.clock.now());
    let name = first(&form, "FriendlyName")
        .map_or_else(|| format!("SubAccount Created at {now:.0}"), str::to_owned);
    if name.chars().count() > 64 {
        return Err(ApiError::bad_request(20_002, "FriendlyName is too long"));
    }
    let (sid, token) = (accounts.sids.sid("AC"), accounts.sids.sid(""));
    let account = AccountState::opened(name, owner, token, now);
    state.0.insert(sid.clone(), account);
    let account = state.0.get(&sid).ok_or_else(ApiError::unauthenticated)?;
    let document = account_document(state, &sid, account, None);
    Ok(Answer::json(201, &document))
}

/// Renames an account, or gives it another status, which its owner alone may do. Closed it stays.
pub(super) fn update(
    accounts: &Accounts,
    state: &mut State,
    caller: &Caller,
    sid: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let (form, now) = (request.form(), accounts.clock.now());
    let missing = || ApiError::not_found(&request.path);
    let account = state.0.get_mut(sid).ok_or_else(missing)?;
    if let Some(wanted) = first(&form, "Status") {
        if account.owner == sid || caller.account() != account.owner {
            return Err(ApiError::unauthenticated());
        }
        if account.is_suspended_by_twilio {
            let message = "The subaccount was suspended by Twilio and cannot be changed";
            return Err(ApiError::bad_request(21_478, message));
        }
        account.status = match (account.status, wanted) {
            (Status::Closed, _) => {
                return Err(ApiError::bad_request(20_001, "The account is closed"));
            }
            (_, "active") => Status::Active,
            (_, "suspended") => Status::Suspended,
            (_, "closed") => Status::Closed,
            _ => return Err(ApiError::bad_request(20_001, "Status is not valid")),
        };
    }
    if let Some(name) = first(&form, "FriendlyName") {
        account.friendly_name = name.to_owned();
    }
    account.updated = now;
    let account = state.0.get(sid).ok_or_else(missing)?;
    let document = account_document(state, sid, account, caller.key.as_ref());
    Ok(Answer::json(200, &document))
}
