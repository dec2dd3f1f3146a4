use super::*;

const ACCOUNTS: &str = "/2010-04-01/Accounts.json";

/// Opens a subaccount, and gives its SID and auth token.
async fn open(world: &World, name: &str) -> (String, String) {
    let opened = world.post(ACCOUNTS, &[("FriendlyName", name)]).await;
    let (status, body) = answered(opened).await;
    assert_eq!(status, 201);
    assert_eq!(body["owner_account_sid"], world.account.sid().as_str());
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("sid"), text("auth_token"))
}

#[tokio::test]
async fn accounts_are_found_by_their_exact_name_and_several_may_have_it() {
    let world = world().await;
    for name in ["one", "one", "one-too"] {
        open(&world, name).await;
    }
    for (name, found) in [("one", 2), ("one-too", 1), ("on", 0)] {
        let path = format!("{ACCOUNTS}?FriendlyName={name}");
        let (status, body) = answered(world.get(&path).await).await;
        assert_eq!(status, 200);
        assert_eq!(body["accounts"].as_array().unwrap().len(), found, "{name}");
    }
    let (_, all) = answered(world.get(ACCOUNTS).await).await;
    assert_eq!(all["accounts"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn its_owner_alone_suspends_a_subaccount_and_closes_it_for_good() {
    let world = world().await;
    let (sid, token) = open(&world, "one").await;
    let path = format!("/2010-04-01/Accounts/{sid}.json");
    let own = world
        .ask_as(
            &sid,
            &token,
            Method::POST,
            &path,
            &[("Status", "suspended")],
        )
        .await;
    assert_eq!(refused(own).await, (401, 20_003));
    for status in ["suspended", "active", "closed"] {
        let (code, body) = answered(world.post(&path, &[("Status", status)]).await).await;
        assert_eq!((code, body["status"].as_str().unwrap()), (200, status));
    }
    let reopened = world.post(&path, &[("Status", "active")]).await;
    assert_eq!(refused(reopened).await.0, 400);
    let used = world.ask_as(&sid, &token, Method::GET, &path, &[]).await;
    assert_eq!(refused(used).await, (403, 20_403));
}

#[tokio::test]
async fn a_keys_secret_is_told_once() {
    let world = world().await;
    let path = world.path("Keys.json");
    let (status, made) = answered(world.post(&path, &[("FriendlyName", "ours")]).await).await;
    assert_eq!(status, 201);
    let (sid, secret) = (
        made["sid"].as_str().unwrap(),
        made["secret"].as_str().unwrap(),
    );
    let applications = world.path("Applications.json");
    let used = world
        .ask_as(sid, secret, Method::GET, &applications, &[])
        .await;
    assert_eq!(used.status(), 200);
    let (_, listed) = answered(world.get(&path).await).await;
    assert_eq!(names(&listed["keys"]), ["ours"]);
    assert_eq!(listed["keys"][0]["secret"], Value::Null);
    let key = world.path(&format!("Keys/{sid}.json"));
    assert_eq!(world.ask(Method::DELETE, &key, &[]).await.status(), 204);
    let gone = world
        .ask_as(sid, secret, Method::GET, &applications, &[])
        .await;
    assert_eq!(refused(gone).await, (401, 20_003));
}
