//! Recordings that are not played: what Twilio says, and who asks.

use local::double::Misbehaviour;
use local::emulators::faults::Times;
use serde_json::json;

use super::{World, media, path};
use crate::client_api::TWILIO;

#[tokio::test]
async fn what_twilio_refuses_is_told_as_on_other_routes() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let patience = Misbehaviour::TooManyRequests {
        retry_after: Some(40),
    };
    for (misbehaviour, refusal) in [
        (Misbehaviour::Unauthorized, (502, "provider_refused")),
        (Misbehaviour::NotFound, (404, "media_not_found")),
        (patience, (503, "provider_unavailable")),
        // Whatever stands in front of Twilio says nothing of the recording or of the credentials.
        (Misbehaviour::Html(404), (503, "provider_unavailable")),
        (Misbehaviour::HtmlForbidden, (503, "provider_unavailable")),
    ] {
        let fault = world
            .newcomer
            .account
            .misbehave(misbehaviour.clone(), Times::Always);
        let refused = world.ask(&media(&recording), &[]).await;
        assert_eq!(refused.refusal(), refusal, "{misbehaviour:?}");
        if matches!(misbehaviour, Misbehaviour::TooManyRequests { .. }) {
            assert_eq!(refused.header("retry-after"), Some("40"));
        }
        world.harness.stack.twilio().faults().remove(fault);
    }
    assert_eq!(world.ask(&media(&recording), &[]).await.status, 200);
}

#[tokio::test]
async fn a_fault_of_twilio_that_passes_is_not_noticed() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let account = &world.newcomer.account;
    for fault in [
        Misbehaviour::InternalError,
        Misbehaviour::Close,
        Misbehaviour::CutShort,
    ] {
        account.misbehave(fault.clone(), Times::Next(1));
        let played = world.ask(&media(&recording), &[]).await;
        assert_eq!(played.status, 200, "{fault:?}");
        assert_eq!(played.bytes, world.bytes(&recording, super::Format::Mp3));
    }
}

#[tokio::test]
async fn a_redirect_to_anybody_else_is_not_followed_and_not_told() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let account = &world.newcomer.account;
    for address in [
        "https://example.com/private",
        "http://169.254.169.254/private",
        "http://localhost/private",
        "https://user:word@mms.twiliocdn.com/private",
        "file:///private",
    ] {
        account.misbehave(Misbehaviour::Redirect(address.to_owned()), Times::Next(1));
        let before = world.asked();
        let refused = world.ask(&media(&recording), &[]).await;
        assert_eq!(refused.refusal(), (502, "provider_refused"), "{address}");
        let shown = format!("{:?} {}", refused.headers, refused.body);
        assert!(!shown.contains("private"), "{shown}");
        assert_eq!(world.asked(), before + 1);
    }
}

#[tokio::test]
async fn a_storage_that_redirects_once_more_is_not_followed() {
    let world = World::new().await;
    let recording = world.record(1).await;
    world.newcomer.account.use_external_storage();
    let twilio = world.harness.stack.twilio();
    let on = local::emulators::faults::Matching::any().on(recording.sid.as_str());
    let once_more = Misbehaviour::Redirect(twilio.url());
    twilio
        .storage_faults()
        .inject(on, once_more, Times::Next(1));
    let before = world.newcomer.account.calls().count();
    let refused = world.ask(&media(&recording), &[]).await;
    assert_eq!(refused.refusal(), (502, "provider_refused"));
    assert_eq!(world.newcomer.account.calls().count(), before + 1);
}

#[tokio::test]
async fn credentials_that_are_gone_or_not_in_use_fetch_nothing() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let (account, admin) = (&world.newcomer.account, &world.newcomer.admin);
    assert_eq!(world.ask(&media(&recording), &[]).await.status, 200);
    let fault = account.misbehave(Misbehaviour::Unauthorized, Times::Always);
    for _ in 0..2 {
        let verified = admin.post(&format!("{TWILIO}/verify"), &json!({})).await;
        assert_eq!(verified.document(200)["outcome"], "invalid");
    }
    world.harness.stack.twilio().faults().remove(fault);
    let before = account.calls().count();
    let refused = world.ask(&media(&recording), &[]).await;
    assert_eq!(refused.refusal(), (409, "credentials_inactive"));
    let refused = admin.delete(&path(&recording)).await;
    assert_eq!(refused.refusal(), (409, "credentials_inactive"));
    assert_eq!(admin.delete(TWILIO).await.status, 204);
    let refused = world.ask(&media(&recording), &[]).await;
    assert_eq!(refused.refusal(), (409, "credentials_missing"));
    let refused = admin.delete(&path(&recording)).await;
    assert_eq!(refused.refusal(), (409, "credentials_missing"));
    assert_eq!(account.calls().count(), before);
}

#[tokio::test]
async fn another_tenants_recording_is_no_recording() {
    let (world, other) = (World::new().await, World::new().await);
    let recording = world.record(1).await;
    let before = [&world, &other].map(|it| it.newcomer.account.calls().count());
    for answer in [
        other.ask(&media(&recording), &[]).await,
        other.ask(&path(&recording), &[]).await,
        other.newcomer.admin.delete(&path(&recording)).await,
    ] {
        assert_eq!(answer.refusal(), (404, "recording_not_found"));
    }
    let after = [&world, &other].map(|it| it.newcomer.account.calls().count());
    assert_eq!(before, after);
    assert_eq!(world.ask(&media(&recording), &[]).await.status, 200);
}

#[tokio::test]
async fn what_is_no_recording_is_not_found_and_what_is_no_parameter_refused() {
    let world = World::new().await;
    let recording = world.record(1).await;
    for sid in ["RE1", "CA00000000000000000000000000000001", "RE"] {
        let refused = world
            .ask(&format!("/api/recordings/{sid}/media"), &[])
            .await;
        assert_eq!(refused.refusal(), (404, "recording_not_found"), "{sid}");
    }
    for query in ["only_here=yes", "only_here", "everywhere=true"] {
        let path = format!("{}?{query}", path(&recording));
        let refused = world.newcomer.admin.delete(&path).await;
        assert_eq!(refused.refusal(), (400, "invalid_parameter"), "{query}");
    }
    for query in [
        "format=ogg",
        "format=",
        "formats=mp3",
        "format=mp3&format=mp3",
    ] {
        let refused = world
            .ask(&format!("{}?{query}", media(&recording)), &[])
            .await;
        assert_eq!(refused.refusal(), (400, "invalid_parameter"), "{query}");
        assert_eq!(refused.body["errors"].as_array().unwrap().len(), 1);
    }
}
