//! The API as a runtime sees it, over HTTP.

use serde_json::Value;

use super::super::ErrorKind;
use super::*;

async fn api() -> (RuntimeApi, String) {
    let api = RuntimeApi::start(Arc::new(|_| true)).await.unwrap();
    let base = format!("http://{}/2018-06-01/runtime", api.address());
    (api, base)
}

fn invocation(request_id: &str) -> Invocation {
    Invocation {
        request_id: request_id.to_owned(),
        deadline: Timestamp::from_millisecond(1_700_000_003_000).unwrap(),
        function_arn: "arn:aws:lambda:eu-west-1:123456789012:function:sms-webhook".to_owned(),
        trace_id: "Root=1-5759e988-bd862e3fe1be46a994272793".to_owned(),
        payload: Bytes::from_static(br#"{"a":1}"#),
    }
}

async fn post(url: String, body: impl Into<reqwest::Body>) -> (u16, Value) {
    let response = crate::http_client::client()
        .post(url)
        .body(body)
        .send()
        .await
        .unwrap();
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
    )
}

#[tokio::test]
async fn a_poll_waits_for_an_event_and_gets_it_with_its_headers() {
    let (api, base) = api().await;
    let mut polls = api.polls();
    let polling = tokio::spawn(
        crate::http_client::client()
            .get(format!("{base}/invocation/next"))
            .send(),
    );
    polls.wait_for(|polls| *polls == 1).await.unwrap();
    let answer = api.send(invocation("r-1"));
    let next = polling.await.unwrap().unwrap();
    assert_eq!(next.status(), 200);
    let header = |name: &str| next.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("Lambda-Runtime-Aws-Request-Id"), "r-1");
    assert_eq!(header("Lambda-Runtime-Deadline-Ms"), "1700000003000");
    assert_eq!(
        header("Lambda-Runtime-Invoked-Function-Arn"),
        "arn:aws:lambda:eu-west-1:123456789012:function:sms-webhook"
    );
    assert_eq!(
        header("Lambda-Runtime-Trace-Id"),
        "Root=1-5759e988-bd862e3fe1be46a994272793"
    );
    assert_eq!(next.bytes().await.unwrap(), r#"{"a":1}"#);

    let (status, _) = post(format!("{base}/invocation/r-1/response"), "[2]").await;
    assert_eq!(status, 202);
    assert_eq!(answer.await.unwrap().unwrap(), "[2]");
}

#[tokio::test]
async fn an_error_reaches_the_caller_as_posted() {
    let (api, base) = api().await;
    let answer = api.send(invocation("r-1"));
    let body = r#"{"errorType":"Boom","errorMessage":"no"}"#;
    let (status, _) = post(format!("{base}/invocation/r-1/error"), body).await;
    assert_eq!(status, 202);
    let error = answer.await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.error_type()),
        (ErrorKind::Reported, "Boom")
    );
    assert_eq!(error.payload(), body);
}

#[tokio::test]
async fn an_answer_of_exactly_the_limit_is_taken_and_one_byte_more_is_refused() {
    let (api, base) = api().await;
    let answer = api.send(invocation("r-1"));
    let (status, _) = post(
        format!("{base}/invocation/r-1/response"),
        vec![b'1'; PAYLOAD_LIMIT],
    )
    .await;
    assert_eq!(status, 202);
    assert_eq!(answer.await.unwrap().unwrap().len(), PAYLOAD_LIMIT);

    let answer = api.send(invocation("r-2"));
    let (status, body) = post(
        format!("{base}/invocation/r-2/response"),
        vec![b'1'; PAYLOAD_LIMIT + 1],
    )
    .await;
    assert_eq!(
        (status, &body["errorType"]),
        (413, &json!("RequestEntityTooLarge"))
    );
    assert_eq!(
        answer.await.unwrap().unwrap_err().kind(),
        ErrorKind::ResponseTooLarge
    );
}

#[tokio::test]
async fn an_invocation_is_answered_once() {
    let (api, base) = api().await;
    let _answer = api.send(invocation("r-1"));
    assert_eq!(
        post(format!("{base}/invocation/r-1/response"), "1").await.0,
        202
    );
    let (status, body) = post(format!("{base}/invocation/r-1/response"), "2").await;
    assert_eq!(
        (status, &body["errorType"]),
        (400, &json!("InvalidRequestID"))
    );
}

#[tokio::test]
async fn an_answer_to_a_forgotten_invocation_is_refused() {
    let (api, base) = api().await;
    let answer = api.send(invocation("r-1"));
    api.forget("r-1");
    assert_eq!(
        post(format!("{base}/invocation/r-1/response"), "1").await.0,
        400
    );
    answer.await.unwrap_err();
}

#[tokio::test]
async fn a_streamed_answer_is_refused_with_its_reason() {
    let (api, base) = api().await;
    let answer = api.send(invocation("r-1"));
    let response = crate::http_client::client()
        .post(format!("{base}/invocation/r-1/response"))
        .header("Lambda-Runtime-Function-Response-Mode", "streaming")
        .body("1")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(
        answer.await.unwrap().unwrap_err().kind(),
        ErrorKind::ResponseMode
    );
}

#[tokio::test]
async fn an_init_error_is_taken_before_the_first_poll_only() {
    let (api, base) = api().await;
    let url = format!("{base}/init/error");
    let (status, _) = post(
        url.clone(),
        r#"{"errorType":"Config","errorMessage":"TENANTS_TABLE is missing"}"#,
    )
    .await;
    assert_eq!(status, 202);
    let error = api.init_error().borrow().clone().unwrap();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Init, "TENANTS_TABLE is missing")
    );

    let mut polls = api.polls();
    let polling = tokio::spawn(
        crate::http_client::client()
            .get(format!("{base}/invocation/next"))
            .send(),
    );
    polls.wait_for(|polls| *polls == 1).await.unwrap();
    let (status, body) = post(url, "{}").await;
    assert_eq!(
        (status, &body["errorType"]),
        (403, &json!("InvalidStateTransition"))
    );
    polling.abort();
}

#[tokio::test]
async fn an_unknown_resource_is_not_found() {
    let (_api, base) = api().await;
    assert_eq!(
        crate::http_client::client()
            .get(format!("{base}/restore/next"))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}

#[tokio::test]
async fn a_process_held_at_a_step_gets_no_reply() {
    let (reached, mut step) = watch::channel(None);
    let api = RuntimeApi::start(Arc::new(move |at| {
        reached.send_replace(Some(at));
        at != Step::Answer
    }))
    .await
    .unwrap();
    let mut answer = api.send(invocation("r-1"));
    let url = format!(
        "http://{}/2018-06-01/runtime/invocation/r-1/response",
        api.address()
    );
    let posting = tokio::spawn(post(url, "1"));
    step.wait_for(|step| *step == Some(Step::Answer))
        .await
        .unwrap();
    assert!(!posting.is_finished());
    answer.try_recv().unwrap_err();
    posting.abort();
}
