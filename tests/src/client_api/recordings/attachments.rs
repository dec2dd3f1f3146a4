//! What is attached to messages, as the client API hands it out.

use local::twilio::payload::{InboundMessage, Media};
use local::twilio::{Purpose, Webhook};
use shared::sid::MessageSid;

use super::World;
use crate::traffic::with_retries;

impl World {
    /// An MMS with files of these URLs and types, which the function takes.
    async fn receive(&self, sid: &MessageSid, files: &[(&str, &str)]) {
        let (account, to) = (
            self.newcomer.account.sid(),
            &self.tenant.target.phone_number,
        );
        let from = "+15005550010";
        let mut message = InboundMessage::text(account.clone(), sid.clone(), from, to, "Look");
        let files = files.iter();
        message.media = files
            .map(|(url, content_type)| Media {
                content_type: (*content_type).to_owned(),
                url: (*url).to_owned(),
            })
            .collect();
        let url = self.tenant.target.sms_url();
        let webhook = Webhook::new(Purpose::InboundMessage, url, message.parameters());
        let taken = self.tenant.sender.deliver(&with_retries(webhook)).await;
        assert_eq!(taken.status(), Some(200));
    }

    fn message(&self) -> MessageSid {
        self.tenant.sender.sids().message(true)
    }
}

fn file(sid: &MessageSid, index: impl std::fmt::Display) -> String {
    format!("/api/messages/{sid}/media/{index}")
}

#[tokio::test]
async fn what_came_with_an_mms_is_fetched_from_the_storage_without_the_credentials() {
    let world = World::new().await;
    let (sid, account) = (world.message(), &world.newcomer.account);
    let picture = account.attach(&sid, "image/png", b"a picture");
    let song = account.attach(&sid, "audio/mpeg", b"a song");
    let files = [(&*picture, "image/png"), (&*song, "audio/mpeg")];
    world.receive(&sid, &files).await;
    for (index, media_type, bytes) in [
        (0, "image/png", &b"a picture"[..]),
        (1, "audio/mpeg", b"a song"),
    ] {
        let fetched = world.ask(&file(&sid, index), &[]).await;
        assert_eq!((fetched.status, &*fetched.bytes), (200, bytes));
        assert_eq!(fetched.header("content-type"), Some(media_type));
    }
    let part = world.ask(&file(&sid, 0), &[("range", "bytes=2-4")]).await;
    assert_eq!((part.status, &*part.bytes), (206, &b"pic"[..]));
    let twilio = world.harness.stack.twilio();
    let seen = twilio.storage_requests(account.sid());
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|one| !one.has_authorization), "{seen:?}");
}

#[tokio::test]
async fn what_a_sender_calls_a_web_page_is_handed_out_to_be_stored() {
    let world = World::new().await;
    let sid = world.message();
    let types = ["text/html", "image/svg+xml", "application/javascript"];
    let files: Vec<_> = types
        .iter()
        .map(|it| (world.newcomer.account.attach(&sid, it, b"<script>"), *it))
        .collect();
    let files: Vec<_> = files.iter().map(|(url, it)| (&**url, *it)).collect();
    world.receive(&sid, &files).await;
    for index in 0..types.len() {
        let fetched = world.ask(&file(&sid, index), &[]).await;
        assert_eq!(fetched.status, 200);
        let content_type = fetched.header("content-type");
        assert_eq!(content_type, Some("application/octet-stream"));
        assert_eq!(fetched.header("x-content-type-options"), Some("nosniff"));
        let disposition = fetched.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment;"), "{disposition}");
    }
}

#[tokio::test]
async fn a_file_that_a_message_does_not_have_is_not_found() {
    let world = World::new().await;
    let sid = world.message();
    let url = world
        .newcomer
        .account
        .attach(&sid, "image/png", b"a picture");
    world.receive(&sid, &[(&url, "image/png")]).await;
    for index in ["1", "10", "00", "+0", "-1", "a", "99999999999999999999"] {
        let refused = world.ask(&file(&sid, index), &[]).await;
        assert_eq!(refused.refusal(), (404, "media_not_found"), "{index}");
    }
    let refused = world.ask(&file(&world.message(), 0), &[]).await;
    assert_eq!(refused.refusal(), (404, "message_not_found"));
}

#[tokio::test]
async fn an_address_that_is_not_twilios_own_is_never_asked() {
    let world = World::new().await;
    let (sid, other) = (world.message(), world.message());
    let of_other = world.newcomer.account.attach(&other, "image/png", b"other");
    let files = [
        ("https://example.com/picture.png", "image/png"),
        ("http://169.254.169.254/latest/meta-data", "image/png"),
        (&*of_other, "image/png"),
    ];
    world.receive(&sid, &files).await;
    let before = world.newcomer.account.calls().count();
    for index in 0..files.len() {
        let refused = world.ask(&file(&sid, index), &[]).await;
        assert_eq!(refused.refusal(), (404, "media_not_found"), "{index}");
    }
    assert_eq!(world.newcomer.account.calls().count(), before);
}

#[tokio::test]
async fn another_tenants_message_has_no_files() {
    let (world, other) = (World::new().await, World::new().await);
    let sid = world.message();
    let url = world
        .newcomer
        .account
        .attach(&sid, "image/png", b"a picture");
    world.receive(&sid, &[(&url, "image/png")]).await;
    let refused = other.ask(&file(&sid, 0), &[]).await;
    assert_eq!(refused.refusal(), (404, "message_not_found"));
    assert_eq!(world.ask(&file(&sid, 0), &[]).await.status, 200);
}
