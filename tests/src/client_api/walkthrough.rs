//! The way of a new tenant, from its creation to a token, as the first screen tells to type it.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::harness::Harness;

#[tokio::test]
async fn a_new_tenant_gets_to_a_token_that_a_verifier_accepts_who_knows_only_the_keys_secret() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let stored = newcomer.store().await.document(201);
    assert_eq!(
        (&stored["status"], &stored["version"]),
        (&json!("valid"), &json!(1))
    );
    let auth_token = newcomer.credentials["auth_token"].as_str().unwrap();
    let (_, last) = auth_token.split_at(auth_token.len() - 4);
    assert_eq!(stored["config"]["auth_token"], format!("••••{last}"));
    let health = newcomer.admin.get("/api/health/twilio").await.document(200);
    assert_eq!(health["checks"][0]["status"], "ok");

    let member = harness.user(&newcomer.id, "member");
    let issued = member
        .post("/api/token", &json!({"ttl_seconds": 600}))
        .await
        .document(200);
    let secret = newcomer.credentials["api_key_secret"].as_str().unwrap();
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_aud = false;
    let key = DecodingKey::from_secret(secret.as_bytes());
    let token = issued["token"].as_str().unwrap();
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation)
        .unwrap()
        .claims;
    assert_eq!(claims["iss"], newcomer.credentials["api_key_sid"]);
    assert_eq!(claims["sub"], newcomer.credentials["account_sid"]);
    assert_eq!(claims["grants"]["identity"], issued["identity"]);
    let applications = newcomer.account.applications();
    let [application] = applications.as_slice() else {
        panic!("{applications:?}")
    };
    let outgoing = &claims["grants"]["voice"]["outgoing"]["application_sid"];
    assert_eq!(outgoing, &application["sid"]);
}
