//! The phone numbers: where calls and messages to each of them really lead.

use std::fmt::Write;

use super::account::{Account, learn};
use super::routing::{MessageRoute, VoiceRoute, message_route, voice_route};
use super::{CheckName, HealthCheck, HealthStatus, reason, unknown};
use crate::activity::Route;
use crate::twilio::rest::{Application, IncomingPhoneNumber, TwilioClient};
use crate::twilio::{Lead, WebhookUrls};

/// The most numbers that are told of one by one.
const MOST_TOLD: usize = 10;

/// What is wrong with one number.
struct Complaint {
    what: String,
    remedy: String,
}

/// Looks at every number.
pub(super) async fn check(client: &TwilioClient<'_>, urls: &WebhookUrls) -> HealthCheck {
    match learn(client).await {
        Ok(account) => judge(client, urls, &account),
        Err(error) => unknown(CheckName::PhoneNumbers, "The phone numbers", &error),
    }
}

fn judge(client: &TwilioClient<'_>, urls: &WebhookUrls, account: &Account) -> HealthCheck {
    let judge = Judge {
        client,
        urls,
        account,
    };
    let mut complaints = Vec::new();
    let mut wrong = 0;
    for number in &account.numbers {
        let found = [judge.voice(number), judge.messages(number)];
        let before = complaints.len();
        complaints.extend(found.into_iter().flatten());
        wrong += usize::from(complaints.len() > before);
    }
    complaints.extend(judge.senders());
    let all = account.numbers.len();
    let mut status = match (all, wrong, complaints.is_empty()) {
        (_, 0, true) => HealthStatus::Ok,
        (all, wrong, _) if all > 0 && wrong == all => HealthStatus::Error,
        _ => HealthStatus::Degraded,
    };
    let mut message = match (all, wrong) {
        (0, _) => "The account has no phone number.".to_owned(),
        (all, 0) => format!(
            "All calls and messages to the account's numbers ({all}) lead here, as far as they can be received."
        ),
        (all, wrong) => {
            format!("{wrong} of {all} phone numbers do not lead here, or not as they should.")
        }
    };
    let mut hint = String::new();
    if all == 0 {
        status = status.max(HealthStatus::Degraded);
        hint.push_str("Buy a number in Twilio's console.");
    }
    for Complaint { what, remedy } in complaints.iter().take(MOST_TOLD) {
        // Writing to a text does not fail.
        let _ = write!(message, " {what}");
        let _ = write!(hint, "{}{remedy}", if hint.is_empty() { "" } else { " " });
    }
    let untold = complaints.len().saturating_sub(MOST_TOLD);
    if untold > 0 {
        let _ = write!(message, " And {untold} more.");
    }
    if let Some(error) = &account.gap {
        let (worse, why, remedy) = reason(error);
        status = status.max(worse.min(HealthStatus::Degraded));
        let _ = write!(
            message,
            " Not everything that decides could be looked at: {why}."
        );
        let _ = write!(hint, "{}{remedy}", if hint.is_empty() { "" } else { " " });
    }
    HealthCheck {
        name: CheckName::PhoneNumbers,
        status,
        message,
        hint: (!hint.is_empty()).then_some(hint),
    }
}

struct Judge<'j> {
    client: &'j TwilioClient<'j>,
    urls: &'j WebhookUrls,
    account: &'j Account,
}

impl Judge<'_> {
    fn voice(&self, number: &IncomingPhoneNumber) -> Option<Complaint> {
        if number
            .capabilities
            .is_some_and(|capabilities| !capabilities.voice)
        {
            return None;
        }
        let name = &number.phone_number;
        let url = self.url(Route::Voice);
        let set = format!("set 'A call comes in' of {name} to Webhook, HTTP POST, {url}");
        let (where_to, remedy) = match voice_route(number) {
            VoiceRoute::Trunk(sid) => (
                format!("go to the SIP trunk {sid}, whatever else is set"),
                format!("Take {name} out of the trunk, and {set}."),
            ),
            VoiceRoute::Application(sid) => {
                let application = self.account.applications.get(sid)?.as_ref();
                let configured = application.and_then(|it| {
                    let method = it.voice_method.as_deref().unwrap_or("POST");
                    Some((it.voice_url.as_deref()?, method))
                });
                let fault = self.fault(Route::Voice, configured)?;
                (
                    format!(
                        "go to the TwiML App {sid}, {}",
                        of_application(application, fault)
                    ),
                    of_application_remedy(application, "voice", &set),
                )
            }
            VoiceRoute::Url(configured, method) => {
                let fault = self.fault(Route::Voice, Some((configured, method)))?;
                (format!("go to a URL {fault}"), sentence(&set))
            }
            VoiceRoute::Nowhere => ("go nowhere".to_owned(), sentence(&set)),
        };
        let what = format!("Calls to {name} {where_to}.");
        Some(Complaint { what, remedy })
    }

    fn messages(&self, number: &IncomingPhoneNumber) -> Option<Complaint> {
        if number
            .capabilities
            .is_some_and(|capabilities| !capabilities.sms)
        {
            return None;
        }
        let name = &number.phone_number;
        let url = self.url(Route::Sms);
        let set = format!("set 'A message comes in' of {name} to Webhook, HTTP POST, {url}");
        let membership = self.account.memberships.get(&number.sid);
        let service = membership.and_then(|place| self.account.services.get(*place));
        let (where_to, remedy) = match message_route(number, service) {
            MessageRoute::Service(service, configured) => {
                let fault = self.fault(Route::Sms, configured)?;
                let sid = &service.sid;
                (
                    format!(
                        "go to the messaging service {sid}, to a URL {fault}; the number's own settings do not count"
                    ),
                    format!(
                        "Set 'Send a webhook' in the integration of {sid} to {url}, or have it defer to the sender's webhook."
                    ),
                )
            }
            MessageRoute::Application(sid) => {
                let application = self.account.applications.get(sid)?.as_ref();
                let configured = application.and_then(|it| {
                    let method = it.sms_method.as_deref().unwrap_or("POST");
                    Some((it.sms_url.as_deref()?, method))
                });
                let fault = self.fault(Route::Sms, configured)?;
                (
                    format!(
                        "go to the TwiML App {sid}, {}",
                        of_application(application, fault)
                    ),
                    of_application_remedy(application, "messaging", &set),
                )
            }
            MessageRoute::Url(configured, method) => {
                let fault = self.fault(Route::Sms, Some((configured, method)))?;
                (format!("go to a URL {fault}"), sentence(&set))
            }
            MessageRoute::Nowhere => ("go nowhere".to_owned(), sentence(&set)),
        };
        let what = format!("Messages to {name} {where_to}.");
        Some(Complaint { what, remedy })
    }

    /// What the credentials name and the account does not have.
    fn senders(&self) -> Vec<Complaint> {
        let credentials = self.client.credentials();
        let (numbers, services) = (&self.account.numbers, &self.account.services);
        let number = credentials.phone_number.as_ref().filter(|number| {
            !numbers
                .iter()
                .any(|owned| owned.phone_number == number.as_str())
        });
        let number = number.map(|number| Complaint {
            what: format!("{number}, which calls and texts come from, is none of the account's numbers."),
            remedy: "Enter one of them as phone_number, or make sure that this one is a verified caller ID.".to_owned(),
        });
        let service = credentials.messaging_service_sid.as_ref().filter(|sid| {
            self.account.gap.is_none() && !services.iter().any(|service| service.sid == **sid)
        });
        let service = service.map(|sid| Complaint {
            what: format!("The account has no messaging service {sid}."),
            remedy: "Enter one of its services as messaging_service_sid, or none.".to_owned(),
        });
        number.into_iter().chain(service).collect()
    }

    fn url(&self, route: Route) -> String {
        self.urls
            .webhook(route, &self.client.credentials().account_sid)
    }

    /// What is wrong with a URL and its method; nothing if they lead here.
    fn fault(&self, route: Route, configured: Option<(&str, &str)>) -> Option<&'static str> {
        let Some((url, method)) = configured else {
            return Some("that is not set");
        };
        let account = &self.client.credentials().account_sid;
        match self.urls.lead(url, route, account) {
            Lead::Elsewhere => Some("that is not of this deployment"),
            Lead::OtherAccount => Some("that names another account, so that they are refused"),
            Lead::Here if method != "POST" => Some("that is called by GET, which is refused"),
            Lead::Here => None,
        }
    }
}

fn of_application(application: Option<&Application>, fault: &str) -> String {
    match application {
        None => "which does not exist".to_owned(),
        Some(_) => format!("to a URL {fault}"),
    }
}

fn of_application_remedy(application: Option<&Application>, kind: &str, set: &str) -> String {
    match application {
        None => sentence(set),
        Some(_) => format!("Correct that App's {kind} URL, or {set}."),
    }
}

/// A remedy as a sentence of its own.
fn sentence(remedy: &str) -> String {
    let mut characters = remedy.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    format!(
        "{}{}.",
        first.into_iter().collect::<String>(),
        characters.as_str()
    )
}
