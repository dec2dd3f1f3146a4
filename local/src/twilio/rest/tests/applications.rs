use super::*;

const VOICE: &str = "https://hooks.example.com/voice";

#[tokio::test]
async fn a_created_application_is_fetched_updated_and_deleted() {
    let world = world().await;
    let form = [("FriendlyName", "Trunkline"), ("VoiceUrl", VOICE)];
    let (status, created) =
        answered(world.post(&world.path("Applications.json"), &form).await).await;
    assert_eq!(status, 201);
    let path = created["uri"].as_str().unwrap().to_owned();
    assert_eq!(
        path,
        world.path(&format!(
            "Applications/{}.json",
            created["sid"].as_str().unwrap()
        ))
    );
    assert_eq!(created["voice_method"], "POST");
    assert_eq!(created["sms_url"], Value::Null);
    assert_eq!(created["voice_caller_id_lookup"], false);
    let (status, fetched) = answered(world.get(&path).await).await;
    assert_eq!((status, fetched), (200, created));
    let other = [
        ("VoiceUrl", "https://other.example.com/"),
        ("VoiceMethod", "get"),
    ];
    let (status, updated) = answered(world.post(&path, &other).await).await;
    assert_eq!(status, 200);
    assert_eq!(updated["voice_url"], "https://other.example.com/");
    assert_eq!(updated["voice_method"], "GET");
    assert_eq!(updated["friendly_name"], "Trunkline");
    let deleted = world.ask(Method::DELETE, &path, &[]).await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(deleted.bytes().await.unwrap().len(), 0);
    assert_eq!(refused(world.get(&path).await).await, (404, 20_404));
}

#[tokio::test]
async fn an_application_has_the_properties_of_twilios_description() {
    let world = world().await;
    let form = [("FriendlyName", "x")];
    let response = world.post(&world.path("Applications.json"), &form).await;
    let (_, created) = answered(response).await;
    assert_eq!(
        property_names(&created),
        [
            "account_sid",
            "api_version",
            "date_created",
            "date_updated",
            "friendly_name",
            "message_status_callback",
            "public_application_connect_enabled",
            "sid",
            "sms_fallback_method",
            "sms_fallback_url",
            "sms_method",
            "sms_status_callback",
            "sms_url",
            "status_callback",
            "status_callback_method",
            "uri",
            "voice_caller_id_lookup",
            "voice_fallback_method",
            "voice_fallback_url",
            "voice_method",
            "voice_url"
        ]
    );
    let date = created["date_created"].as_str().unwrap();
    let parsed = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date);
    assert!(parsed.is_ok() && date.ends_with(" +0000"), "{date}");
}

#[tokio::test]
async fn two_applications_may_have_one_name() {
    let world = world().await;
    let form = [("FriendlyName", "Trunkline")];
    for _ in 0..2 {
        let response = world.post(&world.path("Applications.json"), &form).await;
        assert_eq!(response.status(), 201);
    }
    let sids: std::collections::BTreeSet<_> = world
        .account
        .applications()
        .iter()
        .map(|one| one["sid"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(sids.len(), 2);
}

#[tokio::test]
async fn the_list_is_followed_by_next_page_uri_newest_first() {
    let world = world().await;
    for number in 0..5 {
        world.account.add_application(&format!("a{number}"), VOICE);
    }
    let mut seen = Vec::new();
    let mut next = Some(world.path("Applications.json?PageSize=2"));
    while let Some(path) = next {
        let (status, body) = answered(world.get(&path).await).await;
        assert_eq!((status, &body["page_size"]), (200, &Value::from(2)));
        seen.extend(names(&body["applications"]).into_iter().map(str::to_owned));
        next = body["next_page_uri"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, ["a4", "a3", "a2", "a1", "a0"]);
}

#[tokio::test]
async fn an_envelope_tells_where_its_page_stands() {
    let world = world().await;
    for number in 0..3 {
        world.account.add_application(&format!("a{number}"), VOICE);
    }
    let first = world.path("Applications.json?PageSize=2");
    let (_, body) = answered(world.get(&first).await).await;
    assert_eq!(
        (&body["start"], &body["end"]),
        (&Value::from(0), &Value::from(1))
    );
    assert_eq!(body["previous_page_uri"], Value::Null);
    let next = body["next_page_uri"].as_str().unwrap();
    let (_, body) = answered(world.get(next).await).await;
    assert_eq!(
        (&body["page"], &body["start"]),
        (&Value::from(1), &Value::from(2))
    );
    assert_eq!(body["next_page_uri"], Value::Null);
    let previous = body["previous_page_uri"].as_str().unwrap();
    let (_, body) = answered(world.get(previous).await).await;
    assert_eq!(names(&body["applications"]), ["a2", "a1"]);
}

#[tokio::test]
async fn a_later_page_needs_its_token() {
    let world = world().await;
    let path = world.path("Applications.json?PageSize=2&Page=1");
    assert_eq!(refused(world.get(&path).await).await.0, 400);
    let path = world.path("Applications.json?PageSize=1001");
    assert_eq!(refused(world.get(&path).await).await.0, 400);
}

#[tokio::test]
async fn the_name_filter_finds_what_begins_with_it_and_stays_on_the_next_page() {
    let world = world().await;
    for name in ["trunkline acme", "other", "trunkline acmeco"] {
        world.account.add_application(name, VOICE);
    }
    let path = world.path("Applications.json?FriendlyName=trunkline+acme&PageSize=1");
    let (_, body) = answered(world.get(&path).await).await;
    assert_eq!(names(&body["applications"]), ["trunkline acmeco"]);
    let next = body["next_page_uri"].as_str().unwrap();
    let (_, body) = answered(world.get(next).await).await;
    assert_eq!(names(&body["applications"]), ["trunkline acme"]);
    assert_eq!(body["next_page_uri"], Value::Null);
}

#[tokio::test]
async fn an_account_has_at_most_a_thousand_applications() {
    let world = world().await;
    for _ in 0..1_000 {
        assert!(world.account.add_application("x", VOICE).is_some());
    }
    let form = [("FriendlyName", "one more")];
    let response = world.post(&world.path("Applications.json"), &form).await;
    assert_eq!(refused(response).await.0, 400);
    assert_eq!(world.account.applications().len(), 1_000);
}

#[tokio::test]
async fn a_refused_form_changes_nothing() {
    let world = world().await;
    let sid = world.account.add_application("x", VOICE).unwrap();
    let path = world.path(&format!("Applications/{sid}.json"));
    let before = world.account.applications();
    let long = "x".repeat(65);
    for (parameter, value) in [
        ("VoiceUrl", "not a url"),
        ("VoiceUrl", "https://under_score.example.com/"),
        ("VoiceMethod", "PUT"),
        ("FriendlyName", long.as_str()),
    ] {
        let form = [("SmsUrl", "https://new.example.com/"), (parameter, value)];
        assert_eq!(
            refused(world.post(&path, &form).await).await.0,
            400,
            "{parameter}"
        );
    }
    assert_eq!(world.account.applications(), before);
}

#[tokio::test]
async fn a_cleared_url_is_empty_and_an_unset_one_null() {
    let world = world().await;
    let sid = world.account.add_application("x", VOICE).unwrap();
    let path = world.path(&format!("Applications/{sid}.json"));
    let (_, body) = answered(world.post(&path, &[("VoiceUrl", "")]).await).await;
    assert_eq!(body["voice_url"], "");
    assert_eq!(body["voice_fallback_url"], Value::Null);
}

#[tokio::test]
async fn another_accounts_application_is_not_found() {
    let world = world().await;
    let other = world.double.account(&sid(2));
    other.open("another token");
    let application = other.add_application("x", VOICE).unwrap();
    let path = world.path(&format!("Applications/{application}.json"));
    assert_eq!(refused(world.get(&path).await).await, (404, 20_404));
}

#[tokio::test]
async fn somebody_else_may_change_and_delete_an_application() {
    let world = world().await;
    let sid = world.account.add_application("x", VOICE).unwrap();
    let path = world.path(&format!("Applications/{sid}.json"));
    let form = [("VoiceUrl", "https://stolen.example.com/")];
    assert!(world.account.configure_application(&sid, &form));
    let (_, body) = answered(world.get(&path).await).await;
    assert_eq!(body["voice_url"], "https://stolen.example.com/");
    assert!(world.account.delete_application(&sid));
    assert!(!world.account.delete_application(&sid));
    assert_eq!(world.get(&path).await.status(), 404);
}
