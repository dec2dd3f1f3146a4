//! What the functions log of requests: whose they were, and nothing of the tokens that came with them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use local::issuer::{Flaw, TokenRequest};
use local::logs::{Line, Voice};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::caller::subject;
use super::deployment;
use crate::harness::Harness;

/// A line of the API's functions, and what it says.
fn said(line: &Line) -> Option<Value> {
    let is_ours = deployment::FUNCTIONS.contains(&&*line.function);
    (is_ours && line.voice == Voice::Function)
        .then(|| serde_json::from_str(&line.text).unwrap_or_else(|_| panic!("{}", line.text)))
}

/// The closing line of a request, one each.
fn is_closing(line: &Value) -> bool {
    line["route"].is_string()
}

/// The lines that a tenant's requests left, once so many of them are closed, found by the ids of requests that name the tenant
/// anywhere.
async fn lines_of(harness: &Harness, tenant: &str, requests: usize) -> Vec<Value> {
    let closed = RefCell::new(BTreeSet::new());
    let are_closed = |line: &Line| {
        if let Some(line) = said(line)
            && is_closing(&line)
            && line["tenant_id"] == tenant
        {
            let id = line["request_id"].as_str().unwrap();
            closed.borrow_mut().insert(id.to_owned());
        }
        closed.borrow().len() >= requests
    };
    // Lines are read apart from answers, so that one may come after the other.
    let logs = harness.stack.logs();
    let last = logs.wait_for(are_closed, Duration::from_secs(10)).await;
    assert!(
        last.is_some(),
        "{} requests name {tenant}",
        closed.borrow().len()
    );
    let ids = closed.into_inner();
    let of_tenant = |line: &Value| {
        let id = line["request_id"].as_str();
        id.is_some_and(|id| ids.contains(id))
    };
    let lines = logs.lines();
    lines.iter().filter_map(said).filter(of_tenant).collect()
}

#[tokio::test]
async fn every_line_of_a_request_names_its_tenant() {
    let harness = deployment::with_parameters().await;
    let newcomer = harness.newcomer().await;
    let id = newcomer.id.as_str();
    let (operator, path) = (harness.operator(), format!("/api/tenants/{id}"));
    let member = harness.user(&newcomer.id, "member");
    let creation = json!({"tenant_id": id, "name": "Again"});
    let selecting = |request: RequestBuilder| request.header("X-Tenant-Id", id);
    let statuses = [
        operator
            .send(Method::GET, "/api/settings", selecting)
            .await
            .status,
        newcomer.store().await.status,
        newcomer.admin.get("/api/settings").await.status,
        newcomer.admin.get("/api/integrations/vapi").await.status,
        newcomer
            .admin
            .patch("/api/settings", &json!({"x": 1}))
            .await
            .status,
        member.get("/api/settings").await.status,
        member.post("/api/token", &json!({})).await.status,
        member
            .post("/api/token", &json!({"ttl_seconds": 1}))
            .await
            .status,
        operator.get(&path).await.status,
        operator.post("/api/tenants", &creation).await.status,
        operator
            .patch(&path, &json!({"status": "gone"}))
            .await
            .status,
        operator.delete(&path).await.status,
    ];
    assert_eq!(
        statuses,
        [200, 201, 200, 404, 422, 403, 200, 422, 200, 409, 422, 202]
    );

    let lines = lines_of(harness, id, 1 + statuses.len()).await;
    let others: Vec<_> = lines
        .iter()
        .filter(|line| line["tenant_id"] != id)
        .collect();
    assert!(others.is_empty(), "{others:?}");
    // One closing line a request, its creation included.
    let closing: Vec<_> = lines.iter().filter(|line| is_closing(line)).collect();
    let logged: Vec<_> = closing
        .iter()
        .map(|line| line["status"].as_u64().unwrap())
        .collect();
    let expected = [201].into_iter().chain(statuses).map(u64::from);
    let (mut logged, mut expected) = (logged, expected.collect::<Vec<_>>());
    logged.sort_unstable();
    expected.sort_unstable();
    assert_eq!(logged, expected, "{closing:#?}");
}

#[tokio::test]
async fn a_tenant_whose_id_is_made_from_its_name_is_named_in_the_log_of_its_creation() {
    let harness = deployment::with_parameters().await;
    let name = json!({"name": format!("Made {}", subject("name"))});
    let created = harness.operator().post("/api/tenants", &name).await;
    let id = created.document(201)["tenant_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(lines_of(harness, &id, 1).await.len(), 1);
}

#[tokio::test]
async fn a_line_has_each_field_once() {
    let harness = deployment::with_parameters().await;
    let newcomer = harness.newcomer().await;
    newcomer.admin.get("/api/settings").await.document(200);
    let field = format!("\"tenant_id\":\"{}\"", newcomer.id);
    let lines = harness.stack.logs().lines();
    let lines: Vec<_> = lines
        .iter()
        .filter(|line| line.text.contains(&field))
        .collect();
    assert!(!lines.is_empty());
    for line in lines {
        for name in ["\"tenant_id\":", "\"request_id\":", "\"status\":"] {
            assert!(line.text.matches(name).count() <= 1, "{}", line.text);
        }
    }
}

#[tokio::test]
async fn nothing_of_a_token_is_logged_however_much_the_functions_log() {
    let harness = deployment::with_parameters().await;
    let newcomer = harness.connected().await;
    let request = || {
        let request = TokenRequest::new(subject("secretive"));
        let canary = json!("canary-of-a-claim");
        request.tenant(newcomer.id.as_str()).claim("email", canary)
    };
    let issuer = harness.stack.issuer().unwrap();
    let mut tokens: Vec<_> = Flaw::ALL
        .into_iter()
        .map(|flaw| issuer.flawed_token(&request().role("admin"), flaw))
        .collect();
    tokens.extend([
        issuer.token(&request()),
        issuer.token(&request().role("member")),
        issuer.token(&request().role("operator")),
    ]);
    let mut secrets = vec!["canary-of-a-claim".to_owned()];
    for token in tokens {
        let caller = harness.caller_with(Some(token.clone()));
        caller.get("/api/settings").await;
        caller.get("/api/tenants").await;
        let issued = caller.post("/api/token", &json!({})).await;
        let issued = issued.body["token"].as_str().unwrap_or_default().to_owned();
        // The headers are the same for all, and no secret.
        let parts = token.split('.').skip(1).chain(issued.split('.').skip(1));
        let parts = parts.filter(|part| !part.is_empty());
        secrets.extend(parts.map(|part| part[..part.len().min(40)].to_owned()));
    }
    assert!(secrets.len() > 30, "{}", secrets.len());
    // Its creation, its credentials, and what a member and an operator asked for.
    lines_of(harness, newcomer.id.as_str(), 7).await;
    let lines = harness.stack.logs().lines();
    for secret in &secrets {
        let told: Vec<_> = lines
            .iter()
            .filter(|line| line.text.contains(secret.as_str()))
            .collect();
        assert!(told.is_empty(), "{told:?}");
    }
}
