//! What a token claims: who calls, for which tenant, in which role.

use local::issuer::TokenRequest;
use serde_json::{Value, json};

use super::caller::subject;
use super::deployment;
use super::selection::{Named, Selecting, shown};

#[tokio::test]
async fn roles_are_understood_in_every_form_that_issuers_write() {
    let tenant = Named::new().await;
    for roles in [
        json!(["admin"]),
        json!(["member", "admin", "billing"]),
        json!("admin"),
        json!(r#"["member", "admin"]"#),
        json!("[admin member]"),
    ] {
        let request = tenant.token().claim("roles", roles.clone());
        let answer = tenant.asked_with(&request).await;
        assert_eq!(answer.status, 200, "{roles}");
    }
}

#[tokio::test]
async fn a_group_that_has_a_role_as_a_word_of_its_name_gives_no_role_where_the_claim_can_tell() {
    let tenant = Named::new().await;
    for roles in [
        json!("night admin"),
        json!("member,admin"),
        json!(["admin,member"]),
        json!(r#"["night admin"]"#),
        json!(r#""admin""#),
    ] {
        let request = tenant.token().claim("roles", roles.clone());
        let answer = tenant.asked_with(&request).await;
        assert_eq!(answer.refusal(), (403, "role_required"), "{roles}");
    }
}

#[tokio::test]
async fn a_token_of_several_tenants_or_of_none_is_of_no_tenant() {
    let tenant = Named::new().await;
    let (id, other) = (tenant.id.as_str(), Named::new().await.id.to_string());
    for claim in [
        Value::Null,
        json!(""),
        json!([id]),
        json!([id, other]),
        json!(format!("{id} {other}")),
        json!(format!("{id},{other}")),
        json!(format!(" {id}")),
        json!(id.to_uppercase()),
        json!({"id": id}),
        json!(7),
        json!("x".repeat(2_000)),
    ] {
        let request = tenant.token().claim("tenant_id", claim.clone());
        let answer = tenant.asked_with(&request).await;
        assert_eq!(answer.refusal(), (403, "no_tenant"), "{claim}");
        // Naming one does not help.
        let caller = tenant.harness.caller(&request);
        for selecting in [
            Selecting(Some(id), None),
            Selecting(None, Some(id)),
            Selecting(Some(id), Some(id)),
        ] {
            let answer = selecting.ask(tenant.harness, &caller).await;
            assert_eq!(
                answer.refusal(),
                (403, "no_tenant"),
                "{claim} {selecting:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_subject_of_any_form_is_served_and_named_in_the_audit_as_it_is() {
    let tenant = Named::new().await;
    let longest = "x".repeat(255);
    let widest = "\u{1f4de}".repeat(255);
    let subjects = [
        "5d0c8f0e-3a52-4c8e-9a57-6d2f7c1b9e10",
        "ada@example.com",
        "auth0|5f7c8ec7c33c6c004bbafe82",
        "Ada Lovelace",
        "o'neil \"quoted\" \\ {} <b>&",
        "../../tenants",
        "zażółć gęślą 電話",
        "line\nbreak\u{0}\u{7f}",
        "[admin operator]",
        "42",
        &longest,
        &widest,
    ];
    for subject in subjects {
        let request = TokenRequest::new(subject)
            .tenant(tenant.id.as_str())
            .role("admin");
        let settings = json!({"greeting": "Hello"});
        let caller = tenant.harness.caller(&request);
        let answer = caller.patch("/api/settings", &settings).await;
        assert_eq!(answer.status, 200, "{subject}: {answer:?}");
    }
    let audit = tenant.admin.get("/api/audit?limit=100").await.document(200);
    let entries = audit["items"].as_array().unwrap();
    for subject in subjects {
        let actor = format!("user:{subject}");
        let told = entries.iter().filter(|entry| entry["actor"] == actor);
        assert_eq!(told.count(), 1, "{subject}: {audit}");
    }
}

#[tokio::test]
async fn a_token_without_a_usable_subject_is_refused() {
    let tenant = Named::new().await;
    for subject in [Value::Null, json!(""), json!("x".repeat(256))] {
        let request = tenant.token().claim("sub", subject.clone());
        let answer = tenant.asked_with(&request).await;
        assert_eq!(answer.refusal(), (401, "unauthenticated"), "{subject}");
    }
}

#[tokio::test]
async fn claims_and_base_domain_are_those_that_the_deployment_names() {
    let harness = deployment::with_parameters().await;
    let tenant = Named::of(harness).await;
    let id = tenant.id.as_str();
    // The tenant and the role by the names that count elsewhere.
    let elsewhere = TokenRequest::new(subject("admin"))
        .claim("tenant_id", json!(id))
        .claim("roles", json!(["operator"]));
    let answer = tenant.asked_with(&elsewhere).await;
    assert_eq!(answer.refusal(), (403, "role_required"));
    let mixed = elsewhere.role("admin");
    let answer = tenant.asked_with(&mixed).await;
    assert_eq!(answer.refusal(), (403, "no_tenant"));

    let operator = harness.operator();
    let under = format!("{id}.{}", deployment::BASE_DOMAIN_BELOW_LOCALHOST);
    let answer = Selecting(None, Some(&under)).ask(harness, &operator).await;
    assert_eq!(shown(answer), id);
    let answer = Selecting(None, Some(id)).ask(harness, &operator).await;
    assert_eq!(answer.refusal(), (400, "tenant_required"));
}
