//! Providers that answer with whatever they were sent.

use local::double::Misbehaviour;
use local::emulators::faults::Times;
use local::providers::Service;
use reqwest::Method;
use serde_json::{Value, json};
use shared::tenant::Provider;

use super::evidence::Gathering;
use crate::client_api::onboarding::{Newcomer, path_of};

/// In which statuses and media types every provider repeats what it is sent.
pub(super) const ECHOES: [(u16, &str); 7] = [
    (200, "text/html"),
    (401, "text/html"),
    (200, "application/json"),
    (400, "application/json"),
    (401, "application/json"),
    (403, "application/json"),
    (502, "text/html"),
];

impl Gathering {
    /// Providers that answer with whatever they were sent.
    pub(super) async fn misbehaving(&self, newcomer: &Newcomer, provider: Provider) {
        let path = path_of(provider);
        let (unchecked, verify) = (format!("{path}?verify=false"), format!("{path}/verify"));
        let entry = self.entry(newcomer, provider, true);
        self.enter(newcomer, Method::PUT, &unchecked, &entry).await;
        let (twilio, providers) = (self.harness.stack.twilio(), self.harness.stack.providers());
        let echoes = ECHOES.map(|(status, media_type)| match media_type {
            "text/html" => Misbehaviour::HtmlEcho(status),
            _ => Misbehaviour::JsonEcho(status),
        });
        let others = [
            Misbehaviour::Garbled,
            Misbehaviour::Unauthorized,
            Misbehaviour::Close,
        ];
        for echo in echoes.into_iter().chain(others) {
            // These are asked four times, with pauses: once will do.
            let is_repeated = matches!(echo, Misbehaviour::HtmlEcho(502) | Misbehaviour::Close);
            let service = match provider {
                Provider::Twilio => None,
                Provider::Vapi => Some(Service::Vapi),
                Provider::GoogleCalendar => Some(Service::GoogleOauth),
                Provider::Resend => Some(Service::Resend),
                Provider::ElevenLabs => Some(Service::ElevenLabs),
            };
            let fault = match service {
                None => newcomer.account.misbehave(echo.clone(), Times::Always),
                Some(service) => providers.misbehave(service, echo.clone(), Times::Always),
            };
            self.enter(newcomer, Method::POST, &verify, &Value::Null)
                .await;
            if !is_repeated {
                self.enter(newcomer, Method::PUT, &path, &entry).await;
                self.enter(newcomer, Method::PATCH, &path, &json!({})).await;
            }
            if provider == Provider::Twilio {
                if !is_repeated {
                    self.tokens_and_health(newcomer).await;
                }
                twilio.faults().remove(fault);
            } else {
                providers.faults().remove(fault);
            }
            self.read(newcomer, &path).await;
        }
        if provider == Provider::GoogleCalendar {
            let echo = Misbehaviour::JsonEcho(403);
            let fault = providers.misbehave(Service::GoogleApi, echo, Times::Always);
            self.enter(newcomer, Method::PUT, &path, &entry).await;
            self.enter(newcomer, Method::POST, &verify, &Value::Null)
                .await;
            providers.faults().remove(fault);
            self.read(newcomer, &path).await;
        }
    }

    pub(super) async fn tokens_and_health(&self, newcomer: &Newcomer) {
        // What it answers is a token, signed with a secret: it is not noted.
        let admin = self.harness.admin(&newcomer.id);
        admin.post("/api/token", &json!({})).await;
        self.send(newcomer, Method::GET, "/api/health/twilio", |request| {
            request
        })
        .await;
    }
}
