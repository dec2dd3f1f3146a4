//! WhatsApp messages in all the forms that people send.

use serde_json::{Value, json};

use super::*;

/// A message of [`FROM`] with more parameters.
fn message(more: &[(&str, &str)]) -> Message {
    let mut parameters = vec![
        ("MessageSid", MESSAGE),
        ("From", FROM),
        ("To", "whatsapp:+15005550006"),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("ReferralNumMedia", "0"),
        ("ProfileName", "Ana"),
        ("WaId", "15005550010"),
    ];
    parameters.extend_from_slice(more);
    Message::of(&History::new([fact(Route::Whatsapp, &parameters)])).unwrap()
}

const FROM: &str = "whatsapp:+15005550010";
const REPLIED_TO: &str = "MM00000000000000000000000000000009";

/// What the API shows of a message besides what every message has.
fn shown(message: &Message) -> Value {
    let mut shown = json!(message);
    let members = shown.as_object_mut().unwrap();
    for usual in [
        "sid",
        "channel",
        "direction",
        "from",
        "to",
        "contact",
        "media",
        "status",
        "created_at",
        "updated_at",
        "segments",
        "profile_name",
        "wa_id",
    ] {
        members.remove(usual).unwrap();
    }
    shown
}

#[test]
fn a_text_tells_who_wrote_it() {
    let text = message(&[("MessageType", "text"), ("Body", "Hola")]);
    assert_eq!(text.channel, Channel::WhatsApp);
    assert_eq!((text.contact.as_str(), text.from.as_str()), (FROM, FROM));
    assert_eq!(text.profile_name.as_deref(), Some("Ana"));
    assert_eq!(text.wa_id.as_deref(), Some("15005550010"));
    assert_eq!(shown(&text), json!({"kind": "text", "body": "Hola"}));
}

#[test]
fn a_tap_on_a_button_tells_what_the_button_says_and_means() {
    let tap = message(&[
        ("MessageType", "button"),
        ("Body", "Confirm"),
        ("ButtonText", "Confirm"),
        ("ButtonPayload", "confirm_1"),
        ("OriginalRepliedMessageSid", REPLIED_TO),
        ("OriginalRepliedMessageSender", "whatsapp:+15005550006"),
    ]);
    let expected = json!({
        "kind": "button",
        "body": "Confirm",
        "button": {"text": "Confirm", "payload": "confirm_1"},
        "reply_to": REPLIED_TO,
    });
    assert_eq!(shown(&tap), expected);
}

#[test]
fn a_choice_from_a_list_tells_its_title_and_id() {
    let choice = message(&[
        ("MessageType", "interactive"),
        ("Body", "Tuesday"),
        ("ListId", "slot_2"),
        ("ListTitle", "Tuesday"),
    ]);
    let expected = json!({
        "kind": "interactive",
        "body": "Tuesday",
        "list_reply": {"id": "slot_2", "title": "Tuesday"},
    });
    assert_eq!(shown(&choice), expected);
}

#[test]
fn a_reaction_tells_the_message_that_it_is_to() {
    let reaction = message(&[
        ("MessageType", "reaction"),
        ("Body", "👍"),
        ("OriginalRepliedMessageSid", REPLIED_TO),
    ]);
    let expected = json!({"kind": "reaction", "body": "👍", "reply_to": REPLIED_TO});
    assert_eq!(shown(&reaction), expected);
}

#[test]
fn a_place_tells_where_it_is() {
    let place = message(&[
        ("MessageType", "location"),
        ("Latitude", "48.208176"),
        ("Longitude", "-16.373819"),
        ("Address", "Stephansplatz 1"),
        ("Label", "Cathedral"),
    ]);
    let expected = json!({
        "kind": "location",
        "location": {
            "latitude": 48.208_176,
            "longitude": -16.373_819,
            "address": "Stephansplatz 1",
            "label": "Cathedral",
        },
    });
    assert_eq!(shown(&place), expected);
}

#[test]
fn a_place_that_is_nowhere_is_none() {
    for (latitude, longitude) in [
        ("91", "0"),
        ("0", "-181"),
        ("NaN", "0"),
        ("0", "inf"),
        ("north", "0"),
        ("48.2", ""),
    ] {
        let place = message(&[("Latitude", latitude), ("Longitude", longitude)]);
        assert_eq!(place.location, None, "{latitude} {longitude}");
    }
}

#[test]
fn shared_contacts_are_a_file() {
    let card = message(&[
        ("MessageType", "contacts"),
        ("NumMedia", "1"),
        ("MediaUrl0", "https://media.example/0"),
        ("MediaContentType0", "text/vcard"),
    ]);
    assert_eq!(card.kind.as_deref(), Some("contacts"));
    assert_eq!(card.media[0].content_type.as_deref(), Some("text/vcard"));
}

#[test]
fn a_message_through_an_advertisement_tells_which() {
    let clicked = message(&[
        ("MessageType", "text"),
        ("Body", "I saw your offer"),
        ("ReferralHeadline", "Summer sale"),
        ("ReferralBody", "Write to us"),
        ("ReferralSourceId", "120"),
        ("ReferralSourceType", "ad"),
        ("ReferralSourceUrl", "https://fb.me/1"),
        ("ReferralCtwaClid", "ARA"),
    ]);
    let expected = json!({
        "source_id": "120",
        "source_type": "ad",
        "source_url": "https://fb.me/1",
        "headline": "Summer sale",
        "body": "Write to us",
        "ctwa_clid": "ARA",
    });
    assert_eq!(shown(&clicked)["referral"], expected);
}

#[test]
fn a_forwarded_message_says_so() {
    let forwarded = message(&[("Forwarded", "true"), ("FrequentlyForwarded", "false")]);
    assert_eq!(
        (forwarded.forwarded, forwarded.frequently_forwarded),
        (Some(true), Some(false))
    );
    let odd = message(&[("Forwarded", "perhaps")]);
    assert_eq!((odd.forwarded, odd.frequently_forwarded), (None, None));
}

#[test]
fn a_user_without_a_visible_number_is_a_contact_under_the_address_that_there_is() {
    let id = "whatsapp:US.13491208655302741918";
    for from in [id, ""] {
        let written = fact(
            Route::Whatsapp,
            &[
                ("MessageSid", MESSAGE),
                ("From", from),
                ("To", "whatsapp:+15005550006"),
                ("ExternalUserId", id),
                ("Body", "Hola"),
            ],
        );
        assert_eq!(written.group(), Some(Group::Conversation(id.to_owned())));
        let message = Message::of(&History::new([written])).unwrap();
        assert_eq!((message.contact.as_str(), message.from.as_str()), (id, id));
        assert_eq!(message.external_user_id.as_deref(), Some(id));
        assert_eq!(message.wa_id, None);
    }
}

#[test]
fn a_user_with_a_number_and_an_id_is_a_contact_under_the_number() {
    let both = message(&[("ExternalUserId", "whatsapp:ID.4566123")]);
    assert_eq!(both.contact, FROM);
    assert_eq!(
        both.external_user_id.as_deref(),
        Some("whatsapp:ID.4566123")
    );
}

#[test]
fn what_a_message_replies_to_is_a_message_or_nothing() {
    let odd = message(&[("OriginalRepliedMessageSid", "wamid.HBgL")]);
    assert_eq!(odd.reply_to, None);
}
