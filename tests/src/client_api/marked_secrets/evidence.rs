//! A stack of its own, what is sent to it, and everything that came out of it.

use std::collections::BTreeSet;
use std::time::Duration;

use local::emulators::wire::WireLog;
use local::logs::Line;
use local::providers::{ElevenLabsKey, Grant, ResendKey, VapiKey};
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::tenant::Provider;
use tokio::sync::{Mutex, OnceCell};

use crate::client_api::caller::{Answer, Caller};
use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;
use crate::openapi::Contract;
use crate::secrets::stored_items;

/// Every secret repeats it, and it is nowhere else.
pub(super) const MARK: &str = "c4n4ry";
/// Every function of the template that is called here.
const FUNCTIONS: [&str; 8] = [
    "token",
    "credentials",
    "messaging",
    "tenants",
    "sms-webhook",
    "whatsapp-webhook",
    "voice-webhook",
    "deferred-writer",
];
const PATIENCE: Duration = Duration::from_secs(10);

/// A secret that begins so, repeats the mark, and ends in four characters that may be shown.
pub(super) fn secret(start: &str, number: usize) -> String {
    format!("{start}{}{number:04}", MARK.repeat(5))
}

/// Everything that came out.
pub(super) struct Evidence {
    /// Route, status, headers and body of every answer.
    pub(super) answers: Vec<String>,
    pub(super) statuses: BTreeSet<u16>,
    pub(super) lines: Vec<Line>,
    /// Every item of every table, as text.
    pub(super) items: String,
    /// Method, path and query of all that providers were asked, as they came.
    pub(super) asked: Vec<String>,
    /// Who answered with the secret that they were sent, by which status and in which media type.
    pub(super) echoed: BTreeSet<(&'static str, u16, String)>,
}

/// Sends everything once, whichever test asks first.
pub(super) async fn evidence() -> &'static Evidence {
    static EVIDENCE: OnceCell<Evidence> = OnceCell::const_new();
    EVIDENCE.get_or_init(gather).await
}

/// What has come out so far.
pub(super) struct Gathering {
    pub(super) harness: Harness,
    noted: Mutex<(Vec<String>, BTreeSet<u16>)>,
}

async fn gather() -> Evidence {
    let start = || {
        Harness::start(|options| {
            let loud = [("LOG_LEVEL".to_owned(), "trace".to_owned())];
            let loud = FUNCTIONS.map(|name| (name.to_owned(), loud.clone().into()));
            options.overrides = loud.into();
        })
    };
    let gathering = Gathering {
        harness: tokio::task::spawn_blocking(start).await.unwrap(),
        noted: Mutex::default(),
    };
    gathering.send_everything().await;
    gathering.close().await
}

impl Gathering {
    /// Notes an answer, and gives it back.
    pub(super) async fn note(&self, what: &str, answer: Answer) -> Answer {
        let text = format!(
            "{what}: {} {:?} {}",
            answer.status, answer.headers, answer.body
        );
        let mut noted = self.noted.lock().await;
        noted.0.push(text);
        noted.1.insert(answer.status);
        answer
    }

    /// Sends a request as an admin of a tenant who has sent none yet, and notes the answer.
    pub(super) async fn send(
        &self,
        newcomer: &Newcomer,
        method: Method,
        path: &str,
        change: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let admin = self.harness.admin(&newcomer.id);
        self.send_as(&admin, method, path, change).await
    }

    pub(super) async fn send_as(
        &self,
        caller: &Caller,
        method: Method,
        path: &str,
        change: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let answer = match Contract::shared().describes(method.as_str(), path) {
            true => caller.send(method.clone(), path, change).await,
            false => caller.send_unjudged(method.clone(), path, change).await,
        };
        self.note(method.as_str(), answer).await
    }

    /// The same with a JSON body.
    pub(super) async fn enter(
        &self,
        newcomer: &Newcomer,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Answer {
        let body = body.to_string();
        let answer = self.send(newcomer, method, path, |request| {
            request.header(CONTENT_TYPE, "application/json").body(body)
        });
        answer.await
    }

    /// The same with a header.
    pub(super) async fn enter_with(
        &self,
        newcomer: &Newcomer,
        path: &str,
        (name, value): (HeaderName, &str),
        body: &Value,
    ) -> Answer {
        let body = body.to_string();
        let answer = self.send(newcomer, Method::PUT, path, |request| {
            let request = request.header(CONTENT_TYPE, "application/json");
            request.header(name, value).body(body)
        });
        answer.await
    }

    /// Every field of a provider, every secret marked and, if it is to be good, known to the provider.
    pub(super) fn entry(&self, newcomer: &Newcomer, provider: Provider, is_good: bool) -> Value {
        let number = match is_good {
            true => 1,
            false => 1_001,
        };
        let own: usize = newcomer
            .id
            .as_str()
            .trim_start_matches("tenant-")
            .parse()
            .unwrap();
        let secret = |start: &str, field: usize| secret(start, number + 10 * own + field);
        let providers = self.harness.stack.providers();
        match provider {
            Provider::Twilio => {
                let key = format!("SK{:032x}", number + 10 * own);
                if is_good {
                    let account = &newcomer.account;
                    account.set_auth_token(&secret("", 0));
                    account.set_secondary_auth_token(Some(&secret("", 1)));
                    let kind = local::twilio::rest::KeyKind::Standard;
                    account.add_known_key(kind, &key, &secret("", 2));
                }
                json!({
                    "account_sid": newcomer.account.sid().as_str(), "auth_token": secret("", 0),
                    "secondary_auth_token": secret("", 1), "api_key_sid": key, "api_key_secret": secret("", 2),
                    "phone_number": "+15005550006",
                    "shared_keys": [{"id": "one", "secret": secret("", 3)}, {"id": "two", "secret": secret("", 4)}],
                })
            }
            Provider::Vapi => {
                if is_good {
                    let organisation = None;
                    providers.add_vapi_key(&secret("", 0), VapiKey::Private { organisation });
                }
                json!({"api_key": secret("", 0), "webhook_secret": secret("", 1)})
            }
            Provider::GoogleCalendar => {
                let client = format!("{}.apps.googleusercontent.com", newcomer.id);
                let (client_secret, grant) = (secret("GOCSPX-", 0), secret("1//", 1));
                if is_good {
                    providers.add_google_client(&client, &client_secret, true);
                    let mut live = Grant::live(&client, &["calendar"]);
                    // Google gives another in its place once, which is stored.
                    live.replaced_by = Some(secret("1//", 2));
                    providers.add_google_grant(&grant, live);
                    providers
                        .add_google_grant(&secret("1//", 2), Grant::live(&client, &["calendar"]));
                }
                json!({"client_id": client, "client_secret": client_secret, "refresh_token": grant})
            }
            Provider::Resend => {
                let key = secret("re_", 0);
                if is_good {
                    let domains = Vec::new();
                    providers.add_resend_key(&key, ResendKey::Full { domains });
                }
                json!({"api_key": key})
            }
            Provider::ElevenLabs => {
                let key = secret("sk_", 0);
                if is_good {
                    providers.add_elevenlabs_key(&key, ElevenLabsKey::Full);
                }
                json!({"api_key": key})
            }
        }
    }

    /// Waits until everything is logged, and looks at it.
    async fn close(self) -> Evidence {
        let stack = &self.harness.stack;
        for name in FUNCTIONS {
            for record in stack.function(name).unwrap().records() {
                if record.outcome != local::lambda::Outcome::Answered {
                    continue;
                }
                let is_report = |line: &Line| {
                    line.voice == local::logs::Voice::Report
                        && line.text.contains(&record.request_id)
                };
                let logged = stack.logs().wait_for(is_report, PATIENCE).await;
                assert!(
                    logged.is_some(),
                    "the end of {} is not logged",
                    record.request_id
                );
            }
        }
        let asked = |wire: &WireLog| {
            let calls = wire.calls();
            let asked = calls.iter().map(|call| call.asked.clone());
            asked.collect::<Vec<_>>()
        };
        let asked = [stack.twilio().wire(), stack.providers().wire()]
            .map(asked)
            .concat();
        let mut echoed = BTreeSet::new();
        let calls = stack.providers().wire().calls();
        for provider in Provider::ALL {
            let calls = match provider {
                Provider::Twilio => stack.twilio().wire().calls(),
                Provider::GoogleCalendar => calls.clone().resource("google-oauth"),
                other => calls.clone().resource(other.as_str()),
            };
            echoed.extend(calls.iter().filter_map(|call| {
                let media_type = call.echoed.clone()?;
                Some((provider.as_str(), call.status?, media_type))
            }));
        }
        let items = stored_items(&self.harness).await;
        let lines = stack.logs().lines();
        let (answers, statuses) = self.noted.into_inner();
        Evidence {
            answers,
            statuses,
            lines,
            items,
            asked,
            echoed,
        }
    }
}
