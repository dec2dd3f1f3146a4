//! The list of all tenants, as an operator pages through it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

use super::caller::Caller;
use super::tenants::unused;
use crate::harness::Harness;

/// Pages from the newest on until `last` is listed: the ids, and the cursors.
async fn pages(operator: &Caller, limit: usize, last: &str) -> (Vec<Vec<String>>, Vec<String>) {
    let (mut pages, mut cursors) = (Vec::new(), Vec::new());
    let mut path = format!("/api/tenants?limit={limit}");
    loop {
        let page = operator.get(&path).await.document(200);
        let items = page["items"].as_array().unwrap().iter();
        let ids: Vec<_> = items
            .map(|tenant| tenant["tenant_id"].as_str().unwrap().to_owned())
            .collect();
        let is_last = ids.iter().any(|id| id == last);
        pages.push(ids);
        let Some(cursor) = page["next_cursor"].as_str().filter(|_| !is_last) else {
            assert!(is_last, "{last} is not listed");
            return (pages, cursors);
        };
        path = format!("/api/tenants?limit={limit}&cursor={cursor}");
        cursors.push(cursor.to_owned());
    }
}

async fn created(operator: &Caller, prefix: &str, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let id = unused(prefix);
        let entered = json!({"tenant_id": id, "name": "Listed"});
        let created = operator.post("/api/tenants", &entered).await;
        created.document(201);
        ids.push(id);
    }
    ids
}

#[tokio::test]
async fn tenants_are_listed_newest_first_each_on_one_page() {
    let operator = Harness::shared().await.operator();
    let mut mine = created(&operator, "listed", 5).await;
    mine.reverse();
    // Others are created meanwhile: they are newer than where the pages are.
    let (listed, _) = pages(&operator, 2, &mine[4]).await;
    let (last, full) = listed.split_last().unwrap();
    assert!(full.iter().all(|page| page.len() == 2) && !last.is_empty());
    let of_mine = listed.concat().into_iter().filter(|id| mine.contains(id));
    assert_eq!(of_mine.collect::<Vec<_>>(), mine);
    let (one_page, _) = pages(&operator, 100, &mine[0]).await;
    assert!(one_page[0].contains(&mine[0]));
}

#[tokio::test]
async fn a_listed_tenant_is_the_document_that_is_read() {
    let operator = Harness::shared().await.operator();
    let ids = created(&operator, "listed-whole", 1).await;
    let read = operator.get(&format!("/api/tenants/{}", ids[0])).await;
    let read = read.document(200);
    let page = operator.get("/api/tenants?limit=100").await.document(200);
    assert!(page["items"].as_array().unwrap().contains(&read));
}

#[tokio::test]
async fn a_cursor_says_nothing_and_is_good_for_nothing_else() {
    let harness = Harness::shared().await;
    let operator = harness.operator();
    let mine = created(&operator, "behind-cursor", 2).await;
    let (_, cursors) = pages(&operator, 1, &mine[0]).await;
    let cursor = cursors.last().unwrap();
    let inside = BASE64_URL_SAFE_NO_PAD
        .decode(cursor)
        .unwrap_or_else(|_| cursor.as_bytes().to_vec());
    let inside = String::from_utf8_lossy(&inside);
    for id in &mine {
        assert!(!inside.contains(id) && !cursor.contains(id), "{inside}");
    }

    let admin = harness.admin(&mine[0].parse().unwrap());
    admin
        .patch("/api/settings", &json!({"inbound_route": "voicemail"}))
        .await
        .document(200);
    let log = admin.get("/api/audit?limit=1").await.document(200);
    let of_log = log["next_cursor"].as_str().unwrap();
    let (head, tail) = cursor.split_at(cursor.len() / 2);
    let changed = tail
        .chars()
        .next()
        .map(|c| if c == 'A' { 'B' } else { 'A' });
    let tampered = format!("{head}{}{}", changed.unwrap(), &tail[1..]);
    for (cursor, what) in [
        (of_log, "of an audit log"),
        (&*tampered, "changed"),
        (&cursor[..cursor.len() - 1], "cut"),
        ("", "empty"),
        ("2026-11-21T00:00:00.000Z%23acme", "made up"),
    ] {
        let path = format!("/api/tenants?cursor={cursor}");
        let refused = operator.get(&path).await;
        assert_eq!(refused.refusal(), (400, "invalid_cursor"), "{what}");
    }
    let path = format!("/api/audit?cursor={cursor}");
    let refused = admin.get(&path).await;
    assert_eq!(refused.refusal(), (400, "invalid_cursor"));
    // It is good for another limit.
    let path = format!("/api/tenants?limit=7&cursor={cursor}");
    operator.get(&path).await.document(200);
}

#[tokio::test]
async fn a_page_has_1_to_100_tenants_and_50_unless_told() {
    let operator = Harness::shared().await.operator();
    for limit in ["0", "101", "-1", "1.5", "", "all", "99999999999999999999"] {
        let refused = operator.get(&format!("/api/tenants?limit={limit}")).await;
        assert_eq!(refused.refusal(), (400, "invalid_parameter"), "{limit}");
        assert_eq!(refused.faulty_fields(), ["limit"], "{limit}");
    }
    let mine = created(&operator, "fifty-and-more", 51).await;
    let counted = async |path: &str| {
        let page = operator.get(path).await.document(200);
        page["items"].as_array().unwrap().len()
    };
    // Some may be deleted by other tests between the directory and the profiles.
    assert!((40..=50).contains(&counted("/api/tenants").await));
    assert!(counted("/api/tenants?limit=1").await <= 1);
    let (listed, _) = pages(&operator, 50, &mine[0]).await;
    assert!(listed.len() > 1);
}
