//! Whether Twilio credentials work: asked of Twilio by calls that read, cost nothing and send nothing.

use std::fmt;
use std::time::Duration;

use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::TwilioCredentials;
use super::rest::{Account, AccountStatus, ErrorKind, TwilioClient, TwilioError};
use crate::clock::Clock;
use crate::outbound::Outbound;
use crate::secret::Secret;
use crate::sid::ApiKeySid;
use crate::verification::{Capability, Outcome, Verification};

/// How long Twilio is asked what a key may do that works. Where that cannot be learnt, the key is judged without it.
const POLICY_LIMIT: Duration = Duration::from_secs(5);

/// Checks credentials: the auth token and the secondary one by fetching the account, the API key by listing one App, which is
/// what a Standard key may do (it may not fetch the account). Of a key that may, the auth token asks whether it is restricted.
///
/// Three different calls for an account with a key that works, all of them reading. The secondary token takes one more; so does a
/// key that is refused, in place of the one about what it may do, and that one takes two where the primary token is refused.
///
/// `Invalid` is said only in Twilio's own words; error pages, refusals that Twilio does not explain, a 5xx and silence are
/// `Unreachable`. A secondary token that does not work restricts, since everything still works. An account without an API key
/// is `Valid` without [`Capability::IssueTokens`], and `error` tells what that means.
/// The account is proven by an auth token that Twilio accepts, whatever comes of the rest.
pub async fn verify(
    outbound: &Outbound,
    credentials: &TwilioCredentials,
    clock: &Clock,
    deadline: Instant,
) -> Verification {
    let findings = examine(&TwilioClient::new(outbound, credentials, deadline)).await;
    Verification {
        outcome: findings.outcome,
        capabilities: findings.capabilities,
        checked_at: clock.now(),
        error: findings.fault.map(|fault| fault.to_string()),
        proves_account: findings.proves_account,
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Findings {
    pub(super) outcome: Outcome,
    /// Sorted.
    pub(super) capabilities: Vec<Capability>,
    pub(super) fault: Option<Fault>,
    /// Whether Twilio recognised the account's owner.
    proves_account: bool,
}

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: &'static str,
    pub(super) remedy: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.what, self.remedy)
    }
}

/// The faults, each with the fields it is about.
mod faults {
    use super::Fault;

    pub(super) const WRONG_TOKEN: Fault = Fault {
        what: "account_sid, auth_token: Twilio does not accept this pair.",
        remedy: "Copy both again from the account's own page in Twilio's console, region US1; a subaccount has its own token.",
    };
    pub(super) const TEST_CREDENTIALS: Fault = Fault {
        what: "account_sid, auth_token: these are Twilio's test credentials, which receive and send nothing.",
        remedy: "Enter the live ones.",
    };
    pub(super) const NO_ACCOUNT: Fault = Fault {
        what: "account_sid: Twilio knows no such account.",
        remedy: "Copy it again from Twilio's console.",
    };
    pub(super) const NOT_ACTIVE: Fault = Fault {
        what: "account_sid: the account is suspended or closed.",
        remedy: "Reactivate it in Twilio's console or through Twilio's support, or enter another account.",
    };
    pub(super) const SUSPENDED: Fault = Fault {
        what: "account_sid: the account is suspended, so calls and messages do not work.",
        remedy: "Reactivate it in Twilio's console or through Twilio's support.",
    };
    pub(super) const CLOSED: Fault = Fault {
        what: "account_sid: the account is closed, which is final.",
        remedy: "Enter another account.",
    };
    pub(super) const NOT_PRIMARY: Fault = Fault {
        what: "auth_token: Twilio accepts this token, but it is not the primary one that signs webhooks.",
        remedy: "Enter the primary token as auth_token and this one as secondary_auth_token, or promote it in Twilio's console.",
    };
    pub(super) const PROMOTED: Fault = Fault {
        what: "auth_token: Twilio accepts it no longer; the secondary token has taken its place.",
        remedy: "Enter what is stored as secondary_auth_token as auth_token, and the new secondary token or none.",
    };
    pub(super) const WRONG_KEY: Fault = Fault {
        what: "api_key_sid, api_key_secret: Twilio does not accept this pair.",
        remedy: "Enter a Standard key of this account, region US1, with the secret that was shown when it was made.",
    };
    pub(super) const NO_KEY_OF_ACCOUNT: Fault = Fault {
        what: "api_key_sid: the account has no such key; it was deleted, or is another account's.",
        remedy: "Make a Standard key in Twilio's console and enter its SID and secret.",
    };
    pub(super) const WRONG_KEY_SECRET: Fault = Fault {
        what: "api_key_secret: it is not the secret of this key.",
        remedy: "Twilio shows a secret once: make a new Standard key if it is lost, and enter its SID and secret.",
    };
    pub(super) const RESTRICTED_KEY: Fault = Fault {
        what: "api_key_sid: the key is restricted, so it cannot issue access tokens and may not manage the account.",
        remedy: "Enter a Standard key.",
    };
    pub(super) const NO_KEY: Fault = Fault {
        what: "api_key_sid: without an API key no access tokens can be issued.",
        remedy: "Make a Standard key in Twilio's console and enter its SID and secret, if browsers are to make calls.",
    };
    pub(super) const WRONG_SECONDARY: Fault = Fault {
        what: "secondary_auth_token: Twilio does not accept it.",
        remedy: "Enter the account's secondary token, or remove it.",
    };
    pub(super) const RATE_LIMITED: Fault = Fault {
        what: "Twilio asks for patience, so nothing could be checked.",
        remedy: "Check again in a minute.",
    };
    pub(super) const UNREACHABLE: Fault = Fault {
        what: "Twilio could not be asked, or did not answer in its own words, so nothing could be checked.",
        remedy: "Check again later; status.twilio.com tells of outages.",
    };
}

/// What one of the credentials is worth: how it is judged, and why if not valid.
type Judgement = (Outcome, Option<Fault>);

const VALID: Judgement = (Outcome::Valid, None);

/// Asks Twilio about each of the credentials at once, and puts the judgements together.
pub(super) async fn examine(client: &TwilioClient<'_>) -> Findings {
    let credentials = client.credentials();
    let secondary = async {
        match credentials.secondary_auth_token {
            Some(_) => Some(client.as_secondary_auth_token().account().await),
            None => None,
        }
    };
    let has_key = credentials.api_key_sid.is_some() && credentials.api_key_secret.is_some();
    let key = async {
        match has_key {
            true => Some(examine_key(client).await),
            false => None,
        }
    };
    let as_token = client.as_auth_token();
    let (account, key, secondary) = tokio::join!(as_token.account(), key, secondary);
    let judgement = match (&account, &secondary) {
        (Err(error), Some(Ok(by_secondary))) if is_promoted(error, by_secondary, credentials) => {
            (Outcome::Restricted, Some(faults::PROMOTED))
        }
        _ => judge_account(account, credentials),
    };
    conclude(judgement, key, secondary.map_or(VALID, judge_secondary))
}

/// Whether the secondary token was promoted since it was stored: the primary is refused, and the account shows the secondary as
/// its own. In the middle of a rotation that was prepared here that is no reason to stop: it signs webhooks, and they are taken.
fn is_promoted(
    error: &TwilioError,
    by_secondary: &Account,
    credentials: &TwilioCredentials,
) -> bool {
    error.kind() == ErrorKind::Authentication
        && by_secondary.sid == credentials.account_sid
        && !matches!(
            by_secondary.status,
            AccountStatus::Suspended | AccountStatus::Closed
        )
        // Only what is shown will do: a wrong primary beside a right secondary is a mistake of who entered them.
        && shows_as_primary(by_secondary, credentials.secondary_auth_token.as_ref()) == Some(true)
}

/// Whether a token is the one that the account shows as its primary one; `None` where it shows none.
pub(crate) fn shows_as_primary(account: &Account, token: Option<&Secret>) -> Option<bool> {
    let shown = shown_primary(account)?;
    Some(token.is_some_and(|token| is_same(token, shown)))
}

/// Asks about the API key. When it works, asks by the auth token whether it is restricted, since it may be allowed what it was
/// tried with; when it is refused, whether there is such a key, to say which half is wrong.
async fn examine_key(client: &TwilioClient<'_>) -> Judgement {
    let judgement = judge_key(client.try_applications().await);
    let Some(sid) = client.credentials().api_key_sid.as_ref() else {
        return judgement;
    };
    if judgement == VALID && is_restricted(client, sid).await {
        return (Outcome::Restricted, Some(faults::RESTRICTED_KEY));
    }
    if judgement != (Outcome::Invalid, Some(faults::WRONG_KEY)) {
        return judgement;
    }
    let fault = match client.as_auth_token().key(sid).await {
        Ok(_) => faults::WRONG_KEY_SECRET,
        Err(error) if error.kind() == ErrorKind::NotFound => faults::NO_KEY_OF_ACCOUNT,
        Err(_) => faults::WRONG_KEY,
    };
    (Outcome::Invalid, Some(fault))
}

/// Whether Twilio says that a key is restricted. No other answer says anything against it, and neither does a key that is not
/// found: see [`TwilioClient::key_policy`].
async fn is_restricted(client: &TwilioClient<'_>, sid: &ApiKeySid) -> bool {
    let client = client.until(Instant::now() + POLICY_LIMIT);
    let policy = match client.as_auth_token().key_policy(sid).await {
        // The secondary token may have been promoted.
        Err(error)
            if error.kind() == ErrorKind::Authentication
                && client.credentials().secondary_auth_token.is_some() =>
        {
            client.as_secondary_auth_token().key_policy(sid).await
        }
        policy => policy,
    };
    policy.is_ok_and(|policy| policy.sid == *sid && policy.is_restricted())
}

fn judge_account(
    account: Result<Account, TwilioError>,
    credentials: &TwilioCredentials,
) -> Judgement {
    let account = match account {
        Ok(account) => account,
        Err(error) => return judge_token_error(error.kind()),
    };
    if account.sid != credentials.account_sid {
        return (Outcome::Unreachable, Some(faults::UNREACHABLE));
    }
    match account.status {
        AccountStatus::Suspended => (Outcome::Restricted, Some(faults::SUSPENDED)),
        AccountStatus::Closed => (Outcome::Invalid, Some(faults::CLOSED)),
        // A status that is new says nothing against the credentials.
        AccountStatus::Active | AccountStatus::Other(_) => {
            match knows_primary_token(&account, credentials) {
                true => VALID,
                false => (Outcome::Restricted, Some(faults::NOT_PRIMARY)),
            }
        }
    }
}

/// Whether the token that signs webhooks is among those that are stored; one that is not shown may be.
fn knows_primary_token(account: &Account, credentials: &TwilioCredentials) -> bool {
    let mut stored = [&credentials.auth_token]
        .into_iter()
        .chain(&credentials.secondary_auth_token);
    shown_primary(account).is_none_or(|shown| stored.any(|token| is_same(token, shown)))
}

/// The primary token, where the account shows it: not masked, not left out. That the account's own `auth_token` is the primary
/// one is an inference: both of an account's tokens authenticate.
fn shown_primary(account: &Account) -> Option<&str> {
    let primary = account.auth_token.as_ref()?.expose();
    let is_token = primary.len() == 32 && primary.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_token.then_some(primary)
}

fn is_same(token: &Secret, shown: &str) -> bool {
    token.expose().as_bytes().ct_eq(shown.as_bytes()).into()
}

/// `Restricted` is proof of ownership, and no error is: Twilio may well tell a stranger that an account is suspended.
fn judge_token_error(kind: ErrorKind) -> Judgement {
    let (outcome, fault) = match kind {
        ErrorKind::Authentication => (Outcome::Invalid, faults::WRONG_TOKEN),
        ErrorKind::TestCredentials => (Outcome::Invalid, faults::TEST_CREDENTIALS),
        ErrorKind::AccountNotActive => (Outcome::Invalid, faults::NOT_ACTIVE),
        ErrorKind::NotFound => (Outcome::Invalid, faults::NO_ACCOUNT),
        ErrorKind::RateLimited { .. } => (Outcome::RateLimited, faults::RATE_LIMITED),
        ErrorKind::NotPermitted | ErrorKind::Rejected | ErrorKind::Unavailable => {
            (Outcome::Unreachable, faults::UNREACHABLE)
        }
    };
    (outcome, Some(fault))
}

fn judge_key(listed: Result<(), TwilioError>) -> Judgement {
    let Err(error) = listed else {
        return VALID;
    };
    let (outcome, fault) = match error.kind() {
        ErrorKind::Authentication => (Outcome::Invalid, faults::WRONG_KEY),
        ErrorKind::NotFound => (Outcome::Invalid, faults::NO_KEY_OF_ACCOUNT),
        ErrorKind::AccountNotActive => (Outcome::Invalid, faults::NOT_ACTIVE),
        ErrorKind::NotPermitted | ErrorKind::TestCredentials => {
            (Outcome::Restricted, faults::RESTRICTED_KEY)
        }
        ErrorKind::RateLimited { .. } => (Outcome::RateLimited, faults::RATE_LIMITED),
        ErrorKind::Rejected | ErrorKind::Unavailable => (Outcome::Unreachable, faults::UNREACHABLE),
    };
    (outcome, Some(fault))
}

fn judge_secondary(account: Result<Account, TwilioError>) -> Judgement {
    match account.map_err(|error| judge_token_error(error.kind())) {
        Ok(_) => VALID,
        Err((Outcome::Invalid, _)) => (Outcome::Restricted, Some(faults::WRONG_SECONDARY)),
        Err(judgement) => judgement,
    }
}

/// Puts the judgements together. What a restricted key may do is not told apart: it gives no capability. While the account does
/// not work or could not be asked, what the key and the secondary token were answered says nothing about them.
fn conclude(account: Judgement, key: Option<Judgement>, secondary: Judgement) -> Findings {
    let is_owner = account.0.is_proof();
    let signs_webhooks = is_owner && account.1 != Some(faults::NOT_PRIMARY);
    let works = is_owner && account.1 != Some(faults::SUSPENDED);
    let mut capabilities = Vec::new();
    if signs_webhooks {
        capabilities.push(Capability::ReceiveWebhooks);
    }
    // Without a key, calls are made with the auth token.
    let has_login = key.is_some() || account.1 != Some(faults::PROMOTED);
    if works && has_login && key.is_none_or(|key| key.0 == Outcome::Valid) {
        capabilities.push(Capability::CallApi);
    }
    if works && key.is_some_and(|key| key.0 == Outcome::Valid) {
        capabilities.push(Capability::IssueTokens);
    }
    let judgements = match works {
        true => vec![
            account,
            key.unwrap_or((Outcome::Valid, Some(faults::NO_KEY))),
            secondary,
        ],
        false => vec![account],
    };
    // The worst counts, with its own words; of two that are as bad, the first.
    let rank = |outcome: Outcome| match outcome {
        Outcome::Invalid => 0,
        Outcome::RateLimited => 1,
        Outcome::Unreachable => 2,
        Outcome::Restricted => 3,
        Outcome::Valid => 4,
    };
    let faulty = judgements.iter().filter(|(_, fault)| fault.is_some());
    let (outcome, fault) = *faulty
        .min_by_key(|(outcome, _)| rank(*outcome))
        .unwrap_or(&VALID);
    Findings {
        outcome,
        capabilities,
        fault,
        proves_account: is_owner,
    }
}

#[cfg(test)]
mod tests;
