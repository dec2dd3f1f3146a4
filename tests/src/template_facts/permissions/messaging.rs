//! What the function that tells what happened may do.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::json;

use super::{Deed, assert_is_what_is_allowed, deeds};
use crate::harness::Harness;
use crate::tenant_deletion::numbered;

/// Every way of the function that tells what happened: each list with and without what narrows it down to a group, each read, and
/// the deletion of a recording.
pub(crate) async fn ways_of_messaging(harness: &Harness) -> BTreeSet<Deed> {
    let newcomer = harness.newcomer().await;
    let id = newcomer.id.clone();
    let (path, named) = (
        format!("/api/tenants/{id}"),
        json!({"subdomain": "messaging-host"}),
    );
    harness.operator().patch(&path, &named).await.document(200);
    let console = harness.console();
    let scope = console.scope(&id);
    for number in 0..5 {
        let fact = numbered(number);
        console.activity().keep(&scope, &fact).await.unwrap();
    }
    let member = harness.user(&id, "member");
    let (call, number) = (format!("CA{:032x}", 0), "%2B15005550010");
    // A contact as the stream's consumer keeps it.
    let text = |text: String| AttributeValue::S(text);
    let put = harness.dynamodb().put_item();
    let put = put
        .table_name(harness.variable("ACTIVITY_TABLE"))
        .item("pk", text(format!("{id}#contact#+15005550010")))
        .item("sk", text("contact".to_owned()))
        .item("address", text("+15005550010".to_owned()))
        .item("contact_since", text("2026-10-01T08:00:00.123Z".to_owned()))
        .item("time_pk", text(format!("{id}#contact#0")))
        .item("time_sk", text("2026-10-01T08:00:00.123Z#1".to_owned()))
        .item("last_message_sid", text(format!("SM{:032x}", 0)))
        .item(
            "last_message_at",
            text("2026-10-01T08:00:00.123Z".to_owned()),
        )
        .item("group_pk", text(format!("{id}#conversations#0")))
        .item("group_sk", text("2026-10-01T08:00:00.123Z#1".to_owned()));
    put.send().await.unwrap();
    let wire = harness.stack.emulators().dynamodb().wire();
    let mark = wire.mark();
    let page = member.get("/api/messages?limit=1").await.document(200);
    let next = page["next_cursor"].as_str().unwrap();
    for path in [
        &format!("/api/messages?cursor={next}"),
        &format!("/api/messages/SM{:032x}", 0),
        "/api/conversations",
        &format!("/api/conversations/{number}/messages"),
        "/api/contacts",
        "/api/calls",
        &format!("/api/calls/{call}"),
        "/api/recordings",
        &format!("/api/recordings?call_sid={call}"),
        &format!("/api/recordings/RE{:032x}", 0),
    ] {
        member.get(path).await.document(200);
    }
    let by_host = member.send(Method::GET, "/api/contacts", |request| {
        request.header("host", harness.host("messaging-host"))
    });
    by_host.await.document(200);
    let mut seen = deeds(harness, &wire.since(mark));

    // What takes the tenant's credentials, which another function stores.
    newcomer.store().await.document(201);
    let mark = wire.mark();
    let recording = format!("/api/recordings/RE{:032x}", 0);
    let gone = member.get(&format!("{recording}/media")).await;
    assert_eq!(gone.refusal(), (404, "media_not_found"));
    assert_eq!(newcomer.admin.delete(&recording).await.status, 204);
    seen.extend(deeds(harness, &wire.since(mark)));
    seen
}

#[tokio::test]
async fn the_messaging_function_may_do_to_the_tables_what_it_does_and_nothing_else() {
    let harness = Harness::start(|options| options.feeds_streams = false);
    let seen = ways_of_messaging(&harness).await;
    assert_is_what_is_allowed("MessagingRole", &seen);
}
