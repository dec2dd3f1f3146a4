//! Web pages in the developer's browser, and names that their owners point at loopback, reach nothing of the stack.

use reqwest::header::{HOST, ORIGIN};

use crate::harness::Harness;

/// Everything that listens: its name and its URL.
async fn listeners() -> Vec<(&'static str, String)> {
    let harness = Harness::shared().await;
    let (urls, emulators) = (harness.urls(), harness.stack.emulators());
    vec![
        ("voice-webhook", urls.voice),
        ("sms-webhook", urls.sms),
        ("whatsapp-webhook", urls.whatsapp),
        ("Invoke API", invoke_url(harness.stack.control_url())),
        ("DynamoDB", emulators.dynamodb().url()),
        ("KMS", emulators.kms().url()),
        ("SQS", emulators.sqs().url()),
    ]
}

fn invoke_url(control: &str) -> String {
    format!("{control}/2015-03-31/functions/deferred-writer/invocations")
}

/// The status of a request with one header more, and whether the answer lets a page of another origin read it.
async fn asked(url: &str, name: reqwest::header::HeaderName, value: &str) -> (u16, bool) {
    let request = local::http_client::client()
        .post(url)
        .header(name, value)
        .body(r#"{"Records": []}"#);
    let response = request.send().await.unwrap();
    let is_shared = response
        .headers()
        .contains_key("access-control-allow-origin");
    (response.status().as_u16(), is_shared)
}

#[tokio::test]
async fn no_listener_answers_under_a_foreign_name() {
    for (name, url) in listeners().await {
        for host in [
            "attacker.example",
            "127.0.0.1.attacker.example",
            "localhost.attacker.example:80",
        ] {
            let answer = asked(&url, HOST, host).await;
            assert_eq!(answer, (403, false), "{name} as {host}");
        }
    }
}

#[tokio::test]
async fn no_listener_answers_a_foreign_web_page() {
    for (name, url) in listeners().await {
        for origin in ["https://attacker.example", "http://127.0.0.1:1", "null"] {
            let answer = asked(&url, ORIGIN, origin).await;
            assert_eq!(answer, (403, false), "{name} from {origin}");
        }
    }
}

#[tokio::test]
async fn every_listener_answers_under_its_own_name() {
    for (name, url) in listeners().await {
        let authority = url.trim_start_matches("http://").split('/').next().unwrap();
        let (status, _) = asked(&url, HOST, authority).await;
        assert_ne!(status, 403, "{name}");
    }
}
