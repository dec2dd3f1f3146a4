//! That [`Contract`] finds what is wrong with an answer.

use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use super::Contract;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

fn of_type(media_type: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))])
}

/// The same, of something that has a version.
fn of_version(media_type: &'static str) -> HeaderMap {
    let mut headers = of_type(media_type);
    headers.insert(ETAG, HeaderValue::from_static("\"3\""));
    headers
}

fn judged(
    method: &str,
    path: &str,
    status: u16,
    headers: &HeaderMap,
    body: &Value,
) -> Result<(), String> {
    Contract::shared().validate(method, path, status, headers, body.to_string().as_bytes())
}

fn tenant() -> Value {
    json!({
        "tenant_id": "acme", "name": "Acme", "status": "active", "subdomain": null,
        "created_at": "2026-11-21T09:15:30.000Z", "updated_at": "2026-11-21T09:15:30.500Z"
    })
}

fn read_tenant(body: &Value) -> Result<(), String> {
    judged("GET", "/api/tenants/acme", 200, &of_version(JSON), body)
}

fn problem(status: u16, code: &str) -> Value {
    json!({
        "type": format!("urn:trunkline:problem:{code}"), "title": "A title", "status": status,
        "detail": "What would help.", "code": code, "request_id": "5c1f6b1e"
    })
}

#[track_caller]
fn assert_refused(judgement: Result<(), String>, fault: &str) {
    let refusal = judgement.unwrap_err();
    assert!(refusal.contains(fault), "{refusal}");
}

#[test]
fn an_answer_as_described_is_accepted() {
    read_tenant(&tenant()).unwrap();
    let list = json!({"items": [tenant()], "next_cursor": "b3BhcXVl"});
    let headers = of_type("application/json; charset=utf-8");
    judged("get", "/api/tenants?limit=1", 200, &headers, &list).unwrap();
    let refusal = problem(404, "tenant_not_found");
    judged("GET", "/api/tenants/acme", 404, &of_type(PROBLEM), &refusal).unwrap();
}

#[test]
fn what_the_gateway_answers_is_accepted_in_its_own_shape_alone() {
    let body = json!({"message": "Unauthorized"});
    judged("GET", "/api/audit", 401, &of_type(JSON), &body).unwrap();
    let judgement = judged("GET", "/api/audit", 401, &of_type(PROBLEM), &body);
    assert_refused(judgement, "required property");
}

#[test]
fn a_route_or_status_that_is_not_described_is_refused() {
    let body = tenant();
    for path in ["/api/tenants/acme/", "/api/tenants//", "/api/unknown", "/"] {
        let judgement = judged("GET", path, 200, &of_type(JSON), &body);
        assert_refused(judgement, "the operation is not described");
    }
    let judgement = judged("PUT", "/api/tenants/acme", 200, &of_type(JSON), &body);
    assert_refused(judgement, "the operation is not described");
    let judgement = judged("GET", "/api/tenants/acme", 201, &of_type(JSON), &body);
    assert_refused(judgement, "the status is not described");
}

#[test]
fn a_body_of_another_media_type_is_refused() {
    let judgement = judged(
        "GET",
        "/api/tenants/acme",
        200,
        &of_version("text/html"),
        &tenant(),
    );
    assert_refused(judgement, "the media type text/html is not described");
    let mut headers = of_version(JSON);
    headers.remove(CONTENT_TYPE);
    let judgement = judged("GET", "/api/tenants/acme", 200, &headers, &tenant());
    assert_refused(judgement, "it names no media type");
}

#[test]
fn a_body_where_none_is_described_is_refused() {
    let contract = Contract::shared();
    let headers = HeaderMap::new();
    contract
        .validate("DELETE", "/api/tenants/acme", 204, &headers, b"")
        .unwrap();
    let judgement = contract.validate("DELETE", "/api/tenants/acme", 204, &headers, b"{}");
    assert_refused(judgement, "it has a body");
    let judgement = contract.validate("GET", "/api/tenants/acme", 200, &of_version(JSON), b"{");
    assert_refused(judgement, "the body is not JSON");
}

#[test]
fn a_field_too_many_or_too_few_is_refused() {
    let mut more = tenant();
    more["auth_token"] = json!("00112233445566778899aabbccddeeff");
    assert_refused(read_tenant(&more), "auth_token");
    let mut less = tenant();
    less.as_object_mut().unwrap().remove("subdomain");
    assert_refused(read_tenant(&less), "\"subdomain\" is a required property");
}

#[test]
fn a_value_of_another_form_is_refused() {
    for (field, value) in [
        ("status", json!("gone")),
        ("tenant_id", json!("Acme")),
        ("created_at", json!("2026-11-21 09:15")),
        ("created_at", json!("2026-11-21T09:15:30+01:00")),
        ("updated_at", json!(1_763_716_530)),
    ] {
        let mut body = tenant();
        body[field] = value;
        assert_refused(read_tenant(&body), &format!("/{field}"));
    }
}

#[test]
fn a_code_that_the_operation_does_not_have_is_refused() {
    let judge = |status, code| {
        let body = problem(404, code);
        judged("GET", "/api/tenants/acme", status, &of_type(PROBLEM), &body)
    };
    judge(404, "not_found").unwrap();
    assert_refused(judge(404, "integration_not_found"), "/code");
    assert_refused(judge(403, "role_required"), "/status");
}

#[test]
fn headers_are_judged_too() {
    let settings = json!({
        "auto_record_calls": false, "greeting": null, "inbound_route": "voicemail", "forward_to": null, "browser_users": [],
        "voicemail": true, "business_hours": null, "allowed_countries": [], "auto_reply": null, "default_sender": null,
        "drift": "repair"
    });
    let mut headers = of_type(JSON);
    let judgement = judged("GET", "/api/settings", 200, &headers, &settings);
    assert_refused(judgement, "the header ETag is missing");
    headers.insert(ETAG, HeaderValue::from_static("3"));
    let judgement = judged("GET", "/api/settings", 200, &headers, &settings);
    assert_refused(judgement, "the header ETag");
    headers.insert(ETAG, HeaderValue::from_static("\"3\""));
    judged("GET", "/api/settings", 200, &headers, &settings).unwrap();

    let mut headers = of_type(PROBLEM);
    headers.insert(RETRY_AFTER, HeaderValue::from_static("soon"));
    let body = problem(429, "rate_limited");
    let judgement = judged("GET", "/api/settings", 429, &headers, &body);
    assert_refused(judgement, "the header Retry-After");
}

#[test]
fn a_secret_that_is_not_masked_is_refused() {
    let integration = |secret: &str| {
        json!({
            "provider": "resend", "is_active": true, "version": 1, "status": null, "capabilities": [],
            "last_verified_at": null, "verification_error": null, "last_used_at": null, "rotated_at": null,
            "expires_at": null, "updated_at": "2026-11-21T09:15:30.000Z", "updated_by": "console", "fingerprint": null,
            "config": {"api_key": secret}
        })
    };
    let mut headers = of_type(JSON);
    headers.insert(ETAG, HeaderValue::from_static("\"1\""));
    let judge = |secret| {
        let path = "/api/integrations/resend";
        judged("GET", path, 200, &headers, &integration(secret))
    };
    judge("••••").unwrap();
    judge("••••1234").unwrap();
    assert_refused(judge("re_0123456789abcdefghijklmn"), "/config/api_key");
    assert_refused(judge("••••0123456789"), "/config/api_key");
}
