//! Messages that did not arrive.

use super::*;

#[test]
fn a_failure_keeps_its_code() {
    let history = History::new([
        status("failed", &[("ErrorCode", "63016")]),
        status("sent", &[]),
    ]);
    let message = Message::of(&history).unwrap();
    assert_eq!(
        (message.status.as_str(), message.error_code),
        ("failed", Some(63016))
    );
}

#[test]
fn a_delivery_that_came_after_all_takes_the_code_of_the_failure_back() {
    let history = History::new([
        status("undelivered", &[("ErrorCode", "30003")]),
        status("delivered", &[]),
    ]);
    let message = Message::of(&history).unwrap();
    assert_eq!(
        (message.status.as_str(), message.error_code),
        ("delivered", None)
    );
}

#[test]
fn of_two_failures_the_one_that_counts_gives_the_code() {
    let history = History::new([
        status("failed", &[("ErrorCode", "63016")]),
        status("undelivered", &[("ErrorCode", "30003")]),
    ]);
    assert_eq!(Message::of(&history).unwrap().error_code, Some(30003));
}

#[test]
fn a_failure_keeps_the_words_that_came_with_its_code() {
    let words = ("ErrorMessage", "Failed to send freeform message");
    let history = History::new([
        status("sent", &[]),
        status("failed", &[("ErrorCode", "63016"), words]),
        status("failed", &[]),
    ]);
    let message = Message::of(&history).unwrap();
    assert_eq!(message.error_code, Some(63016));
    assert_eq!(message.error_message.as_deref(), Some(words.1));
}

#[test]
fn a_channel_says_why_where_twilio_does_not() {
    let words = ("ChannelStatusMessage", "Unknown recipient");
    let history = History::new([status("undelivered", &[("ErrorCode", "63003"), words])]);
    let message = Message::of(&history).unwrap();
    assert_eq!(message.error_message.as_deref(), Some(words.1));
}

#[test]
fn a_message_that_arrived_has_no_failures_words() {
    let history = History::new([
        status(
            "undelivered",
            &[("ErrorCode", "30003"), ("ErrorMessage", "Unreachable")],
        ),
        status("delivered", &[("ErrorCode", "30003")]),
    ]);
    let message = Message::of(&history).unwrap();
    assert_eq!((message.error_code, message.error_message), (None, None));
}

#[test]
fn a_code_that_is_none_is_left_out() {
    for code in ["0", "", "many", "-1", "99999999999"] {
        let history = History::new([status("failed", &[("ErrorCode", code)])]);
        assert_eq!(Message::of(&history).unwrap().error_code, None, "{code}");
    }
}
