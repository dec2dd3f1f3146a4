//! What is done with the resource that a path names.

use super::authentication::Caller;
use super::documents::{account_document, key_document, key_policy_document, token_document};
use super::error::ApiError;
use super::named::{Made, Named, area, named};
use super::paging::{Item, page};
use super::property::Resource;
use super::state::{Accounts, ApiKey, KeyKind, State};
use super::{applications, message_media, messaging, numbers, recordings, subaccounts, usage};
use crate::double::{Answer, Played, Refusal, Request, first, sid_kind, without_extension};
use crate::emulators::wire::Target;
use http::Method;

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
            .map(without_extension)
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
            self.read(|state| get(self, state, request))
        } else {
            self.change(|state| change(self, state, request))
        };
        self.sign(answer.unwrap_or_else(|error| worded(&error, request)))
    }

    fn refusal(&self, request: &Request, refusal: Refusal) -> Answer {
        self.sign(worded(&ApiError::of(refusal, &request.path), request))
    }
}

/// An error in the form that the path asks for: files have none of their own, and get Twilio's first one, XML.
fn worded(error: &ApiError, request: &Request) -> Answer {
    match named(&request.path) {
        Some((Named::RecordingFile(_) | Named::MediaFile(..), _)) => error.xml_answer(),
        _ => error.answer(),
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

    /// A fresh address of a file at the storage.
    fn stored_at(&self, account: &str, name: &str) -> String {
        let signature = self.sids.sid("");
        self.storage
            .hand_out(account, name, signature, self.clock.now())
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

fn get(accounts: &Accounts, state: &State, request: &Request) -> Result<Answer, ApiError> {
    let (named, sid, caller) = authorize(state, request)?;
    let missing = || ApiError::not_found(&request.path);
    let account = state.0.get(&sid).ok_or_else(missing)?;
    let document = match named {
        Named::Usage(each) => return usage::list(state, &sid, each, request),
        Named::Accounts => return subaccounts::list(state, &caller, &sid, request),
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
        Named::Recordings => return recordings::list(account, &sid, request),
        Named::Recording(wanted) => {
            let found = find(&account.recordings, wanted).ok_or_else(missing)?;
            recordings::document(&sid, found)
        }
        Named::RecordingFile(name) => {
            let file = recordings::file(account, name).ok_or_else(missing)?;
            if account.has_external_storage {
                let to = accounts.stored_at(&sid, name);
                return Ok(redirect(302, to));
            }
            return Ok(file.answer(request, account.ignores_ranges));
        }
        Named::Transcriptions(recording) => {
            return recordings::transcriptions(account, &sid, recording, request);
        }
        Named::MessageMedia(message) => {
            return message_media::list(account, &sid, message, request);
        }
        Named::Media(message, wanted) => {
            let found = message_media::find(account, message, wanted).ok_or_else(missing)?;
            message_media::document(&sid, found)
        }
        Named::MediaFile(message, wanted) => {
            message_media::find(account, message, wanted).ok_or_else(missing)?;
            return Ok(redirect(307, accounts.stored_at(&sid, wanted)));
        }
        // Its text is in the webhooks: nobody here fetches it.
        Named::SecondaryToken | Named::PromotedToken | Named::Made(_) | Named::Transcription(_) => {
            return Err(ApiError::method_not_allowed());
        }
    };
    Ok(Answer::json(200, &document))
}

fn change(accounts: &Accounts, state: &mut State, request: &Request) -> Result<Answer, ApiError> {
    let (named, sid, caller) = authorize(state, request)?;
    match (&request.method, named) {
        (&Method::POST, Named::Accounts) => {
            return subaccounts::open(accounts, state, &sid, request);
        }
        (&Method::POST, Named::Account) => {
            return subaccounts::update(accounts, state, &caller, &sid, request);
        }
        _ => {}
    }
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
        (&Method::POST, Named::Keys) => {
            let key = ApiKey {
                sid: accounts.sids.sid("SK"),
                secret: accounts.sids.sid(""),
                friendly_name: first(&form, "FriendlyName").unwrap_or_default().to_owned(),
                kind: KeyKind::Standard,
                created: now,
            };
            let mut document = key_document(&key);
            if let Some(members) = document.as_object_mut() {
                // It is told here and never again.
                members.insert("secret".to_owned(), key.secret.clone().into());
            }
            account.keys.push(key);
            (201, document)
        }
        (&Method::DELETE, Named::Key(wanted)) => {
            let known = account.keys.iter().any(|key| key.sid == wanted);
            if !known {
                return Err(missing());
            }
            account.keys.retain(|key| key.sid != wanted);
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
        (&Method::DELETE, Named::Recording(wanted)) => {
            find(&account.recordings, wanted).ok_or_else(missing)?;
            account.recordings.retain(|one| one.sid != wanted);
            return Ok(Answer::nothing());
        }
        (&Method::DELETE, Named::Transcription(wanted)) => {
            find(&account.transcriptions, wanted).ok_or_else(missing)?;
            account.transcriptions.retain(|one| one.sid != wanted);
            return Ok(Answer::nothing());
        }
        (&Method::DELETE, Named::Media(message, wanted)) => {
            message_media::find(account, message, wanted).ok_or_else(missing)?;
            account.media.retain(|one| one.sid != wanted);
            return Ok(Answer::nothing());
        }
        (&Method::PUT, Named::Made(Made::Recording(made))) => {
            let refused = || ApiError::bad_request(20_001, "the recording is not described");
            let made = recordings::Made::of_form(made, &form).ok_or_else(refused)?;
            made.keep(account, now);
            return Ok(Answer::nothing());
        }
        (&Method::PUT, Named::Made(Made::Media(message, made))) => {
            let content_type = first(&form, "ContentType").unwrap_or("application/octet-stream");
            message_media::keep(made, message, content_type, account, now);
            return Ok(Answer::nothing());
        }
        _ => return Err(ApiError::method_not_allowed()),
    };
    Ok(Answer::json(status, &document))
}

/// An answer that is at another address.
fn redirect(status: u16, location: String) -> Answer {
    Answer::new(status, "text/html", "").with("location", location)
}

fn find<'a>(resources: &'a [Resource], sid: &str) -> Option<&'a Resource> {
    resources.iter().find(|resource| resource.sid == sid)
}

fn find_mut<'a>(resources: &'a mut [Resource], sid: &str) -> Option<&'a mut Resource> {
    resources.iter_mut().find(|resource| resource.sid == sid)
}
