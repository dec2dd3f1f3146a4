//! Rate limits as callers meet them.
//!
//! A window is a minute of the clock, which may turn between any two requests: each answer says by its headers which window
//! it was counted in.

mod files;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use local::emulators::wire::{Calls, Mark};
use local::issuer::TokenRequest;
use serde_json::json;
use shared::aws::Patience;
use shared::clock::Clock;
use shared::tenant::TenantId;
use tokio::task::JoinSet;

use super::caller::{Answer, Caller, subject};
use super::deployment::{self, PROCESSES, TENANT_LIMIT, USER_LIMIT};
use super::wire::calls_about;
use crate::harness::Harness;

/// What an answer says of the limits.
#[derive(Debug)]
struct Standing {
    status: u16,
    /// Whose limit refused, as the answer words it.
    refused_by: Option<&'static str>,
    /// The minute, counted from 1970.
    window: i64,
    /// Left out of a refusal of the whole tenant that was another user's first.
    user_left: Option<u64>,
    tenant_left: u64,
}

/// Reads settings.
async fn ask(caller: &Caller) -> Standing {
    let sent = Clock::system().now().as_second();
    let answer = caller.get("/api/settings").await;
    standing(&answer, sent)
}

/// What an answer to a request of the second `sent` says.
#[track_caller]
fn standing(answer: &Answer, sent: i64) -> Standing {
    let line = answer.header("ratelimit").unwrap();
    let parts: Vec<_> = line.split(", ").collect();
    let (user, tenant) = match parts[..] {
        [user, tenant] => (Some(user), tenant),
        [tenant] if answer.status == 429 => (None, tenant),
        _ => panic!("{line}"),
    };
    let (tenant_left, left) = numbers(tenant, "tenant");
    let user_left = user.map(|user| {
        let (user_left, left_too) = numbers(user, "user");
        assert_eq!(left, left_too, "{line}");
        user_left
    });
    assert!((1..=60).contains(&left), "{line}");
    let refused_by = (answer.status == 429).then(|| {
        assert_eq!(answer.refusal(), (429, "rate_limited"));
        assert_eq!(
            answer.header("retry-after"),
            Some(left.to_string().as_str())
        );
        if user_left == Some(0) {
            "user"
        } else {
            "tenant"
        }
    });
    if let Some(policy) = refused_by {
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(policy), "{detail}");
    }
    Standing {
        status: answer.status,
        refused_by,
        // The window ends where both seconds meet, to within the time that the answer took.
        window: (sent + i64::try_from(left).unwrap() + 30).div_euclid(60) - 1,
        user_left,
        tenant_left,
    }
}

/// `r` and `t` of `"user";r=59;t=42`.
#[track_caller]
fn numbers(item: &str, policy: &str) -> (u64, u64) {
    let (remaining, left) = item
        .strip_prefix(&format!("\"{policy}\";r="))
        .and_then(|rest| rest.split_once(";t="))
        .unwrap_or_else(|| panic!("{item}"));
    (remaining.parse().unwrap(), left.parse().unwrap())
}

/// One request of the limit was made so far, which counts twice when its answer was late: a call is made again once at most.
#[track_caller]
fn assert_first(left: impl Into<Option<u64>>, limit: u64) {
    let left = left.into().unwrap();
    assert!((limit - 2..limit).contains(&left), "{left} of {limit}");
}

/// How many were let through in each window, and by whom others were refused in it.
fn by_window(standings: &[Standing]) -> BTreeMap<i64, (u64, Vec<&'static str>)> {
    let mut windows = BTreeMap::<_, (u64, Vec<_>)>::new();
    for standing in standings {
        let (through, refused) = windows.entry(standing.window).or_default();
        match standing.refused_by {
            Some(policy) => refused.push(policy),
            None => *through += 1,
        }
    }
    windows
}

/// What went over the wire about a tenant.
struct Watched {
    harness: &'static Harness,
    tenant: TenantId,
    since: Mark,
}

impl Watched {
    fn new(harness: &'static Harness, tenant: &TenantId) -> Self {
        let since = harness.stack.emulators().dynamodb().wire().mark();
        Self {
            harness,
            tenant: tenant.clone(),
            since,
        }
    }

    fn calls(&self) -> Calls {
        calls_about(self.harness, self.tenant.as_str(), self.since)
    }

    /// How often the tenant's counters were touched.
    fn counts(&self) -> Calls {
        self.calls().partition(&format!("{}#limit", self.tenant))
    }

    /// How many more were counted than let through: a call whose answer is late is made again, and counts twice.
    fn repeated(&self, standings: &[Standing]) -> u64 {
        let counted = self
            .counts()
            .filter(|call| call.status != Some(400))
            .count();
        let through = standings.iter().filter(|one| one.refused_by.is_none());
        u64::try_from(counted.saturating_sub(through.count())).unwrap()
    }
}

/// So many requests of each caller, all at once.
async fn all_at_once(callers: Vec<Caller>, requests: usize) -> Vec<Standing> {
    let mut asking = JoinSet::new();
    for caller in callers.into_iter().map(Arc::new) {
        for _ in 0..requests {
            let caller = Arc::clone(&caller);
            asking.spawn(async move { ask(&caller).await });
        }
    }
    asking.join_all().await
}

#[tokio::test]
async fn a_user_may_ask_sixty_times_a_minute_and_a_tenant_six_hundred_unless_told_otherwise() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let policy = r#""user";q=60;w=60, "tenant";q=600;w=60"#;
    let watched = Watched::new(harness, &newcomer.id);
    let mut standings = Vec::new();
    // More than a minute's, in case the minute turns.
    while standings.len() < 122 {
        let sent = Clock::system().now().as_second();
        let answer = newcomer.admin.get("/api/settings").await;
        assert_eq!(answer.header("ratelimit-policy"), Some(policy));
        standings.push(standing(&answer, sent));
        if answer.status == 429 {
            break;
        }
        answer.document(200);
    }
    let (window, (through, refused)) = by_window(&standings).pop_last().unwrap();
    assert_eq!(refused, ["user"], "{window}");
    let repeated = watched.repeated(&standings);
    assert!(through <= 60 && through + repeated >= 60, "{through}");

    // Neither a colleague nor the user's tokens are refused with it.
    let colleague = ask(&harness.admin(&newcomer.id)).await;
    assert_eq!(colleague.status, 200);
    assert_first(colleague.user_left, 60);
    let sent = Clock::system().now().as_second();
    let token = newcomer.admin.post("/api/token", &json!({})).await;
    assert_eq!(token.refusal(), (409, "credentials_missing"));
    assert_first(standing(&token, sent).user_left, 60);
}

#[tokio::test]
async fn no_more_than_a_users_limit_passes_whichever_processes_are_asked_at_once() {
    let harness = deployment::with_parameters().await;
    let newcomer = harness.newcomer().await;
    let watched = Watched::new(harness, &newcomer.id);
    let standings = all_at_once(vec![newcomer.admin], 40).await;
    let processes = harness.stack.function("credentials").unwrap().processes();
    assert!(processes > 1, "{processes}");
    let repeated = watched.repeated(&standings);
    for (through, refused) in by_window(&standings).into_values() {
        assert!(through <= USER_LIMIT, "{standings:?}");
        if !refused.is_empty() {
            assert!(through + repeated >= USER_LIMIT, "{standings:?}");
        }
        assert!(
            refused.iter().all(|policy| *policy == "user"),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn no_more_than_a_tenants_limit_passes_whichever_users_ask_at_once() {
    let harness = deployment::with_parameters().await;
    let newcomer = harness.newcomer().await;
    let watched = Watched::new(harness, &newcomer.id);
    let users = (0..6).map(|_| harness.admin(&newcomer.id)).collect();
    let standings = all_at_once(users, 6).await;
    let repeated = watched.repeated(&standings);
    for (through, refused) in by_window(&standings).into_values() {
        assert!(through <= TENANT_LIMIT, "{standings:?}");
        if refused.contains(&"tenant") {
            assert!(through + repeated >= TENANT_LIMIT, "{standings:?}");
        }
    }
    let refused = |policy| standings.iter().any(|one| one.refused_by == Some(policy));
    assert!(refused("tenant"), "{standings:?}");
}

#[tokio::test]
async fn the_parameters_are_the_limits_and_each_user_and_tenant_has_its_own() {
    let harness = deployment::with_parameters().await;
    let (newcomer, other) = (harness.newcomer().await, harness.newcomer().await);
    let answer = newcomer.admin.get("/api/settings").await;
    let policy = format!(r#""user";q={USER_LIMIT};w=60, "tenant";q={TENANT_LIMIT};w=60"#);
    assert_eq!(answer.header("ratelimit-policy"), Some(policy.as_str()));
    // All that the tenant may, by users who each stay below their own limit.
    let users = (0..8).map(|_| harness.admin(&newcomer.id)).collect();
    let standings = all_at_once(users, 3).await;
    assert!(standings.iter().any(|one| one.refused_by == Some("tenant")));
    let elsewhere = ask(&other.admin).await;
    assert_eq!(elsewhere.status, 200);
    assert_first(elsewhere.user_left, USER_LIMIT);
    assert_first(elsewhere.tenant_left, TENANT_LIMIT);
}

#[tokio::test]
async fn a_user_is_its_subject_whatever_tokens_it_has_and_another_at_another_tenant() {
    let harness = deployment::with_parameters().await;
    let (newcomer, other) = (harness.newcomer().await, harness.newcomer().await);
    let who = subject("user");
    let token_of = |id: &TenantId| {
        let request = TokenRequest::new(&who).tenant(id.as_str()).role("admin");
        harness.caller(&request)
    };
    let first = ask(&token_of(&newcomer.id)).await;
    let second = ask(&token_of(&newcomer.id)).await;
    if first.window == second.window {
        assert!(second.user_left < first.user_left, "{first:?} {second:?}");
    }
    let elsewhere = ask(&token_of(&other.id)).await;
    assert_first(elsewhere.user_left, USER_LIMIT);
}

#[tokio::test]
async fn an_operators_requests_count_for_the_tenant_that_it_acts_for() {
    let harness = deployment::with_parameters().await;
    let newcomer = harness.newcomer().await;
    let operator = TokenRequest::new(subject("operator"))
        .tenant(newcomer.id.as_str())
        .role("operator");
    let before = ask(&newcomer.admin).await;
    let acting = ask(&harness.caller(&operator)).await;
    let after = ask(&newcomer.admin).await;
    assert_first(acting.user_left, USER_LIMIT);
    if before.window == after.window {
        assert!(after.tenant_left + 2 <= before.tenant_left, "{after:?}");
    }
}

#[tokio::test]
async fn a_request_costs_one_count_and_one_that_is_refused_again_nothing_at_all() {
    // A minute that turns in the middle is no evidence, and does not turn twice.
    for _ in 0..3 {
        if let Some(standings) = refused_for_nothing().await {
            assert_eq!(standings.len(), 30);
            return;
        }
    }
    panic!("thirty requests took longer than a minute, three times");
}

/// Exhausts a user's limit and goes on asking; `None` if the minute turned meanwhile.
async fn refused_for_nothing() -> Option<Vec<Standing>> {
    let harness = deployment::with_parameters().await;
    let newcomer = harness.newcomer().await;
    let watched = Watched::new(harness, &newcomer.id);
    let mut standings = Vec::new();
    for _ in 0..30 {
        standings.push(ask(&newcomer.admin).await);
    }
    if by_window(&standings).len() > 1 {
        return None;
    }
    // Each process finds out once that it has to refuse.
    let counts = watched.counts().filter(|call| call.status == Some(400));
    assert!(counts.count() <= PROCESSES, "{counts:?}");
    assert_eq!(watched.calls().writes().count(), watched.counts().count());
    // Profile and settings are read for those alone that were let through.
    let through = standings.iter().filter(|one| one.status == 200).count();
    let reads = watched.calls().reads().count();
    assert!(reads <= 3 * through, "{reads} reads, {through} let through");
    Some(standings)
}

#[tokio::test]
async fn a_request_that_is_let_through_is_counted_by_one_write() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    for _ in 0..20 {
        let watched = Watched::new(harness, &newcomer.id);
        let begun = Instant::now();
        newcomer.admin.get("/api/settings").await.document(200);
        // A function that waited longer may have counted a second time.
        if begun.elapsed() < Patience::REQUEST.attempt() {
            assert_eq!(watched.calls().writes().count(), 1);
            assert_eq!(watched.counts().count(), 1);
            return;
        }
    }
    panic!("this machine is too busy to count calls on");
}

#[tokio::test]
async fn the_tenants_routes_are_not_counted() {
    let harness = deployment::with_parameters().await;
    let newcomer = harness.newcomer().await;
    let watched = Watched::new(harness, &newcomer.id);
    let (operator, path) = (harness.operator(), format!("/api/tenants/{}", newcomer.id));
    for _ in 0..2 * TENANT_LIMIT {
        let answer = operator.get(&path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit"), None);
        assert_eq!(answer.header("ratelimit-policy"), None);
    }
    assert_eq!(watched.counts().count(), 0);
}

#[tokio::test]
async fn what_is_refused_to_a_stranger_does_not_count_and_what_is_refused_to_a_user_does() {
    let harness = deployment::with_parameters().await;
    let (newcomer, other) = (harness.newcomer().await, harness.newcomer().await);
    let watched = Watched::new(harness, &newcomer.id);
    let member = harness.user(&newcomer.id, "member");
    for _ in 0..USER_LIMIT {
        let answer = member.get("/api/settings").await;
        assert_eq!(answer.refusal(), (403, "role_required"));
        let selecting =
            |request: reqwest::RequestBuilder| request.header("X-Tenant-Id", newcomer.id.as_str());
        let method = reqwest::Method::GET;
        let answer = other.admin.send(method, "/api/settings", selecting).await;
        assert_eq!(answer.refusal(), (403, "tenant_mismatch"));
        assert_eq!(answer.header("ratelimit"), None);
    }
    assert_eq!(watched.calls().count(), 0);
    let sent = Clock::system().now().as_second();
    let missing = newcomer.admin.get("/api/integrations/vapi").await;
    assert_eq!(missing.refusal(), (404, "integration_not_found"));
    assert_first(standing(&missing, sent).user_left, USER_LIMIT);
}
