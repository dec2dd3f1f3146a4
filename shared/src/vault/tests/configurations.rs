//! Configurations of every provider, through the vault.

use serde_json::json;

use super::embedded_kms::EmbeddedKms;
use crate::input::Document;
use crate::integrations::Configuration;
use crate::tenant::{Provider, TenantId};

const SECRET: &str = "0123456789abcdef";

fn configurations() -> [Configuration; 5] {
    let account = "AC00112233445566778899aabbccddeeff";
    [
        (
            Provider::Twilio,
            json!({"account_sid": account, "auth_token": SECRET}),
        ),
        (
            Provider::Vapi,
            json!({"api_key": SECRET, "webhook_secret": "webhook-0123456789"}),
        ),
        (
            Provider::GoogleCalendar,
            json!({"client_id": "1", "client_secret": SECRET, "refresh_token": SECRET}),
        ),
        (Provider::Resend, json!({"api_key": format!("re_{SECRET}")})),
        (Provider::ElevenLabs, json!({"api_key": SECRET})),
    ]
    .map(|(provider, document)| {
        Configuration::from_input(provider, &Document::from(document)).unwrap()
    })
}

#[tokio::test]
async fn a_configuration_opens_for_its_own_tenant_and_provider_alone() {
    let kms = EmbeddedKms::new().await;
    let [acme, other]: [TenantId; 2] = ["acme", "other"].map(|id| id.parse().unwrap());
    for configuration in configurations() {
        let provider = configuration.provider();
        let message = configuration.seal(&kms.vault, &acme).await.unwrap();
        let opened = Configuration::open(&kms.vault, &acme, provider, &message).await;
        let opened = opened.unwrap();
        assert_eq!(opened.provider(), provider);
        assert_eq!(opened.summary(), configuration.summary());
        let elsewhere = Configuration::open(&kms.vault, &other, provider, &message).await;
        assert!(elsewhere.is_err(), "{provider}");
        for another in Provider::ALL.into_iter().filter(|it| *it != provider) {
            let moved = Configuration::open(&kms.vault, &acme, another, &message).await;
            assert!(moved.is_err(), "{provider} as {another}");
        }
    }
}
