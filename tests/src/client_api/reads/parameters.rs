//! What lists and reads are asked for: what is unknown or malformed is named.

use super::{LISTS, Reader};

const FILTERS: [(&str, &[&str]); 6] = [
    (
        "/api/messages",
        &[
            "contact",
            "channel",
            "direction",
            "status",
            "after",
            "before",
        ],
    ),
    ("/api/conversations", &["channel", "opted_out"]),
    (
        "/api/conversations/%2B15005550010/messages",
        &["direction", "status", "after", "before"],
    ),
    ("/api/contacts", &["channel", "opted_out"]),
    (
        "/api/calls",
        &["direction", "status", "from", "to", "after", "before"],
    ),
    ("/api/recordings", &["call_sid", "kind", "after", "before"]),
];

/// What no filter of this name takes.
fn malformed(filter: &str) -> &'static [&'static str] {
    match filter {
        "channel" => &["", "fax", "SMS", "sms,whatsapp"],
        "direction" => &["", "in", "outbound-api", "Inbound"],
        "status" => &["", "Delivered", "a%20b", "sent,delivered", "caf%C3%A9"],
        "contact" | "from" | "to" => &["", "+15005550010", "%20", "a%00", "a%0A"],
        "after" | "before" => &[
            "",
            "today",
            "2026-11-21",
            "1795252530",
            "2026-11-21T09:15:30+01:00",
        ],
        "call_sid" => &["", "CA1", "SM00000000000000000000000000000001"],
        "kind" => &["", "voice", "Call"],
        "opted_out" => &["", "1", "yes", "TRUE"],
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn every_malformed_filter_is_named() {
    let reader = Reader::new().await;
    for (list, filters) in FILTERS {
        for filter in filters {
            for value in malformed(filter) {
                let path = format!("{list}?{filter}={value}");
                let refused = reader.refused(&path).await;
                assert_eq!(refused.refusal(), (400, "invalid_parameter"), "{path}");
                assert_eq!(refused.faulty_fields(), [*filter], "{path}");
            }
        }
    }
}

#[tokio::test]
async fn an_unknown_parameter_is_named_and_every_fault_at_once() {
    let reader = Reader::new().await;
    let sids = [
        "/api/messages/SM00000000000000000000000000000001",
        "/api/calls/CA00000000000000000000000000000001",
        "/api/recordings/RE00000000000000000000000000000001",
    ];
    for path in LISTS.iter().chain(&sids) {
        for (query, named) in [
            ("since=2026-01-01", "since"),
            ("Limit=1", "Limit"),
            ("tenant_id=acme", "tenant_id"),
            ("=1", "(unknown)"),
            ("sk_live_0123456789abcdef=1", "(unknown)"),
        ] {
            let refused = reader.refused(&format!("{path}?{query}")).await;
            assert_eq!(
                refused.refusal(),
                (400, "invalid_parameter"),
                "{path} {query}"
            );
            assert_eq!(refused.faulty_fields(), [named], "{path} {query}");
        }
    }
    for (list, filters) in FILTERS {
        let faulty: Vec<_> = filters.iter().map(|name| format!("{name}=")).collect();
        let query = format!("limit=0&page=2&{}", faulty.join("&"));
        let refused = reader.refused(&format!("{list}?{query}")).await;
        let mut expected = [filters, &["limit", "page"]].concat();
        expected.sort_unstable();
        assert_eq!(refused.faulty_fields(), expected, "{list}");
    }
}

#[tokio::test]
async fn a_parameter_that_is_there_twice_is_refused() {
    let reader = Reader::new().await;
    for (query, named) in [
        ("limit=1&limit=2", "limit"),
        ("status=sent&status=sent", "status"),
        ("cursor=a&cursor=b", "cursor"),
    ] {
        let refused = reader.refused(&format!("/api/messages?{query}")).await;
        assert_eq!(refused.faulty_fields(), [named], "{query}");
    }
}

#[tokio::test]
async fn a_page_has_1_to_100_items_on_every_list() {
    let reader = Reader::new().await;
    for list in LISTS {
        for limit in ["0", "101", "-1", "1.5", "", "all"] {
            let refused = reader.refused(&format!("{list}?limit={limit}")).await;
            assert_eq!(refused.faulty_fields(), ["limit"], "{list} {limit}");
        }
        for limit in ["1", "100"] {
            reader.get(&format!("{list}?limit={limit}")).await;
        }
    }
}

#[tokio::test]
async fn what_is_no_sid_of_the_kind_is_not_found() {
    let reader = Reader::new().await;
    for (kind, code) in [
        ("messages", "message_not_found"),
        ("calls", "call_not_found"),
        ("recordings", "recording_not_found"),
    ] {
        for sid in [
            "1",
            "SM",
            "SM0000000000000000000000000000000",
            "XX00000000000000000000000000000001",
            "SM0000000000000000000000000000000g",
            "SM00000000000000000000000000000001",
            "CA00000000000000000000000000000001",
            "RE00000000000000000000000000000001",
        ] {
            let answer = reader.member.get(&format!("/api/{kind}/{sid}")).await;
            assert_eq!(answer.refusal(), (404, code), "{kind} {sid}");
        }
    }
}

#[tokio::test]
async fn what_can_be_no_contact_is_refused_in_the_path() {
    let reader = Reader::new().await;
    let long = "x".repeat(1_001);
    // The gateway takes one escape away, the function another.
    for contact in ["%2520", "%2500", "%250A", long.as_str()] {
        let path = format!("/api/conversations/{contact}/messages");
        let refused = reader.refused(&path).await;
        assert_eq!(refused.faulty_fields(), ["contact"], "{contact}");
    }
}
