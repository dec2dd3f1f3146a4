use super::*;

async fn asked(key: &str) -> (u16, Value) {
    let doubles = doubles().await;
    answered(get(&doubles, Service::Resend, "/domains?limit=1", key).await).await
}

#[tokio::test]
async fn a_full_key_lists_its_domains_up_to_the_limit() {
    let doubles = doubles().await;
    let domain = |name: &str| Domain {
        name: name.to_owned(),
        status: "verified".to_owned(),
    };
    let domains = vec![domain("one.example"), domain("two.example")];
    doubles.add_resend_key("re_two", ResendKey::Full { domains });
    let response = get(&doubles, Service::Resend, "/domains?limit=1", "re_two").await;
    assert_eq!(response.headers()["ratelimit-policy"], "2;w=1");
    let (status, body) = answered(response).await;
    assert_eq!((status, &body["has_more"]), (200, &Value::from(true)));
    assert_eq!(body["data"].as_array().unwrap().len(), 1);
    assert_eq!(body["data"][0]["name"], "one.example");
}

#[tokio::test]
async fn a_sending_key_is_told_that_it_is_restricted() {
    let (status, body) = asked(demo::RESEND_SENDING).await;
    assert_eq!(
        (status, body["name"].as_str()),
        (401, Some("restricted_api_key"))
    );
}

#[tokio::test]
async fn an_invalid_key_is_told_by_a_validation_error_of_either_status() {
    for (key, expected) in [
        (demo::RESEND_INVALID_400, 400),
        (demo::RESEND_INVALID_401, 401),
        ("re_unknown", 400),
    ] {
        let (status, body) = asked(key).await;
        assert_eq!(
            (status, &body["statusCode"]),
            (expected, &Value::from(expected))
        );
        assert_eq!(body["name"], "validation_error");
        assert_eq!(body["message"], "API key is invalid");
    }
}

#[tokio::test]
async fn the_documented_form_of_an_invalid_key_can_be_had_too() {
    let doubles = doubles().await;
    doubles.add_resend_key("re_bad", ResendKey::Invalid { status: 403 });
    let response = get(&doubles, Service::Resend, "/domains", "re_bad").await;
    let (status, body) = answered(response).await;
    assert_eq!(
        (status, body["name"].as_str()),
        (403, Some("invalid_api_key"))
    );
}

#[tokio::test]
async fn a_request_without_a_key_is_told_so() {
    let doubles = doubles().await;
    let url = format!("{}/domains", doubles.url(Service::Resend));
    let response = crate::http_client::client().get(url).send().await.unwrap();
    let (status, body) = answered(response).await;
    assert_eq!(
        (status, body["name"].as_str()),
        (401, Some("missing_api_key"))
    );
}
