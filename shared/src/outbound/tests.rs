//! Calls over the wire, to a provider that does as it is told.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::scripted::{Provider, Reaction, soon};
use super::{Call, CallError, Host, Outbound};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::secret::Secret;

fn get() -> Call<'static> {
    Call::get(
        Host::TwilioApi,
        "test.read",
        &["2010-04-01", "Things.json"],
        soon(),
    )
}

fn post() -> Call<'static> {
    Call::post(
        Host::TwilioApi,
        "test.write",
        &["2010-04-01", "Things.json"],
        soon(),
    )
}

fn fine() -> Reaction {
    Reaction::json(200, &json!({"fine": true}))
}

#[tokio::test]
async fn a_call_is_written_as_it_was_built() {
    let provider = Provider::in_turn([fine().with("twilio-request-id", "RQ1")]).await;
    let call = Call::post(Host::TwilioApi, "test.write", &["v1", "a/b ?#ü"], soon())
        .query("Name", "a&b=c d")
        .basic("AC1", &Secret::from("w:ord"))
        .form(&[("To", "+1 5"), ("Tag", "a"), ("Tag", "ü&")]);
    let answer = provider.outbound().send(call).await.unwrap();
    assert_eq!((answer.status(), answer.request_id()), (200, Some("RQ1")));
    assert_eq!(answer.words(), Some(json!({"fine": true})));
    let received = &provider.received()[0];
    assert_eq!(received.method, "POST");
    assert_eq!(received.target, "/v1/a%2Fb%20%3F%23%C3%BC?Name=a%26b%3Dc+d");
    assert_eq!(received.basic(), ("AC1".to_owned(), "w:ord".to_owned()));
    assert_eq!(received.body, "To=%2B1+5&Tag=a&Tag=%C3%BC%26");
    assert_eq!(
        received.headers["content-type"],
        "application/x-www-form-urlencoded"
    );
    let version = concat!("trunkline/", env!("CARGO_PKG_VERSION"));
    assert_eq!(received.headers["user-agent"], version);
}

#[tokio::test]
async fn a_base_urls_path_stays_in_front() {
    let provider = Provider::in_turn([fine()]).await;
    let base = format!("{}/double/", provider.url);
    let outbound =
        Outbound::from_environment(&Environment::of([("TWILIO_API_BASE_URL", base)])).unwrap();
    outbound.send(get()).await.unwrap();
    let written = Call::get_written(Host::TwilioApi, "test.page", "/v1/a.json?Page=1", soon());
    outbound.send(written).await.unwrap();
    let targets: Vec<String> = provider
        .received()
        .into_iter()
        .map(|it| it.target)
        .collect();
    assert_eq!(
        targets,
        ["/double/2010-04-01/Things.json", "/double/v1/a.json?Page=1"]
    );
}

#[tokio::test]
async fn what_would_lead_to_another_resource_is_not_sent() {
    let provider = Provider::in_turn([fine()]).await;
    for segment in ["..", ".", ""] {
        let call = Call::get(Host::TwilioApi, "test.read", &["Accounts", segment], soon());
        let refused = provider.outbound().send(call).await;
        assert_eq!(refused, Err(CallError::Unsendable), "{segment}");
    }
    let refused = provider
        .outbound()
        .send(get().bearer(&Secret::from("a\nb")))
        .await;
    assert_eq!(refused, Err(CallError::Unsendable));
    assert!(provider.received().is_empty());
}

#[tokio::test]
async fn a_read_survives_failures_that_pass() {
    for passing in [
        Reaction::html(502),
        Reaction::error(500, 20500),
        Reaction::error(429, 20429),
        Reaction::Close,
    ] {
        let provider = Provider::in_turn([passing.clone(), passing, fine()]).await;
        let answer = provider.outbound().send(get()).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(provider.received().len(), 3);
    }
}

#[tokio::test]
async fn a_write_is_repeated_only_after_429() {
    let provider = Provider::in_turn([Reaction::error(429, 20429), fine()]).await;
    assert!(provider.outbound().send(post()).await.unwrap().is_success());
    assert_eq!(provider.received().len(), 2);

    let provider = Provider::in_turn([Reaction::error(503, 20503), fine()]).await;
    assert_eq!(
        provider.outbound().send(post()).await.unwrap().status(),
        503
    );
    assert_eq!(provider.received().len(), 1);

    let provider = Provider::in_turn([Reaction::Close, fine()]).await;
    let error = provider.outbound().send(post()).await.unwrap_err();
    assert!(error.may_have_been_done(), "{error:?}");
    assert_eq!(provider.received().len(), 1);
}

#[tokio::test]
async fn a_write_declared_repeatable_is_repeated_like_a_read() {
    let provider = Provider::in_turn([Reaction::error(503, 20503), fine()]).await;
    let answer = provider.outbound().send(post().repeatable()).await.unwrap();
    assert!(answer.is_success());
}

#[tokio::test]
async fn a_no_is_asked_for_once() {
    for status in [302, 400, 401, 403, 404, 409] {
        let provider = Provider::in_turn([Reaction::error(status, 20003)]).await;
        let answer = provider.outbound().send(get()).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(provider.received().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let provider = Provider::in_turn([Reaction::html(302).with("location", "/elsewhere")]).await;
    assert_eq!(provider.outbound().send(get()).await.unwrap().status(), 302);
    assert_eq!(provider.received().len(), 1);
}

#[tokio::test]
async fn after_four_attempts_the_last_answer_counts() {
    let provider = Provider::in_turn([Reaction::html(502), Reaction::error(500, 20500)]).await;
    let answer = provider.outbound().send(get()).await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(provider.received().len(), 4);

    let provider = Provider::in_turn([Reaction::error(429, 20429)]).await;
    let error = provider.outbound().send(post()).await.unwrap_err();
    let CallError::RateLimited {
        retry_after,
        answer,
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(
        (retry_after, answer.words().unwrap()["code"].as_u64()),
        (None, Some(20429))
    );
    assert_eq!(provider.received().len(), 4);
}

#[tokio::test]
async fn retry_after_is_waited_for_if_it_ends_in_time() {
    let provider =
        Provider::in_turn([Reaction::error(429, 20429).with("retry-after", "1"), fine()]).await;
    let started = Instant::now();
    provider.outbound().send(get()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(provider.received().len(), 2);
}

#[tokio::test]
async fn retry_after_beyond_the_deadline_is_not_waited_for() {
    for value in [
        "60",
        "18446744073709551615",
        "Tue, 31 Dec 2999 23:59:59 GMT",
    ] {
        let limited = Reaction::error(429, 20429).with("retry-after", value);
        let provider = Provider::in_turn([limited]).await;
        let started = Instant::now();
        let error = provider.outbound().send(get()).await.unwrap_err();
        assert!(matches!(
            error,
            CallError::RateLimited { retry_after: Some(wait), .. } if wait >= Duration::from_secs(60)
        ));
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(provider.received().len(), 1, "{value}");
    }
}

#[tokio::test]
async fn a_provider_that_hangs_is_given_up_at_the_deadline() {
    let provider = Provider::in_turn([Reaction::Hang]).await;
    let deadline = Instant::now() + Duration::from_millis(200);
    let call = Call::get(Host::TwilioApi, "test.read", &["a"], deadline);
    let error = provider.outbound().send(call).await.unwrap_err();
    assert_eq!(error, CallError::TimedOut);
    assert!(Instant::now() >= deadline);
    assert!(deadline.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_wait_that_leaves_no_time_for_an_attempt_is_not_begun() {
    let limited = Reaction::error(429, 20429).with("retry-after", "1");
    let provider = Provider::in_turn([limited, fine()]).await;
    let (started, time) = (Instant::now(), Duration::from_millis(1_900));
    let call = Call::get(Host::TwilioApi, "test.read", &["a"], started + time);
    let error = provider.outbound().send(call).await.unwrap_err();
    assert!(matches!(error, CallError::RateLimited { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(provider.received().len(), 1);
}

#[tokio::test]
async fn an_attempt_that_the_deadline_cuts_off_does_not_hide_what_was_said_before() {
    let provider = Provider::in_turn([Reaction::error(429, 20429), Reaction::Hang]).await;
    let deadline = Instant::now() + Duration::from_millis(1_500);
    let call = Call::get(Host::TwilioApi, "test.read", &["a"], deadline);
    let error = provider.outbound().send(call).await.unwrap_err();
    assert!(matches!(error, CallError::RateLimited { .. }), "{error}");
    assert_eq!(provider.received().len(), 2);
}

#[tokio::test]
async fn nothing_is_sent_after_the_deadline() {
    let provider = Provider::in_turn([fine()]).await;
    let call = Call::get(Host::TwilioApi, "test.read", &["a"], Instant::now());
    assert_eq!(
        provider.outbound().send(call).await,
        Err(CallError::TimedOut)
    );
    assert!(provider.received().is_empty());
}

#[tokio::test]
async fn connections_are_used_again_by_reads() {
    let provider = Provider::in_turn([fine()]).await;
    let outbound = provider.outbound();
    for _ in 0..3 {
        outbound.send(get()).await.unwrap();
    }
    let connections: Vec<usize> = provider.received().iter().map(|it| it.connection).collect();
    assert_eq!(connections, [0, 0, 0]);
}

#[tokio::test]
async fn a_read_on_a_dead_pooled_connection_is_repeated_at_once_on_a_new_one() {
    // The first connection answers once, and takes everything after that without a word.
    let provider = Provider::start(|request| match (request.connection, request.turn) {
        (0, 1..) => Reaction::Close,
        _ => fine(),
    })
    .await;
    let outbound = provider.outbound();
    outbound.send(get()).await.unwrap();
    outbound.send(get()).await.unwrap();
    let places: Vec<(usize, usize)> = provider
        .received()
        .iter()
        .map(|it| (it.connection, it.turn))
        .collect();
    assert_eq!(places, [(0, 0), (0, 1), (1, 0)]);
}

#[tokio::test]
async fn a_write_never_meets_a_used_connection() {
    let provider = Provider::in_turn([fine()]).await;
    let outbound = provider.outbound();
    outbound.send(get()).await.unwrap();
    outbound.send(post()).await.unwrap();
    outbound.send(post()).await.unwrap();
    let turns: Vec<usize> = provider.received().iter().map(|it| it.turn).collect();
    assert_eq!(turns, [0, 0, 0]);
}

#[tokio::test]
async fn after_a_freeze_the_pool_is_thrown_away() {
    let provider = Provider::in_turn([fine()]).await;
    let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
    let outbound = provider.outbound_with(clock.clone());
    outbound.send(get()).await.unwrap();
    clock.advance(10);
    outbound.send(get()).await.unwrap();
    // The process's own time stood still meanwhile, as in a frozen sandbox.
    clock.advance(60);
    outbound.send(get()).await.unwrap();
    clock.advance(-60);
    outbound.send(get()).await.unwrap();
    let connections: Vec<usize> = provider.received().iter().map(|it| it.connection).collect();
    assert_eq!(connections, [0, 0, 1, 2]);
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_given_up() {
    let body = |length: usize| Reaction::Answer {
        status: 200,
        headers: Vec::new(),
        body: "a".repeat(length),
    };
    let provider = Provider::in_turn([body(super::ANSWER_LIMIT)]).await;
    let answer = provider.outbound().send(get()).await.unwrap();
    assert_eq!(answer.body().len(), super::ANSWER_LIMIT);
    let provider = Provider::in_turn([body(super::ANSWER_LIMIT + 1)]).await;
    assert_eq!(
        provider.outbound().send(get()).await,
        Err(CallError::TooLarge)
    );
    assert_eq!(provider.received().len(), 1);
}

#[tokio::test]
async fn a_host_that_does_not_listen_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let outbound =
        Outbound::from_environment(&Environment::of([("TWILIO_API_BASE_URL", url)])).unwrap();
    let error = outbound.send(post()).await.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Unreachable {
                is_certificate: false,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(!error.may_have_been_done());
}

#[tokio::test]
async fn a_host_without_tls_gets_nothing_of_a_call() {
    let provider = Provider::in_turn([fine()]).await;
    let url = provider.url.replace("http:", "https:");
    let outbound =
        Outbound::from_environment(&Environment::of([("TWILIO_API_BASE_URL", url)])).unwrap();
    let call = Call::get(
        Host::TwilioApi,
        "test.read",
        &["a"],
        Instant::now() + Duration::from_millis(500),
    );
    let error = outbound.send(call).await.unwrap_err();
    assert!(
        matches!(error, CallError::Unreachable { .. } | CallError::TimedOut),
        "{error:?}"
    );
    assert!(provider.received().is_empty());
}

#[tokio::test]
async fn what_a_page_of_html_says_are_no_words_of_the_provider() {
    let provider = Provider::in_turn([Reaction::html(403)]).await;
    let answer = provider.outbound().send(get()).await.unwrap();
    assert_eq!(answer.words(), None);
}

#[tokio::test]
async fn neither_credentials_nor_bodies_are_shown() {
    let provider = Provider::in_turn([Reaction::json(200, &json!({"a": "hidden-body"}))]).await;
    let call = post()
        .query("q", "hidden-query")
        .bearer(&Secret::from("hidden-token"))
        .json(&json!({"b": "hidden-field"}));
    let mut shown = format!("{call:?}");
    shown.push_str(&format!("{:?}", provider.outbound().send(call).await));
    assert!(!shown.contains("hidden"), "{shown}");
}
