//! What is sent to the stack of the canary.

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::lambda::Moment;
use local::twilio::call::{DialOutcome, RecordingEnd, VoicemailOutcome};
use local::twilio::payload::{Channel, WhatsappContent};
use local::twilio::{Account, Forgery, Webhook, WebhookSender, sign};
use serde_json::{Value, json};
use shared::activity::Route;
use shared::secret::Secret;

use super::evidence::{CUSTOMER, FUNCTIONS, Gathering, HOSTILE, PRIVATE, shared_key};
use crate::conversations::CONTACT;
use crate::harness::Tenant;

impl Gathering {
    /// What Twilio sends, signed with every key that the tenant has.
    pub(super) async fn good_traffic(&mut self, tenant: &Tenant) {
        for webhook in messages(tenant) {
            let status = self.deliver(tenant, &webhook).await;
            assert!(matches!(status, Some(200 | 204)), "{}", webhook.url);
        }
        let voicemail = tenant
            .phone_call()
            .dialling(DialOutcome::NoAnswer)
            .recording(said());
        for script in [
            tenant.phone_call(),
            voicemail,
            tenant.browser_call("alice", CUSTOMER),
            tenant.browser_call("alice", HOSTILE),
        ] {
            self.call(&tenant.sender, &script).await;
        }
        for field in ["secondary_auth_token", "previous_auth_token"] {
            let token = tenant.document["twilio"][field].as_str().unwrap();
            let account = Account::new(tenant.sender.account().sid.clone(), Secret::from(token));
            let message = tenant.sms_webhook(&tenant.sms(PRIVATE));
            let exchange = WebhookSender::new(account).deliver(&message).await;
            assert_eq!(exchange.status(), Some(200));
            self.note(&exchange);
        }
        let message = tenant.sms_webhook(&tenant.sms(PRIVATE));
        let signature = sign(
            &Secret::from(shared_key(tenant).as_str()),
            &message.url,
            &message.parameters,
        );
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-twilio-signature", signature.as_str()),
            (
                "x-twilio-webhooks-signature-settings",
                "key=key-1,algorithm=HMAC_SHA1",
            ),
        ];
        let body = message.parameters.form_encoded();
        let status = self.send("POST", &message.url, &headers, body).await;
        assert_eq!(status, 200);
        self.signatures.push(signature);
    }

    /// Every route, with everything that can be wrong about a signature.
    pub(super) async fn forged_traffic(&mut self, tenant: &Tenant) {
        let forgeries = [
            Forgery::TamperedBody,
            Forgery::WrongToken,
            Forgery::MissingSignature,
            Forgery::OtherAccount,
        ];
        let urls = &tenant.target.urls;
        let account = tenant.sender.account().sid.clone();
        for route in Route::ALL {
            let base = match route {
                Route::Sms | Route::SmsStatus => &urls.sms,
                Route::Whatsapp | Route::WhatsappStatus => &urls.whatsapp,
                _ => &urls.voice,
            };
            let base = base.trim_end_matches('/');
            let mut webhook = tenant.sms_webhook(&tenant.sms(PRIVATE));
            webhook.url = format!("{base}{}?account={account}", route.path());
            for forgery in forgeries {
                let exchange = tenant.sender.deliver_forged(&webhook, forgery).await;
                assert_eq!(exchange.status(), Some(403), "{forgery:?} {}", webhook.url);
                self.note(&exchange);
            }
        }
    }

    /// Requests that are wrong before a signature is looked at, and one that is wrong after.
    pub(super) async fn malformed_traffic(&mut self, tenant: &Tenant) {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let message = tenant.sms_webhook(&tenant.sms(PRIVATE));
        let (url, body) = (&message.url, message.parameters.form_encoded());
        let base = &tenant.target.urls.sms;
        let account = &tenant.sender.account().sid;
        let settings = "x-twilio-webhooks-signature-settings";
        let signed = ("x-twilio-signature", HOSTILE);
        let json_type = ("content-type", "application/json");
        let odd_type = ("content-type", HOSTILE);
        let post =
            |url: &str, headers, body: &str| ("POST", url.to_owned(), headers, body.to_owned());
        let odd = [
            ("GET", format!("{url}&{body}"), vec![], String::new()),
            ("DELETE", url.clone(), vec![form], body.clone()),
            post(&format!("{base}{HOSTILE}?{body}"), vec![form], &body),
            post(&format!("{url}&x={HOSTILE}%zz"), vec![form], &body),
            post(url, vec![form], &format!("{body}&{HOSTILE}=%zz")),
            post(url, vec![form], &format!("AccountSid={HOSTILE}")),
            post(
                url,
                vec![form],
                &format!("AccountSid={account}&MessageSid={HOSTILE}"),
            ),
            post(url, vec![form], &HOSTILE.repeat(20_000)),
            post(url, vec![form, signed], &body),
            post(url, vec![form, signed, (settings, HOSTILE)], &body),
            post(url, vec![odd_type], &body),
            post(url, vec![json_type], &json!(HOSTILE).to_string()),
        ];
        for (method, url, headers, body) in odd {
            let status = self.send(method, &url, &headers, body).await;
            assert!((400..500).contains(&status), "{status} for {method} {url}");
        }
        // Signed, and names nothing that it could be kept under.
        let mut unnamed = message.clone();
        for name in ["MessageSid", "SmsMessageSid", "SmsSid"] {
            unnamed.parameters.set(name, HOSTILE);
        }
        assert_eq!(self.deliver(tenant, &unnamed).await, Some(400));
    }

    /// Events that are no requests and no batches.
    pub(super) async fn events_that_are_none(&mut self) {
        let events = [
            json!(HOSTILE),
            json!({"requestContext": HOSTILE}),
            json!({"headers": [HOSTILE], "body": PRIVATE}),
            json!({"Records": HOSTILE}),
            json!({"Records": [{"messageId": 7, "body": {"x": HOSTILE}}]}),
            json!({"Records": [{"messageId": "1", "body": HOSTILE}]}),
            json!({"Records": [{"messageId": "1", "body": json!({"tenant_id": HOSTILE}).to_string()}]}),
        ];
        for function in FUNCTIONS {
            for event in &events {
                self.invoke(function, event).await;
            }
        }
    }

    /// Stores, keys and a queue that fail in every way.
    pub(super) async fn failing_stores(&mut self, tenant: &Tenant) {
        let emulators = self.harness.stack.emulators();
        let dynamodb = emulators.dynamodb().faults().clone();
        let kms = emulators.kms().faults().clone();
        let sqs = emulators.sqs().faults().clone();
        for (effect, attempts) in failures() {
            // Of this message, and as often as the webhook tries: the publisher writes too, and the writer would come again a
            // minute later.
            let message = tenant.sms(PRIVATE);
            let partition = format!("{}message#{}", tenant.partition(), message.sid);
            let own = Matching::writes().partition(partition);
            dynamodb.inject(own, effect, Times::Next(attempts));
            let message = tenant.sms_webhook(&message);
            assert_eq!(self.deliver(tenant, &message).await, Some(200));
            dynamodb.clear();
            self.drained().await;
        }
        for (effect, _) in failures() {
            dynamodb.inject(Matching::writes(), effect.clone(), Times::Always);
            let put_aside = Matching::operations(["SendMessage"]);
            sqs.inject(put_aside, effect, Times::Always);
            let message = tenant.sms_webhook(&tenant.sms(PRIVATE));
            assert_eq!(self.deliver(tenant, &message).await, Some(503));
            self.invoke("deferred-writer", &batch(tenant)).await;
            dynamodb.clear();
            sqs.clear();
        }
        for (effect, _) in failures() {
            for faults in [&dynamodb, &kms] {
                let unknown = self.tenant().await;
                faults.inject(Matching::any(), effect.clone(), Times::Always);
                let message = unknown.sms_webhook(&unknown.sms(PRIVATE));
                assert_eq!(self.deliver(&unknown, &message).await, Some(503));
                faults.clear();
            }
        }
    }

    /// Processes that end in the middle of an invocation.
    pub(super) async fn dying_functions(&mut self, tenant: &Tenant) {
        for moment in [Moment::Delivery, Moment::Answer] {
            let function = self.harness.stack.function("sms-webhook").unwrap();
            function.kill_next_at(moment);
            let message = tenant.sms_webhook(&tenant.sms(PRIVATE));
            assert_eq!(self.deliver(tenant, &message).await, Some(502));
        }
    }
}

/// Ways in which a call of AWS fails, with how often the SDK tries before it gives up.
fn failures() -> [(Effect, u32); 6] {
    let too_large = "Item size has exceeded the maximum allowed size";
    [
        (Effect::Refuse(AwsError::throughput_exceeded()), 2),
        (Effect::Refuse(AwsError::internal()), 2),
        (Effect::Refuse(AwsError::access_denied()), 1),
        (
            Effect::Refuse(AwsError::new(400, "ValidationException", too_large)),
            1,
        ),
        (Effect::Drop, 2),
        (Effect::Hang, 2),
    ]
}

fn said() -> VoicemailOutcome {
    VoicemailOutcome::Message {
        seconds: 9,
        end: RecordingEnd::Hangup,
        transcription: Some(format!("{PRIVATE} was said")),
    }
}

/// One webhook of every message route.
fn messages(tenant: &Tenant) -> Vec<Webhook> {
    let text = format!("{PRIVATE} was written");
    let mut whatsapp = tenant.whatsapp(WhatsappContent::Text(text.clone()));
    whatsapp.profile_name = format!("{PRIVATE} is the name");
    let sid = tenant.sender.sids().message(false);
    vec![
        tenant.sms_webhook(&tenant.sms(&text)),
        tenant.whatsapp_webhook(&whatsapp),
        tenant.status_webhook(&tenant.status(Channel::Sms, &sid, "delivered")),
        tenant.status_webhook(&tenant.status(Channel::Whatsapp, &sid, "read")),
    ]
}

/// A webhook as the queue holds it.
fn batch(tenant: &Tenant) -> Value {
    let sid = tenant.sender.sids().message(false);
    let webhook = json!({
        "tenant_id": tenant.id,
        "fact": {
            "resource": {"kind": "message", "sid": sid},
            "route": "/sms",
            "received_at": "2026-01-02T03:04:05Z",
            "parameters": {"From": CONTACT, "Body": PRIVATE},
        },
    });
    json!({"Records": [{"messageId": "1", "body": webhook.to_string()}]})
}
