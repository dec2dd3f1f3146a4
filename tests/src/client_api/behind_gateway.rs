//! Events that no gateway would send, or that another one would: a function relies on its own table of routes and on claims
//! that were vouched for, and on nothing else.

use serde_json::{Value, json};

use super::caller::subject;
use super::selection::Named;
use crate::harness::Harness;

/// An answer of a function itself, without the gateway before it: status, headers and body.
async fn invoked(harness: &Harness, function: &str, event: &Value) -> (u64, Value, Value) {
    let function = harness.stack.function(function).unwrap().clone();
    let event = event.to_string();
    let answer = harness.on_stack(async move { function.invoke(event.into()).await });
    let answer: Value = serde_json::from_slice(&answer.await.unwrap()).unwrap();
    let body = answer["body"].as_str().unwrap();
    let status = answer["statusCode"].as_u64().unwrap();
    let body = serde_json::from_str(body).unwrap_or_default();
    (status, answer["headers"].clone(), body)
}

/// What the gateway would hand on.
fn event(method: &str, path: &str, claims: &Value) -> Value {
    json!({
        "version": "2.0", "rawPath": path, "rawQueryString": "",
        "headers": {"host": "api.example.com", "content-type": "application/json"},
        "requestContext": {
            "domainName": "api.example.com", "http": {"method": method},
            "authorizer": {"jwt": {"claims": claims, "scopes": null}}
        },
        "isBase64Encoded": false
    })
}

#[tokio::test]
async fn behind_the_gateway_a_function_refuses_other_methods_and_paths_itself() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let claims = json!({"sub": subject("admin"), "tenant_id": newcomer.id, "roles": "[operator]"});
    for (function, method, path, allow) in [
        ("token", "GET", "/api/token", "POST"),
        ("credentials", "PUT", "/api/settings", "GET, PATCH"),
        (
            "credentials",
            "POST",
            "/api/integrations/twilio",
            "GET, PUT, PATCH, DELETE",
        ),
        ("credentials", "BREW", "/api/audit", "GET"),
        ("tenants", "PUT", "/api/tenants", "GET, POST"),
        ("tenants", "POST", "/api/tenants/acme", "GET, PATCH, DELETE"),
    ] {
        let (status, headers, body) =
            invoked(harness, function, &event(method, path, &claims)).await;
        assert_eq!((status, &body["code"]), (405, &json!("method_not_allowed")));
        assert_eq!(headers["allow"], allow, "{method} {path}");
    }
    for (function, path) in [
        ("token", "/api/nothing"),
        ("credentials", "/"),
        ("tenants", "/api/tenants/acme/more"),
        // Another function's.
        ("token", "/api/settings"),
        ("credentials", "/api/tenants"),
        ("tenants", "/api/audit"),
    ] {
        let (status, _, body) = invoked(harness, function, &event("GET", path, &claims)).await;
        assert_eq!(
            (status, &body["code"]),
            (404, &json!("not_found")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn behind_the_gateway_a_function_trusts_no_claim_that_the_gateway_does_not_vouch_for() {
    let harness = Harness::shared().await;
    let id = harness.newcomer().await.id;
    let good = json!({"sub": subject("admin"), "tenant_id": id, "roles": "[admin]"});
    let mut without = event("GET", "/api/settings", &good);
    without["requestContext"]["authorizer"] = Value::Null;
    without["headers"]["authorization"] = json!("Bearer e30.e30.e30");
    without["headers"]["x-tenant-id"] = json!(id);
    let mut of_iam = event("GET", "/api/settings", &good);
    of_iam["requestContext"]["authorizer"] =
        json!({"iam": {"userId": "x"}, "claims": good, "lambda": good});
    let no_text = json!({"sub": {"sub": "x"}, "tenant_id": [id], "roles": ["admin"]});
    for event in [without, of_iam, event("GET", "/api/settings", &no_text)] {
        let (status, headers, body) = invoked(harness, "credentials", &event).await;
        assert_eq!((status, &body["code"]), (401, &json!("unauthenticated")));
        assert_eq!(headers["www-authenticate"], "Bearer");
    }
    let (status, _, _) = invoked(
        harness,
        "credentials",
        &event("GET", "/api/settings", &good),
    )
    .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn behind_the_gateway_a_body_in_base64_is_read_and_one_that_is_none_is_refused() {
    let harness = Harness::shared().await;
    let id = harness.newcomer().await.id;
    let claims = json!({"sub": subject("admin"), "tenant_id": id, "roles": "admin"});
    let mut event = event("PATCH", "/api/settings", &claims);
    event["isBase64Encoded"] = json!(true);
    // {"greeting":"Hello"}
    event["body"] = json!("eyJncmVldGluZyI6IkhlbGxvIn0=");
    let (status, _, body) = invoked(harness, "credentials", &event).await;
    assert_eq!((status, &body["greeting"]), (200, &json!("Hello")));
    for text in [
        "eyJncmVldGluZyI6IkhlbGxvIn0",
        "{}",
        "%%%%",
        "=",
        "eyJ ncmVldGluZyI6IkhlbGxvIn0=",
    ] {
        event["body"] = json!(text);
        let (status, _, body) = invoked(harness, "credentials", &event).await;
        assert_eq!(
            (status, &body["code"]),
            (400, &json!("malformed_request")),
            "{text}"
        );
    }
    for odd in [
        json!({}),
        json!(null),
        json!([]),
        json!("event"),
        json!({"Records": []}),
    ] {
        let (status, _, body) = invoked(harness, "credentials", &odd).await;
        assert_eq!(
            (status, &body["code"]),
            (400, &json!("malformed_request")),
            "{odd}"
        );
    }
}

#[tokio::test]
async fn behind_the_gateway_a_host_counts_that_the_gateway_routed_by_and_none_that_a_caller_wrote()
{
    let harness = Harness::shared().await;
    let tenant = Named::new().await;
    let claims = json!({"sub": subject("operator"), "roles": "[operator]"});
    let host = format!("{}.localhost", tenant.id);
    let mut event = event("GET", "/api/settings", &claims);
    event["headers"]["host"] = json!(host);
    event["headers"]["x-forwarded-host"] = json!(host);
    event["headers"]["forwarded"] = json!(format!("host={host}"));
    let (status, _, body) = invoked(harness, "credentials", &event).await;
    assert_eq!((status, &body["code"]), (400, &json!("tenant_required")));
    event["requestContext"]["domainName"] = json!(host);
    let (status, _, body) = invoked(harness, "credentials", &event).await;
    assert_eq!((status, &body["auto_reply"]), (200, &json!(tenant.id)));
}
