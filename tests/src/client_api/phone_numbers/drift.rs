//! What whoever looks after connected numbers every day finds, and mends.

use std::time::Duration;

use serde_json::Value;
use shared::audit::Actor;
use shared::clock::Clock;
use shared::environment::Environment;
use shared::outbound::Outbound;
use shared::phone_numbers::{Drift, PhoneNumbers};
use shared::store::PhoneNumberItems;
use shared::tenant::Settings;
use shared::twilio::{TwilioClient, TwilioCredentials, WebhookUrls};
use tokio::time::Instant;

use super::ELSEWHERE;
use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

const VERIFIER: Actor = Actor::Function("verifier");

/// The library as another function has it.
struct Keeper {
    numbers: PhoneNumbers,
    outbound: Outbound,
    credentials: TwilioCredentials,
}

impl Keeper {
    fn of(harness: &Harness, newcomer: &Newcomer) -> Self {
        let urls = harness.urls();
        let variables = [
            ("VOICE_WEBHOOK_URL", urls.voice),
            ("SMS_WEBHOOK_URL", urls.sms),
            ("WHATSAPP_WEBHOOK_URL", urls.whatsapp),
            ("TWILIO_API_BASE_URL", harness.stack.twilio().url()),
        ];
        let environment = Environment::of(variables);
        let table = harness.variable("TENANTS_TABLE").to_owned();
        let items = PhoneNumberItems::new(harness.dynamodb(), table);
        let urls = WebhookUrls::from_environment(&environment).unwrap();
        Self {
            numbers: PhoneNumbers::new(items, urls, Clock::system()),
            outbound: Outbound::from_environment(&environment).unwrap(),
            credentials: serde_json::from_value(newcomer.credentials.clone()).unwrap(),
        }
    }

    fn client(&self) -> TwilioClient<'_> {
        let deadline = Instant::now() + Duration::from_secs(20);
        TwilioClient::new(&self.outbound, &self.credentials, deadline)
    }
}

#[tokio::test]
async fn a_connected_number_that_leads_elsewhere_is_found_and_mended() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let keeper = Keeper::of(harness, &newcomer);
    let scope = harness.console().scope(&newcomer.id);
    let [kept, moved, gone, never] =
        [0, 1, 2, 3].map(|number| newcomer.account.add_number(&format!("+1212555010{number}")));
    newcomer.sync().await;
    for sid in [&kept, &moved, &gone] {
        newcomer.connect(sid).await.document(200);
    }
    assert_eq!(
        keeper
            .numbers
            .drifted(&scope, &keeper.client())
            .await
            .unwrap()
            .drifted,
        []
    );
    // What nobody connected may lead anywhere.
    for sid in [&moved, &never] {
        newcomer.configure(sid, &[("VoiceUrl", ELSEWHERE)]);
    }
    newcomer.account.release_number(&gone);
    let mut found: Vec<_> = keeper
        .numbers
        .drifted(&scope, &keeper.client())
        .await
        .unwrap()
        .drifted
        .into_iter()
        .map(|drifted| (drifted.number.state.sid.to_string(), drifted.how))
        .collect();
    found.sort_unstable_by_key(|(sid, _)| *sid != moved);
    let expected = [
        (moved.clone(), Drift::Settings(vec!["voice_url"])),
        (gone, Drift::Gone),
    ];
    assert_eq!(found, expected);

    let settings = Settings::default();
    let (client, sid) = (keeper.client(), moved.parse().unwrap());
    let mended = keeper
        .numbers
        .connect(&scope, &client, &settings, &sid, &VERIFIER);
    assert!(mended.await.unwrap().state.is_connected);
    let repaired = ["phone_number_repaired", "function:verifier", &moved];
    let audit = newcomer.audit().await;
    assert!(
        audit.iter().any(|entry| entry[..3] == repaired),
        "{audit:?}"
    );
    assert_ne!(newcomer.number(&moved)["voice_url"], Value::from(ELSEWHERE));
}

#[tokio::test]
async fn twilio_is_not_asked_where_nothing_was_connected() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let keeper = Keeper::of(harness, &newcomer);
    newcomer.account.add_number("+12125550100");
    newcomer.sync().await;
    let scope = harness.console().scope(&newcomer.id);
    let calls = newcomer.account.calls().count();
    assert_eq!(
        keeper
            .numbers
            .drifted(&scope, &keeper.client())
            .await
            .unwrap()
            .drifted,
        []
    );
    assert_eq!(newcomer.account.calls().count(), calls);
}
