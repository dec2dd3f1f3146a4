use super::kind::Kind;
use super::request::MediaRequest;
use crate::http::Reply;
use crate::outbound::{Media, PIECE_LIMIT, Wanted};

const NAME: &str = "RE1.mp3";

fn wanted(range: &str) -> Wanted {
    MediaRequest::new(NAME, Some(range), None).wanted()
}

fn span(first: u64, last: u64) -> Wanted {
    Wanted::Span { first, last }
}

fn media(first: u64, length: usize, total: Option<u64>) -> Media {
    Media {
        bytes: vec![7; length],
        first,
        total,
        content_type: Some("audio/mpeg".to_owned()),
    }
}

fn header(reply: Reply, name: &str) -> Option<String> {
    let event = lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse::from(reply);
    let value = event.headers.get(name)?;
    Some(value.to_str().unwrap().to_owned())
}

#[test]
fn a_range_is_taken_as_rfc_9110_writes_it() {
    for (range, expected) in [
        ("bytes=0-0", span(0, 0)),
        ("bytes=10-19", span(10, 19)),
        (" BYTES = 10 - 19 ", span(10, 19)),
        ("bytes=-500", Wanted::Last(500)),
        ("bytes=-0", Wanted::Last(0)),
    ] {
        assert_eq!(wanted(range), expected, "{range}");
    }
}

#[test]
fn a_range_is_cut_to_what_one_answer_brings() {
    let most = PIECE_LIMIT - 1;
    for (range, expected) in [
        ("bytes=0-", span(0, most)),
        ("bytes=5-", span(5, 5 + most)),
        ("bytes=5-99999999999", span(5, 5 + most)),
        ("bytes=-99999999999", Wanted::Last(PIECE_LIMIT)),
        ("bytes=0-99999999999999999999999", span(0, most)),
        ("bytes=99999999999999999999999-", span(u64::MAX, u64::MAX)),
    ] {
        assert_eq!(wanted(range), expected, "{range}");
    }
}

#[test]
fn what_is_no_single_range_of_bytes_is_ignored() {
    for range in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1-2-3",
        "bytes=0-1,5-9",
        "bytes=0-1,",
        "lines=1-2",
        "bytes:1-2",
    ] {
        assert_eq!(wanted(range), Wanted::Whole, "{range}");
    }
}

#[test]
fn an_if_range_counts_for_this_file_at_this_length_alone() {
    let asked = |tag| MediaRequest::new(NAME, Some("bytes=1-2"), Some(tag));
    let own = asked("\"RE1.mp3-4711\"");
    assert_eq!(own.wanted(), span(1, 2));
    assert!(own.holds_for(Some(4711)));
    assert!(!own.holds_for(Some(4712)) && !own.holds_for(None));
    for tag in [
        "\"RE2.mp3-4711\"",
        "W/\"RE1.mp3-4711\"",
        "\"RE1.mp3-\"",
        "Wed, 21 Oct 2026 07:28:00 GMT",
        "*",
    ] {
        assert_eq!(asked(tag).wanted(), Wanted::Whole, "{tag}");
    }
}

#[test]
fn a_part_is_answered_by_206_and_the_whole_by_200() {
    let part = MediaRequest::new(NAME, Some("bytes=10-"), None);
    let reply = part.answer(media(10, 5, Some(15)));
    assert_eq!(reply.status(), 206);
    assert_eq!(
        header(reply.clone(), "content-range").unwrap(),
        "bytes 10-14/15"
    );
    assert_eq!(header(reply, "etag").unwrap(), "\"RE1.mp3-15\"");
    let whole = MediaRequest::new(NAME, None, None);
    let reply = whole.answer(media(0, 15, Some(15)));
    assert_eq!(reply.status(), 200);
    assert_eq!(header(reply.clone(), "content-range"), None);
    assert_eq!(header(reply, "etag").unwrap(), "\"RE1.mp3-15\"");
}

#[test]
fn of_a_file_of_unknown_length_there_is_no_tag() {
    let reply = MediaRequest::new(NAME, Some("bytes=10-14"), None).answer(media(10, 5, None));
    assert_eq!(
        header(reply.clone(), "content-range").unwrap(),
        "bytes 10-14/*"
    );
    assert_eq!(header(reply, "etag"), None);
}

#[test]
fn what_a_range_was_not_meant_for_is_answered_whole() {
    let outdated = MediaRequest::new(NAME, Some("bytes=1-2"), Some("\"RE1.mp3-14\""));
    let reply = outdated.answer(media(0, 15, Some(15)));
    assert_eq!(reply.status(), 200);
    assert_eq!(header(reply, "content-range"), None);
}

#[test]
fn only_what_is_known_and_harmless_keeps_its_name() {
    for (named, media_type, disposition) in [
        ("audio/mpeg", "audio/mpeg", "inline"),
        ("Image/JPEG; charset=binary", "image/jpeg", "inline"),
        ("text/vcard", "text/vcard", "attachment"),
        ("image/svg+xml", "application/octet-stream", "attachment"),
        ("text/html", "application/octet-stream", "attachment"),
        ("", "application/octet-stream", "attachment"),
    ] {
        let kind = Kind::of(Some(named));
        assert_eq!(
            (kind.media_type, kind.disposition),
            (media_type, disposition),
            "{named}"
        );
    }
    assert_eq!(Kind::of(None).media_type, "application/octet-stream");
}
