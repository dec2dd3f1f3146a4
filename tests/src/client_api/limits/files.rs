//! The limits of fetching recordings and what is attached to messages.

use std::collections::BTreeMap;

use shared::clock::Clock;

use super::{ask, assert_first, standing};
use crate::client_api::deployment::{self, TENANT_LIMIT, USER_LIMIT};

#[tokio::test]
async fn files_are_counted_apart_with_five_times_the_limits_and_other_reads_not_at_all() {
    let harness = deployment::with_parameters().await;
    let newcomer = harness.newcomer().await;
    let member = harness.user(&newcomer.id, "member");
    let (user, tenant) = (5 * USER_LIMIT, 5 * TENANT_LIMIT);
    let policy = format!("\"user\";q={user};w=60, \"tenant\";q={tenant};w=60");
    let files = [
        (
            format!("/api/recordings/RE{:032x}/media", 1),
            "recording_not_found",
        ),
        (
            format!("/api/messages/SM{:032x}/media/0", 1),
            "message_not_found",
        ),
    ];
    let mut through: BTreeMap<i64, u64> = BTreeMap::new();
    let mut is_refused = false;
    // A minute that turns in the middle does not turn twice.
    for (path, code) in files
        .iter()
        .cycle()
        .take(2 * usize::try_from(user).unwrap() + 1)
    {
        let sent = Clock::system().now().as_second();
        let answer = member.get(path).await;
        assert_eq!(answer.header("ratelimit-policy"), Some(policy.as_str()));
        let standing = standing(&answer, sent);
        is_refused = standing.refused_by == Some("user");
        if is_refused {
            break;
        }
        assert_eq!(answer.refusal(), (404, *code));
        *through.entry(standing.window).or_default() += 1;
    }
    assert!(is_refused, "{through:?}");
    assert!(
        through.values().all(|requests| *requests <= user),
        "{through:?}"
    );
    let listed = member.get("/api/messages").await;
    assert_eq!((listed.status, listed.header("ratelimit")), (200, None));
    // What is asked for of credentials is counted by itself.
    let settings = ask(&newcomer.admin).await;
    assert_first(settings.user_left, USER_LIMIT);
    assert!(settings.tenant_left >= TENANT_LIMIT - 2, "{settings:?}");
}
