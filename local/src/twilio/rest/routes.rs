//! Which resource a path names, and what is done with it.

use http::Method;
use serde_json::{Map, Value, json};

use super::authentication::{Area, Caller};
use super::error::ApiError;
use super::paging::{Item, page};
use super::property::{Resource, iso8601};
use super::state::{AccountState, Accounts, ApiKey, KeyKind, Permission, State};
use super::{applications, messaging, numbers};
use crate::double::{Answer, Played, Refusal, Request, sid_kind};
use crate::emulators::wire::Target;
use crate::twilio::payload::rfc2822;

/// What a path names, with the SIDs in it.
#[derive(Debug, Clone, Copy)]
enum Named<'a> {
    Account,
    Applications,
    Application(&'a str),
    Numbers,
    Number(&'a str),
    Keys,
    Key(&'a str),
    KeyPolicy(&'a str),
    Services,
    Service(&'a str),
    ServiceNumbers(&'a str),
    SecondaryToken,
    PromotedToken,
}

/// What a path names, and the account in it; paths of v1 have none.
fn named(path: &str) -> Option<(Named<'_>, Option<&str>)> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    match segments.as_slice() {
        ["v1", "Services"] => Some((Named::Services, None)),
        ["v1", "Services", sid] => Some((Named::Service(sid), None)),
        ["v1", "Services", sid, "PhoneNumbers"] => Some((Named::ServiceNumbers(sid), None)),
        ["v1", "Keys", sid] => Some((Named::KeyPolicy(sid), None)),
        ["v1", "AuthTokens", "Secondary"] => Some((Named::SecondaryToken, None)),
        ["v1", "AuthTokens", "Promote"] => Some((Named::PromotedToken, None)),
        ["2010-04-01", "Accounts", rest @ ..] => {
            let (last, before) = rest.split_last()?;
            // Without the suffix Twilio answers in XML, which nobody here reads.
            let last = last.strip_suffix(".json")?;
            match before {
                [] => Some((Named::Account, Some(last))),
                [account] => {
                    let list = match last {
                        "Applications" => Named::Applications,
                        "IncomingPhoneNumbers" => Named::Numbers,
                        "Keys" => Named::Keys,
                        _ => return None,
                    };
                    Some((list, Some(account)))
                }
                [account, "Applications"] => Some((Named::Application(last), Some(account))),
                [account, "IncomingPhoneNumbers"] => Some((Named::Number(last), Some(account))),
                [account, "Keys"] => Some((Named::Key(last), Some(account))),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The permission that a request needs.
fn area(named: Named<'_>, method: &Method) -> Area {
    let reads = method == Method::GET;
    match named {
        Named::Account | Named::SecondaryToken | Named::PromotedToken => Area::Account,
        Named::Keys | Named::Key(_) | Named::KeyPolicy(_) => Area::Keys,
        Named::Applications | Named::Application(_) if reads => {
            Area::Allowed(Permission::ReadApplications)
        }
        Named::Applications | Named::Application(_) => Area::Allowed(Permission::WriteApplications),
        Named::Numbers | Named::Number(_) if reads => Area::Allowed(Permission::ReadNumbers),
        Named::Numbers | Named::Number(_) => Area::Allowed(Permission::WriteNumbers),
        Named::Services | Named::Service(_) | Named::ServiceNumbers(_) => {
            Area::Allowed(Permission::ReadServices)
        }
    }
}

impl Played for Accounts {
    const NAME: &'static str = "Twilio's double";

    fn targets(&self, request: &Request) -> Vec<Target> {
        let user = request.basic().map(|credentials| credentials.user);
        let account = user.as_ref().and_then(|user| {
            self.read(|state| state.account_of_user(user).map(|(sid, _)| sid.clone()))
        });
        let in_path = request
            .path
            .split('/')
            .map(|segment| segment.strip_suffix(".json").unwrap_or(segment))
            .filter(|segment| sid_kind(segment).is_some())
            .map(str::to_owned);
        let user = user.filter(|user| sid_kind(user).is_some());
        let mut targets: Vec<Target> = Vec::new();
        for resource in in_path.chain(account).chain(user) {
            if targets.iter().all(|target| target.resource != resource) {
                targets.push(Target {
                    resource,
                    partition: None,
                    index: None,
                    action: None,
                });
            }
        }
        targets
    }

    fn answer(&self, request: &Request) -> Answer {
        let answer = if request.method == Method::GET {
            self.read(|state| get(state, request))
        } else {
            self.change(|state| change(self, state, request))
        };
        self.sign(answer.unwrap_or_else(|error| error.answer()))
    }

    fn refusal(&self, request: &Request, refusal: Refusal) -> Answer {
        self.sign(ApiError::of(refusal, &request.path).answer())
    }
}

impl Accounts {
    /// Adds the headers of every answer of Twilio's own.
    fn sign(&self, answer: Answer) -> Answer {
        answer
            .with("twilio-request-id", self.sids.sid("RQ"))
            .with("twilio-concurrent-requests", "1")
            .with("twilio-request-duration", "0.012")
            .with("x-home-region", "us1")
    }
}

/// Who may do what to which account: every answer begins with this.
fn authorize<'r>(
    state: &State,
    request: &'r Request,
) -> Result<(Named<'r>, String, Caller), ApiError> {
    let caller = state.authenticate(request)?;
    let (named, account) =
        named(&request.path).ok_or_else(|| ApiError::not_found(&request.path))?;
    let area = area(named, &request.method);
    let sid = account.unwrap_or_else(|| caller.account()).to_owned();
    state.account_in_path(&caller, &sid, &request.path, area)?;
    caller.allowed(area)?;
    Ok((named, sid, caller))
}

fn get(state: &State, request: &Request) -> Result<Answer, ApiError> {
    let (named, sid, caller) = authorize(state, request)?;
    let missing = || ApiError::not_found(&request.path);
    let account = state.0.get(&sid).ok_or_else(missing)?;
    let document = match named {
        Named::Account => account_document(state, &sid, account, caller.key.as_ref()),
        Named::Applications => return applications::list(account, &sid, request),
        Named::Application(wanted) => {
            let found = find(&account.applications, wanted).ok_or_else(missing)?;
            applications::document(&sid, found)
        }
        Named::Numbers => return numbers::list(account, &sid, request),
        Named::Number(wanted) => {
            let found = find(&account.numbers, wanted).ok_or_else(missing)?;
            numbers::document(&sid, found)
        }
        Named::Keys => {
            let keys = account.keys.iter().rev();
            let items: Vec<Item> = keys
                .map(|key| (key.sid.clone(), key_document(key)))
                .collect();
            page(request, &[], items)?.envelope("keys")
        }
        Named::Key(wanted) => {
            let key = account.keys.iter().find(|key| key.sid == wanted);
            key_document(key.ok_or_else(missing)?)
        }
        Named::KeyPolicy(wanted) => {
            let key = account.keys.iter().find(|key| key.sid == wanted);
            key.and_then(key_policy_document).ok_or_else(missing)?
        }
        Named::Services => return messaging::list(account, &sid, request),
        Named::Service(wanted) | Named::ServiceNumbers(wanted) => {
            let mut services = account.services.iter();
            let service = services
                .find(|service| service.resource.sid == wanted)
                .ok_or_else(missing)?;
            if let Named::ServiceNumbers(_) = named {
                return messaging::numbers(account, &sid, service, request);
            }
            messaging::document(&sid, service, &request.base_url)
        }
        Named::SecondaryToken | Named::PromotedToken => {
            return Err(ApiError::method_not_allowed());
        }
    };
    Ok(Answer::json(200, &document))
}

fn change(accounts: &Accounts, state: &mut State, request: &Request) -> Result<Answer, ApiError> {
    let (named, sid, _) = authorize(state, request)?;
    let missing = || ApiError::not_found(&request.path);
    let account = state.0.get_mut(&sid).ok_or_else(missing)?;
    let (form, now) = (request.form(), accounts.clock.now());
    let (status, document) = match (&request.method, named) {
        (&Method::POST, Named::Applications) => {
            let created = applications::create(accounts, account, &form)?;
            (201, applications::document(&sid, &created))
        }
        (&Method::POST, Named::Application(wanted)) => {
            let found = find_mut(&mut account.applications, wanted).ok_or_else(missing)?;
            found.update(applications::PROPERTIES, &form, now)?;
            (200, applications::document(&sid, found))
        }
        (&Method::DELETE, Named::Application(wanted)) => {
            // What names it keeps doing so, and is broken.
            find(&account.applications, wanted).ok_or_else(missing)?;
            account.applications.retain(|one| one.sid != wanted);
            return Ok(Answer::nothing());
        }
        (&Method::POST, Named::Number(wanted)) => {
            let found = find_mut(&mut account.numbers, wanted).ok_or_else(missing)?;
            numbers::update(found, &form, now)?;
            (200, numbers::document(&sid, found))
        }
        (&Method::POST, Named::SecondaryToken) => {
            let token = accounts.sids.sid("");
            account.secondary_auth_token = Some(token.clone());
            account.updated = now;
            (
                201,
                token_document(&sid, account, "secondary_auth_token", &token),
            )
        }
        (&Method::DELETE, Named::SecondaryToken) => {
            account.secondary_auth_token.take().ok_or_else(missing)?;
            return Ok(Answer::nothing());
        }
        (&Method::POST, Named::PromotedToken) => {
            // The old primary token is invalid at once.
            let token = account.secondary_auth_token.take().ok_or_else(missing)?;
            account.auth_token.clone_from(&token);
            account.updated = now;
            (200, token_document(&sid, account, "auth_token", &token))
        }
        _ => return Err(ApiError::method_not_allowed()),
    };
    Ok(Answer::json(status, &document))
}

fn find<'a>(resources: &'a [Resource], sid: &str) -> Option<&'a Resource> {
    resources.iter().find(|resource| resource.sid == sid)
}

fn find_mut<'a>(resources: &'a mut [Resource], sid: &str) -> Option<&'a mut Resource> {
    resources.iter_mut().find(|resource| resource.sid == sid)
}

fn account_document(
    state: &State,
    sid: &str,
    account: &AccountState,
    key: Option<&KeyKind>,
) -> Value {
    let uri = format!("/2010-04-01/Accounts/{sid}");
    let collections = [
        ("applications", "Applications"),
        ("incoming_phone_numbers", "IncomingPhoneNumbers"),
        ("keys", "Keys"),
    ];
    let collections: Map<String, Value> = collections
        .iter()
        .map(|(name, path)| ((*name).to_owned(), json!(format!("{uri}/{path}.json"))))
        .collect();
    json!({
        "sid": sid,
        "friendly_name": account.friendly_name,
        "status": state.status(account).to_string(),
        "type": "Full",
        "owner_account_sid": account.owner,
        // An API key was seen to get no token here.
        "auth_token": if key.is_none() { account.auth_token.as_str() } else { "" },
        "date_created": rfc2822(account.created),
        "date_updated": rfc2822(account.updated),
        "uri": format!("{uri}.json"),
        "subresource_uris": collections,
    })
}

fn key_document(key: &ApiKey) -> Value {
    json!({
        "sid": key.sid,
        "friendly_name": "",
        "date_created": rfc2822(key.created),
        "date_updated": rfc2822(key.created),
    })
}

/// A key as the newer API shows it. Of Main keys Twilio says only that it does not manage them there: they are not found.
fn key_policy_document(key: &ApiKey) -> Option<Value> {
    let policy = match &key.kind {
        KeyKind::Standard => Value::Null,
        KeyKind::Restricted(permissions) => {
            let allowed: Vec<&str> = permissions.iter().copied().map(Permission::path).collect();
            json!({"allow": allowed})
        }
        KeyKind::Main => return None,
    };
    let mut document = key_document(key);
    document
        .as_object_mut()?
        .insert("policy".to_owned(), policy);
    Some(document)
}

fn token_document(sid: &str, account: &AccountState, name: &str, token: &str) -> Value {
    let path = match name {
        "auth_token" => "Promote",
        _ => "Secondary",
    };
    json!({
        "account_sid": sid,
        name: token,
        "date_created": iso8601(account.created),
        "date_updated": iso8601(account.updated),
        "url": format!("https://accounts.twilio.com/v1/AuthTokens/{path}"),
    })
}
