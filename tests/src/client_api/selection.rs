//! The tenant that a request selects, by header or host: it must be the token's, unless an operator calls.

use std::time::{Duration, Instant};

use local::issuer::TokenRequest;
use reqwest::header::HOST;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use shared::tenant::TenantId;

use super::caller::{Answer, Caller, subject};
use crate::harness::Harness;

/// A tenant with a subdomain, whose settings say which one it is.
pub(super) struct Named {
    pub(super) harness: &'static Harness,
    pub(super) id: TenantId,
    pub(super) admin: Caller,
}

impl Named {
    pub(super) async fn new() -> Self {
        Self::of(Harness::shared().await).await
    }

    pub(super) async fn of(harness: &'static Harness) -> Self {
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
    pub(super) fn token(&self) -> TokenRequest {
        let request = TokenRequest::new(subject("admin"));
        request.tenant(self.id.as_str()).role("admin")
    }

    /// What a caller with this token gets who selects nothing.
    pub(super) async fn asked_with(&self, request: &TokenRequest) -> Answer {
        self.harness.caller(request).get("/api/settings").await
    }
}

/// A selection: by header, by subdomain, or by both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selecting<'a>(pub(super) Option<&'a str>, pub(super) Option<&'a str>);

impl Selecting<'_> {
    pub(super) async fn ask(self, harness: &Harness, caller: &Caller) -> Answer {
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
pub(super) fn shown(answer: Answer) -> String {
    let document = answer.document(200);
    document["auto_reply"].as_str().unwrap().to_owned()
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
async fn a_host_that_is_nobodys_is_looked_up_once_in_five_seconds_and_a_foreign_header_never() {
    // One process, which answers one request after the other.
    let harness = Harness::start(|_| {});
    let tenant = harness.newcomer().await;
    let wire = harness.stack.emulators().dynamodb().wire();
    let lookups = |mark, host: &str| {
        wire.since(mark)
            .partition(&format!("subdomain#{host}"))
            .count()
    };

    let (mark, begun) = (wire.mark(), Instant::now());
    for _ in 0..20 {
        let answer = Selecting(None, Some("coming")).ask(&harness, &tenant.admin);
        assert_eq!(answer.await.refusal(), (403, "tenant_mismatch"));
    }
    let spans = begun.elapsed().as_secs() / 5 + 1;
    assert!(lookups(mark, "coming") as u64 <= spans, "{spans}");

    let mark = wire.mark();
    let foreign = Selecting(Some("somebody-else"), Some("elsewhere"));
    let answer = foreign.ask(&harness, &tenant.admin).await;
    assert_eq!(answer.refusal(), (403, "tenant_mismatch"));
    assert_eq!(lookups(mark, "elsewhere"), 0);

    // Whoever gets the name is served by it soon.
    let path = format!("/api/tenants/{}", tenant.id);
    let (operator, named) = (harness.operator(), json!({"subdomain": "coming"}));
    operator.patch(&path, &named).await.document(200);
    let served = async {
        while Selecting(None, Some("coming"))
            .ask(&harness, &tenant.admin)
            .await
            .status
            != 200
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), served)
        .await
        .unwrap();
}
