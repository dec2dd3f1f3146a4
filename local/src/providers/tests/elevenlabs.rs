use super::*;

async fn asked(key: &str, path: &str) -> (u16, Value) {
    let doubles = doubles().await;
    let request = crate::http_client::client()
        .get(format!("{}{path}", doubles.url(Service::ElevenLabs)))
        .header("xi-api-key", key);
    answered(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_full_key_reads_subscription_models_and_voices() {
    let (status, body) = asked(demo::ELEVENLABS_FULL, "/v1/user/subscription").await;
    assert_eq!((status, body["tier"].is_string()), (200, true));
    let (status, body) = asked(demo::ELEVENLABS_FULL, "/v1/models").await;
    assert_eq!((status, body.is_array()), (200, true));
    let (status, body) = asked(demo::ELEVENLABS_FULL, "/v1/voices").await;
    assert_eq!((status, body["voices"].is_array()), (200, true));
}

#[tokio::test]
async fn a_restricted_key_reads_what_its_permissions_say() {
    let key = demo::ELEVENLABS_RESTRICTED;
    let (status, body) = asked(key, "/v1/user/subscription").await;
    assert_eq!(status, 401);
    assert_eq!(body["detail"]["status"], "missing_permissions");
    let message = body["detail"]["message"].as_str().unwrap();
    assert!(message.contains("user_read"), "{message}");
    assert_eq!(asked(key, "/v1/models").await.0, 200);
}

#[tokio::test]
async fn each_bad_key_has_a_word_of_its_own() {
    for (key, word) in [
        ("sk_unknown", "invalid_api_key"),
        (demo::ELEVENLABS_QUOTA, "quota_exceeded"),
        (demo::ELEVENLABS_UNUSUAL, "detected_unusual_activity"),
    ] {
        let (status, body) = asked(key, "/v1/user/subscription").await;
        assert_eq!(
            (status, body["detail"]["status"].as_str()),
            (401, Some(word))
        );
    }
}
