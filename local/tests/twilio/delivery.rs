//! How a webhook is delivered: signature, retries, fallback, misbehaviour.

use std::collections::HashSet;
use std::time::Duration;

use local::twilio::payload::{Channel, InboundMessage, MessageStatusCallback};
use local::twilio::{
    AttemptOutcome, Disorder, Exchange, Fault, Forgery, Judgement, Method, Purpose, Webhook, sign,
};

use crate::server::{Answer, Received, Server, account, sender};

fn message(server: &Server, path: &str) -> Webhook {
    let sid = sender().sids().message(false);
    let message = InboundMessage::text(
        account().sid,
        sid,
        "+15005550010",
        "+15005550006",
        "Grüße & 1 + 1",
    );
    Webhook::new(
        Purpose::InboundMessage,
        server.url(path),
        message.parameters(),
    )
}

/// A status webhook to a URL with a fragment.
fn status(server: &Server, fragment: &str) -> Webhook {
    let sid = sender().sids().message(false);
    let (from, to) = ("+15005550006", "+15005550010");
    let callback =
        MessageStatusCallback::new(account().sid, sid, Channel::Sms, from, to, "delivered");
    let url = server.url(&format!("/sms/status{fragment}"));
    Webhook::new(
        Purpose::MessageStatus,
        url,
        callback.parameters(jiff::Timestamp::UNIX_EPOCH),
    )
}

fn statuses(exchange: &Exchange) -> Vec<AttemptOutcome> {
    exchange
        .attempts
        .iter()
        .map(|attempt| attempt.outcome)
        .collect()
}

fn idempotency_tokens(received: &[Received]) -> HashSet<String> {
    received
        .iter()
        .map(|request| request.header("i-twilio-idempotency-token").to_owned())
        .collect()
}

fn is_signed(server: &Server, request: &Received) -> bool {
    let url = format!("{}{}", server.base, request.uri);
    request.header("x-twilio-signature") == sign(&account().auth_token, &url, &request.parameters)
}

#[tokio::test]
async fn a_webhook_arrives_as_a_signed_form() {
    let server = Server::start([("/sms", vec![Answer::twiml("<Message>Thanks</Message>")])]).await;
    let exchange = sender()
        .deliver(&message(&server, "/sms?account=AC1#rc=2"))
        .await;

    let [request] = &server.received()[..] else {
        panic!("one request")
    };
    assert_eq!(
        (request.method.as_str(), request.uri.as_str()),
        ("POST", "/sms?account=AC1")
    );
    assert_eq!(request.header("user-agent"), "TwilioProxy/1.1");
    assert_eq!(
        request.header("content-type"),
        "application/x-www-form-urlencoded; charset=UTF-8"
    );
    assert_eq!(request.get("Body"), "Grüße & 1 + 1");
    assert!(is_signed(&server, request));
    assert!(matches!(exchange.judgement, Judgement::Document(_)));
    assert_eq!(exchange.request.url, server.url("/sms?account=AC1"));
}

#[tokio::test]
async fn a_get_carries_its_parameters_in_the_signed_url() {
    let server = Server::start([]).await;
    let mut webhook = status(&server, "?account=AC1");
    webhook.method = Method::Get;
    sender().deliver(&webhook).await;

    let [request] = &server.received()[..] else {
        panic!("one request")
    };
    assert_eq!(request.method, "GET");
    assert_eq!(request.get("MessageStatus"), "delivered");
    let url = format!("{}{}", server.base, request.uri);
    assert_eq!(
        request.header("x-twilio-signature"),
        sign(&account().auth_token, &url, &[].into_iter().collect())
    );
}

#[tokio::test]
async fn a_failed_connection_is_retried_once_and_then_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/sms", listener.local_addr().unwrap());
    drop(listener);
    let webhook = Webhook::new(Purpose::InboundMessage, url, [].into_iter().collect());

    let exchange = sender().deliver(&webhook).await;
    assert_eq!(statuses(&exchange), [AttemptOutcome::ConnectionFailed; 2]);
    assert_eq!(exchange.fault().map(Fault::code), Some(11_205));
}

#[tokio::test]
async fn a_server_error_is_not_retried_unless_the_url_says_so() {
    let server = Server::start([("/sms/status", vec![Answer::empty(503)])]).await;
    let plain = sender().deliver(&status(&server, "")).await;
    assert_eq!(statuses(&plain), [AttemptOutcome::Answered(503)]);
    assert_eq!(plain.fault(), Some(&Fault::Status(503)));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn retries_carry_the_same_idempotency_token_and_signature() {
    let answers = vec![Answer::empty(503), Answer::empty(500), Answer::empty(204)];
    let server = Server::start([("/sms/status", answers)]).await;
    let exchange = sender()
        .deliver(&status(&server, "#rc=3&rp=5xx,ct,rt"))
        .await;

    let outcomes = [503, 500, 204].map(AttemptOutcome::Answered);
    assert_eq!(statuses(&exchange), outcomes);
    assert!(matches!(exchange.judgement, Judgement::Acknowledged));
    let received = server.received();
    assert_eq!(idempotency_tokens(&received).len(), 1);
    assert!(received.iter().all(|request| is_signed(&server, request)));
}

#[tokio::test]
async fn retries_end_when_their_number_is_used_up() {
    let server = Server::start([("/sms/status", vec![Answer::empty(500)])]).await;
    sender().deliver(&status(&server, "#rc=2&rp=5xx")).await;
    assert_eq!(server.received().len(), 3);
}

#[tokio::test]
async fn a_slow_answer_is_given_up_and_not_retried_by_default() {
    let slow = Answer::empty(204).after(Duration::from_secs(5));
    let server = Server::start([("/sms/status", vec![slow])]).await;
    let exchange = sender().deliver(&status(&server, "#rt=100")).await;
    assert_eq!(statuses(&exchange), [AttemptOutcome::TimedOut]);
    assert_eq!(exchange.fault(), Some(&Fault::TimedOut));
}

#[tokio::test]
async fn the_total_time_bounds_all_attempts_together() {
    let slow = Answer::empty(204).after(Duration::from_secs(5));
    let server = Server::start([("/sms/status", vec![slow])]).await;
    let exchange = sender()
        .deliver(&status(&server, "#tt=300&rt=200&rc=5&rp=rt"))
        .await;
    assert_eq!(statuses(&exchange), [AttemptOutcome::TimedOut; 2]);
    assert!(
        exchange.duration < Duration::from_secs(2),
        "{:?}",
        exchange.duration
    );
}

#[tokio::test]
async fn after_a_fault_the_fallback_hears_of_it() {
    let server = Server::start([
        (
            "/sms",
            vec![Answer::new(
                500,
                "text/html",
                "<h1>Internal Server Error</h1>",
            )],
        ),
        ("/sms/fallback", vec![Answer::twiml("")]),
    ])
    .await;
    let webhook =
        message(&server, "/sms?account=AC1").with_fallback(server.url("/sms/fallback?account=AC1"));
    let exchange = sender().deliver(&webhook).await;

    let [fallback] = &server.received_at("/sms/fallback")[..] else {
        panic!("one call of the fallback")
    };
    assert_eq!(fallback.get("ErrorCode"), "11200");
    assert_eq!(fallback.get("ErrorUrl"), server.url("/sms?account=AC1"));
    assert_eq!(fallback.get("Body"), "Grüße & 1 + 1");
    assert!(is_signed(&server, fallback));
    let (document, url) = exchange.document().unwrap();
    assert!(document.verbs.is_empty());
    assert_eq!(url, server.url("/sms/fallback?account=AC1"));
}

#[tokio::test]
async fn a_status_callback_has_no_fallback() {
    let server = Server::start([("/sms/status", vec![Answer::empty(500)])]).await;
    let webhook = status(&server, "").with_fallback(server.url("/sms/fallback"));
    let exchange = sender().deliver(&webhook).await;
    assert!(exchange.fallback.is_none());
    assert!(server.received_at("/sms/fallback").is_empty());
}

#[tokio::test]
async fn a_redirect_is_a_fault_and_not_followed() {
    let server = Server::start([("/sms", vec![Answer::redirect("/sms/")])]).await;
    let exchange = sender().deliver(&message(&server, "/sms")).await;
    let expected = Fault::Redirected {
        status: 302,
        location: "/sms/".to_owned(),
    };
    assert_eq!(exchange.fault(), Some(&expected));
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn an_answer_of_more_than_64_kilobytes_is_not_taken() {
    let endless = Answer::new(200, "text/xml", "x".repeat(1_000_000));
    let server = Server::start([("/sms", vec![endless])]).await;
    let exchange = sender().deliver(&message(&server, "/sms")).await;
    assert_eq!(exchange.fault(), Some(&Fault::TooLarge));
    assert_eq!(exchange.response.unwrap().body.len(), 65_537);
}

#[tokio::test]
async fn a_url_that_twilio_would_not_take_is_not_called() {
    let server = Server::start([]).await;
    for path in ["/sms#rc=9", "/sms?name=O'Brien", "/s m s"] {
        let exchange = sender().deliver(&message(&server, path)).await;
        assert!(exchange.attempts.is_empty(), "{path}");
        assert_eq!(exchange.fault().map(Fault::code), Some(11_100), "{path}");
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn behind_a_proxy_the_public_url_is_signed() {
    let server = Server::start([]).await;
    let sender = sender().behind_proxy("https://hooks.example.com/", format!("{}/", server.base));
    let parameters = status(&server, "").parameters;
    let url = "https://hooks.example.com:8443/sms/status?account=AC1";
    let ported = sender.clone().behind_proxy(
        "https://hooks.example.com:8443/",
        format!("{}/", server.base),
    );

    ported
        .deliver(&Webhook::new(
            Purpose::MessageStatus,
            url,
            parameters.clone(),
        ))
        .await;
    ported
        .deliver(&Webhook::new(Purpose::CallStatus, url, parameters.clone()))
        .await;
    ported
        .keeping_voice_port()
        .deliver(&Webhook::new(Purpose::CallStatus, url, parameters.clone()))
        .await;

    let token = account().auth_token;
    let with_port = sign(&token, url, &parameters);
    let without_port = sign(
        &token,
        "https://hooks.example.com/sms/status?account=AC1",
        &parameters,
    );
    let received = server.received();
    let signatures: Vec<&str> = received
        .iter()
        .map(|request| request.header("x-twilio-signature"))
        .collect();
    assert_eq!(signatures, [&with_port, &without_port, &with_port]);
}

#[tokio::test]
async fn a_forgery_has_one_fault_and_no_fallback() {
    let server = Server::start([("/sms", vec![Answer::empty(403)])]).await;
    let webhook = message(&server, "/sms?account=ACcccccccccccccccccccccccccccccccc")
        .with_fallback(server.url("/other"));
    let forgeries = [
        Forgery::TamperedBody,
        Forgery::WrongToken,
        Forgery::MissingSignature,
        Forgery::OtherAccount,
    ];
    for forgery in forgeries {
        let exchange = sender().deliver_forged(&webhook, forgery).await;
        assert_eq!(exchange.status(), Some(403));
        assert!(exchange.fallback.is_none());
    }

    let received = server.received();
    let [tampered, wrong_token, unsigned, other_account] = &received[..] else {
        panic!("four requests")
    };
    assert!(!is_signed(&server, tampered));
    assert_eq!(tampered.get("Body"), "Grüße & 1 + 1 (tampered with)");
    assert!(!is_signed(&server, wrong_token));
    assert_eq!(wrong_token.get("Body"), "Grüße & 1 + 1");
    assert!(unsigned.headers.get("x-twilio-signature").is_none());
    assert!(is_signed(&server, other_account));
    assert_eq!(
        other_account.get("AccountSid"),
        "ACcccccccccccccccccccccccccccccccc"
    );
    assert!(!other_account.uri.contains("ACcccc"));
}

#[tokio::test]
async fn copies_of_a_webhook_carry_its_token_and_others_their_own() {
    let server = Server::start([]).await;
    let webhooks = [
        status(&server, "?n=1"),
        status(&server, "?n=2"),
        status(&server, "?n=3"),
    ];
    let disorder = Disorder {
        fewest_extra_copies: 1,
        most_extra_copies: 1,
        ..Disorder::seeded(4)
    };
    let exchanges = sender().deliver_all(&webhooks, &disorder).await;

    assert_eq!(exchanges.len(), 6);
    let received = server.received();
    assert_eq!(idempotency_tokens(&received).len(), 3);
    for number in ["?n=1", "?n=2", "?n=3"] {
        let copies: Vec<Received> = received
            .iter()
            .filter(|request| request.uri.ends_with(number))
            .cloned()
            .collect();
        assert_eq!((copies.len(), idempotency_tokens(&copies).len()), (2, 1));
    }
}
