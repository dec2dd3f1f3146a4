//! What was transcribed of recordings that are deleted.

use std::time::Duration;

use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use local::twilio::rest::{KeyKind, Permission};
use serde_json::json;

use super::deletion::TOMBSTONE;
use super::{World, path};
use crate::client_api::TWILIO;
use crate::traffic::WORDS;

const LIST: &str = "GET /2010-04-01/Accounts/{AC}/Recordings/{RE}/Transcriptions.json";

/// How long a line of the log is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

impl World {
    /// From now on the tenant's key may do this alone, and list Apps, without which it would not be taken.
    async fn restrict_to(&self, may: &[Permission]) {
        let may = [may, &[Permission::ReadApplications]].concat();
        let key = self.newcomer.account.add_key(KeyKind::Restricted(may));
        let key = json!({"api_key_sid": key.sid, "api_key_secret": key.secret});
        let entered = self.newcomer.admin.patch(TWILIO, &key).await;
        entered.document(200);
    }
}

#[tokio::test]
async fn a_recording_is_not_deleted_before_what_was_said() {
    let world = World::new().await;
    let recording = world.record(1).await;
    world.transcribe(&recording).await;
    let account = &world.newcomer.account;
    let on = Matching::any().on(account.transcriptions().remove(0));
    let faults = world.harness.stack.twilio().faults();
    let fault = faults.inject(on, Misbehaviour::HtmlUnavailable, Times::Always);
    let refused = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(refused.refusal(), (503, "provider_unavailable"));
    assert_eq!((account.recordings().len(), world.deletions()), (1, 0));
    faults.remove(fault);
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(deleted.status, 204);
    assert!(account.recordings().is_empty() && account.transcriptions().is_empty());
}

#[tokio::test]
async fn what_was_said_stays_at_twilio_where_the_key_may_not_delete_it_and_the_audit_log_says_so() {
    let world = World::new().await;
    let recording = world.record(1).await;
    world.transcribe(&recording).await;
    let account = &world.newcomer.account;
    world
        .restrict_to(&[Permission::DeleteRecordings, Permission::ReadTranscriptions])
        .await;
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(deleted.status, 204);
    assert!(account.recordings().is_empty());
    let left = account.transcriptions();
    let [.., detail] = world.told_of_deletion().await;
    assert_eq!(detail, format!("left at Twilio: {}", left[0]));
}

#[tokio::test]
async fn what_no_callback_told_of_yet_is_deleted_with_its_recording_and_nothing_of_another() {
    let world = World::new().await;
    let (recording, other) = (world.record(1).await, world.record(1).await);
    let account = &world.newcomer.account;
    account.add_transcription(recording.sid.as_str());
    world.transcribe(&recording).await;
    let of_other = account.add_transcription(other.sid.as_str());
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(account.transcriptions(), [of_other]);
    let [.., detail] = world.told_of_deletion().await;
    assert_eq!(detail, "");
}

#[tokio::test]
async fn while_twilio_does_not_say_what_was_transcribed_nothing_is_deleted() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let account = &world.newcomer.account;
    account.add_transcription(recording.sid.as_str());
    let lists = Matching::operations([LIST]).on(account.sid().as_str());
    let faults = world.harness.stack.twilio().faults();
    let fault = faults.inject(lists, Misbehaviour::HtmlUnavailable, Times::Always);
    let refused = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(refused.refusal(), (503, "provider_unavailable"));
    let left = (account.recordings().len(), account.transcriptions().len());
    assert_eq!(left, (1, 1));
    faults.remove(fault);
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(deleted.status, 204);
    assert!(account.recordings().is_empty() && account.transcriptions().is_empty());
}

#[tokio::test]
async fn where_the_key_may_not_list_what_was_transcribed_what_was_told_of_goes_and_the_audit_log_says_so()
 {
    let world = World::new().await;
    let recording = world.record(1).await;
    world.transcribe(&recording).await;
    let account = &world.newcomer.account;
    let unheard_of = account.add_transcription(recording.sid.as_str());
    world
        .restrict_to(&[
            Permission::DeleteRecordings,
            Permission::DeleteTranscriptions,
        ])
        .await;
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(account.transcriptions(), [unheard_of]);
    let [.., detail] = world.told_of_deletion().await;
    assert_eq!(detail, "transcriptions not listed by Twilio");
}

#[tokio::test]
async fn what_is_transcribed_of_a_deleted_recording_is_named_in_the_log_and_not_a_word_of_it_kept()
{
    let world = World::new().await;
    let recording = world.record(1).await;
    let deleted = world.newcomer.admin.delete(&path(&recording)).await;
    assert_eq!(deleted.status, 204);
    let logs = world.harness.stack.logs();
    let sid = world.transcribe(&recording).await;
    assert_eq!(world.newcomer.account.transcriptions(), [&*sid]);
    assert_eq!(world.attributes(&recording).await, TOMBSTONE);
    let told = logs.wait_for(|line| line.text.contains(&*sid), PATIENCE);
    let told = told.await.expect("the log names it").text;
    assert!(told.contains(recording.sid.as_str()), "{told}");
    assert!(!told.contains(WORDS), "{told}");
}
