use super::*;

async fn asked(key: &str) -> (u16, Value) {
    let doubles = doubles().await;
    answered(get(&doubles, Service::Vapi, "/assistant?limit=1", key).await).await
}

#[tokio::test]
async fn a_private_key_lists_assistants_that_tell_the_organisation() {
    let (status, body) = asked(demo::VAPI_PRIVATE).await;
    assert_eq!(status, 200);
    assert_eq!(body[0]["orgId"], "44444444-4444-4444-8444-444444444444");
}

#[tokio::test]
async fn a_private_key_without_assistants_gets_an_empty_list() {
    let doubles = doubles().await;
    doubles.add_vapi_key("fresh", VapiKey::Private { organisation: None });
    let response = get(&doubles, Service::Vapi, "/assistant?limit=1", "fresh").await;
    assert_eq!(answered(response).await, (200, serde_json::json!([])));
}

#[tokio::test]
async fn a_public_key_and_an_unknown_one_are_refused_alike() {
    for key in [demo::VAPI_PUBLIC, "unknown"] {
        let (status, body) = asked(key).await;
        assert_eq!((status, &body["statusCode"]), (401, &Value::from(401)));
        let message = body["message"].as_str().unwrap();
        assert!(message.starts_with("Invalid Key. Hot tip"), "{message}");
    }
}

#[tokio::test]
async fn a_limited_key_is_forbidden() {
    assert_eq!(asked(demo::VAPI_FORBIDDEN).await.0, 403);
}

#[tokio::test]
async fn a_limit_that_is_too_high_is_refused_with_a_list_of_messages() {
    let doubles = doubles().await;
    let path = "/assistant?limit=1001";
    let response = get(&doubles, Service::Vapi, path, demo::VAPI_PRIVATE).await;
    let (status, body) = answered(response).await;
    assert_eq!((status, body["message"].is_array()), (400, true));
}
