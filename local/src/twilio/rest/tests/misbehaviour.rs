use std::time::{Duration, Instant};

use super::*;
use crate::emulators::faults::{Matching, Times};

#[tokio::test]
async fn one_account_is_limited_while_another_is_not() {
    let world = world().await;
    let other = world.double.account(&sid(2));
    other.open(TOKEN);
    let limit = Misbehaviour::TooManyRequests {
        retry_after: Some(7),
    };
    world.account.misbehave(limit, Times::Next(1));
    let path = format!("/2010-04-01/Accounts/{}.json", other.sid());
    let response = world
        .ask_as(other.sid().as_str(), TOKEN, Method::GET, &path, &[])
        .await;
    assert_eq!(response.status(), 200);
    let path = world.path("Applications.json");
    let response = world.get(&path).await;
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(refused(response).await, (429, 20_429));
    assert_eq!(world.get(&path).await.status(), 200);
}

#[tokio::test]
async fn a_limit_may_come_without_retry_after() {
    let world = world().await;
    let limit = Misbehaviour::TooManyRequests { retry_after: None };
    world.account.misbehave(limit, Times::Next(1));
    let response = world.get("/v1/Services").await;
    assert!(!response.headers().contains_key("retry-after"));
    assert_eq!(response.status(), 429);
}

#[tokio::test]
async fn refusals_come_in_twilios_form() {
    let world = world().await;
    for (misbehaviour, status, code) in [
        (Misbehaviour::Unauthorized, 401, 20_003),
        (Misbehaviour::NotFound, 404, 20_404),
        (Misbehaviour::InternalError, 500, 20_500),
        (Misbehaviour::Unavailable, 503, 20_503),
    ] {
        world.account.misbehave(misbehaviour, Times::Next(1));
        let response = world.get("/v1/Services").await;
        assert_eq!(refused(response).await, (status, code));
    }
}

#[tokio::test]
async fn an_edge_answers_with_a_page_and_no_header_of_twilios() {
    let world = world().await;
    for (misbehaviour, status) in [
        (Misbehaviour::HtmlForbidden, 403),
        (Misbehaviour::HtmlUnavailable, 503),
        (Misbehaviour::Html(200), 200),
    ] {
        world.account.misbehave(misbehaviour, Times::Next(1));
        let response = world.get("/v1/Services").await;
        assert_eq!(response.status(), status);
        assert_eq!(
            response.headers()["content-type"],
            "text/html; charset=UTF-8"
        );
        assert!(!response.headers().contains_key("twilio-request-id"));
        assert!(
            response
                .text()
                .await
                .unwrap()
                .starts_with("<!DOCTYPE html>")
        );
    }
}

#[tokio::test]
async fn a_hang_ends_with_its_limit_and_the_connection() {
    let world = world().await;
    let limit = Duration::from_millis(150);
    world
        .account
        .misbehave(Misbehaviour::Hang(limit), Times::Next(1));
    let url = format!("{}/v1/Services", world.double.url());
    let started = Instant::now();
    let request = crate::http_client::client()
        .get(url)
        .basic_auth(world.account.sid(), Some(TOKEN));
    assert!(request.send().await.is_err());
    assert!(started.elapsed() >= limit);
}

#[tokio::test]
async fn a_lost_answer_is_of_a_request_that_was_done() {
    let world = world().await;
    let url = format!("{}{}", world.double.url(), world.path("Applications.json"));
    let send = async || {
        let request = crate::http_client::client()
            .post(&url)
            .basic_auth(world.account.sid(), Some(TOKEN))
            .form(&[("FriendlyName", "x")]);
        request.send().await.is_ok()
    };
    world.account.misbehave(Misbehaviour::Close, Times::Next(1));
    assert!(!send().await);
    assert_eq!(world.account.applications().len(), 0);
    world
        .account
        .misbehave(Misbehaviour::LoseAnswer, Times::Next(1));
    assert!(!send().await);
    assert_eq!(world.account.applications().len(), 1);
}

#[tokio::test]
async fn an_answer_may_lose_its_end() {
    let world = world().await;
    world
        .account
        .misbehave(Misbehaviour::CutShort, Times::Next(1));
    let response = world.get("/v1/Services").await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
    let response = world.get("/v1/Services").await;
    assert!(response.bytes().await.is_ok());
}

#[tokio::test]
async fn a_connection_may_die_after_its_answer() {
    let world = world().await;
    let client = crate::http_client::client();
    let path = world.path("Applications.json");
    let url = format!("{}{path}", world.double.url());
    let request = |client: &reqwest::Client| {
        let request = client.post(&url).form(&[("FriendlyName", "x")]);
        request.basic_auth(world.account.sid(), Some(TOKEN))
    };
    world
        .account
        .misbehave(Misbehaviour::DieAfterwards, Times::Next(1));
    let answer = request(&client).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    answer.bytes().await.unwrap();
    // The same connection, by which nothing arrives any more.
    assert!(request(&client).send().await.is_err());
    assert_eq!(world.account.applications().len(), 1);
    assert_eq!(request(&client).send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_list_may_say_that_it_goes_on_anywhere() {
    let world = world().await;
    let elsewhere = Misbehaviour::NextPage("https://elsewhere.example/".to_owned());
    world.account.misbehave(elsewhere, Times::Always);
    let (_, list) = answered(world.get(&world.path("Applications.json")).await).await;
    assert_eq!(list["next_page_uri"], "https://elsewhere.example/");
    let (_, list) = answered(world.get("/v1/Services").await).await;
    assert_eq!(list["meta"]["next_page_url"], "https://elsewhere.example/");
}

#[tokio::test]
async fn an_operation_alone_may_misbehave() {
    let world = world().await;
    let operation = "POST /2010-04-01/Accounts/{AC}/Applications.json";
    world.double.faults().inject(
        Matching::operations([operation]),
        Misbehaviour::Unavailable,
        Times::Always,
    );
    let path = world.path("Applications.json");
    assert_eq!(world.get(&path).await.status(), 200);
    let form = [("FriendlyName", "x")];
    assert_eq!(world.post(&path, &form).await.status(), 503);
    world.double.faults().clear();
    assert_eq!(world.post(&path, &form).await.status(), 201);
}

#[tokio::test]
async fn requests_are_counted_by_account_also_those_that_name_it_by_a_key() {
    let world = world().await;
    let other = world.double.account(&sid(2));
    other.open(TOKEN);
    let key = world.account.add_key(KeyKind::Standard);
    world.get(&world.path("Applications.json")).await;
    world
        .ask_as(&key.sid, &key.secret, Method::GET, "/v1/Services", &[])
        .await;
    world
        .ask_as(
            other.sid().as_str(),
            "wrong",
            Method::GET,
            "/v1/Services",
            &[],
        )
        .await;
    let calls = world.account.calls();
    let seen: Vec<_> = calls
        .iter()
        .map(|call| (call.operation.as_str(), call.status))
        .collect();
    assert_eq!(
        seen,
        [
            ("GET /2010-04-01/Accounts/{AC}/Applications.json", Some(200)),
            ("GET /v1/Services", Some(200))
        ]
    );
    assert_eq!(other.calls().count(), 1);
    assert_eq!(other.calls().iter().next().unwrap().status, Some(401));
    assert_eq!(world.double.wire().calls().count(), 3);
}

#[tokio::test]
async fn every_answer_has_a_request_id() {
    let world = world().await;
    let response = world.get("/nowhere").await;
    let id = response.headers()["twilio-request-id"].to_str().unwrap();
    assert!(id.starts_with("RQ") && id.len() == 34, "{id}");
    assert_eq!(refused(response).await, (404, 20_404));
}

#[tokio::test]
async fn a_method_that_a_resource_lacks_is_refused() {
    let world = world().await;
    let response = world
        .ask(Method::DELETE, &world.path("Applications.json"), &[])
        .await;
    assert_eq!(refused(response).await, (405, 20_004));
}

#[tokio::test]
async fn a_web_page_is_not_served() {
    let world = world().await;
    let response = crate::http_client::client()
        .get(format!("{}/v1/Services", world.double.url()))
        .basic_auth(world.account.sid(), Some(TOKEN))
        .header("origin", "https://attacker.example")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(world.double.wire().calls().count(), 0);
}
