//! Requests that are wrong in form: each is refused for what is wrong with it, and none is a fault of the server.

use local::issuer::TokenRequest;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use shared::api::{Access, BODY_LIMIT, Operation, ROUTES};

use super::caller::{Answer, Caller, subject};
use super::onboarding::Newcomer;
use crate::harness::Harness;

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// The path of a route, at a tenant.
fn path(access: &Access, newcomer: &Newcomer) -> String {
    let path = access.path.replace("{tenant_id}", newcomer.id.as_str());
    path.replace("{provider}", "twilio")
}

/// The routes that take a body.
fn routes_with_body() -> impl Iterator<Item = &'static Access> {
    ROUTES.iter().filter(|access| {
        matches!(
            access.operation,
            Operation::IssueToken
                | Operation::CreateTenant
                | Operation::UpdateTenant
                | Operation::ReplaceIntegration
                | Operation::UpdateIntegration
                | Operation::UpdateSettings
        )
    })
}

/// An operator who acts for a tenant, with limits of its own.
fn operator_of(harness: &Harness, newcomer: &Newcomer) -> Caller {
    let request = TokenRequest::new(subject("operator"));
    harness.caller(&request.tenant(newcomer.id.as_str()).role("operator"))
}

async fn send(caller: &Caller, access: &Access, path: &str, kind: &str, body: &[u8]) -> Answer {
    let body = body.to_vec();
    let with = |request: RequestBuilder| request.header(CONTENT_TYPE, kind).body(body);
    caller.send(access.method.clone(), path, with).await
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_on_every_route_that_takes_one() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let nested = [b"[".repeat(5_000), b"]".repeat(5_000)].concat();
    let objects = br#"{"a":"#.repeat(5_000);
    let bodies: [&[u8]; 16] = [
        b"{",
        b"}",
        b"{\"name\": \"Acme\"} more",
        b"{'name': 'Acme'}",
        b"{\"name\": \"Acme\",}",
        b"{\"name\": NaN}",
        b"{\"name\": 1e999}",
        b"name=Acme",
        b"<name>Acme</name>",
        b"\xef\xbb\xbf{}",
        b"{\"name\": \"\xff\xfe\"}",
        b"{\"name\": \"\\ud800\"}",
        b"{\"name\": \"a\0b\"}",
        b"{\"name\": \"Acme\", \"name\": \"Globex\"}",
        &nested,
        &objects,
    ];
    for access in routes_with_body() {
        let (caller, path) = (operator_of(harness, &newcomer), path(access, &newcomer));
        for body in bodies {
            let answer = send(&caller, access, &path, JSON, body).await;
            let start = String::from_utf8_lossy(&body[..body.len().min(40)]);
            let refusal = answer.refusal();
            assert_eq!(refusal, (400, "malformed_body"), "{access:?} {start}");
        }
    }
}

#[tokio::test]
async fn json_of_another_shape_names_fields_and_is_no_fault_of_the_server() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let deep = format!("{{\"name\": {}1{}}}", "[".repeat(100), "]".repeat(100));
    let wide = format!("[{}]", vec!["{}"; 10_000].join(","));
    let names: Vec<_> = (0..6_000).map(|n| format!("\"{n}\":0")).collect();
    let many = format!("{{{}}}", names.join(","));
    let bodies = [
        &many,
        "null",
        "true",
        "7",
        "\"Acme\"",
        "[]",
        "[{}]",
        &wide,
        &deep,
        r#"{"": 1}"#,
        r#"{"name": 123456789012345678901234567890}"#,
        r#"{"\u0000": "\u0000"}"#,
        r#"{"tenant_id": null, "ttl_seconds": -1, "account_sid": {}, "greeting": []}"#,
    ];
    for access in routes_with_body() {
        let (caller, path) = (operator_of(harness, &newcomer), path(access, &newcomer));
        for body in bodies {
            let answer = send(&caller, access, &path, JSON, body.as_bytes()).await;
            let start = &body[..body.len().min(60)];
            assert_eq!(
                answer.refusal(),
                (422, "invalid_fields"),
                "{access:?} {start}"
            );
            assert!(!answer.faulty_fields().is_empty(), "{access:?} {start}");
        }
    }
}

#[tokio::test]
async fn a_body_of_another_media_type_is_refused_on_every_route_that_takes_one() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for access in routes_with_body() {
        let (caller, path) = (operator_of(harness, &newcomer), path(access, &newcomer));
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/octet-stream",
            "application/jsonp",
            "json",
            "",
            "application/json/",
            "multipart/form-data; boundary=x",
            MERGE_PATCH,
        ] {
            if kind == MERGE_PATCH && access.method == Method::PATCH {
                continue;
            }
            let answer = send(&caller, access, &path, kind, b"{\"name\": \"Acme\"}").await;
            assert_eq!(answer.refusal(), (415, "unsupported_media_type"), "{kind}");
        }
        let untyped = |request: RequestBuilder| request.body("{\"name\": \"Acme\"}");
        let answer = caller.send(access.method.clone(), &path, untyped).await;
        assert_eq!(answer.refusal(), (415, "unsupported_media_type"));
    }
    // Written otherwise, and JSON all the same.
    let settings = b"{\"greeting\": \"Hello\"}";
    for kind in [
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8",
        MERGE_PATCH,
    ] {
        let update = ROUTES
            .iter()
            .find(|access| access.operation == Operation::UpdateSettings)
            .unwrap();
        let answer = send(&newcomer.admin, update, update.path, kind, settings).await;
        assert_eq!(answer.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_on_every_route_and_one_at_the_limit_is_read() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let padded = |length: usize| {
        let (start, end) = (b"{\"unknown\": \"", b"\"}");
        let filling = vec![b'x'; length - start.len() - end.len()];
        [start.as_slice(), &filling, end].concat()
    };
    for access in ROUTES {
        let (caller, path) = (operator_of(harness, &newcomer), path(access, &newcomer));
        let answer = send(&caller, access, &path, JSON, &padded(BODY_LIMIT + 1)).await;
        assert_eq!(answer.refusal(), (413, "body_too_large"), "{access:?}");
        // What is not textual comes as Base64, and counts as what it stands for.
        let binary = vec![0xff; BODY_LIMIT + 1];
        let answer = send(&caller, access, &path, "image/png", &binary).await;
        assert_eq!(answer.refusal(), (413, "body_too_large"), "{access:?}");
    }
    for access in routes_with_body() {
        let (caller, path) = (operator_of(harness, &newcomer), path(access, &newcomer));
        let answer = send(&caller, access, &path, JSON, &padded(BODY_LIMIT)).await;
        assert_eq!(answer.refusal(), (422, "invalid_fields"), "{access:?}");
        let binary = vec![0xff; BODY_LIMIT];
        let answer = send(&caller, access, &path, "image/png", &binary).await;
        assert_eq!(answer.refusal(), (415, "unsupported_media_type"));
    }
}

#[tokio::test]
async fn headers_that_are_huge_or_odd_are_refused_or_not_heeded() {
    let harness = Harness::shared().await;
    let admin = harness.newcomer().await.admin;
    let ask = async |name: &'static str, value: Vec<u8>| {
        let change = |request: RequestBuilder| {
            let request = request.header(name, value);
            request
                .header(CONTENT_TYPE, JSON)
                .body("{\"greeting\": \"Hello\"}")
        };
        admin.send(Method::PATCH, "/api/settings", change).await
    };
    // The gateway takes 10,240 bytes of them.
    assert_eq!(ask("x-anything", vec![b'x'; 11_000]).await.status, 431);
    assert_eq!(ask("x-anything", vec![b'x'; 8_000]).await.status, 200);
    for value in [
        "x".repeat(8_000).into_bytes(),
        b"\xff\xfe".to_vec(),
        b"tenant\xc3\xa9".to_vec(),
        b"\"1\"".to_vec(),
    ] {
        let answer = ask("x-tenant-id", value.clone()).await;
        assert_eq!(answer.refusal(), (400, "invalid_parameter"));
        let answer = ask("if-none-match", value).await;
        assert_eq!(answer.refusal(), (400, "invalid_parameter"));
    }
    for value in [
        "1",
        "\"",
        "\"\"",
        "\"-1\"",
        "\"1\", \"2\"",
        "\"99999999999999999999\"",
        "W/1",
    ] {
        let answer = ask("if-match", value.into()).await;
        assert_eq!(answer.refusal(), (400, "invalid_parameter"), "{value}");
    }
    assert_eq!(ask("content-encoding", b"gzip".to_vec()).await.status, 200);
    assert_eq!(ask("accept", b"text/html".to_vec()).await.status, 200);
    assert_eq!(ask("cookie", vec![b'='; 4_000]).await.status, 200);
}

#[tokio::test]
async fn queries_that_are_odd_are_refused_or_not_heeded() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let (admin, operator) = (&newcomer.admin, harness.operator());
    let long = format!("cursor={}", "x".repeat(6_000));
    for (query, code) in [
        ("limit=0", "invalid_parameter"),
        ("limit=101", "invalid_parameter"),
        ("limit=-1", "invalid_parameter"),
        ("limit=ten", "invalid_parameter"),
        ("limit=", "invalid_parameter"),
        ("limit=1.0", "invalid_parameter"),
        ("limit=99999999999999999999999", "invalid_parameter"),
        ("limit=%31%30%30%30", "invalid_parameter"),
        ("cursor=", "invalid_cursor"),
        ("cursor=x", "invalid_cursor"),
        ("cursor=%00%ff", "invalid_parameter"),
        (long.as_str(), "invalid_cursor"),
    ] {
        for (caller, path) in [(admin, "/api/audit"), (&operator, "/api/tenants")] {
            let answer = caller.get(&format!("{path}?{query}")).await;
            let shown = &query[..query.len().min(40)];
            assert_eq!(answer.refusal(), (400, code), "{path} {shown}: {answer:?}");
        }
    }
    for query in [
        "",
        "&&&",
        "=",
        "a=b",
        "limit=1&limit=0",
        "limit=%31",
        "%zz",
        "a%",
    ] {
        let answer = admin.get(&format!("/api/audit?{query}")).await;
        assert!(matches!(answer.status, 200 | 400), "{query}: {answer:?}");
    }
    for query in ["verify=maybe", "verify=", "verify=FALSE", "verify=0"] {
        let path = format!("/api/integrations/twilio?{query}");
        let answer = admin.put(&path, &newcomer.credentials).await;
        assert_eq!(answer.refusal(), (400, "invalid_parameter"), "{query}");
        assert_eq!(answer.faulty_fields(), ["verify"]);
    }
}

#[tokio::test]
async fn paths_that_lead_nowhere_are_refused_by_the_gateway_or_the_function() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let (admin, operator) = (&newcomer.admin, harness.operator());
    let unchanged = |request: RequestBuilder| request;
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/nothing",
        "/API/settings",
        "/api/settings/",
        "//api/settings",
    ] {
        let answer = admin.send_unjudged(Method::GET, path, unchanged).await;
        assert_eq!(
            (answer.status, &answer.body),
            (404, &json!({"message": "Not Found"}))
        );
    }
    for method in [Method::HEAD, Method::OPTIONS, Method::TRACE, Method::DELETE] {
        let answer = admin
            .send_unjudged(method, "/api/settings", unchanged)
            .await;
        assert_eq!(answer.status, 404);
    }
    for provider in [
        "nobody",
        "Twilio",
        "twilio%00",
        "tw%69lio%20",
        "..",
        "%7Bprovider%7D",
        "a%2Fb",
        "%E2%82%AC",
        "%22",
        "%",
    ] {
        let path = format!("/api/integrations/{provider}");
        let answer = admin.send_unjudged(Method::GET, &path, unchanged).await;
        assert!(
            matches!(answer.status, 400 | 404 | 405),
            "{provider}: {answer:?}"
        );
    }
    for id in [
        "NOBODY",
        "a",
        "nobody%20",
        "%2e%2e",
        "platform",
        "x%2Fverify",
        &"x".repeat(2_000),
    ] {
        let path = format!("/api/tenants/{id}");
        let answer = operator.send_unjudged(Method::GET, &path, unchanged).await;
        assert!(matches!(answer.status, 400 | 404), "{id}: {answer:?}");
    }
    // An escape that was not needed is the same path.
    let answer = operator.get("/api/integrations/tw%69lio").await;
    assert_eq!(answer.refusal(), (400, "tenant_required"));
}
