//! Webhooks of every route, requests that no Twilio would send, and what both left behind.

use aws_sdk_dynamodb::types::AttributeValue;
use local::logs::{Line, Voice};
use local::twilio::payload::{
    CallLeg, CallProgress, CallStatus, Channel, DialResult, InboundMessage, InboundWhatsapp,
    MessageStatusCallback, Recording, RecordingSource, RecordingStatus, Transcription,
    WhatsappContent, WhatsappUser,
};
use local::twilio::{Parameters, Purpose, Webhook, sign};
use reqwest::header::{ALLOW, CONTENT_TYPE};
use reqwest::{Client, Method};
use shared::activity::{History, Resource, Route};
use shared::aws::{Aws, Patience};
use shared::clock::Clock;
use shared::environment::Environment;
use shared::secret::Secret;

use crate::harness::{Harness, Tenant};

/// Who writes and calls.
pub(crate) const CONTACT: &str = "+15005550010";

/// What people write and say, which no log may hold.
pub(crate) const WORDS: &str = "meet me at the old mill";

/// The form that Twilio's webhooks have.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";

/// A webhook and what it is about.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) webhook: Webhook,
    pub(crate) resource: Resource,
}

/// Has a webhook delivered again while the function could not take it in time.
///
/// The functions' own limits are short, and a machine that compiles something besides may be too slow for them. Twilio tries
/// again where a URL says so, as this one does.
pub(crate) fn with_retries(mut webhook: Webhook) -> Webhook {
    webhook.url.push_str("#rc=5&rp=5xx,ct,rt");
    webhook
}

/// Delivers an event, with retries, and gives the last status.
pub(crate) async fn deliver(tenant: &Tenant, event: &Event) -> u16 {
    let webhook = with_retries(event.webhook.clone());
    tenant.sender.deliver(&webhook).await.status().unwrap()
}

/// The function that serves a route.
pub(crate) fn binary(route: Route) -> &'static str {
    match route {
        Route::Sms | Route::SmsStatus => "sms-webhook",
        Route::Whatsapp | Route::WhatsappStatus => "whatsapp-webhook",
        _ => "voice-webhook",
    }
}

/// The URL of a route, as it is configured at a tenant's account.
pub(crate) fn url(tenant: &Tenant, route: Route) -> String {
    let urls = &tenant.target.urls;
    let base = match binary(route) {
        "sms-webhook" => &urls.sms,
        "whatsapp-webhook" => &urls.whatsapp,
        _ => &urls.voice,
    };
    let path = route.path().trim_start_matches('/');
    format!("{base}{path}?account={}", tenant.sender.account().sid)
}

/// A webhook of a route about something new.
pub(crate) fn event(tenant: &Tenant, route: Route) -> Event {
    let (sids, account) = (tenant.sender.sids(), &tenant.sender.account().sid);
    let (number, whatsapp) = (&tenant.target.phone_number, &tenant.target.whatsapp_sender);
    let now = Clock::system().now();
    let leg = CallLeg::inbound(account.clone(), sids.call(), CONTACT, number);
    let recording = Recording {
        account: account.clone(),
        sid: sids.recording(),
        call: leg.sid.clone(),
        source: RecordingSource::RecordVerb,
        channels: 1,
        started: now,
        seconds: 7,
    };
    let message = sids.message(false);
    let status = |channel, from: &str| {
        let sid = message.clone();
        MessageStatusCallback::new(account.clone(), sid, channel, from, CONTACT, "delivered")
            .parameters(now)
    };
    let of_call = Resource::Call(leg.sid.clone());
    let (purpose, parameters, resource) = match route {
        Route::Sms => {
            let sms =
                InboundMessage::text(account.clone(), message.clone(), CONTACT, number, WORDS);
            let resource = Resource::Message(message.clone());
            (Purpose::InboundMessage, sms.parameters(), resource)
        }
        Route::SmsStatus => (
            Purpose::MessageStatus,
            status(Channel::Sms, number),
            Resource::Message(message.clone()),
        ),
        Route::Whatsapp => {
            let written = InboundWhatsapp::new(
                account.clone(),
                message.clone(),
                WhatsappUser::Number(CONTACT.to_owned()),
                whatsapp,
                WhatsappContent::Text(WORDS.to_owned()),
            );
            let resource = Resource::Message(message.clone());
            (Purpose::InboundMessage, written.parameters(), resource)
        }
        Route::WhatsappStatus => (
            Purpose::MessageStatus,
            status(Channel::Whatsapp, whatsapp),
            Resource::Message(message.clone()),
        ),
        Route::Voice => (
            Purpose::IncomingCall,
            leg.parameters(CallStatus::Ringing),
            of_call,
        ),
        Route::VoiceDial => {
            let result = DialResult {
                status: "no-answer".to_owned(),
                child: Some(sids.call()),
                seconds: None,
                bridged: false,
                recording: None,
            };
            let parameters = leg.parameters(CallStatus::InProgress);
            (
                Purpose::DialAction,
                parameters.and(&result.parameters()),
                of_call,
            )
        }
        Route::VoiceStatus => {
            let progress = CallProgress {
                status: CallStatus::Completed,
                time: now,
                sequence: 3,
                seconds: Some(42),
                recording: None,
            };
            (Purpose::CallStatus, progress.parameters(&leg), of_call)
        }
        Route::VoiceRecording => (
            Purpose::RecordingStatus,
            recording.parameters(RecordingStatus::Completed),
            Resource::Recording(recording.sid.clone()),
        ),
        Route::VoiceVoicemail => {
            let parameters = leg.parameters(CallStatus::InProgress);
            (
                Purpose::RecordAction,
                parameters.and(&recording.action_parameters(Some("hangup"))),
                Resource::Recording(recording.sid.clone()),
            )
        }
        Route::VoiceTranscription => {
            let transcription = Transcription {
                sid: sids.sid("TR"),
                text: Some(WORDS.to_owned()),
            };
            (
                Purpose::Transcription,
                transcription.parameters(&leg, CallStatus::Completed, &recording),
                Resource::Recording(recording.sid.clone()),
            )
        }
    };
    Event {
        webhook: Webhook::new(purpose, url(tenant, route), parameters),
        resource,
    }
}

/// The parameters with one more, so that the form has this length.
pub(crate) fn padded(parameters: Parameters, length: usize) -> Parameters {
    let before = parameters.clone().with("Padding", "").form_encoded().len();
    parameters.with("Padding", "x".repeat(length - before))
}

/// A request that may be anything.
#[derive(Debug, Clone)]
pub(crate) struct RawRequest {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) allow: Option<String>,
    pub(crate) body: String,
}

impl RawRequest {
    /// A form with a signature, as Twilio would send it if it had this token.
    pub(crate) fn signed(url: &str, parameters: &Parameters, token: &Secret) -> Self {
        let mut request = Self::unsigned(url, parameters.form_encoded());
        request.sign_with(sign(token, url, parameters));
        request
    }

    /// A form without a signature.
    pub(crate) fn unsigned(url: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            method: Method::POST,
            url: url.to_owned(),
            headers: vec![("content-type", FORM.to_owned())],
            body: body.into(),
        }
    }

    /// Gives it a signature.
    pub(crate) fn sign_with(&mut self, signature: String) {
        self.headers.push(("x-twilio-signature", signature));
    }

    /// Its signature, if it has any.
    pub(crate) fn signature(&self) -> Option<&str> {
        let signature = self
            .headers
            .iter()
            .find(|(name, _)| *name == "x-twilio-signature");
        signature.map(|(_, value)| value.as_str())
    }

    /// Gives a header another value, or takes it away.
    pub(crate) fn set(&mut self, header: &'static str, value: Option<&str>) {
        self.headers.retain(|(name, _)| *name != header);
        self.headers
            .extend(value.map(|value| (header, value.to_owned())));
    }

    /// Sends it, again while the function could not resolve the account in time, as [`with_retries`] says.
    pub(crate) async fn insist(&self, client: &Client) -> Answer {
        let mut answer = self.send(client).await;
        for _ in 0..5 {
            if answer.status == 503 {
                answer = self.send(client).await;
            }
        }
        answer
    }

    /// Sends it.
    pub(crate) async fn send(&self, client: &Client) -> Answer {
        let request = client.request(self.method.clone(), &self.url);
        let request = self.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, value)
        });
        let response = request.body(self.body.clone()).send().await.unwrap();
        let header = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Answer {
            status: response.status().as_u16(),
            content_type: header(CONTENT_TYPE),
            allow: header(ALLOW),
            body: response.text().await.unwrap(),
        }
    }
}

/// What is kept of a resource.
pub(crate) async fn history(tenant: &Tenant, resource: &Resource) -> History {
    let scope = tenant.console.scope(&tenant.id);
    let activity = tenant.console.activity();
    activity.history(&scope, resource).await.unwrap()
}

/// How many facts are kept of a resource.
pub(crate) async fn facts(tenant: &Tenant, resource: &Resource) -> usize {
    history(tenant, resource).await.iter().count()
}

/// The lines that the functions printed, once every finished invocation has printed its own.
pub(crate) async fn settled_lines(harness: &Harness) -> Vec<Line> {
    let logs = harness.stack.logs();
    let settled = logs.wait_until(|lines| {
        let functions = harness.stack.functions().iter();
        let ended: usize = functions.map(|function| function.records().len()).sum();
        let said = |line: &&Line| {
            line.voice == Voice::Function && line.text.contains(r#""message":"webhook "#)
        };
        lines.iter().filter(said).count() >= ended
    });
    tokio::time::timeout(std::time::Duration::from_secs(10), settled)
        .await
        .expect("every invocation of a webhook function prints one line")
}

/// An item of DynamoDB.
pub(crate) type Item = std::collections::HashMap<String, AttributeValue>;

/// Every item of the Activity table.
pub(crate) async fn items(harness: &Harness) -> Vec<Item> {
    let environment = Environment::of(harness.stack.environment().clone());
    let aws = Aws::from_environment(&environment, Patience::BACKGROUND).unwrap();
    let scan = aws.dynamodb().scan();
    let scan = scan.table_name(harness.variable("ACTIVITY_TABLE"));
    let pages = scan.consistent_read(true).into_paginator().items().send();
    pages.collect::<Result<Vec<_>, _>>().await.unwrap()
}

/// The items in a tenant's partitions of the Activity table.
pub(crate) async fn items_of(harness: &Harness, tenant: &Tenant) -> Vec<Item> {
    let mut items = items(harness).await;
    items.retain(|item| item["pk"].as_s().unwrap().starts_with(&tenant.partition()));
    items
}
