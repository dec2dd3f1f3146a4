//! The API over HTTP, with closures for its functions and a real issuer.

use std::sync::Mutex;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::issuer::{Flaw, Issuer, IssuerPort, SigningKey, TokenProfile, TokenRequest};
use crate::logs::Display;
use crate::template::{JwtAuthorizer, Position};

const ORIGIN: &str = "https://app.example.com";

struct Fronted {
    url: String,
    issuer: Issuer,
    events: Arc<Mutex<Vec<Value>>>,
    logs: Logs,
    _serving: Serving,
}

/// What the function does with every event.
#[derive(Clone)]
enum Does {
    Answers(Value),
    Fails(InvocationError),
    Hangs,
}

async fn fronted(does: Does) -> Fronted {
    let clock = Clock::system();
    let port = IssuerPort::bind(0).await.unwrap();
    let profile = TokenProfile {
        audience: "tests".to_owned(),
        tenant_claim: "tenant_id".to_owned(),
        roles_claim: "roles".to_owned(),
    };
    let issuer = port.serve(SigningKey::generate().unwrap(), profile, clock.clone());
    let api = HttpApi {
        at: Position::START,
        id: "trunkline-local-ClientApi".to_owned(),
        authorizer: Some(JwtAuthorizer {
            name: "Jwt".to_owned(),
            issuer: issuer.url().to_owned(),
            audience: vec!["tests".to_owned()],
        }),
        cors: Some(Cors {
            allow_origins: vec![ORIGIN.to_owned()],
            allow_methods: vec!["GET".to_owned(), "POST".to_owned()],
            allow_headers: vec!["authorization".to_owned()],
            expose_headers: vec!["etag".to_owned()],
            max_age: Some(600),
        }),
    };
    let events = Arc::<Mutex<Vec<Value>>>::default();
    let seen = Arc::clone(&events);
    let invoke: Invoke = Arc::new(move |event| {
        let event = serde_json::from_slice(&event).unwrap();
        seen.lock().unwrap().push(event);
        let does = does.clone();
        Box::pin(async move {
            match does {
                Does::Answers(answer) => Ok(Bytes::from(answer.to_string())),
                Does::Fails(error) => Err(error),
                Does::Hangs => std::future::pending().await,
            }
        })
    });
    let routes = [
        ("POST", "/api/token", true),
        ("GET", "/api/tenants/{tenant_id}", true),
        ("GET", "/api/open", false),
    ];
    let routes = routes.map(|(method, path, authorized)| Served {
        route: ApiRoute {
            api: "ClientApi".to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            authorized,
        },
        invoke: Arc::clone(&invoke),
    });
    let front = HttpApiFront::bind(&api, 0, &[]).await.unwrap();
    let url = front.url();
    let logs = Logs::new(Display::Quiet, clock.clone());
    let limit = Duration::from_secs(1);
    let serving = front.serve_within(limit, routes.to_vec(), clock, logs.clone());
    Fronted {
        url,
        issuer,
        events,
        logs,
        _serving: serving,
    }
}

async fn answering() -> Fronted {
    fronted(Does::Answers(json!({"statusCode": 204}))).await
}

impl Fronted {
    fn token(&self) -> String {
        let request = TokenRequest::new("ann").tenant("acme");
        self.issuer.token(&request.role("admin").role("member"))
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        crate::http_client::client()
            .get(format!("{}{path}", self.url))
            .bearer_auth(self.token())
    }

    fn post(&self, path: &str) -> reqwest::RequestBuilder {
        crate::http_client::client()
            .post(format!("{}{path}", self.url))
            .bearer_auth(self.token())
    }

    fn events(&self) -> Vec<Value> {
        self.events.lock().unwrap().clone()
    }

    /// Sends bytes as they are and returns the status line.
    async fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://"))
            .await
            .unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response.lines().next().unwrap_or_default().to_owned()
    }
}

/// Status and message of an answer of the gateway's own.
async fn own(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(response.headers().contains_key("apigw-requestid"));
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    (status, body)
}

fn says(status: u16, message: &str) -> (u16, Value) {
    (status, json!({"message": message}))
}

#[tokio::test]
async fn a_request_becomes_the_event_that_api_gateway_makes() {
    let front = answering().await;
    let request = front
        .get("/api/tenants/acme%20ltd?cursor=a%20b")
        .header("cookie", "a=1; b=2")
        .header("x-twice", "one")
        .header("x-twice", "two");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 204);
    let event = &front.events()[0];
    let route = "GET /api/tenants/{tenant_id}";
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], route);
    assert_eq!(event["rawPath"], "/api/tenants/acme ltd");
    assert_eq!(event["rawQueryString"], "cursor=a%20b");
    assert_eq!(event["pathParameters"], json!({"tenant_id": "acme ltd"}));
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["headers"]["x-twice"], "one,two");
    let context = &event["requestContext"];
    assert_eq!(context["routeKey"], route);
    assert_eq!(context["stage"], "$default");
    assert_eq!(context["domainName"], "127.0.0.1");
    assert_eq!(context["apiId"], "trunkline-local-ClientApi");
    assert_eq!(
        context["requestId"],
        response.headers()["apigw-requestid"].to_str().unwrap()
    );
    let jwt = &context["authorizer"]["jwt"];
    assert!(jwt["scopes"].is_null());
    let claims = jwt["claims"].as_object().unwrap();
    assert_eq!(claims["tenant_id"], "acme");
    assert_eq!(claims["roles"], "[admin member]");
    assert!(claims.values().all(Value::is_string), "{claims:?}");
}

#[tokio::test]
async fn json_goes_as_text_and_a_form_as_base64() {
    let front = answering().await;
    let request = front.post("/api/token");
    let json = request
        .header("content-type", "application/json")
        .body("{}");
    json.send().await.unwrap();
    let request = front.post("/api/token");
    let form = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body("a=b");
    form.send().await.unwrap();
    let events = front.events();
    assert_eq!(events[0]["body"], "{}");
    assert_eq!(events[0]["isBase64Encoded"], false);
    assert_eq!(events[1]["body"], "YT1i");
    assert_eq!(events[1]["isBase64Encoded"], true);
}

#[tokio::test]
async fn the_functions_answer_is_the_response() {
    let answer = json!({
        "statusCode": 201, "headers": {"etag": "\"1\""}, "cookies": ["a=1"], "body": "{}",
    });
    let front = fronted(Does::Answers(answer)).await;
    let response = front.post("/api/token").send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["etag"], "\"1\"");
    assert_eq!(response.headers()["set-cookie"], "a=1");
    assert_eq!(response.bytes().await.unwrap(), "{}");
}

#[tokio::test]
async fn without_a_token_nobody_reaches_the_function() {
    let front = answering().await;
    let request = crate::http_client::client().post(format!("{}/api/token", front.url));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    assert_eq!(
        response.bytes().await.unwrap(),
        r#"{"message":"Unauthorized"}"#
    );
    assert!(front.events().is_empty());
}

#[tokio::test]
async fn a_flawed_token_never_reaches_the_function_and_the_console_says_why() {
    let front = answering().await;
    for flaw in Flaw::ALL {
        let token = front
            .issuer
            .flawed_token(&TokenRequest::new("ann").tenant("acme"), flaw);
        let request = crate::http_client::client().post(format!("{}/api/token", front.url));
        let answer = own(request.bearer_auth(token)).await;
        assert_eq!(answer, says(401, "Unauthorized"), "{flaw:?}");
    }
    assert!(front.events().is_empty());
    let told = |line: &crate::logs::Line| {
        line.text == "POST /api/token: 401, the token has expired" && &*line.function == "api"
    };
    let told = front.logs.wait_for(told, Duration::from_secs(10)).await;
    told.unwrap();
}

#[tokio::test]
async fn a_route_that_is_open_needs_no_token_and_has_no_claims() {
    let front = answering().await;
    let request = crate::http_client::client().get(format!("{}/api/open", front.url));
    assert_eq!(request.send().await.unwrap().status(), 204);
    assert!(front.events()[0]["requestContext"]["authorizer"].is_null());
}

#[tokio::test]
async fn what_is_no_route_is_not_found_with_and_without_a_token() {
    let front = answering().await;
    for path in ["/", "/api/token/", "/api/tenants", "/api/token"] {
        assert_eq!(own(front.get(path)).await, says(404, "Not Found"), "{path}");
        let request = crate::http_client::client().get(format!("{}{path}", front.url));
        assert_eq!(own(request).await, says(404, "Not Found"), "{path}");
    }
    assert!(front.events().is_empty());
}

#[tokio::test]
async fn a_function_that_fails_is_a_500_that_says_nothing_of_it() {
    let failure = InvocationError::reported(Bytes::from_static(b"a secret"), None);
    for does in [
        Does::Fails(failure),
        Does::Answers(json!({"statusCode": 99})),
    ] {
        let front = fronted(does).await;
        let answer = own(front.post("/api/token")).await;
        assert_eq!(answer, says(500, "Internal Server Error"));
    }
}

#[tokio::test]
async fn a_function_that_takes_too_long_is_a_503() {
    let front = fronted(Does::Hangs).await;
    let answer = own(front.post("/api/token")).await;
    assert_eq!(answer, says(503, "Service Unavailable"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_unseen() {
    let front = answering().await;
    let request = front.post("/api/token").body(vec![0; BODY_LIMIT + 1]);
    assert_eq!(own(request).await, says(413, "Request Entity Too Large"));
    // Base64 makes an event of this that no function takes.
    let request = front.post("/api/token").body(vec![0; PAYLOAD_LIMIT]);
    assert_eq!(own(request).await, says(413, "Request Entity Too Large"));
    assert!(front.events().is_empty());
}

#[tokio::test]
async fn headers_over_the_limit_are_refused_unseen() {
    let front = answering().await;
    let request = front.get("/api/tenants/acme");
    let large = request.header("x-large", "x".repeat(HEADERS_LIMIT));
    assert_eq!(
        own(large).await,
        says(431, "Request Header Fields Too Large")
    );
    let request = front.get(&format!("/api/open?{}", "x".repeat(HEADERS_LIMIT)));
    assert_eq!(own(request).await.0, 431);
    assert!(front.events().is_empty());
}

#[tokio::test]
async fn names_below_localhost_are_served_and_foreign_ones_are_not() {
    let front = answering().await;
    let port = front.url.rsplit(':').next().unwrap();
    let get = |host: &str, more: &str| {
        format!("GET /api/open HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n")
    };
    let own = get(&format!("acme.localhost:{port}"), "");
    assert_eq!(front.send(&own).await, "HTTP/1.1 204 No Content");
    let context = &front.events()[0]["requestContext"];
    assert_eq!(context["domainName"], "acme.localhost");
    assert_eq!(context["domainPrefix"], "acme");
    let foreign_host = get("attacker.example", "");
    assert_eq!(front.send(&foreign_host).await, "HTTP/1.1 403 Forbidden");
    let foreign_origin = get(
        &format!("localhost:{port}"),
        "Origin: https://attacker.example\r\n",
    );
    assert_eq!(front.send(&foreign_origin).await, "HTTP/1.1 403 Forbidden");
    assert_eq!(front.events().len(), 1);
}

#[tokio::test]
async fn a_browser_that_asks_beforehand_is_answered_without_token_or_function() {
    let front = answering().await;
    let url = format!("{}/api/token", front.url);
    let request = crate::http_client::client()
        .request(http::Method::OPTIONS, url)
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 204);
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], ORIGIN);
    assert_eq!(headers["access-control-allow-methods"], "GET,POST");
    assert_eq!(headers["access-control-allow-headers"], "authorization");
    assert_eq!(headers["access-control-max-age"], "600");
    assert!(front.events().is_empty());
}

#[tokio::test]
async fn an_answer_to_an_allowed_page_says_so_whatever_the_function_says() {
    let answer = json!({
        "statusCode": 200, "headers": {"access-control-allow-origin": "*"}, "body": "{}",
    });
    let front = fronted(Does::Answers(answer)).await;
    let response = front.post("/api/token").header("origin", ORIGIN);
    let response = response.send().await.unwrap();
    assert_eq!(response.headers()["access-control-allow-origin"], ORIGIN);
    assert_eq!(response.headers()["access-control-expose-headers"], "etag");
    let response = front.post("/api/token").send().await.unwrap();
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
}
