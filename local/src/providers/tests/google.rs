use super::*;

/// Sends a form to the OAuth server.
async fn post(doubles: &ProviderDoubles, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
    let request = crate::http_client::client()
        .post(format!("{}{path}", doubles.url(Service::GoogleOauth)))
        .form(form);
    answered(request.send().await.unwrap()).await
}

async fn refresh(doubles: &ProviderDoubles, client: &str, token: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client),
        ("client_secret", demo::GOOGLE_SECRET),
        ("refresh_token", token),
    ];
    post(doubles, "/token", &form).await
}

/// An access token.
async fn access(doubles: &ProviderDoubles, client: &str, token: &str) -> String {
    let (status, body) = refresh(doubles, client, token).await;
    assert_eq!(status, 200);
    body["access_token"].as_str().unwrap().to_owned()
}

/// The statuses of the list of calendars, the list of events and free and busy times.
async fn reach(doubles: &ProviderDoubles, token: &str) -> [u16; 3] {
    let list = "/calendar/v3/users/me/calendarList";
    let list = get(doubles, Service::GoogleApi, list, token).await;
    let events = "/calendar/v3/calendars/primary/events?maxResults=1";
    let events = get(doubles, Service::GoogleApi, events, token).await;
    let path = format!("{}/calendar/v3/freeBusy", doubles.url(Service::GoogleApi));
    let body = r#"{"timeMin":"2026-01-01T00:00:00Z","timeMax":"2026-01-02T00:00:00Z","items":[{"id":"primary"}]}"#;
    let busy = crate::http_client::client()
        .post(path)
        .bearer_auth(token)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap();
    [list.status(), events.status(), busy.status()].map(|status| status.as_u16())
}

#[tokio::test]
async fn a_refresh_gives_an_access_token_with_its_scopes_and_no_refresh_token() {
    let doubles = doubles().await;
    let (status, body) = refresh(&doubles, demo::GOOGLE_CLIENT, demo::GOOGLE_EVENTS).await;
    assert_eq!(status, 200);
    assert_eq!(
        body["scope"],
        "https://www.googleapis.com/auth/calendar.events"
    );
    assert_eq!(
        (&body["expires_in"], &body["token_type"]),
        (&Value::from(3_599), &Value::from("Bearer"))
    );
    assert!(body["access_token"].as_str().unwrap().starts_with("ya29."));
    assert_eq!(body.get("refresh_token"), None);
}

#[tokio::test]
async fn the_scopes_of_a_grant_say_how_far_it_reaches() {
    let doubles = doubles().await;
    for (token, expected) in [
        (demo::GOOGLE_FULL, [200, 200, 200]),
        (demo::GOOGLE_READ_ONLY, [200, 200, 200]),
        (demo::GOOGLE_EVENTS, [403, 200, 403]),
        (demo::GOOGLE_FREE_BUSY, [403, 403, 200]),
    ] {
        let access = access(&doubles, demo::GOOGLE_CLIENT, token).await;
        assert_eq!(reach(&doubles, &access).await, expected, "{token}");
    }
}

#[tokio::test]
async fn a_missing_scope_and_a_project_without_the_api_are_told_apart() {
    let doubles = doubles().await;
    let list = "/calendar/v3/users/me/calendarList";
    for (client, token, reason) in [
        (
            demo::GOOGLE_CLIENT,
            demo::GOOGLE_EVENTS,
            "insufficientPermissions",
        ),
        (
            demo::GOOGLE_CLIENT_DISABLED,
            demo::GOOGLE_DISABLED,
            "accessNotConfigured",
        ),
    ] {
        let access = access(&doubles, client, token).await;
        let (_, body) = answered(get(&doubles, Service::GoogleApi, list, &access).await).await;
        assert_eq!(body["error"]["errors"][0]["reason"], reason);
    }
}

#[tokio::test]
async fn dead_and_unknown_refresh_tokens_are_invalid_grants() {
    let doubles = doubles().await;
    for token in [demo::GOOGLE_DEAD, "1//unknown", demo::GOOGLE_SESSION_ENDED] {
        let (status, body) = refresh(&doubles, demo::GOOGLE_CLIENT, token).await;
        assert_eq!(
            (status, body["error"].as_str()),
            (400, Some("invalid_grant"))
        );
        let ended = token == demo::GOOGLE_SESSION_ENDED;
        assert_eq!(body["error_subtype"] == "invalid_rapt", ended);
    }
}

#[tokio::test]
async fn a_wrong_client_is_told_from_a_wrong_grant() {
    let doubles = doubles().await;
    let (status, body) = refresh(&doubles, "unknown", demo::GOOGLE_FULL).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (401, Some("invalid_client"))
    );
    let (status, body) = refresh(&doubles, demo::GOOGLE_CLIENT, demo::GOOGLE_DISABLED).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (401, Some("unauthorized_client"))
    );
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", demo::GOOGLE_CLIENT),
        ("client_secret", "wrong"),
        ("refresh_token", demo::GOOGLE_FULL),
    ];
    let (status, body) = post(&doubles, "/token", &form).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (401, Some("invalid_client"))
    );
}

#[tokio::test]
async fn a_replaced_refresh_token_is_dead_and_the_new_one_good() {
    let doubles = doubles().await;
    let grant = Grant {
        replaced_by: Some("1//second".to_owned()),
        ..Grant::live(demo::GOOGLE_CLIENT, &["calendar"])
    };
    doubles.add_google_grant("1//first", grant);
    let (_, body) = refresh(&doubles, demo::GOOGLE_CLIENT, "1//first").await;
    assert_eq!(body["refresh_token"], "1//second");
    assert!(!doubles.is_google_grant_live("1//first"));
    let (status, body) = refresh(&doubles, demo::GOOGLE_CLIENT, "1//second").await;
    assert_eq!((status, body.get("refresh_token")), (200, None));
}

#[tokio::test]
async fn revoking_an_access_token_ends_its_grant_once() {
    let doubles = doubles().await;
    let access = access(&doubles, demo::GOOGLE_CLIENT, demo::GOOGLE_FULL).await;
    let form = [("token", access.as_str())];
    assert_eq!(post(&doubles, "/revoke", &form).await.0, 200);
    assert!(!doubles.is_google_grant_live(demo::GOOGLE_FULL));
    assert_eq!(reach(&doubles, &access).await, [401, 401, 401]);
    let (status, body) = post(&doubles, "/revoke", &form).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (400, Some("invalid_token"))
    );
}

#[tokio::test]
async fn an_access_token_expires() {
    let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
    let doubles = ProviderDoubles::start(0, clock.clone()).await.unwrap();
    doubles.register_demo_credentials();
    let access = access(&doubles, demo::GOOGLE_CLIENT, demo::GOOGLE_FULL).await;
    clock.advance(3_598);
    assert_eq!(reach(&doubles, &access).await, [200, 200, 200]);
    clock.advance(1);
    assert_eq!(reach(&doubles, &access).await, [401, 401, 401]);
}

#[tokio::test]
async fn a_caller_gets_only_the_fields_that_it_asks_for() {
    let doubles = doubles().await;
    let access = access(&doubles, demo::GOOGLE_CLIENT, demo::GOOGLE_FULL).await;
    let path = "/calendar/v3/users/me/calendarList?maxResults=1&fields=kind,items(id,primary)";
    let (_, body) = answered(get(&doubles, Service::GoogleApi, path, &access).await).await;
    let expected = serde_json::json!({
        "kind": "calendar#calendarList",
        "items": [{"id": "owner@example.com", "primary": true}],
    });
    assert_eq!(body, expected);
}
