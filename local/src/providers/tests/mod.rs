mod elevenlabs;
mod google;
mod misbehaviour;
mod resend;
mod vapi;

use reqwest::Response;
use serde_json::Value;

use super::*;

async fn doubles() -> ProviderDoubles {
    let doubles = ProviderDoubles::start(0, Clock::system()).await.unwrap();
    doubles.register_demo_credentials();
    doubles
}

/// The status and the body.
async fn answered(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Asks a service with a bearer token.
async fn get(doubles: &ProviderDoubles, service: Service, path: &str, key: &str) -> Response {
    crate::http_client::client()
        .get(format!("{}{path}", doubles.url(service)))
        .bearer_auth(key)
        .send()
        .await
        .unwrap()
}

#[test]
fn the_documentation_names_every_demo_credential() {
    let documentation = include_str!("../../../../docs/local-stack.md");
    for credential in demo::ALL {
        assert!(
            documentation.contains(&format!("`{credential}`")),
            "{credential}"
        );
    }
}
