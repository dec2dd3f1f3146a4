use super::super::scripted::{Provider, Reaction, soon};
use super::super::{Call, Host};
use super::*;

const MIB: usize = 1024 * 1024;

fn span(first: u64, last: u64) -> Wanted {
    Wanted::Span { first, last }
}

fn file(status: u16, body: &str) -> Reaction {
    Reaction::Answer {
        status,
        headers: Vec::new(),
        body: body.to_owned(),
    }
}

fn pieces(status: u16, pieces: &[&str]) -> Reaction {
    Reaction::Pieces {
        status,
        headers: Vec::new(),
        pieces: pieces.iter().map(|piece| (*piece).to_owned()).collect(),
    }
}

fn part(range: &str, body: &str) -> Reaction {
    file(206, body).with("content-range", range)
}

/// What comes of asking for a part of a file that is answered like this.
async fn fetched(wanted: Wanted, reaction: Reaction) -> Result<Media, MediaFault> {
    let provider = Provider::in_turn([reaction]).await;
    let call = Call::get(Host::TwilioApi, "file", &["file"], soon()).media(wanted);
    let answer = provider.outbound().send(call).await.unwrap();
    answer.into_media().unwrap()
}

/// The bytes, where they begin and how long the file is.
fn told(media: Result<Media, MediaFault>) -> (String, u64, Option<u64>) {
    let media = media.unwrap();
    let text = String::from_utf8(media.bytes).unwrap();
    (text, media.first, media.total)
}

#[tokio::test]
async fn a_part_is_asked_for_and_taken_as_it_comes() {
    let provider = Provider::in_turn([part("bytes 2-4/10", "cde")]).await;
    let call = Call::get(Host::TwilioApi, "file", &["file"], soon()).media(span(2, 4));
    let answer = provider.outbound().send(call).await.unwrap();
    let media = answer.into_media().unwrap();
    assert_eq!(told(media), ("cde".to_owned(), 2, Some(10)));
    let received = &provider.received()[0];
    assert_eq!(received.headers["range"], "bytes=2-4");
    assert_eq!(received.headers["accept-encoding"], "identity");
}

#[tokio::test]
async fn a_part_is_cut_out_of_an_answer_that_is_the_whole() {
    let whole = "abcdefghij";
    for (wanted, bytes, first) in [
        (span(2, 4), "cde", 2),
        (span(8, 99), "ij", 8),
        (Wanted::Last(3), "hij", 7),
        (Wanted::Last(99), whole, 0),
    ] {
        let media = fetched(wanted, file(200, whole)).await;
        assert_eq!(told(media), (bytes.to_owned(), first, Some(10)));
    }
    let nothing = MediaFault::Unsatisfiable { total: Some(10) };
    assert_eq!(fetched(span(10, 11), file(200, whole)).await, Err(nothing));
}

#[tokio::test]
async fn a_part_is_cut_out_of_a_whole_of_unknown_length() {
    let whole = || pieces(200, &["ab", "cdefg", "hij"]);
    // Of what is not read to its end nobody knows the length.
    let media = fetched(span(1, 3), whole()).await;
    assert_eq!(told(media), ("bcd".to_owned(), 1, None));
    let media = fetched(span(6, 99), whole()).await;
    assert_eq!(told(media), ("ghij".to_owned(), 6, Some(10)));
    let nothing = MediaFault::Unsatisfiable { total: Some(10) };
    assert_eq!(fetched(span(10, 99), whole()).await, Err(nothing));
    let end = fetched(Wanted::Last(2), whole()).await;
    assert_eq!(end, Err(MediaFault::OutOfReach));
}

#[tokio::test]
async fn a_whole_is_taken_up_to_4_mib_whether_or_not_it_says_how_long_it_is() {
    let most = "a".repeat(4 * MIB);
    for fits in [file(200, &most), pieces(200, &[&most])] {
        let media = fetched(Wanted::Whole, fits).await.unwrap();
        let length = u64::try_from(media.bytes.len()).unwrap();
        assert_eq!((length, media.total), (PIECE_LIMIT, Some(PIECE_LIMIT)));
    }
    let more = format!("{most}b");
    let total = Some(PIECE_LIMIT + 1);
    let refused = fetched(Wanted::Whole, file(200, &more)).await;
    assert_eq!(refused, Err(MediaFault::TooLarge { total }));
    let refused = fetched(Wanted::Whole, pieces(200, &[&most, "b"])).await;
    assert_eq!(refused, Err(MediaFault::TooLarge { total: None }));
}

#[tokio::test]
async fn no_more_than_16_mib_are_skipped() {
    let whole = "a".repeat(16 * MIB) + "bc";
    let media = fetched(span(SKIP_LIMIT, SKIP_LIMIT), file(200, &whole)).await;
    assert_eq!(told(media).0, "b");
    let wanted = span(SKIP_LIMIT + 1, SKIP_LIMIT + 1);
    let refused = fetched(wanted, file(200, &whole)).await;
    assert_eq!(refused, Err(MediaFault::OutOfReach));
}

#[tokio::test]
async fn an_answer_that_is_not_the_part_that_was_asked_for_is_not_taken_for_it() {
    for (wanted, answer) in [
        (span(2, 4), part("bytes 1-3/10", "bcd")),
        (span(2, 4), part("bytes 2-5/10", "cdef")),
        (span(2, 4), part("bytes 4-2/10", "cde")),
        (span(2, 4), part("bytes 2-4/4", "cde")),
        (span(2, 4), part("bytes */10", "cde")),
        (span(2, 4), part("lines 2-4/10", "cde")),
        (span(2, 4), file(206, "cde")),
        (Wanted::Last(2), part("bytes 7-9/10", "hij")),
        (Wanted::Whole, part("bytes 0-9/10", "abcdefghij")),
        (
            Wanted::Whole,
            file(200, "abc").with("content-encoding", "gzip"),
        ),
    ] {
        let refused = fetched(wanted, answer.clone()).await;
        assert_eq!(refused, Err(MediaFault::Unintelligible), "{answer:?}");
    }
}

#[tokio::test]
async fn a_server_may_send_less_than_was_asked_for_and_not_know_the_length() {
    let media = fetched(span(2, 9), part("bytes 2-4/*", "cde")).await;
    assert_eq!(told(media), ("cde".to_owned(), 2, None));
}

#[tokio::test]
async fn a_part_that_ends_early_is_an_interruption() {
    let short = pieces(206, &["cd"]).with("content-range", "bytes 2-4/10");
    let provider = Provider::in_turn([short]).await;
    let call = Call::get(Host::TwilioApi, "file", &["file"], soon()).media(span(2, 4));
    let error = provider.outbound().send(call).await.unwrap_err();
    assert!(matches!(error, CallError::Interrupted { .. }), "{error}");
}

#[tokio::test]
async fn a_range_that_is_not_there_tells_the_length_if_the_server_does() {
    for (answer, total) in [
        (file(416, "").with("content-range", "bytes */10"), Some(10)),
        (file(416, ""), None),
    ] {
        let refused = fetched(span(10, 19), answer).await;
        assert_eq!(refused, Err(MediaFault::Unsatisfiable { total }));
    }
}

#[tokio::test]
async fn what_is_no_file_is_an_answer_like_any_other() {
    let provider = Provider::in_turn([Reaction::error(404, 20404)]).await;
    let call = Call::get(Host::TwilioApi, "file", &["file"], soon()).media(Wanted::Whole);
    let answer = provider.outbound().send(call).await.unwrap();
    assert_eq!(answer.words().unwrap()["code"], 20404);
    assert_eq!(answer.into_media(), None);
}
