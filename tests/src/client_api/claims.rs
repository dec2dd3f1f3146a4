//! Who calls and for which tenant: what the token claims, and what the request may select besides.

use local::issuer::TokenRequest;
use reqwest::header::HOST;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::tenant::TenantId;

use super::caller::{Answer, Caller, subject};
use super::deployment;
use crate::harness::Harness;

/// A tenant with a subdomain, whose settings say which one it is.
struct Named {
    harness: &'static Harness,
    id: TenantId,
    admin: Caller,
}

impl Named {
    async fn new() -> Self {
        Self::of(Harness::shared().await).await
    }

    async fn of(harness: &'static Harness) -> Self {
        let newcomer = harness.newcomer().await;
        let id = newcomer.id.clone();
        let (operator, path) = (harness.operator(), format!("/api/tenants/{id}"));
        let subdomain = json!({"subdomain": id});
        operator.patch(&path, &subdomain).await.document(200);
        let settings = json!({"auto_reply": id});
        let admin = newcomer.admin;
        admin.patch("/api/settings", &settings).await.document(200);
        Self { harness, id, admin }
    }

    /// A token of its admin, to be changed.
    fn token(&self) -> TokenRequest {
        let request = TokenRequest::new(subject("admin"));
        request.tenant(self.id.as_str()).role("admin")
    }

    /// What a caller with this token gets who selects nothing.
    async fn asked_with(&self, request: &TokenRequest) -> Answer {
        self.harness.caller(request).get("/api/settings").await
    }

    async fn set_status(&self, status: &str) {
        let path = format!("/api/tenants/{}", self.id);
        let change = json!({"status": status});
        let operator = self.harness.operator();
        operator.patch(&path, &change).await.document(200);
    }
}

/// A selection: by header, by subdomain, or by both.
#[derive(Debug, Clone, Copy)]
struct Selecting<'a>(Option<&'a str>, Option<&'a str>);

impl Selecting<'_> {
    async fn ask(self, harness: &Harness, caller: &Caller) -> Answer {
        let Self(header, subdomain) = self;
        let change = |mut request: RequestBuilder| {
            if let Some(id) = header {
                request = request.header("X-Tenant-Id", id);
            }
            match subdomain {
                Some(subdomain) => request.header(HOST, harness.host(subdomain)),
                None => request,
            }
        };
        caller.send(Method::GET, "/api/settings", change).await
    }
}

/// The tenant whose settings an answer shows.
#[track_caller]
fn shown(answer: Answer) -> String {
    let document = answer.document(200);
    document["auto_reply"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn roles_are_understood_in_every_form_that_issuers_write() {
    let tenant = Named::new().await;
    for roles in [
        json!(["admin"]),
        json!(["member", "admin", "billing"]),
        json!("admin"),
        json!("member admin"),
        json!("member,admin"),
        json!(r#"["member", "admin"]"#),
        json!("[admin member]"),
    ] {
        let request = tenant.token().claim("roles", roles.clone());
        let answer = tenant.asked_with(&request).await;
        assert_eq!(answer.status, 200, "{roles}");
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
async fn a_user_may_select_its_own_tenant_and_nothing_else() {
    let tenant = Named::new().await;
    let (id, other) = (tenant.id.as_str(), Named::new().await.id.to_string());
    for selecting in [
        Selecting(None, None),
        Selecting(Some(id), None),
        Selecting(None, Some(id)),
        Selecting(Some(id), Some(id)),
        // Hosts that no tenant can have select nothing.
        Selecting(None, Some("api")),
        Selecting(None, Some(&format!("more.{id}"))),
        Selecting(None, Some(&id.to_uppercase())),
    ] {
        let answer = selecting.ask(tenant.harness, &tenant.admin).await;
        assert_eq!(shown(answer), id, "{selecting:?}");
    }
    for selecting in [
        Selecting(Some(&other), None),
        Selecting(None, Some(&other)),
        Selecting(Some(&other), Some(&other)),
        Selecting(Some(id), Some(&other)),
        Selecting(Some(&other), Some(id)),
        Selecting(Some("nobody-at-all"), None),
        Selecting(None, Some("nobody-at-all")),
        Selecting(Some(id), Some("nobody-at-all")),
    ] {
        let answer = selecting.ask(tenant.harness, &tenant.admin).await;
        assert_eq!(answer.refusal(), (403, "tenant_mismatch"), "{selecting:?}");
    }
}

#[tokio::test]
async fn an_operator_acts_for_the_tenant_that_it_selects() {
    let tenant = Named::new().await;
    let other = Named::new().await;
    let (id, other) = (tenant.id.as_str(), other.id.as_str());
    let operator = tenant.harness.operator();
    for (selecting, expected) in [
        (Selecting(Some(id), None), id),
        (Selecting(None, Some(id)), id),
        (Selecting(Some(id), Some(id)), id),
        (Selecting(Some(other), None), other),
        (Selecting(Some(other), Some("api")), other),
    ] {
        let answer = selecting.ask(tenant.harness, &operator).await;
        assert_eq!(shown(answer), expected, "{selecting:?}");
    }
    for (selecting, refusal) in [
        (Selecting(None, None), (400, "tenant_required")),
        (Selecting(Some(id), Some(other)), (403, "tenant_mismatch")),
        (
            Selecting(Some(id), Some("nobody-at-all")),
            (403, "tenant_mismatch"),
        ),
        (
            Selecting(Some("nobody-at-all"), None),
            (404, "tenant_not_found"),
        ),
        (
            Selecting(None, Some("nobody-at-all")),
            (404, "tenant_not_found"),
        ),
    ] {
        let answer = selecting.ask(tenant.harness, &operator).await;
        assert_eq!(answer.refusal(), refusal, "{selecting:?}");
    }
}

#[tokio::test]
async fn an_operator_of_a_tenant_acts_for_it_unless_it_selects_another() {
    let tenant = Named::new().await;
    let other = Named::new().await;
    let operator = tenant.harness.caller(&tenant.token().role("operator"));
    let nothing = Selecting(None, None);
    let own = nothing.ask(tenant.harness, &operator).await;
    assert_eq!(shown(own), tenant.id.as_str());
    let selecting = Selecting(Some(other.id.as_str()), None);
    let selected = selecting.ask(tenant.harness, &operator).await;
    assert_eq!(shown(selected), other.id.as_str());
}

#[tokio::test]
async fn a_header_that_is_no_tenants_id_is_named_as_the_fault() {
    let tenant = Named::new().await;
    let operator = tenant.harness.operator();
    let long = "x".repeat(8_000);
    for id in [
        "",
        " ",
        "ACME",
        "a b",
        "-acme",
        "a_b",
        "acme#tenant",
        "tenant-é",
        "[acme]",
        &long,
    ] {
        for caller in [&tenant.admin, &operator] {
            let answer = Selecting(Some(id), None).ask(tenant.harness, caller).await;
            assert_eq!(answer.refusal(), (400, "invalid_parameter"), "{id}");
            assert_eq!(answer.faulty_fields(), ["X-Tenant-Id"]);
        }
    }
    // Twice the same is not once.
    let twice = |request: RequestBuilder| {
        let id = tenant.id.as_str();
        request.header("X-Tenant-Id", id).header("X-Tenant-Id", id)
    };
    let answer = operator.send(Method::GET, "/api/settings", twice).await;
    assert_eq!(answer.refusal(), (400, "invalid_parameter"));
}

#[tokio::test]
async fn the_tenants_routes_take_the_tenant_of_the_path_whatever_is_selected() {
    let tenant = Named::new().await;
    let (id, other) = (tenant.id.as_str(), Named::new().await.id.to_string());
    let path = format!("/api/tenants/{id}");
    let operator = tenant.harness.operator();
    for (header, subdomain) in [
        (id, id),
        (other.as_str(), "api"),
        (other.as_str(), other.as_str()),
        ("nobody-at-all", "api"),
    ] {
        let selecting = |request: RequestBuilder| {
            let request = request.header("X-Tenant-Id", header);
            request.header(HOST, tenant.harness.host(subdomain))
        };
        let answer = operator.send(Method::GET, &path, selecting).await;
        assert_eq!(answer.document(200)["tenant_id"], id);
    }
    let contradicting = |request: RequestBuilder| {
        let request = request.header("X-Tenant-Id", id);
        request.header(HOST, tenant.harness.host(&other))
    };
    let answer = operator.send(Method::GET, &path, contradicting).await;
    assert_eq!(answer.refusal(), (403, "tenant_mismatch"));
}

#[tokio::test]
async fn a_token_of_a_tenant_that_is_not_there_finds_nothing() {
    let harness = Harness::shared().await;
    let nobody = format!("nobody-{}", subject("tenant")).parse().unwrap();
    let admin = harness.admin(&nobody);
    let hour = json!({"ttl_seconds": 3_600});
    for answer in [
        admin.get("/api/settings").await,
        admin.get("/api/integrations/twilio").await,
        admin
            .post("/api/integrations/twilio/verify", &json!({}))
            .await,
        admin
            .patch("/api/settings", &json!({"greeting": "Hello"}))
            .await,
        admin.post("/api/token", &hour).await,
    ] {
        assert_eq!(answer.refusal(), (404, "tenant_not_found"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_suspended_tenants_users_are_refused_and_an_operator_may_look_and_resume_it() {
    let tenant = Named::new().await;
    let member = tenant.harness.user(&tenant.id, "member");
    let operator = tenant.harness.operator();
    let selecting = Selecting(Some(tenant.id.as_str()), None);
    tenant.set_status("suspended").await;
    let refusal = (403, "tenant_suspended");
    let hour = json!({"ttl_seconds": 3_600});
    assert_eq!(member.post("/api/token", &hour).await.refusal(), refusal);
    assert_eq!(tenant.admin.get("/api/settings").await.refusal(), refusal);
    let settings = json!({"greeting": "Hello"});
    let written = tenant.admin.patch("/api/settings", &settings).await;
    assert_eq!(written.refusal(), refusal);
    let seen = selecting.ask(tenant.harness, &operator).await;
    assert_eq!(shown(seen), tenant.id.as_str());
    tenant.set_status("active").await;
    assert_eq!(tenant.admin.get("/api/settings").await.status, 200);
}

#[tokio::test]
async fn a_change_of_status_is_in_force_at_a_function_that_issued_tokens_a_moment_ago() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let (member, operator) = (harness.user(&newcomer.id, "member"), harness.operator());
    let path = format!("/api/tenants/{}", newcomer.id);
    let hour = json!({"ttl_seconds": 3_600});
    member.post("/api/token", &hour).await.document(200);
    let suspended = operator.patch(&path, &json!({"status": "suspended"})).await;
    suspended.document(200);
    let refused = member.post("/api/token", &hour).await;
    assert_eq!(refused.refusal(), (403, "tenant_suspended"));
    let resumed = operator.patch(&path, &json!({"status": "active"})).await;
    resumed.document(200);
    member.post("/api/token", &hour).await.document(200);
    operator.delete(&path).await.document(202);
    let refused = member.post("/api/token", &hour).await;
    assert_eq!(refused.refusal(), (409, "tenant_deleting"));
}

#[tokio::test]
async fn a_tenant_that_is_being_deleted_serves_nobody() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let operator = harness.operator();
    let path = format!("/api/tenants/{}", newcomer.id);
    operator.delete(&path).await.document(202);
    let refusal = (409, "tenant_deleting");
    let selecting = Selecting(Some(newcomer.id.as_str()), None);
    assert_eq!(selecting.ask(harness, &operator).await.refusal(), refusal);
    assert_eq!(
        selecting.ask(harness, &newcomer.admin).await.refusal(),
        refusal
    );
    let settings = json!({"greeting": "Hello"});
    let written = newcomer.admin.patch("/api/settings", &settings).await;
    assert_eq!(written.refusal(), refusal);
    assert_eq!(newcomer.store().await.refusal(), refusal);
    let member = harness.user(&newcomer.id, "member");
    let token = member.post("/api/token", &json!({})).await;
    assert_eq!(token.refusal(), refusal);
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
