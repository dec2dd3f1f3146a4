use super::*;

#[tokio::test]
async fn services_are_listed_by_absolute_next_page_urls() {
    let world = world().await;
    for number in 0..3 {
        world
            .account
            .add_messaging_service(&format!("s{number}"), None);
    }
    let mut seen = Vec::new();
    let mut next = Some("/v1/Services?PageSize=2".to_owned());
    while let Some(path) = next {
        let (status, body) = answered(world.get(&path).await).await;
        assert_eq!(
            (status, &body["meta"]["key"]),
            (200, &Value::from("services"))
        );
        seen.extend(names(&body["services"]).into_iter().map(str::to_owned));
        let url = body["meta"]["next_page_url"].as_str();
        next = url.map(|url| url.strip_prefix(&world.double.url()).unwrap().to_owned());
    }
    assert_eq!(seen, ["s2", "s1", "s0"]);
}

#[tokio::test]
async fn a_service_tells_its_url_and_its_times_in_iso_8601() {
    let world = world().await;
    let url = "https://hooks.example.com/sms";
    let sid = world.account.add_messaging_service("s", Some(url));
    let (status, body) = answered(world.get(&format!("/v1/Services/{sid}")).await).await;
    assert_eq!(status, 200);
    assert_eq!(body["inbound_request_url"], url);
    assert_eq!(body["use_inbound_webhook_on_number"], false);
    let date = body["date_created"].as_str().unwrap();
    assert!(date.parse::<jiff::Timestamp>().is_ok(), "{date}");
}

#[tokio::test]
async fn a_service_lists_only_its_own_numbers() {
    let world = world().await;
    let member = world.account.add_number("+15005550101");
    world.account.add_number("+15005550102");
    let sid = world.account.add_messaging_service("s", None);
    world.account.add_to_messaging_service(&sid, &member);
    let path = format!("/v1/Services/{sid}/PhoneNumbers");
    let (status, body) = answered(world.get(&path).await).await;
    assert_eq!(status, 200);
    let numbers = body["phone_numbers"].as_array().unwrap();
    assert_eq!(numbers.len(), 1);
    assert_eq!(numbers[0]["phone_number"], "+15005550101");
    assert_eq!(numbers[0]["service_sid"], sid);
}

#[tokio::test]
async fn another_accounts_service_is_not_found() {
    let world = world().await;
    let other = world.double.account(&sid(2));
    other.open("another token");
    let service = other.add_messaging_service("s", None);
    let response = world.get(&format!("/v1/Services/{service}")).await;
    assert_eq!(refused(response).await, (404, 20_404));
}
