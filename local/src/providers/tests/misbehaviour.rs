use std::time::Duration;

use super::*;

const PATH: &str = "/assistant?limit=1";

#[tokio::test]
async fn each_service_words_its_refusals_in_its_own_form() {
    let doubles = doubles().await;
    for (service, member) in [
        (Service::Vapi, "/statusCode"),
        (Service::GoogleOauth, "/error_description"),
        (Service::GoogleApi, "/error/errors/0/reason"),
        (Service::Resend, "/name"),
        (Service::ElevenLabs, "/detail/status"),
    ] {
        let limit = Misbehaviour::TooManyRequests {
            retry_after: Some(3),
        };
        doubles.misbehave(service, limit, Times::Next(1));
        let response = get(&doubles, service, "/anything", "key").await;
        assert_eq!(response.headers()["retry-after"], "3");
        let (status, body) = answered(response).await;
        assert_eq!(status, 429, "{service:?}");
        assert!(body.pointer(member).is_some(), "{service:?}: {body}");
    }
}

#[tokio::test]
async fn an_edge_answers_with_a_page() {
    let doubles = doubles().await;
    doubles.misbehave(Service::Vapi, Misbehaviour::HtmlForbidden, Times::Next(1));
    let response = get(&doubles, Service::Vapi, PATH, demo::VAPI_PRIVATE).await;
    assert_eq!(response.status(), 403);
    assert!(response.text().await.unwrap().contains("<html>"));
}

#[tokio::test]
async fn an_answer_may_repeat_what_came() {
    let doubles = doubles().await;
    for echo in [Misbehaviour::HtmlEcho(502), Misbehaviour::JsonEcho(502)] {
        doubles.misbehave(Service::Vapi, echo, Times::Next(1));
        let response = get(&doubles, Service::Vapi, PATH, demo::VAPI_PRIVATE).await;
        assert_eq!(response.status(), 502);
        assert_eq!(response.headers()["x-request-id"], demo::VAPI_PRIVATE);
        let text = response.text().await.unwrap();
        assert!(text.contains(&format!("Bearer {}", demo::VAPI_PRIVATE)));
    }
}

#[tokio::test]
async fn the_wire_log_has_each_query_and_which_answers_repeated_the_secret() {
    let doubles = doubles().await;
    for echo in [Misbehaviour::HtmlEcho(401), Misbehaviour::JsonEcho(401)] {
        doubles.misbehave(Service::Vapi, echo, Times::Next(1));
        get(&doubles, Service::Vapi, PATH, demo::VAPI_PRIVATE).await;
    }
    doubles.misbehave(Service::Vapi, Misbehaviour::Unauthorized, Times::Next(1));
    get(&doubles, Service::Vapi, PATH, demo::VAPI_PRIVATE).await;
    let calls = doubles.calls(Service::Vapi);
    assert!(calls.iter().all(|call| call.asked.ends_with(PATH)));
    let echoed: Vec<_> = calls.iter().map(|call| call.echoed.as_deref()).collect();
    assert_eq!(echoed, [Some("text/html"), Some("application/json"), None]);
}

#[tokio::test]
async fn a_request_that_is_held_is_answered_when_the_fault_is_taken_back() {
    let doubles = doubles().await;
    let held = doubles.misbehave(Service::Vapi, Misbehaviour::Hold, Times::Next(1));
    let mark = doubles.wire().mark();
    let released = async {
        let there = doubles.wire().wait_until(mark, |calls| calls.count() == 1);
        let calls = there.await;
        assert!(calls.iter().all(|call| call.status.is_none()));
        doubles.faults().remove(held);
    };
    let asked = get(&doubles, Service::Vapi, PATH, demo::VAPI_PRIVATE);
    let (response, ()) = tokio::join!(asked, released);
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_hang_hits_one_service_and_ends_with_its_limit() {
    let doubles = doubles().await;
    let hang = Misbehaviour::Hang(Duration::from_millis(100));
    doubles.misbehave(Service::Vapi, hang, Times::Next(1));
    let url = format!("{}{PATH}", doubles.url(Service::Vapi));
    assert!(crate::http_client::client().get(url).send().await.is_err());
    let other = get(&doubles, Service::Resend, "/domains", demo::RESEND_FULL).await;
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn one_credential_alone_may_be_hit_also_through_what_it_gave() {
    let doubles = doubles().await;
    let token = demo::GOOGLE_FULL;
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", demo::GOOGLE_CLIENT),
        ("client_secret", demo::GOOGLE_SECRET),
        ("refresh_token", token),
    ];
    let request = crate::http_client::client()
        .post(format!("{}/token", doubles.url(Service::GoogleOauth)))
        .form(&form);
    let (_, body) = answered(request.send().await.unwrap()).await;
    let access = body["access_token"].as_str().unwrap();
    doubles.misbehave_to(token, Misbehaviour::InternalError, Times::Always);
    let path = "/calendar/v3/users/me/calendarList";
    let hit = get(&doubles, Service::GoogleApi, path, access).await;
    assert_eq!(hit.status(), 500);
    let missed = get(&doubles, Service::Vapi, PATH, demo::VAPI_PRIVATE).await;
    assert_eq!(missed.status(), 200);
}

#[tokio::test]
async fn requests_are_counted_by_service_and_tell_no_credential() {
    let doubles = doubles().await;
    get(&doubles, Service::Vapi, PATH, demo::VAPI_PRIVATE).await;
    get(&doubles, Service::Resend, "/domains", "re_unknown").await;
    assert_eq!(doubles.calls(Service::Vapi).count(), 1);
    let calls = doubles.calls(Service::Resend);
    let call = calls.iter().next().unwrap();
    assert_eq!(
        (call.operation.as_str(), call.status),
        ("GET /resend/domains", Some(400))
    );
    let shown = format!("{:?} {doubles:?}", doubles.wire().calls());
    assert!(!shown.contains(demo::VAPI_PRIVATE) && !shown.contains("re_unknown"));
}
