//! What messages say about being written to.

use super::*;
use crate::contacts::OptOut;

fn said(route: Route, parameters: &[(&str, &str)]) -> Option<OptOut> {
    let named = [("MessageSid", MESSAGE), ("From", "+15005550010")];
    let fact = fact(route, &[&named[..], parameters].concat());
    Message::of(&History::new([fact])).unwrap().opt_out
}

#[test]
fn what_advanced_opt_out_says_counts_before_the_words() {
    for (kind, expected) in [
        ("STOP", OptOut::Stop),
        ("start", OptOut::Start),
        ("HELP", OptOut::Help),
    ] {
        let told = [("OptOutType", kind), ("Body", "STOP")];
        assert_eq!(said(Route::Sms, &told), Some(expected));
        assert_eq!(said(Route::Whatsapp, &told), Some(expected));
    }
    let unknown = [("OptOutType", "PAUSE"), ("Body", "STOP")];
    assert_eq!(said(Route::Sms, &unknown), None);
}

#[test]
fn a_word_counts_when_it_is_all_that_is_said() {
    for (body, expected) in [
        (" stop ", Some(OptOut::Stop)),
        ("Unsubscribe", Some(OptOut::Stop)),
        ("YES", Some(OptOut::Start)),
        ("info", Some(OptOut::Help)),
        ("Stop by tomorrow", None),
        ("", None),
    ] {
        assert_eq!(said(Route::Sms, &[("Body", body)]), expected, "{body}");
    }
}

#[test]
fn on_whatsapp_a_word_counts_only_if_it_can_mean_nothing_else() {
    for (body, expected) in [
        ("Stop", Some(OptOut::Stop)),
        ("start", Some(OptOut::Start)),
        ("Yes", None),
        ("End", None),
        ("Help", None),
    ] {
        assert_eq!(said(Route::Whatsapp, &[("Body", body)]), expected, "{body}");
    }
}

#[test]
fn a_status_says_nothing_about_being_written_to() {
    let sent = status("sent", &[("Body", "STOP")]);
    let message = Message::of(&History::new([sent])).unwrap();
    assert_eq!(message.opt_out, None);
}
