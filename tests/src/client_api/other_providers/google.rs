//! Grants of Google accounts.

use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use local::providers::{Grant, GrantState, ProviderDoubles};
use serde_json::json;
use tokio::task::JoinSet;

use super::{Integration, found, is_entered_as, operations, outages_are_not_held_against, unique};
use crate::harness::Harness;

const REFRESH: &str = "POST /google-oauth/token";
const CALENDARS: &str = "GET /google-api/calendar/v3/users/me/calendarList";
const EVENTS: &str = "GET /google-api/calendar/v3/calendars/primary/events";

impl Integration {
    /// With an OAuth client that Google knows, and no grant yet.
    async fn google(harness: &Harness) -> Self {
        let mut it = Self::new(harness, "/api/integrations/google_calendar", "1//").await;
        let id = format!("{}.apps.googleusercontent.com", unique("client-"));
        let secret = unique("GOCSPX-");
        harness
            .stack
            .providers()
            .add_google_client(&id, &secret, true);
        it.configuration =
            json!({"client_id": id, "client_secret": secret, "refresh_token": it.credential});
        it
    }

    fn client_id(&self) -> &str {
        self.configuration["client_id"].as_str().unwrap()
    }
}

#[tokio::test]
async fn an_outage_of_google_is_not_held_against_a_grant() {
    outages_are_not_held_against(REFRESH, Integration::google, |providers, integration| {
        let grant = Grant::live(integration.client_id(), &["calendar.events"]);
        providers.add_google_grant(&integration.credential, grant);
    })
    .await;
}

#[tokio::test]
async fn a_google_grant_is_worth_what_its_scopes_are() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let lacks = "lacks the scope calendar.events";
    let by_calendars: &[(&str, usize)] = &[(REFRESH, 1), (CALENDARS, 1)];
    let by_events: &[(&str, usize)] = &[(REFRESH, 1), (EVENTS, 1)];
    let everything = &[
        "read_calendars",
        "read_events",
        "write_events",
        "read_free_busy",
    ];
    for (scopes, expected, asked) in [
        (
            &["calendar"][..],
            found("valid", everything, ""),
            by_calendars,
        ),
        (
            &["calendar.events"],
            found("valid", &["read_events", "write_events"], ""),
            by_events,
        ),
        (
            &["calendar.events", "calendar.freebusy"],
            found(
                "valid",
                &["read_events", "write_events", "read_free_busy"],
                "",
            ),
            by_events,
        ),
        (
            &["calendar.readonly"],
            found(
                "restricted",
                &["read_calendars", "read_events", "read_free_busy"],
                lacks,
            ),
            by_calendars,
        ),
        (
            &["calendar.freebusy"],
            found("restricted", &["read_free_busy"], lacks),
            &[(REFRESH, 1)],
        ),
        // Somebody unticked every box.
        (
            &["userinfo.email"],
            found("restricted", &[], lacks),
            &[(REFRESH, 1)],
        ),
    ] {
        let integration = Integration::google(harness).await;
        let grant = Grant::live(integration.client_id(), scopes);
        providers.add_google_grant(&integration.credential, grant);
        is_entered_as(&integration, expected).await;
        assert_eq!(integration.asked(harness), operations(asked), "{scopes:?}");
    }
}

#[tokio::test]
async fn google_says_whether_the_client_or_the_grant_is_at_fault() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let live = |integration: &Integration| Grant::live(integration.client_id(), &["calendar"]);

    let revoked = Integration::google(harness).await;
    let grant = Grant {
        state: GrantState::Dead,
        ..live(&revoked)
    };
    providers.add_google_grant(&revoked.credential, grant);
    is_entered_as(&revoked, found("invalid", &[], "expired or revoked")).await;

    let ended = Integration::google(harness).await;
    let grant = Grant {
        state: GrantState::SessionEnded,
        ..live(&ended)
    };
    providers.add_google_grant(&ended.credential, grant);
    is_entered_as(&ended, found("invalid", &[], "ends sessions")).await;

    let mut mistyped = Integration::google(harness).await;
    providers.add_google_grant(&mistyped.credential, live(&mistyped));
    mistyped.configuration["client_secret"] = json!("GOCSPX-another-secret");
    let client = "does not know client_id together with client_secret";
    is_entered_as(&mistyped, found("invalid", &[], client)).await;

    let foreign = Integration::google(harness).await;
    let grant = Grant::live("another.apps.googleusercontent.com", &["calendar"]);
    providers.add_google_grant(&foreign.credential, grant);
    is_entered_as(&foreign, found("invalid", &[], "another OAuth client")).await;

    for integration in [revoked, ended, mistyped, foreign] {
        assert_eq!(integration.asked(harness), operations(&[(REFRESH, 1)]));
    }

    let disabled = Integration::google(harness).await;
    providers.add_google_grant(&disabled.credential, live(&disabled));
    let secret = disabled.configuration["client_secret"].as_str().unwrap();
    providers.add_google_client(disabled.client_id(), secret, false);
    is_entered_as(&disabled, found("restricted", &[], "is not enabled")).await;
}

#[tokio::test]
async fn only_the_second_refusal_of_a_google_grant_in_a_row_deactivates_it() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let integration = Integration::google(harness).await;
    let live = Grant::live(integration.client_id(), &["calendar.events"]);
    let credential = &integration.credential;
    providers.add_google_grant(credential, live.clone());
    integration.enter().await.document(201);
    let dead = Grant {
        state: GrantState::Dead,
        ..live.clone()
    };
    providers.add_google_grant(credential, dead);
    assert_eq!(integration.verify().await["outcome"], "invalid");
    for misbehaviour in [
        Misbehaviour::TooManyRequests {
            retry_after: Some(60),
        },
        Misbehaviour::Html(400),
        Misbehaviour::Unavailable,
    ] {
        let fault = providers.misbehave_to(credential, misbehaviour, Times::Always);
        integration.verify().await;
        providers.faults().remove(fault);
        assert_eq!(integration.stored().await["is_active"], true);
    }
    assert_eq!(integration.verify().await["outcome"], "invalid");
    assert_eq!(integration.stored().await["is_active"], false);
    providers.add_google_grant(credential, live);
    assert_eq!(integration.verify().await["outcome"], "valid");
    assert_eq!(integration.stored().await["is_active"], true);
}

#[tokio::test]
async fn an_outage_of_the_calendar_api_says_nothing_against_a_grant_that_was_just_renewed() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let mut cases = JoinSet::new();
    for misbehaviour in [
        Misbehaviour::TooManyRequests {
            retry_after: Some(60),
        },
        Misbehaviour::Unauthorized,
        Misbehaviour::InternalError,
        Misbehaviour::Html(403),
        Misbehaviour::Close,
    ] {
        cases.spawn(async move {
            let integration = Integration::google(harness).await;
            let grant = Grant::live(integration.client_id(), &["calendar.events"]);
            providers.add_google_grant(&integration.credential, grant);
            let partition = ProviderDoubles::partition(&integration.credential);
            let matching = Matching::operations([EVENTS]).partition(partition);
            providers
                .faults()
                .inject(matching, misbehaviour, Times::Always);
            let expected = found("valid", &["read_events", "write_events"], "");
            is_entered_as(&integration, expected).await;
            assert_eq!(integration.asked(harness)[REFRESH], 1);
        });
    }
    cases.join_all().await;
}

#[tokio::test]
async fn a_refresh_token_that_google_replaces_during_a_check_is_stored_in_place_of_the_old_one() {
    let harness = Harness::shared().await;
    let providers = harness.stack.providers();
    let integration = Integration::google(harness).await;
    let [second, third] = [unique("1//"), unique("1//")];
    let live = Grant::live(integration.client_id(), &["calendar.events"]);
    let rotating = |next: &String| Grant {
        replaced_by: Some(next.clone()),
        ..live.clone()
    };
    providers.add_google_grant(&integration.credential, rotating(&second));
    let entered = integration.enter().await.document(201);
    // The first is worth nothing any more.
    assert!(!providers.is_google_grant_live(&integration.credential));
    assert!(
        entered["config"]["refresh_token"]
            .as_str()
            .unwrap()
            .ends_with(&second[second.len() - 4..])
    );

    providers.add_google_grant(&second, rotating(&third));
    assert_eq!(integration.verify().await["outcome"], "valid");
    assert!(!providers.is_google_grant_live(&second));
    let after = integration.stored().await;
    assert_ne!(after["fingerprint"], entered["fingerprint"]);
    assert_eq!(after["status"], "valid");
    assert_eq!(integration.verify().await["outcome"], "valid");
    assert_eq!(providers.calls_with(&third).operation(REFRESH).count(), 1);
}
