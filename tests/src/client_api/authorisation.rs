//! Who may call which route: every route of the template, called by everybody who may not, and by those who may.

use std::collections::BTreeSet;

use local::emulators::wire::Mark;
use local::issuer::{Flaw, TokenRequest};
use reqwest::RequestBuilder;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use serde_json::{Value, json};
use shared::api::{Access, Operation, ROUTES, Role};

use super::caller::{Answer, Caller, subject};
use super::onboarding::Newcomer;
use super::wire::calls_about;
use crate::harness::Harness;
use crate::template_facts;
use crate::tenant_deletion::{fact, numbered};

const ROLES: [Role; 3] = [Role::Member, Role::Admin, Role::Operator];

/// A connected tenant with a subdomain, which others try to get at.
struct Coveted {
    harness: &'static Harness,
    newcomer: Newcomer,
    since: [Mark; 2],
}

impl Coveted {
    async fn new() -> Self {
        let harness = Harness::quiet().await;
        let newcomer = harness.connected().await;
        let (path, id) = (format!("/api/tenants/{}", newcomer.id), &newcomer.id);
        let (operator, subdomain) = (harness.operator(), json!({"subdomain": id}));
        operator.patch(&path, &subdomain).await.document(200);
        // A message, a call, the leg that it dialled and its recording.
        let scope = harness.console().scope(id);
        for number in 0..4 {
            let fact = numbered(number);
            let activity = harness.console().activity().clone();
            activity.keep(&scope, &fact).await.unwrap();
        }
        // What Twilio has of it: the recording, and a file of the message.
        let (account, message) = (&newcomer.account, sid_of("/api/messages"));
        account.add_known_recording(sid_of("/api/recordings"), sid_of("/api/calls"), 1);
        account.add_known_number(sid_of("/api/phone-numbers"), "+12125550100");
        let url = account.attach(&message.parse().unwrap(), "image/png", b"a picture");
        let attached = fact("message", message, "/sms", json!({"MediaUrl0": url}));
        let activity = harness.console().activity().clone();
        activity.keep(&scope, &attached).await.unwrap();
        Self {
            harness,
            newcomer,
            since: marks(harness),
        }
    }

    /// The id of the tenant that a creation would make.
    fn next_id(&self) -> String {
        format!("{}-next", self.newcomer.id)
    }

    /// A good request to a route: nothing but its caller can be wrong with it.
    async fn request(
        &self,
        caller: &Caller,
        access: &Access,
        change: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let path = access
            .path
            .replace("{tenant_id}", self.newcomer.id.as_str())
            .replace("{provider}", "twilio")
            .replace("{sid}", sid_of(access.path))
            .replace("{index}", "0")
            .replace("{contact}", "%2B15005550010");
        let body = self.body(access.operation);
        let complete = |request: RequestBuilder| match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string()),
            None => request,
        };
        let change = |request| change(complete(request));
        caller.send(access.method.clone(), &path, change).await
    }

    fn body(&self, operation: Operation) -> Option<Value> {
        match operation {
            Operation::IssueToken => Some(json!({"ttl_seconds": 600})),
            Operation::CreateTenant => Some(json!({"tenant_id": self.next_id(), "name": "Next"})),
            Operation::UpdateTenant => Some(json!({"name": "Renamed"})),
            Operation::ReplaceIntegration => Some(self.newcomer.credentials.clone()),
            Operation::UpdateIntegration => Some(json!({"phone_number": "+15005550006"})),
            Operation::UpdateSettings => Some(json!({"auto_reply": "Changed"})),
            Operation::ListTenants
            | Operation::ReadTenant
            | Operation::DeleteTenant
            | Operation::ListIntegrations
            | Operation::ReadIntegration
            | Operation::DeleteIntegration
            | Operation::VerifyIntegration
            | Operation::RotateAuthToken
            | Operation::ReadSettings
            | Operation::CheckHealth
            | Operation::ListAudit
            | Operation::ListMessages
            | Operation::ReadMessage
            | Operation::ListConversations
            | Operation::ListConversationMessages
            | Operation::ListContacts
            | Operation::ListCalls
            | Operation::ReadCall
            | Operation::ListRecordings
            | Operation::ReadRecording
            | Operation::DeleteRecording
            | Operation::PlayRecording
            | Operation::ReadMessageMedia
            | Operation::ListPhoneNumbers
            | Operation::SyncPhoneNumbers
            | Operation::ConnectPhoneNumber
            | Operation::ReadUsage => None,
        }
    }

    /// Nothing of the tenant was read or written since it was made, and Twilio was not asked in its name.
    fn assert_untouched(&self) {
        let [dynamodb, twilio] = self.since;
        let stack = &self.harness.stack;
        for tenant in [self.newcomer.id.to_string(), self.next_id()] {
            let calls = calls_about(self.harness, &tenant, dynamodb);
            assert_eq!(calls.count(), 0, "{calls:?}");
        }
        let account = self.newcomer.credentials["account_sid"].as_str().unwrap();
        let calls = stack.twilio().wire().since(twilio).resource(account);
        assert_eq!(calls.count(), 0, "{calls:?}");
    }
}

/// The SID of what a path is about.
fn sid_of(path: &str) -> &'static str {
    match path {
        _ if path.starts_with("/api/messages") => "SM00000000000000000000000000000000",
        _ if path.starts_with("/api/phone-numbers") => "PN00000000000000000000000000000000",
        _ if path.starts_with("/api/calls") => "CA00000000000000000000000000000000",
        _ => "RE00000000000000000000000000000000",
    }
}

fn marks(harness: &Harness) -> [Mark; 2] {
    let dynamodb = harness.stack.emulators().dynamodb().wire().mark();
    [dynamodb, harness.stack.twilio().wire().mark()]
}

#[test]
fn the_table_of_routes_has_those_of_the_template_and_no_others() {
    let of_table: Vec<_> = ROUTES
        .iter()
        .map(|access| format!("{} {}", access.method, access.path))
        .collect();
    let of_template = template_facts::api_routes();
    assert!(!of_template.is_empty());
    assert_eq!(
        of_table.iter().cloned().collect::<BTreeSet<_>>(),
        of_template
    );
    assert_eq!(of_table.len(), of_template.len(), "a route is there twice");
}

#[tokio::test]
async fn no_route_answers_without_a_token() {
    let coveted = Coveted::new().await;
    let stranger = coveted.harness.caller_with(None);
    let (id, host) = (
        coveted.newcomer.id.as_str(),
        coveted.harness.host(coveted.newcomer.id.as_str()),
    );
    for access in ROUTES {
        let answer = coveted.request(&stranger, access, |request| request).await;
        assert_eq!(answer.status, 401, "{access:?}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        // Who names a tenant is nobody yet.
        let selecting = |request: RequestBuilder| request.header("X-Tenant-Id", id);
        let answer = coveted.request(&stranger, access, selecting).await;
        assert_eq!(answer.status, 401, "{access:?}");
        let selecting = |request: RequestBuilder| request.header(HOST, &host);
        let answer = coveted.request(&stranger, access, selecting).await;
        assert_eq!(answer.status, 401, "{access:?}");
    }
    coveted.assert_untouched();
}

#[tokio::test]
async fn no_route_takes_a_token_with_any_flaw() {
    let coveted = Coveted::new().await;
    let id = coveted.newcomer.id.as_str();
    for flaw in Flaw::ALL {
        let request = TokenRequest::new(subject("impostor"))
            .tenant(id)
            .role("operator");
        let impostor = coveted.harness.impostor(&request, flaw);
        for access in ROUTES {
            let answer = coveted.request(&impostor, access, |request| request).await;
            assert_eq!(answer.status, 401, "{flaw:?} {access:?}");
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.contains("invalid_token"), "{challenge}");
        }
    }
    coveted.assert_untouched();
}

#[tokio::test]
async fn a_good_token_in_another_place_or_form_is_none() {
    let coveted = Coveted::new().await;
    let request = TokenRequest::new(subject("operator")).role("operator");
    let token = coveted.harness.stack.issuer().unwrap().token(&request);
    let stranger = coveted.harness.caller_with(None);
    let path = format!("/api/tenants/{}", coveted.newcomer.id);
    let basic = format!("Basic {token}");
    let (twice, cut) = (format!("Bearer {token} {token}"), &token[..token.len() - 8]);
    let cut = format!("Bearer {cut}");
    for authorization in [
        &basic,
        &twice,
        &cut,
        "Bearer",
        "Bearer ",
        "Bearer null",
        "Bearer a.b.c",
    ] {
        let with = |request: RequestBuilder| request.header(AUTHORIZATION, authorization);
        let answer = stranger.send(reqwest::Method::GET, &path, with).await;
        assert_eq!(answer.status, 401, "{authorization}");
    }
    for query in ["access_token", "token", "authorization"] {
        let answer = stranger.get(&format!("{path}?{query}={token}")).await;
        assert_eq!(answer.status, 401, "{query}");
    }
    let cookie = |request: RequestBuilder| request.header("cookie", format!("token={token}"));
    let answer = stranger.send(reqwest::Method::GET, &path, cookie).await;
    assert_eq!(answer.status, 401);
    coveted.assert_untouched();
}

#[tokio::test]
async fn no_route_lets_another_tenants_user_select_the_tenant() {
    let coveted = Coveted::new().await;
    let id = coveted.newcomer.id.as_str();
    let host = coveted.harness.host(id);
    let other = coveted.harness.newcomer().await;
    for access in ROUTES {
        let refusal = match access.role {
            Role::Operator => (403, "role_required"),
            Role::Member | Role::Admin => (403, "tenant_mismatch"),
        };
        let by_header = |request: RequestBuilder| request.header("X-Tenant-Id", id);
        let by_host = |request: RequestBuilder| request.header(HOST, &host);
        let by_both = |request| by_host(by_header(request));
        for (way, answer) in [
            (
                "header",
                coveted.request(&other.admin, access, by_header).await,
            ),
            ("host", coveted.request(&other.admin, access, by_host).await),
            ("both", coveted.request(&other.admin, access, by_both).await),
        ] {
            assert_eq!(answer.refusal(), refusal, "{access:?} by {way}");
        }
    }
    coveted.assert_untouched();
}

#[tokio::test]
async fn no_route_takes_a_role_below_its_own() {
    let coveted = Coveted::new().await;
    for role in ROLES {
        let user = coveted.harness.user(&coveted.newcomer.id, role.as_str());
        for access in ROUTES.iter().filter(|access| role < access.role) {
            let answer = coveted.request(&user, access, |request| request).await;
            assert_eq!(answer.refusal(), (403, "role_required"), "{access:?}");
            let needed = access.role.as_str();
            assert!(answer.body["detail"].as_str().unwrap().contains(needed));
        }
    }
    coveted.assert_untouched();
}

#[tokio::test]
async fn no_route_takes_roles_that_are_none() {
    let coveted = Coveted::new().await;
    let id = coveted.newcomer.id.as_str();
    let claims = [
        Value::Null,
        json!(""),
        json!([]),
        json!("owner"),
        json!(["Operator", "ADMIN", "members"]),
        json!("super-operator admin2 non_member"),
        json!({"admin": true, "operator": false}),
        json!([["operator"]]),
        json!(true),
        json!(1),
    ];
    let in_turn = ROUTES.iter().zip(claims.iter().cycle());
    let at_one = claims.iter().map(|claim| (&ROUTES[0], claim));
    for (access, claim) in in_turn.chain(at_one) {
        let request = TokenRequest::new(subject("nobody")).tenant(id);
        let nobody = coveted
            .harness
            .caller(&request.claim("roles", claim.clone()));
        let answer = coveted.request(&nobody, access, |request| request).await;
        assert_eq!(
            answer.refusal(),
            (403, "role_required"),
            "{claim} {access:?}"
        );
    }
    coveted.assert_untouched();
}

#[tokio::test]
async fn every_route_serves_the_roles_of_the_table() {
    for role in ROLES {
        let coveted = Coveted::new().await;
        let id = coveted.newcomer.id.as_str();
        let caller = match role {
            Role::Operator => coveted.harness.operator(),
            Role::Member | Role::Admin => coveted.harness.user(&coveted.newcomer.id, role.as_str()),
        };
        let mut routes: Vec<_> = ROUTES.iter().filter(|access| access.role <= role).collect();
        // What others need goes last.
        routes.sort_by_key(|access| match access.operation {
            Operation::DeleteTenant => 3,
            Operation::DeleteIntegration => 2,
            Operation::DeleteRecording => 1,
            _ => 0,
        });
        for access in routes {
            let selecting = |request: RequestBuilder| request.header("X-Tenant-Id", id);
            let answer = coveted.request(&caller, access, selecting).await;
            assert!(
                (200..300).contains(&answer.status),
                "{access:?}: {answer:?}"
            );
        }
    }
}
