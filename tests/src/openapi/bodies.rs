//! That the contract takes the bodies that the handlers take, and no others: both are asked about the edges of every field.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::fault::InvalidInput;
use shared::input::Document;
use shared::integrations::Configuration;
use shared::store::ProfileChanges;
use shared::tenant::{Provider, Settings};
use shared::tenants::TenantCreation;
use shared::tokens::TokenRequest;

use super::Contract;

/// What may stand in any field.
fn anything() -> Vec<Value> {
    let odd = ["", " ", "a", "null", "\u{0}", "é", "a\nb", "\u{7f}"].map(Value::from);
    let others = [json!(null), json!(true), json!(7), json!(-1), json!(0.5)];
    let nested = [json!([]), json!({}), json!([null]), json!([{}])];
    [odd.as_slice(), &others, &nested].concat()
}

/// Texts of these lengths.
fn of_lengths(start: &str, lengths: &[usize]) -> Vec<Value> {
    let text = |length: &usize| start.to_owned() + &"x".repeat(length - start.len());
    lengths.iter().map(|length| text(length).into()).collect()
}

fn texts(texts: &[&str]) -> Vec<Value> {
    texts.iter().map(|text| Value::from(*text)).collect()
}

fn sids(prefix: &str) -> Vec<Value> {
    let sid = |digits: &str| Value::from(format!("{prefix}{digits}"));
    let (lower, mixed) = ("0123456789abcdef".repeat(2), "0123456789ABCDEf".repeat(2));
    let others = [
        json!(format!("XX{lower}")),
        json!(format!(" {prefix}{lower}")),
    ];
    let own = [
        &lower,
        &mixed,
        &lower[1..],
        &format!("{lower}0"),
        &"g".repeat(32),
    ]
    .map(sid);
    [own.as_slice(), &others].concat()
}

fn numbers() -> Vec<Value> {
    texts(&[
        "+1500555",
        "+150055",
        "+150055500060000",
        "+1500555000600001",
        "+05005550006",
        "15005550006",
        "+1 5005550006",
        "+1500555000a",
    ])
}

fn secrets(start: &str, most: usize) -> Vec<Value> {
    let spaced = texts(&[
        "a secret with spaces",
        "a-secret-with-\ttab",
        "a-secret-with-é-in-it",
    ]);
    [of_lengths(start, &[15, 16, most, most + 1]), spaced].concat()
}

type Read = dyn Fn(&Document) -> Result<(), InvalidInput>;

/// Puts each value into the field of a body that is taken, and asks both.
struct Body<'s> {
    schema: &'s str,
    whole: Value,
    read: Box<Read>,
    tried: BTreeSet<String>,
    /// Whether what is described may be refused together with what is stored.
    depends_on_stored: bool,
}

impl<'s> Body<'s> {
    fn new<T>(
        schema: &'s str,
        whole: Value,
        read: impl Fn(&Document) -> Result<T, InvalidInput> + 'static,
    ) -> Self {
        let read = Box::new(move |document: &Document| read(document).map(drop));
        let body = Self {
            schema,
            whole,
            read,
            tried: BTreeSet::new(),
            depends_on_stored: schema == "TwilioChange",
        };
        assert!(body.asks_both(&body.whole), "{schema}");
        for other in [json!({}), json!(null), json!([]), json!({"a": 1})] {
            body.asks_both(&other);
        }
        body
    }

    /// Whether it is taken, of which both say the same.
    fn asks_both(&self, document: &Value) -> bool {
        let pointer = format!("/components/schemas/{}", self.schema);
        let described = Contract::shared().check(&pointer, document);
        let read = (self.read)(&document.clone().into());
        let (is_described, is_read) = (described.is_ok(), read.is_ok());
        assert!(
            is_described == is_read || (is_described && self.depends_on_stored),
            "{document}: {described:?} by the contract, {read:?} by the code"
        );
        is_read
    }

    fn try_field(mut self, field: &str, values: Vec<Value>) -> Self {
        for value in anything().into_iter().chain(values) {
            let mut document = self.whole.clone();
            document[field] = value;
            self.asks_both(&document);
        }
        let mut without = self.whole.clone();
        without.as_object_mut().unwrap().remove(field);
        self.asks_both(&without);
        self.tried.insert(field.to_owned());
        self
    }

    /// Every field of the schema was tried.
    fn all(self) {
        let pointer = format!("/components/schemas/{}/properties", self.schema);
        let (_, fields) = Contract::shared().existing(&pointer);
        let fields: BTreeSet<_> = fields.as_object().unwrap().keys().cloned().collect();
        assert_eq!(self.tried, fields, "{}", self.schema);
    }
}

fn twilio() -> Value {
    json!({
        "account_sid": format!("AC{}", "0".repeat(32)), "auth_token": "0".repeat(32),
        "api_key_sid": format!("SK{}", "0".repeat(32)), "api_key_secret": "1".repeat(32)
    })
}

fn twilio_fields(body: Body<'_>) -> Body<'_> {
    let key = |id: &str, secret: &str| json!([{"id": id, "secret": secret}]);
    let (id, secret) = ("x".repeat(128), "s".repeat(16));
    let keys = |count: usize| -> Value {
        let keys = (0..count).map(|number| json!({"id": number.to_string(), "secret": secret}));
        keys.collect::<Vec<_>>().into()
    };
    let shared_keys = vec![
        keys(10),
        keys(11),
        key("a", &secret),
        key("", &secret),
        key(&id, &secret),
        key(&format!("{id}x"), &secret),
        key("a=b", &secret),
        key("a,b", &secret),
        key("-!~<>+.", &secret),
        key("a b", &secret),
        key("a", "short"),
        json!([{"id": "a"}]),
        json!([{"id": "a", "secret": null}]),
        json!([{"id": "a", "secret": secret, "more": 1}]),
    ];
    body.try_field("account_sid", sids("AC"))
        .try_field("auth_token", secrets("", 128))
        .try_field("secondary_auth_token", secrets("", 128))
        .try_field("api_key_sid", sids("SK"))
        .try_field("api_key_secret", secrets("", 128))
        .try_field("phone_number", numbers())
        .try_field("whatsapp_sender", numbers())
        .try_field("messaging_service_sid", sids("MG"))
        .try_field("shared_keys", shared_keys)
}

fn configuration(provider: Provider) -> impl Fn(&Document) -> Result<Configuration, InvalidInput> {
    move |document| Configuration::from_input(provider, document)
}

fn change(
    provider: Provider,
    stored: &Value,
) -> impl Fn(&Document) -> Result<Configuration, InvalidInput> + use<> {
    let stored = Configuration::from_input(provider, &stored.clone().into()).unwrap();
    move |document| stored.patched(document)
}

#[test]
fn a_request_of_a_token_is_described_as_it_is_read() {
    let seconds = [59, 60, 86_400, 86_401].map(Value::from).to_vec();
    Body::new("TokenRequest", json!({}), TokenRequest::from_input)
        .try_field("ttl_seconds", seconds)
        .try_field("push_credential_sid", sids("CR"))
        .all();
}

#[test]
fn tenants_are_described_as_they_are_read() {
    let ids = || {
        let slugs = texts(&["a1", "-a", "a-", "A1", "a_b", "a#b", "0-"]);
        [of_lengths("", &[2, 63, 64]), slugs].concat()
    };
    let labels = || {
        let labels = texts(&["0", "a-", "-a", "a-b", "ab--c", "a--b", "A", "a.b", "a_b"]);
        [of_lengths("", &[1, 63, 64]), labels].concat()
    };
    let names = || {
        let blank = texts(&["  ", "\u{a0}", " a ", "日本", "a\tb", "a\u{85}b"]);
        [of_lengths("", &[1, 200, 201]), blank].concat()
    };
    let name = json!({"name": "Acme"});
    Body::new("TenantCreation", name.clone(), TenantCreation::from_input)
        .try_field("tenant_id", ids())
        .try_field("name", names())
        .try_field("subdomain", labels())
        .try_field("twilio", texts(&["own", "Own"]))
        .all();
    Body::new("TenantChange", name, ProfileChanges::from_input)
        .try_field("name", names())
        .try_field("status", texts(&["active", "suspended", "deleting"]))
        .try_field("subdomain", labels())
        .all();
}

#[test]
fn twilio_credentials_are_described_as_they_are_read() {
    let whole = || configuration(Provider::Twilio);
    twilio_fields(Body::new("TwilioConfiguration", twilio(), whole())).all();
    let change = change(Provider::Twilio, &twilio());
    twilio_fields(Body::new("TwilioChange", twilio(), change)).all();
    let pairs = Body::new("TwilioConfiguration", twilio(), whole());
    for sid in [json!(null), twilio()["api_key_sid"].clone()] {
        for secret in [json!(null), twilio()["api_key_secret"].clone()] {
            let mut document = twilio();
            document["api_key_sid"] = sid.clone();
            document["api_key_secret"] = secret;
            pairs.asks_both(&document);
        }
    }
}

#[test]
fn the_other_providers_credentials_are_described_as_they_are_read() {
    let secret = "s".repeat(32);
    let vapi = json!({"api_key": secret, "webhook_secret": "w".repeat(32)});
    let google = json!({"client_id": "c", "client_secret": secret, "refresh_token": secret});
    let (resend, elevenlabs) = (
        json!({"api_key": "re_0123456789abc"}),
        json!({"api_key": secret}),
    );
    let resend_keys = || {
        let forms = texts(&[
            "re_0123456789ab-",
            "RE_0123456789abc",
            "whsec_0123456789abc",
        ]);
        [secrets("re_", 256), secrets("", 256), forms].concat()
    };
    let ids = || [of_lengths("", &[1, 256, 257]), texts(&["a b"])].concat();
    let provider = Provider::Vapi;
    for body in [
        Body::new("VapiConfiguration", vapi.clone(), configuration(provider)),
        Body::new("VapiChange", vapi.clone(), change(provider, &vapi)),
    ] {
        body.try_field("api_key", secrets("", 512))
            .try_field("webhook_secret", secrets("", 512))
            .all();
    }
    let provider = Provider::GoogleCalendar;
    for body in [
        Body::new(
            "GoogleCalendarConfiguration",
            google.clone(),
            configuration(provider),
        ),
        Body::new(
            "GoogleCalendarChange",
            google.clone(),
            change(provider, &google),
        ),
    ] {
        body.try_field("client_id", ids())
            .try_field("client_secret", secrets("", 512))
            .try_field("refresh_token", secrets("", 2_048))
            .all();
    }
    let provider = Provider::Resend;
    for body in [
        Body::new(
            "ResendConfiguration",
            resend.clone(),
            configuration(provider),
        ),
        Body::new("ResendChange", resend.clone(), change(provider, &resend)),
    ] {
        body.try_field("api_key", resend_keys()).all();
    }
    let provider = Provider::ElevenLabs;
    for body in [
        Body::new(
            "ElevenLabsConfiguration",
            elevenlabs.clone(),
            configuration(provider),
        ),
        Body::new(
            "ElevenLabsChange",
            elevenlabs.clone(),
            change(provider, &elevenlabs),
        ),
    ] {
        body.try_field("api_key", secrets("", 256)).all();
    }
}

#[test]
fn settings_are_described_as_they_are_read() {
    let users = |count: usize| Value::from(vec!["alice"; count]);
    let countries = |count: usize| Value::from(vec!["AT"; count]);
    let spans = |count: usize| {
        let span = json!({"day": "monday", "open": "09:00", "close": "17:00"});
        json!({"time_zone": "UTC", "weekly": vec![span; count]})
    };
    let span = |open: &str, close: &str| {
        let span = json!({"day": "sunday", "open": open, "close": close});
        json!({"time_zone": "Europe/Vienna", "weekly": [span]})
    };
    let mut hours = vec![spans(0), spans(49), spans(50), json!({"time_zone": "UTC"})];
    for time in [
        "00:00", "23:59", "24:00", "24:01", "9:00", "09:0", "09:00:00", " 9:00", "+9:00",
    ] {
        hours.extend([span(time, "12:00"), span("12:00", time)]);
    }
    let senders = [
        numbers(),
        sids("MG"),
        texts(&[
            "12",
            "123",
            "12345678",
            "123456789",
            "Acme",
            "Acme & Co_+-",
            "Acme & Co",
            "Acme-Corpor",
            "Acme-Corpora",
        ]),
        texts(&[
            "whatsapp:+15005550006",
            "whatsapp:15005550006",
            "whatsapp:",
            "Acmé",
            "Acme!",
        ]),
    ];
    Body::new("SettingsChange", json!({}), |document: &Document| {
        Settings::from_input(document.value())
    })
    .try_field("auto_record_calls", vec![json!(false)])
    .try_field("greeting", of_lengths("", &[4_096, 4_097]))
    .try_field("inbound_route", texts(&["voicemail", "Voicemail"]))
    .try_field("forward_to", numbers())
    .try_field(
        "browser_users",
        vec![
            users(10),
            users(11),
            json!(["a".repeat(121)]),
            json!(["a".repeat(122)]),
            json!(["a b"]),
            json!([""]),
        ],
    )
    .try_field("voicemail", vec![json!(false)])
    .try_field("business_hours", hours)
    .try_field(
        "allowed_countries",
        vec![
            countries(300),
            countries(301),
            json!(["at"]),
            json!(["A"]),
            json!(["AUT"]),
        ],
    )
    .try_field("auto_reply", of_lengths("", &[1_600, 1_601]))
    .try_field("default_sender", senders.concat())
    .try_field("drift", texts(&["repair", "report", "ignore"]))
    .all();
}
