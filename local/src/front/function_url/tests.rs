//! A function URL over HTTP, with a closure for the function.

use std::sync::Mutex;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::logs::Display;

struct Fronted {
    url: String,
    events: Arc<Mutex<Vec<Value>>>,
    _serving: Serving,
}

async fn fronted(answer: Value, tunnels: &[String]) -> Fronted {
    let events = Arc::<Mutex<Vec<Value>>>::default();
    let url = FunctionUrl::bind("sms-webhook", 0, tunnels).await.unwrap();
    let address = url.url();
    let clock = Clock::system();
    let seen = Arc::clone(&events);
    let serving = url.serve(
        clock.clone(),
        Logs::new(Display::Quiet, clock),
        move |event| {
            seen.lock()
                .unwrap()
                .push(serde_json::from_slice(&event).unwrap());
            let answer = Bytes::from(answer.to_string());
            async move { Ok(answer) }
        },
    );
    Fronted {
        url: address,
        events,
        _serving: serving,
    }
}

impl Fronted {
    fn authority(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    fn only_event(&self) -> Value {
        let events = self.events.lock().unwrap();
        assert_eq!(events.len(), 1);
        events[0].clone()
    }

    /// Sends bytes as they are and returns the status line.
    async fn send(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.authority()).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response.lines().next().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn a_request_becomes_an_event_and_the_answer_a_response() {
    let answer =
        json!({"statusCode": 200, "headers": {"content-type": "text/xml"}, "body": "<Response/>"});
    let front = fronted(answer, &[]).await;
    let request = crate::http_client::client()
        .post(format!("{}sms?account=AC1", front.url))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("Body=hi");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/xml");
    assert_eq!(response.bytes().await.unwrap(), "<Response/>");
    let event = front.only_event();
    assert_eq!(event["requestContext"]["domainName"], front.authority());
    assert_eq!(event["rawQueryString"], "account=AC1");
    assert_eq!(event["body"], "Qm9keT1oaQ==");
}

#[tokio::test]
async fn a_request_target_reaches_the_event_byte_for_byte() {
    let front = fronted(json!({"statusCode": 204}), &[]).await;
    let request = format!(
        "POST /a/../sms//%2e?x=%zz&y=a|b' HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        front.authority()
    );
    assert_eq!(
        front.send(request.as_bytes()).await,
        "HTTP/1.1 204 No Content"
    );
    let event = front.only_event();
    assert_eq!(event["rawPath"], "/a/../sms//%2e");
    assert_eq!(event["rawQueryString"], "x=%zz&y=a|b'");
}

#[tokio::test]
async fn a_foreign_host_or_origin_never_reaches_the_function() {
    let front = fronted(json!({"statusCode": 204}), &[]).await;
    let foreign_host = b"POST /sms HTTP/1.1\r\nHost: attacker.example\r\nConnection: close\r\n\r\n";
    assert_eq!(front.send(foreign_host).await, "HTTP/1.1 403 Forbidden");
    let foreign_origin = format!(
        "POST /sms HTTP/1.1\r\nHost: {}\r\nOrigin: https://attacker.example\r\nConnection: close\r\n\r\n",
        front.authority()
    );
    assert_eq!(
        front.send(foreign_origin.as_bytes()).await,
        "HTTP/1.1 403 Forbidden"
    );
    assert!(front.events.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_allowed_tunnel_is_the_events_domain() {
    let front = fronted(
        json!({"statusCode": 204}),
        &["quiet-river.example.net".to_owned()],
    )
    .await;
    let request = b"POST /sms HTTP/1.1\r\nHost: quiet-river.example.net\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n";
    assert_eq!(front.send(request).await, "HTTP/1.1 204 No Content");
    let event = front.only_event();
    assert_eq!(
        event["requestContext"]["domainName"],
        "quiet-river.example.net"
    );
    assert_eq!(event["headers"]["x-forwarded-proto"], "https");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_unseen() {
    let front = fronted(json!({"statusCode": 204}), &[]).await;
    // Base64 makes the event a third larger than the body.
    let request = crate::http_client::client()
        .post(&front.url)
        .body(vec![0; PAYLOAD_LIMIT - 1_000]);
    assert_eq!(request.send().await.unwrap().status(), 413);
    assert!(front.events.lock().unwrap().is_empty());
}
