use super::*;

#[tokio::test]
async fn a_promoted_token_replaces_the_primary_one_at_once() {
    let world = world().await;
    let (status, body) = answered(world.post("/v1/AuthTokens/Secondary", &[]).await).await;
    assert_eq!(status, 201);
    let second = body["secondary_auth_token"].as_str().unwrap().to_owned();
    assert_eq!(world.account.secondary_auth_token(), Some(second.clone()));
    assert_eq!(world.account.auth_token().as_deref(), Some(TOKEN));
    let (status, body) = answered(world.post("/v1/AuthTokens/Promote", &[]).await).await;
    assert_eq!(
        (status, body["auth_token"].as_str()),
        (200, Some(second.as_str()))
    );
    assert_eq!(world.account.secondary_auth_token(), None);
    let response = world.get(&world.path("Applications.json")).await;
    assert_eq!(refused(response).await, (401, 20_003));
    let user = world.account.sid().as_str();
    let path = world.path("Applications.json");
    let response = world.ask_as(user, &second, Method::GET, &path, &[]).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_secondary_token_that_is_deleted_works_no_more() {
    let world = world().await;
    world.account.set_secondary_auth_token(Some("second"));
    let deleted = world
        .ask(Method::DELETE, "/v1/AuthTokens/Secondary", &[])
        .await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(world.account.secondary_auth_token(), None);
    let response = world.post("/v1/AuthTokens/Promote", &[]).await;
    assert_eq!(refused(response).await, (404, 20_404));
}

#[tokio::test]
async fn a_standard_key_cannot_rotate_auth_tokens() {
    let world = world().await;
    let key = world.account.add_key(KeyKind::Standard);
    let path = "/v1/AuthTokens/Secondary";
    let response = world
        .ask_as(&key.sid, &key.secret, Method::POST, path, &[])
        .await;
    assert_eq!(refused(response).await, (401, 20_003));
}
