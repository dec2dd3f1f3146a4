use super::*;

#[tokio::test]
async fn an_auth_token_fetches_its_account() {
    let world = world().await;
    let path = format!("/2010-04-01/Accounts/{}.json", world.account.sid());
    let (status, body) = answered(world.get(&path).await).await;
    assert_eq!(status, 200);
    assert_eq!(body["sid"], world.account.sid().as_str());
    assert_eq!(body["status"], "active");
    assert_eq!(body["type"], "Full");
    assert_eq!(body["auth_token"], TOKEN);
    assert_eq!(body["owner_account_sid"], world.account.sid().as_str());
    assert_eq!(
        property_names(&body),
        [
            "auth_token",
            "date_created",
            "date_updated",
            "friendly_name",
            "owner_account_sid",
            "sid",
            "status",
            "subresource_uris",
            "type",
            "uri"
        ]
    );
}

#[tokio::test]
async fn the_secondary_token_works_like_the_primary_one() {
    let world = world().await;
    world.account.set_secondary_auth_token(Some("second"));
    let user = world.account.sid().as_str();
    let path = format!("/2010-04-01/Accounts/{user}.json");
    let response = world.ask_as(user, "second", Method::GET, &path, &[]).await;
    let (status, body) = answered(response).await;
    assert_eq!((status, body["auth_token"].as_str()), (200, Some(TOKEN)));
}

#[tokio::test]
async fn wrong_credentials_are_refused_by_20003_whatever_is_wrong_with_them() {
    let world = world().await;
    let own = world.account.sid().as_str().to_owned();
    let key = world.account.add_key(KeyKind::Standard);
    let path = world.path("Applications.json");
    for (user, password) in [
        (own.as_str(), "wrong"),
        (own.as_str(), ""),
        (sid(9).as_str(), TOKEN),
        (key.sid.as_str(), "wrong"),
        ("SK00000000000000000000000000000000", key.secret.as_str()),
    ] {
        let response = world.ask_as(user, password, Method::GET, &path, &[]).await;
        assert_eq!(refused(response).await, (401, 20_003), "{user}");
    }
}

#[tokio::test]
async fn a_request_without_credentials_is_refused_with_a_challenge() {
    let world = world().await;
    let url = format!("{}{}", world.double.url(), world.path("Keys.json"));
    let response = crate::http_client::client().get(url).send().await.unwrap();
    assert_eq!(
        response.headers()["www-authenticate"],
        "Basic realm=\"Twilio API\""
    );
    assert_eq!(refused(response).await, (401, 20_003));
}

#[tokio::test]
async fn a_standard_key_does_all_but_accounts_and_keys() {
    let world = world().await;
    let key = world.account.add_key(KeyKind::Standard);
    let ask = async |path: String| {
        let (user, password) = (key.sid.as_str(), key.secret.as_str());
        world.ask_as(user, password, Method::GET, &path, &[]).await
    };
    assert_eq!(ask(world.path("Applications.json")).await.status(), 200);
    assert_eq!(ask("/v1/Services".to_owned()).await.status(), 200);
    let account = format!("/2010-04-01/Accounts/{}.json", world.account.sid());
    for path in [
        account,
        world.path("Keys.json"),
        world.path(&format!("Keys/{}.json", key.sid)),
    ] {
        assert_eq!(refused(ask(path).await).await, (401, 20_003));
    }
}

#[tokio::test]
async fn a_main_key_does_all_but_is_not_told_the_auth_token() {
    let world = world().await;
    let key = world.account.add_key(KeyKind::Main);
    let ask = async |path: String| {
        let (user, password) = (key.sid.as_str(), key.secret.as_str());
        answered(world.ask_as(user, password, Method::GET, &path, &[]).await).await
    };
    let account = format!("/2010-04-01/Accounts/{}.json", world.account.sid());
    let (status, body) = ask(account).await;
    assert_eq!((status, body["auth_token"].as_str()), (200, Some("")));
    let (status, body) = ask(world.path(&format!("Keys/{}.json", key.sid))).await;
    assert_eq!(
        (status, body["sid"].as_str()),
        (200, Some(key.sid.as_str()))
    );
    assert_eq!(
        property_names(&body),
        ["date_created", "date_updated", "friendly_name", "sid"]
    );
    let (status, body) = ask(world.path("Keys.json")).await;
    assert_eq!((status, body["keys"].as_array().unwrap().len()), (200, 1));
}

#[tokio::test]
async fn a_restricted_key_does_what_it_is_allowed_and_is_refused_the_rest_by_70051() {
    let world = world().await;
    let kind = KeyKind::Restricted(vec![Permission::ReadApplications]);
    let key = world.account.add_key(kind);
    let ask = async |method, path: String| {
        let form = [("FriendlyName", "x")];
        let form = if method == Method::POST {
            &form[..]
        } else {
            &[]
        };
        let (user, password) = (key.sid.as_str(), key.secret.as_str());
        world.ask_as(user, password, method, &path, form).await
    };
    let applications = world.path("Applications.json");
    let read = ask(Method::GET, applications.clone()).await;
    assert_eq!(read.status(), 200);
    let account = format!("/2010-04-01/Accounts/{}.json", world.account.sid());
    for (method, path) in [
        (Method::POST, applications),
        (Method::GET, world.path("IncomingPhoneNumbers.json")),
        (Method::GET, account),
        (Method::GET, "/v1/Services".to_owned()),
    ] {
        assert_eq!(refused(ask(method, path).await).await, (403, 70_051));
    }
    assert_eq!(world.account.applications().len(), 0);
}

#[tokio::test]
async fn another_accounts_sid_is_not_found() {
    let world = world().await;
    world.double.account(&sid(2)).open("another token");
    for other in [sid(2), sid(3)] {
        let path = format!("/2010-04-01/Accounts/{other}/Applications.json");
        assert_eq!(refused(world.get(&path).await).await, (404, 20_404));
    }
}

#[tokio::test]
async fn a_parent_reaches_its_subaccount_and_not_the_other_way_round() {
    let world = world().await;
    let child = world.double.account(&sid(2));
    child.open_under(world.account.sid(), "child's token");
    let path = format!("/2010-04-01/Accounts/{}.json", child.sid());
    let (status, body) = answered(world.get(&path).await).await;
    assert_eq!(status, 200);
    assert_eq!(body["owner_account_sid"], world.account.sid().as_str());
    let up = world.path("Applications.json");
    let response = world
        .ask_as(child.sid().as_str(), "child's token", Method::GET, &up, &[])
        .await;
    assert_eq!(refused(response).await, (401, 20_003));
}

#[tokio::test]
async fn a_suspended_account_is_refused_by_20005_until_it_is_resumed() {
    let world = world().await;
    let path = format!("/2010-04-01/Accounts/{}.json", world.account.sid());
    world.account.suspend();
    assert_eq!(refused(world.get(&path).await).await, (403, 20_005));
    world.account.resume();
    assert_eq!(world.get(&path).await.status(), 200);
    world.account.close();
    assert_eq!(refused(world.get(&path).await).await, (403, 20_403));
}

#[tokio::test]
async fn test_credentials_are_refused_by_20008() {
    let world = world().await;
    world.account.become_test_account();
    let path = format!("/2010-04-01/Accounts/{}.json", world.account.sid());
    assert_eq!(refused(world.get(&path).await).await, (403, 20_008));
}

#[tokio::test]
async fn suspending_the_parent_suspends_the_subaccount() {
    let world = world().await;
    let child = world.double.account(&sid(2));
    child.open_under(world.account.sid(), "child's token");
    world.account.suspend();
    let path = format!("/2010-04-01/Accounts/{}.json", child.sid());
    let response = world
        .ask_as(
            child.sid().as_str(),
            "child's token",
            Method::GET,
            &path,
            &[],
        )
        .await;
    assert_eq!(refused(response).await, (403, 20_005));
}

#[tokio::test]
async fn a_deleted_key_is_unknown() {
    let world = world().await;
    let key = world.account.add_key(KeyKind::Standard);
    world.account.delete_key(&key.sid);
    let path = world.path("Applications.json");
    let response = world
        .ask_as(&key.sid, &key.secret, Method::GET, &path, &[])
        .await;
    assert_eq!(refused(response).await, (401, 20_003));
}

#[tokio::test]
async fn the_newer_api_tells_which_keys_of_the_caller_are_restricted_and_nothing_of_main_keys() {
    let world = world().await;
    let other = world.double.account(&sid(2));
    other.open("another token");
    let of_other = other.add_key(KeyKind::Standard);
    let standard = world.account.add_key(KeyKind::Standard);
    let main = world.account.add_key(KeyKind::Main);
    let kind = KeyKind::Restricted(vec![Permission::ReadApplications]);
    let restricted = world.account.add_key(kind);
    let path = |key: &IssuedKey| format!("/v1/Keys/{}", key.sid);

    let (status, body) = answered(world.get(&path(&standard)).await).await;
    assert_eq!((status, body["sid"].as_str()), (200, Some(&*standard.sid)));
    let names = [
        "date_created",
        "date_updated",
        "friendly_name",
        "policy",
        "sid",
    ];
    assert_eq!(property_names(&body), names);
    assert!(body["policy"].is_null());
    let (_, body) = answered(world.get(&path(&restricted)).await).await;
    assert_eq!(body["policy"]["allow"].as_array().unwrap().len(), 1);
    for unknown in [&main, &of_other] {
        let answer = world.get(&path(unknown)).await;
        assert_eq!(refused(answer).await, (404, 20_404));
    }
    for (key, refusal) in [(standard, (401, 20_003)), (restricted, (403, 70_051))] {
        let path = path(&key);
        let asked = world.ask_as(&key.sid, &key.secret, Method::GET, &path, &[]);
        assert_eq!(refused(asked.await).await, refusal);
    }
}
