//! Recordings that another account of the tenant made: what Twilio is not asked to delete, and what is deleted here all the same.

use aws_sdk_dynamodb::types::AttributeValue;
use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use local::twilio::payload::{Recording, RecordingStatus};

use super::deletion::{DELETION, TOMBSTONE};
use super::{World, media, path};
use crate::client_api::TWILIO;
use crate::client_api::onboarding::Newcomer;

/// Where a customer's own storage keeps recordings.
const ELSEWHERE: &str = "https://bucket.s3.amazonaws.com/recordings/1.wav";

impl World {
    /// A recording that Twilio tells of with this URL.
    async fn recorded_at(&self, url: &str) -> Recording {
        let recording = self.recording(1);
        let mut parameters = recording.parameters(RecordingStatus::Completed);
        parameters.set("RecordingUrl", url);
        self.tell_of(parameters).await;
        recording
    }

    /// The tenant goes to another account.
    async fn change_account(&self) -> Newcomer {
        let spare = self.harness.newcomer().await;
        let moved = self.newcomer.admin.put(TWILIO, &spare.credentials).await;
        moved.document(200);
        spare
    }

    /// What is kept of a recording as it was before its account was kept with it.
    async fn forget_account(&self, recording: &Recording) {
        let mut item = self.item(recording).await;
        let mut forgotten = 0;
        for (name, value) in &mut item {
            if let (true, AttributeValue::M(fact)) = (name.starts_with("fact:"), value) {
                forgotten += usize::from(fact.remove("account").is_some());
            }
        }
        assert_eq!(forgotten, 1);
        let put = self.harness.dynamodb().put_item();
        let put = put.table_name(self.harness.variable("ACTIVITY_TABLE"));
        put.set_item(Some(item)).send().await.unwrap();
    }

    /// Asserts that a recording is neither fetched nor deleted, nor Twilio asked, and that the way out is told.
    async fn assert_not_asked_for(&self, recording: &Recording, account: &Newcomer) {
        let before = account.account.calls().count();
        let played = self.ask(&media(recording), &[]).await;
        assert_eq!(played.refusal(), (409, "credentials_missing"));
        let refused = self.newcomer.admin.delete(&path(recording)).await;
        assert_eq!(refused.refusal(), (409, "credentials_missing"));
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains("only_here=true"), "{detail}");
        assert_eq!(account.account.calls().count(), before);
        let kept = self.newcomer.admin.get(&path(recording)).await;
        kept.document(200);
    }
}

#[tokio::test]
async fn a_recording_of_the_account_before_is_not_asked_for_at_another_wherever_it_is_kept() {
    let world = World::new().await;
    let at_twilio = world.record(1).await;
    let elsewhere = world.recorded_at(ELSEWHERE).await;
    let now = world.change_account().await;
    for recording in [at_twilio, elsewhere] {
        world.assert_not_asked_for(&recording, &now).await;
    }
    assert_eq!(world.newcomer.account.recordings().len(), 2);
}

#[tokio::test]
async fn a_recording_that_was_kept_without_its_account_is_of_the_one_in_its_url() {
    let world = World::new().await;
    let recording = world.record(1).await;
    world.forget_account(&recording).await;
    assert_eq!(world.ask(&media(&recording), &[]).await.status, 200);
    let now = world.change_account().await;
    world.assert_not_asked_for(&recording, &now).await;
}

#[tokio::test]
async fn a_recording_of_an_unknown_account_is_deleted_if_twilio_has_it_and_else_not_said_to_be() {
    let world = World::new().await;
    let (there, moved) = (
        world.recorded_at(ELSEWHERE).await,
        world.recorded_at(ELSEWHERE).await,
    );
    for recording in [&there, &moved] {
        world.forget_account(recording).await;
    }
    let admin = &world.newcomer.admin;
    assert_eq!(admin.delete(&path(&there)).await.status, 204);
    world.change_account().await;
    let refused = admin.delete(&path(&moved)).await;
    assert_eq!(refused.refusal(), (409, "credentials_missing"));
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("only_here=true"), "{detail}");
    admin.get(&path(&moved)).await.document(200);
}

#[tokio::test]
async fn what_is_known_here_of_another_accounts_recording_is_deleted_alone_and_audited_as_that() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let now = world.change_account().await;
    let before = now.account.calls().count();
    let only_here = format!("{}?only_here=true", path(&recording));
    let forbidden = world.member.delete(&only_here).await;
    assert_eq!(forbidden.refusal(), (403, "role_required"));
    let everywhere = only_here.replace("true", "false");
    let refused = world.newcomer.admin.delete(&everywhere).await;
    assert_eq!(refused.refusal(), (409, "credentials_missing"));
    for _ in 0..2 {
        let deleted = world.newcomer.admin.delete(&only_here).await;
        assert_eq!(deleted.status, 204);
    }
    assert_eq!(now.account.calls().count(), before);
    assert_eq!(world.newcomer.account.recordings().len(), 1);
    assert_eq!(world.attributes(&recording).await, TOMBSTONE);
    let gone = world.ask(&path(&recording), &[]).await;
    assert_eq!(gone.refusal(), (404, "recording_not_found"));
    let [_, actor, target, detail] = world.told_of_deletion().await;
    assert!(actor.starts_with("user:admin-"), "{actor}");
    assert_eq!((&*target, &*detail), (recording.sid.as_str(), "only here"));
}

#[tokio::test]
async fn what_is_known_here_is_deleted_without_any_credentials() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let admin = &world.newcomer.admin;
    assert_eq!(admin.delete(TWILIO).await.status, 204);
    let refused = admin.delete(&path(&recording)).await;
    assert_eq!(refused.refusal(), (409, "credentials_missing"));
    let only_here = format!("{}?only_here=true", path(&recording));
    assert_eq!(admin.delete(&only_here).await.status, 204);
    assert_eq!(world.attributes(&recording).await, TOMBSTONE);
}

#[tokio::test]
async fn a_recording_of_an_unknown_account_is_deleted_though_the_answer_to_that_was_lost() {
    let world = World::new().await;
    let recording = world.recorded_at(ELSEWHERE).await;
    world.forget_account(&recording).await;
    let account = &world.newcomer.account;
    let deletions = Matching::operations([DELETION]).on(account.sid().as_str());
    let faults = world.harness.stack.twilio().faults();
    faults.inject(deletions, Misbehaviour::LoseAnswer, Times::Next(1));
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!((deleted.status, world.deletions()), (204, 2));
    assert_eq!(world.attributes(&recording).await, TOMBSTONE);
}
