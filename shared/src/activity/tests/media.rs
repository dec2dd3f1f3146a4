//! The files of messages.

use super::*;

fn with(parameters: &[(&str, &str)]) -> History {
    let named = [("MessageSid", MESSAGE), ("From", "+15005550010")];
    History::new([fact(Route::Sms, &[&named[..], parameters].concat())])
}

fn urls(history: &History) -> Vec<String> {
    let media = Message::of(history).unwrap().media;
    media.into_iter().map(|media| media.url).collect()
}

#[test]
fn a_file_is_served_under_its_number_and_never_by_twilios_url() {
    let history = with(&[
        ("NumMedia", "2"),
        ("MediaUrl1", "https://media.example/1"),
        ("MediaContentType1", "video/mp4"),
        ("MediaUrl0", "https://media.example/0"),
    ]);
    let media = Message::of(&history).unwrap().media;
    let path = |index| format!("/api/messages/{MESSAGE}/media/{index}");
    let expected = [
        Media {
            content_type: None,
            url: path(0),
        },
        Media {
            content_type: Some("video/mp4".to_owned()),
            url: path(1),
        },
    ];
    assert_eq!(media, expected);
    assert_eq!(media_url(&history, 1), Some("https://media.example/1"));
    assert_eq!(media_url(&history, 2), None);
}

#[test]
fn a_message_has_ten_files_at_most() {
    let names: Vec<String> = (0..12).map(|index| format!("MediaUrl{index}")).collect();
    let parameters: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), "https://media.example/1"))
        .collect();
    let history = with(&parameters);
    assert_eq!(urls(&history).len(), 10);
    assert_eq!(media_url(&history, 10), None);
}

#[test]
fn the_files_that_came_count_whatever_number_is_told() {
    for number in ["", "0", "-1", "many", "1e9", "4294967296"] {
        let history = with(&[
            ("NumMedia", number),
            ("MediaUrl0", "https://media.example/0"),
        ]);
        assert_eq!(urls(&history).len(), 1, "{number}");
        let none = with(&[("NumMedia", "10"), ("Body", "Hello")]);
        assert_eq!(urls(&none), Vec::<String>::new());
    }
}

#[test]
fn a_file_keeps_its_number_when_another_is_missing() {
    let history = with(&[("MediaUrl3", "https://media.example/3")]);
    assert_eq!(urls(&history), [format!("/api/messages/{MESSAGE}/media/3")]);
}

#[test]
fn a_file_whose_url_was_cut_is_left_out() {
    let long = format!("https://media.example/{}", "x".repeat(20_000));
    let history = with(&[
        ("MediaUrl0", &long),
        ("MediaUrl1", "https://media.example/1"),
    ]);
    assert_eq!(urls(&history), [format!("/api/messages/{MESSAGE}/media/1")]);
}

#[test]
fn a_text_of_any_length_is_kept_as_far_as_there_is_room() {
    let long = "ž".repeat(50_000);
    let history = with(&[("Body", &long)]);
    let body = Message::of(&history).unwrap().body.unwrap();
    assert!(long.starts_with(&body));
    assert!(body.len() > 16_000, "{}", body.len());
}
