//! Cursors against everything that is not theirs.

use aws_lc_rs::hkdf::HKDF_SHA256;
use proptest::prelude::*;

use super::*;

fn cursors(byte: u8) -> Cursors {
    Cursors::new(Prk::new_less_safe(HKDF_SHA256, &[byte; 32]))
}

fn context(tenant: &str, list: &str, query: &[(&str, &str)]) -> CursorContext {
    let scope = TenantScope::new(tenant.parse().unwrap());
    CursorContext::of_tenant(&scope, list, query)
}

#[test]
fn a_cursor_opens_for_its_own_list_alone() {
    let query = [("channel", "sms"), ("contact", "+1555")];
    let own = context("acme", "messages", &query);
    let cursor = cursors(1).seal(&own, "position").unwrap();
    assert_eq!(cursors(1).open(&own, &cursor).as_deref(), Ok("position"));
    for other in [
        context("acme2", "messages", &query),
        context("acme", "calls", &query),
        context("acme", "messages", &query[..1]),
        context("acme", "messages", &[]),
        context(
            "acme",
            "messages",
            &[("channel", "sms"), ("contact", "+1556")],
        ),
        context(
            "acme",
            "messages",
            &[("contact", "sms"), ("channel", "+1555")],
        ),
        CursorContext::of_platform("messages", &query),
    ] {
        assert_eq!(cursors(1).open(&other, &cursor), Err(InvalidCursor));
    }
    assert_eq!(cursors(2).open(&own, &cursor), Err(InvalidCursor));
}

#[test]
fn the_order_of_a_querys_pairs_does_not_matter() {
    let (one, other) = (("a", "1"), ("b", "2"));
    assert_eq!(
        context("acme", "calls", &[one, other]),
        context("acme", "calls", &[other, one])
    );
}

#[test]
fn the_platforms_list_is_not_that_of_a_tenant_of_any_name() {
    let platform = CursorContext::of_platform("tenants", &[]);
    assert_ne!(context("platform", "tenants", &[]), platform);
}

#[test]
fn a_cursor_says_nothing_and_is_never_the_same() {
    let context = context("acme", "messages", &[]);
    let position = "+15005550006 ".repeat(10);
    let one = cursors(1).seal(&context, &position).unwrap();
    let other = cursors(1).seal(&context, &position).unwrap();
    assert_ne!(one, other);
    let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    assert!(one.bytes().all(url_safe), "{one}");
    let bytes = URL_SAFE_NO_PAD.decode(&one).unwrap();
    let shows = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(!shows(b"5550006"));
}

#[test]
fn the_longest_position_has_a_cursor_and_a_longer_one_none() {
    let context = context("acme", "messages", &[]);
    let longest = "x".repeat(LONGEST_POSITION);
    let cursor = cursors(1).seal(&context, &longest).unwrap();
    assert!(
        cursor.len() <= LONGEST_CURSOR && cursor.len() < 2_800,
        "{}",
        cursor.len()
    );
    assert_eq!(cursors(1).open(&context, &cursor), Ok(longest.clone()));
    let longer = cursors(1).seal(&context, &format!("{longest}x"));
    assert_eq!(longer, Err(UnsealedCursor));
    assert_eq!(
        cursors(1).open(&context, &"A".repeat(1 << 20)),
        Err(InvalidCursor)
    );
}

proptest! {
    #[test]
    fn a_position_comes_back_as_it_was(
        tenant in "[a-z0-9][a-z0-9-]{1,62}",
        query in prop::collection::vec((".{0,8}", ".{0,8}"), 0..3),
        position in ".{0,200}",
    ) {
        let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let context = context(&tenant, "messages", &query);
        let cursor = cursors(1).seal(&context, &position).unwrap();
        prop_assert_eq!(cursors(1).open(&context, &cursor), Ok(position));
    }

    #[test]
    fn a_cursor_that_was_changed_anywhere_is_refused(
        position in ".{0,40}",
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let context = context("acme", "messages", &[]);
        let cursor = cursors(1).seal(&context, &position).unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let changed = URL_SAFE_NO_PAD.encode(bytes);
        prop_assert_eq!(cursors(1).open(&context, &changed), Err(InvalidCursor));
    }

    #[test]
    fn a_cursor_that_was_cut_or_lengthened_is_refused(
        position in ".{0,40}",
        keep in any::<prop::sample::Index>(),
        more in "[A-Za-z0-9_-]{1,4}",
    ) {
        let context = context("acme", "messages", &[]);
        let cursor = cursors(1).seal(&context, &position).unwrap();
        let cut = &cursor[..keep.index(cursor.len())];
        prop_assert_eq!(cursors(1).open(&context, cut), Err(InvalidCursor));
        prop_assert_eq!(cursors(1).open(&context, &format!("{cursor}{more}")), Err(InvalidCursor));
    }

    #[test]
    fn a_text_that_was_made_up_is_refused(text in ".{0,200}|[A-Za-z0-9_-]{0,200}") {
        let context = context("acme", "messages", &[]);
        prop_assert_eq!(cursors(1).open(&context, &text), Err(InvalidCursor));
    }

    #[test]
    fn different_contexts_have_different_cursors(
        // A small alphabet and short texts, so that near collisions such as ("a", "bc") and ("ab", "c") are common.
        one in ("[ab]{2,3}", "[ab]{0,2}", prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..3)),
        other in ("[ab]{2,3}", "[ab]{0,2}", prop::collection::vec(("[ab]{0,2}", "[ab]{0,2}"), 0..3)),
    ) {
        let canonical = |(tenant, list, query): &(String, String, Vec<(String, String)>)| {
            let mut query = query.clone();
            query.sort();
            (tenant.clone(), list.clone(), query)
        };
        let made = |(tenant, list, query): &(String, String, Vec<(String, String)>)| {
            let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            context(tenant, list, &query)
        };
        prop_assert_eq!(made(&one) == made(&other), canonical(&one) == canonical(&other));
    }
}
