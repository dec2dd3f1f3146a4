//! The list of all tenants, as who operates the platform pages through it.

use local::console::operator;
use serde_json::json;
use shared::store::Page;
use shared::tenant::TenantId;

use crate::harness::Harness;
use crate::tenant_store::{Opened, text};

/// Every page of the directory, as far as it goes.
async fn pages(opened: &Opened, limit: usize) -> Vec<Vec<TenantId>> {
    let (mut after, mut pages) = (None, Vec::new());
    loop {
        let page = Page::new(limit, after);
        let listed = opened.administration.list(operator(), &page).await;
        let (tenants, next) = listed.unwrap();
        let tenants = tenants.into_iter();
        pages.push(tenants.map(|tenant| tenant.profile.tenant_id).collect());
        after = next;
        if after.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn the_tenants_are_listed_page_by_page_newest_first_with_those_of_seed_among_them() {
    let harness = Harness::start(|_| {});
    let opened = Opened::of(&harness);
    assert_eq!(pages(&opened, 10).await, [Vec::<TenantId>::new()]);
    let mut expected: Vec<TenantId> = Vec::new();
    for number in 0..24 {
        let id = format!("listed-{number}");
        opened.clock.advance(1);
        opened.create(&id, None).await.unwrap();
        expected.push(id.parse().unwrap());
    }
    expected.reverse();
    // In the middle: stored by `seed` before all of them, and stored again after.
    let seeded = harness.tenant(json!({})).await;
    harness.store(seeded.document.clone()).await;
    expected.push(seeded.id.clone());

    let listed = pages(&opened, 10).await;
    let sizes: Vec<_> = listed.iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 10, 5]);
    assert_eq!(listed.concat(), expected);
    assert_eq!(pages(&opened, 25).await.len(), 1);

    // One that vanishes between the directory and its profile.
    let table = harness.variable("TENANTS_TABLE");
    let delete = harness.dynamodb().delete_item().table_name(table);
    let delete = delete
        .key("pk", text("listed-20#tenant"))
        .key("sk", text("profile"));
    delete.send().await.unwrap();
    let listed = pages(&opened, 10).await;
    let sizes: Vec<_> = listed.iter().map(Vec::len).collect();
    assert_eq!(sizes, [9, 10, 5]);
    expected.retain(|id| id.as_str() != "listed-20");
    assert_eq!(listed.concat(), expected);
}
