//! What the function does that tells what happened and keeps phone numbers.

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::json;
use shared::tenant::TenantId;

use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;
use crate::tenant_deletion::numbered;

/// Each list with and without what narrows it down to a group, each read, files, usage, the deletion of a recording, and phone
/// numbers.
pub(in crate::iam) async fn ways_of_messaging(harness: &Harness) {
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
        let fact = numbered(number).of_account(newcomer.account.sid());
        console.activity().keep(&scope, &fact).await.unwrap();
    }
    put_contact(harness, &id).await;
    let member = harness.user(&id, "member");
    let (call, number) = (format!("CA{:032x}", 0), "%2B15005550010");
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

    // What takes the tenant's credentials, which another function stores.
    newcomer.store().await.document(201);
    let recording = format!("/api/recordings/RE{:032x}", 0);
    for file in [
        format!("{recording}/media"),
        format!("/api/messages/SM{:032x}/media/0", 0),
    ] {
        let gone = member.get(&file).await;
        assert_eq!(gone.refusal(), (404, "media_not_found"), "{file}");
    }
    newcomer.admin.get("/api/usage").await.document(200);
    assert_eq!(newcomer.admin.delete(&recording).await.status, 204);
    ways_of_numbers(&newcomer).await;
    member.get("/api/phone-numbers").await.document(200);
}

/// Numbers are synced, connected, found to be gone when they are to be connected, and found to be gone by a sync.
pub(super) async fn ways_of_numbers(newcomer: &Newcomer) {
    const SYNC: &str = "/api/phone-numbers/sync";
    let nothing = json!({});
    let [kept, gone, missed] = ["+12125550100", "+12125550101", "+12125550102"]
        .map(|number| newcomer.account.add_number(number));
    newcomer.admin.post(SYNC, &nothing).await.document(200);
    newcomer.account.release_number(&gone);
    let connect = |sid: &str| format!("/api/phone-numbers/{sid}/connect");
    let connected = newcomer.admin.post(&connect(&kept), &nothing).await;
    connected.document(200);
    let lost = newcomer.admin.post(&connect(&gone), &nothing).await;
    assert_eq!(lost.refusal(), (404, "phone_number_not_found"));
    newcomer.account.release_number(&missed);
    newcomer.admin.post(SYNC, &nothing).await.document(200);
}

/// A contact as the stream's consumer keeps it.
async fn put_contact(harness: &Harness, id: &TenantId) {
    const SEEN_AT: &str = "2026-10-01T08:00:00.123Z";
    let text = |text: String| AttributeValue::S(text);
    let put = harness.dynamodb().put_item();
    let put = put
        .table_name(harness.variable("ACTIVITY_TABLE"))
        .item("pk", text(format!("{id}#contact#+15005550010")))
        .item("sk", text("contact".to_owned()))
        .item("address", text("+15005550010".to_owned()))
        .item("contact_since", text(SEEN_AT.to_owned()))
        .item("time_pk", text(format!("{id}#contact#0")))
        .item("time_sk", text(format!("{SEEN_AT}#1")))
        .item("last_message_sid", text(format!("SM{:032x}", 0)))
        .item("last_message_at", text(SEEN_AT.to_owned()))
        .item("group_pk", text(format!("{id}#conversations#0")))
        .item("group_sk", text(format!("{SEEN_AT}#1")));
    put.send().await.unwrap();
}
