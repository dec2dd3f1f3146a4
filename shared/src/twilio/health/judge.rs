//! Where one number's calls and messages really lead, and what to do where that is not here.

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::routing::{MessageRoute, VoiceRoute, message_route, voice_route};
use crate::activity::Route;
use crate::sid::AccountSid;
use crate::twilio::rest::{Application, IncomingPhoneNumber};
use crate::twilio::{Lead, WebhookUrls};

/// What takes calls or messages to a number: of the places where Twilio lets one configure it the one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A SIP trunk; of calls alone.
    Trunk,
    /// A messaging service; of messages alone.
    MessagingService,
    /// A TwiML App.
    Application,
    /// The number's own URL.
    Url,
    /// None.
    Nothing,
}

/// Where calls or messages to a number lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leads {
    /// To this deployment, which takes them.
    Here,
    /// To this deployment, which refuses them: the URL names another account or is called by GET.
    Refused,
    /// To something else.
    Elsewhere,
    /// Nowhere.
    Nowhere,
    /// What takes them could not be looked at.
    Unknown,
}

/// The way that calls or messages to a number take. Without URLs: they may hold other systems' secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberRoute {
    /// What takes them.
    pub through: Place,
    /// The SID of that trunk, service or App.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sid: Option<String>,
    /// Where it leads.
    pub leads: Leads,
}

/// What was found of one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFindings {
    /// The way of its calls; nothing where it can have none.
    pub voice: Option<NumberRoute>,
    /// The way of its messages; nothing where it can have none.
    pub messages: Option<NumberRoute>,
    /// Whether calls and messages lead here by what is set on the number itself, whatever a messaging service makes of it.
    pub is_set_to_here: bool,
    /// What is wrong.
    pub complaints: Vec<Complaint>,
}

/// Something that is wrong with a number or a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What, in a sentence.
    pub what: String,
    /// What to do about it, in a sentence.
    pub remedy: String,
}

/// A route before it is said in words: what takes it, and what is wrong with where that leads.
struct Way<'n> {
    through: Place,
    sid: Option<&'n str>,
    fault: Result<(), Fault>,
    /// The App that takes it, if it does and exists.
    application: Option<&'n Application>,
}

/// What is wrong with where something leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is a trunk or nothing, which needs no more words.
    NotAUrl(Leads),
    /// A URL, described.
    Url(&'static str, Leads),
    /// The App does not exist.
    NoApplication,
    /// The App could not be looked at.
    Unseen,
}

impl Fault {
    fn leads(self) -> Leads {
        match self {
            Self::NotAUrl(leads) | Self::Url(_, leads) => leads,
            Self::NoApplication => Leads::Nowhere,
            Self::Unseen => Leads::Unknown,
        }
    }
}

/// Judges the numbers of an account by what was learnt of it.
pub(super) struct Judge<'j> {
    account_sid: &'j AccountSid,
    urls: &'j WebhookUrls,
    account: &'j Account,
}

impl<'j> Judge<'j> {
    pub(super) fn new(
        account_sid: &'j AccountSid,
        urls: &'j WebhookUrls,
        account: &'j Account,
    ) -> Self {
        Self {
            account_sid,
            urls,
            account,
        }
    }

    /// Judges one number.
    pub(super) fn number(&self, number: &IncomingPhoneNumber) -> NumberFindings {
        let abilities = number.abilities();
        let voice = abilities.voice.then(|| self.voice(number));
        let messages = abilities.sms.then(|| self.messages(number, true));
        let own_messages = abilities.sms.then(|| self.messages(number, false));
        let is_right = |way: &Option<Way<'_>>| way.as_ref().is_none_or(|way| way.fault.is_ok());
        let complaints = [
            voice.as_ref().and_then(|way| self.of_voice(number, way)),
            messages
                .as_ref()
                .and_then(|way| self.of_messages(number, way)),
        ];
        NumberFindings {
            is_set_to_here: (abilities.voice || abilities.sms)
                && is_right(&voice)
                && is_right(&own_messages),
            voice: voice.map(|way| way.route()),
            messages: messages.map(|way| way.route()),
            complaints: complaints.into_iter().flatten().collect(),
        }
    }

    fn voice<'n>(&'n self, number: &'n IncomingPhoneNumber) -> Way<'n> {
        match voice_route(number) {
            VoiceRoute::Trunk(sid) => Way {
                through: Place::Trunk,
                sid: Some(sid.as_str()),
                fault: Err(Fault::NotAUrl(Leads::Elsewhere)),
                application: None,
            },
            VoiceRoute::Application(sid) => match self.account.applications.get(sid) {
                None => Way::of_application(sid.as_str(), Err(Fault::Unseen), None),
                Some(None) => Way::of_application(sid.as_str(), Err(Fault::NoApplication), None),
                Some(Some(application)) => {
                    let method = application.voice_method.as_deref().unwrap_or("POST");
                    let url = application.voice_url.as_deref();
                    let fault = self.fault(Route::Voice, url.map(|url| (url, method)));
                    Way::of_application(sid.as_str(), fault, Some(application))
                }
            },
            VoiceRoute::Url(url, method) => {
                Way::of_url(self.fault(Route::Voice, Some((url, method))))
            }
            VoiceRoute::Nowhere => Way::nowhere(),
        }
    }

    /// The way of messages, or the one that they would take without a messaging service.
    fn messages<'n>(&'n self, number: &'n IncomingPhoneNumber, by_service: bool) -> Way<'n> {
        let membership = self.account.memberships.get(&number.sid);
        let service = membership.and_then(|place| self.account.services.get(*place));
        match message_route(number, service.filter(|_| by_service)) {
            MessageRoute::Service(service, configured) => Way {
                through: Place::MessagingService,
                sid: Some(service.sid.as_str()),
                fault: self.fault(Route::Sms, configured),
                application: None,
            },
            MessageRoute::Application(sid) => match self.account.applications.get(sid) {
                None => Way::of_application(sid.as_str(), Err(Fault::Unseen), None),
                Some(None) => Way::of_application(sid.as_str(), Err(Fault::NoApplication), None),
                Some(Some(application)) => {
                    let method = application.sms_method.as_deref().unwrap_or("POST");
                    let url = application.sms_url.as_deref();
                    let fault = self.fault(Route::Sms, url.map(|url| (url, method)));
                    Way::of_application(sid.as_str(), fault, Some(application))
                }
            },
            MessageRoute::Url(url, method) => {
                Way::of_url(self.fault(Route::Sms, Some((url, method))))
            }
            MessageRoute::Nowhere => Way::nowhere(),
        }
    }

    fn of_voice(&self, number: &IncomingPhoneNumber, way: &Way<'_>) -> Option<Complaint> {
        let fault = way.fault.err().filter(|fault| *fault != Fault::Unseen)?;
        let name = &number.phone_number;
        let url = self.urls.webhook(Route::Voice, self.account_sid);
        let set = format!("set 'A call comes in' of {name} to Webhook, HTTP POST, {url}");
        let sid = way.sid.unwrap_or_default();
        let (where_to, remedy) = match (way.through, fault) {
            (Place::Trunk, _) => (
                format!("go to the SIP trunk {sid}, whatever else is set"),
                format!("Take {name} out of the trunk, and {set}."),
            ),
            (Place::Application, fault) => (
                format!("go to the TwiML App {sid}, {}", of_application(fault)),
                of_application_remedy(way.application, "voice", &set),
            ),
            (_, Fault::Url(fault, _)) => (format!("go to a URL {fault}"), sentence(&set)),
            _ => ("go nowhere".to_owned(), sentence(&set)),
        };
        let what = format!("Calls to {name} {where_to}.");
        Some(Complaint { what, remedy })
    }

    fn of_messages(&self, number: &IncomingPhoneNumber, way: &Way<'_>) -> Option<Complaint> {
        let fault = way.fault.err().filter(|fault| *fault != Fault::Unseen)?;
        let name = &number.phone_number;
        let url = self.urls.webhook(Route::Sms, self.account_sid);
        let set = format!("set 'A message comes in' of {name} to Webhook, HTTP POST, {url}");
        let sid = way.sid.unwrap_or_default();
        let (where_to, remedy) = match (way.through, fault) {
            (Place::MessagingService, Fault::Url(fault, _)) => (
                format!(
                    "go to the messaging service {sid}, to a URL {fault}; the number's own settings do not count"
                ),
                format!(
                    "Set 'Send a webhook' in the integration of {sid} to {url}, or have it defer to the sender's webhook."
                ),
            ),
            (Place::Application, fault) => (
                format!("go to the TwiML App {sid}, {}", of_application(fault)),
                of_application_remedy(way.application, "messaging", &set),
            ),
            (_, Fault::Url(fault, _)) => (format!("go to a URL {fault}"), sentence(&set)),
            _ => ("go nowhere".to_owned(), sentence(&set)),
        };
        let what = format!("Messages to {name} {where_to}.");
        Some(Complaint { what, remedy })
    }

    /// What is wrong with a URL and its method.
    fn fault(&self, route: Route, configured: Option<(&str, &str)>) -> Result<(), Fault> {
        let Some((url, method)) = configured else {
            return Err(Fault::Url("that is not set", Leads::Nowhere));
        };
        match self.urls.lead(url, route, self.account_sid) {
            Lead::Elsewhere => Err(Fault::Url(
                "that is not of this deployment",
                Leads::Elsewhere,
            )),
            Lead::OtherAccount => Err(Fault::Url(
                "that names another account, so that they are refused",
                Leads::Refused,
            )),
            Lead::Here if method != "POST" => Err(Fault::Url(
                "that is called by GET, which is refused",
                Leads::Refused,
            )),
            Lead::Here => Ok(()),
        }
    }
}

impl<'n> Way<'n> {
    fn of_application(
        sid: &'n str,
        fault: Result<(), Fault>,
        application: Option<&'n Application>,
    ) -> Self {
        Self {
            through: Place::Application,
            sid: Some(sid),
            fault,
            application,
        }
    }

    fn of_url(fault: Result<(), Fault>) -> Self {
        Self {
            through: Place::Url,
            sid: None,
            fault,
            application: None,
        }
    }

    fn nowhere() -> Self {
        Self {
            through: Place::Nothing,
            sid: None,
            fault: Err(Fault::NotAUrl(Leads::Nowhere)),
            application: None,
        }
    }

    fn route(&self) -> NumberRoute {
        NumberRoute {
            through: self.through,
            sid: self.sid.map(str::to_owned),
            leads: self.fault.err().map_or(Leads::Here, Fault::leads),
        }
    }
}

fn of_application(fault: Fault) -> String {
    match fault {
        Fault::Url(fault, _) => format!("to a URL {fault}"),
        _ => "which does not exist".to_owned(),
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
