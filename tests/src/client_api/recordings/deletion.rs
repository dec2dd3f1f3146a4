//! Recordings that are deleted, at Twilio and here.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use local::double::Misbehaviour;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::twilio::payload::{CallLeg, CallStatus, Recording, Transcription};
use local::twilio::{Purpose, Webhook};
use serde_json::{Value, json};
use shared::activity::Route;

use super::{World, media, path};
use crate::harness::Harness;
use crate::traffic::{WORDS, url, with_retries};

pub(super) const DELETION: &str = "DELETE /2010-04-01/Accounts/{AC}/Recordings/{RE}.json";

impl World {
    /// How often Twilio was asked to delete a recording.
    pub(super) fn deletions(&self) -> usize {
        self.newcomer.account.calls().operation(DELETION).count()
    }

    /// The names of the attributes that are kept of a recording, sorted.
    pub(super) async fn attributes(&self, recording: &Recording) -> Vec<String> {
        let mut names: Vec<_> = self.item(recording).await.into_keys().collect();
        names.sort_unstable();
        names
    }

    /// What is kept of a recording.
    pub(super) async fn item(&self, recording: &Recording) -> HashMap<String, AttributeValue> {
        let key = format!("{}#recording#{}", self.newcomer.id, recording.sid);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let read = self.harness.dynamodb().get_item();
        let read = read
            .table_name(self.harness.variable("ACTIVITY_TABLE"))
            .key("pk", text(&key))
            .key("sk", text("recording"))
            .consistent_read(true);
        read.send().await.unwrap().item.unwrap_or_default()
    }

    /// What the audit log says of the only recording that was deleted: what was done, who did it, to what, and what more there is to
    /// say.
    pub(super) async fn told_of_deletion(&self) -> [String; 4] {
        let mut told = self.newcomer.audit().await;
        told.retain(|[action, ..]| action == "recording_deleted");
        let [one] = <[_; 1]>::try_from(told).expect("one was deleted, and is told of once");
        one
    }

    /// The recordings of its call, as the API tells them.
    async fn of_call(&self, recording: &Recording) -> Value {
        let listed = format!("/api/recordings?call_sid={}", recording.call);
        self.member.get(&listed).await.document(200)["items"].clone()
    }

    /// Has Twilio transcribe a recording and tell what was said.
    pub(super) async fn transcribe(&self, recording: &Recording) -> String {
        let target = &self.tenant.target;
        let (account, call) = (recording.account.clone(), recording.call.clone());
        let leg = CallLeg::inbound(account, call, "+15005550010", &target.phone_number);
        let transcription = Transcription {
            sid: self
                .newcomer
                .account
                .add_transcription(recording.sid.as_str()),
            text: Some(WORDS.to_owned()),
        };
        let sid = transcription.sid.clone();
        let parameters = transcription.parameters(&leg, CallStatus::Completed, recording);
        let url = url(&self.tenant, Route::VoiceTranscription);
        let webhook = Webhook::new(Purpose::Transcription, url, parameters);
        let told = self.tenant.sender.deliver(&with_retries(webhook)).await;
        assert_eq!(told.status(), Some(204));
        sid
    }
}

pub(super) const TOMBSTONE: [&str; 7] = [
    "deleted_at",
    "deleted_by",
    "pk",
    "sid",
    "sk",
    "time_pk",
    "time_sk",
];

#[tokio::test]
async fn a_deleted_recording_is_gone_at_twilio_and_here() {
    let world = World::new().await;
    let recording = world.record(1).await;
    world.transcribe(&recording).await;
    assert_eq!(world.of_call(&recording).await.as_array().unwrap().len(), 1);
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(world.newcomer.account.recordings(), Vec::<Value>::new());
    assert_eq!(
        world.newcomer.account.transcriptions(),
        Vec::<String>::new()
    );
    for path in [path(&recording), media(&recording)] {
        let gone = world.ask(&path, &[]).await;
        assert_eq!(gone.refusal(), (404, "recording_not_found"), "{path}");
    }
    assert_eq!(world.of_call(&recording).await, json!([]));
    let list = world.member.get("/api/recordings").await.document(200);
    assert_eq!(list["items"], json!([]));
    assert_eq!(world.attributes(&recording).await, TOMBSTONE);
}

#[tokio::test]
async fn the_audit_log_tells_once_who_deleted_a_recording() {
    let world = World::new().await;
    let recording = world.record(1).await;
    for _ in 0..2 {
        let deleted = world.newcomer.admin.delete(&path(&recording)).await;
        assert_eq!(deleted.status, 204);
    }
    assert_eq!(world.deletions(), 1);
    let [_, actor, target, detail] = world.told_of_deletion().await;
    assert!(actor.starts_with("user:admin-"), "{actor}");
    assert_eq!((&*target, &*detail), (recording.sid.as_str(), ""));
}

#[tokio::test]
async fn two_who_delete_a_recording_at_once_both_succeed_and_are_told_of_once() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let (admin, path) = (&world.newcomer.admin, path(&recording));
    let (one, other) = tokio::join!(admin.delete(&path), admin.delete(&path));
    assert_eq!((one.status, other.status), (204, 204));
    let audit = world.newcomer.audit().await;
    let told = audit.iter().filter(|it| it[0] == "recording_deleted");
    assert_eq!(told.count(), 1);
}

#[tokio::test]
async fn a_recording_that_twilio_has_no_more_is_deleted_here() {
    let world = World::new().await;
    let recording = world.record(1).await;
    world
        .newcomer
        .account
        .delete_recording(recording.sid.as_str());
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!((deleted.status, world.deletions()), (204, 1));
    let gone = world.ask(&path(&recording), &[]).await;
    assert_eq!(gone.refusal(), (404, "recording_not_found"));
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_made_again() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let account = &world.newcomer.account;
    let deletions = Matching::operations([DELETION]).on(account.sid().as_str());
    let faults = world.harness.stack.twilio().faults();
    faults.inject(deletions, Misbehaviour::LoseAnswer, Times::Next(1));
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!((deleted.status, world.deletions()), (204, 2));
}

#[tokio::test]
async fn nothing_is_deleted_here_while_twilio_does_not_delete() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let kept = world.attributes(&recording).await;
    for (misbehaviour, refusal) in [
        (
            Misbehaviour::TooManyRequests {
                retry_after: Some(40),
            },
            (503, "provider_unavailable"),
        ),
        (Misbehaviour::HtmlUnavailable, (503, "provider_unavailable")),
        (Misbehaviour::Html(404), (503, "provider_unavailable")),
        (Misbehaviour::Unauthorized, (502, "provider_refused")),
    ] {
        let fault = world
            .newcomer
            .account
            .misbehave(misbehaviour.clone(), Times::Always);
        let refused = world.newcomer.admin.delete(&path(&recording)).await;
        assert_eq!(refused.refusal(), refusal, "{misbehaviour:?}");
        world.harness.stack.twilio().faults().remove(fault);
    }
    assert_eq!(world.attributes(&recording).await, kept);
    assert_eq!(world.newcomer.account.recordings().len(), 1);
    let audit = world.newcomer.audit().await;
    assert!(audit.iter().all(|it| it[0] != "recording_deleted"));
    assert_eq!(world.ask(&media(&recording), &[]).await.status, 200);
}

#[tokio::test]
async fn twilio_that_hangs_is_given_up_before_the_gateway_gives_up() {
    // Its processes wait, which others must not notice.
    let harness: &'static Harness = Box::leak(Box::new(Harness::start(|_| {})));
    let world = World::on(harness).await;
    let recording = world.record(1).await;
    let hang = Misbehaviour::Hang(Duration::from_secs(60));
    let faults = harness.stack.twilio().faults();
    faults.inject(Matching::any(), hang, Times::Always);
    let started = Instant::now();
    let path = path(&recording);
    let media = media(&recording);
    let (deleted, played) =
        tokio::join!(world.newcomer.admin.delete(&path), world.ask(&media, &[]));
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(deleted.refusal(), (503, "provider_unavailable"));
    assert_eq!(played.refusal(), (503, "provider_unavailable"));
    faults.clear();
    assert_eq!(world.ask(&media, &[]).await.status, 200);
}

#[tokio::test]
async fn callbacks_that_come_late_do_not_bring_a_recording_back() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(deleted.status, 204);
    world.tell(&recording).await;
    world.transcribe(&recording).await;
    let gone = world.ask(&path(&recording), &[]).await;
    assert_eq!(gone.refusal(), (404, "recording_not_found"));
    assert_eq!(world.of_call(&recording).await, json!([]));
    // Not a word of what was said is kept.
    assert_eq!(world.attributes(&recording).await, TOMBSTONE);
}

#[tokio::test]
async fn a_store_that_fails_after_twilio_deleted_leaves_the_deletion_to_be_finished() {
    let harness: &'static Harness = Box::leak(Box::new(Harness::start(|_| {})));
    let world = World::on(harness).await;
    let recording = world.record(1).await;
    let faults = harness.stack.emulators().dynamodb().faults();
    let throttled = Effect::Refuse(AwsError::throughput_exceeded());
    let writes = Matching::operations(["TransactWriteItems"]);
    faults.inject(writes, throttled, Times::Always);
    let refused = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(refused.refusal(), (503, "unavailable"));
    assert_eq!(world.newcomer.account.recordings().len(), 0);
    world.member.get(&path(&recording)).await.document(200);
    faults.clear();
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(world.attributes(&recording).await, TOMBSTONE);
}

#[tokio::test]
async fn what_stays_of_a_deleted_recording_goes_with_its_tenant() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(deleted.status, 204);
    let tenant = format!("/api/tenants/{}", world.newcomer.id);
    let ended = world.harness.operator().delete(&tenant).await;
    assert_eq!(ended.status, 202);
    assert_eq!(world.attributes(&recording).await, Vec::<String>::new());
}
