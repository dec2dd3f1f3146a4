//! SQS: the SDK's way to a queue, the dead-letter queue, and what survives.

use std::time::Duration;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use tempfile::TempDir;

use super::{kept, memory, sqs};
use crate::emulators::Emulators;

fn url(emulators: &Emulators, queue: &str) -> String {
    emulators.attributes().get(queue, "Ref").unwrap().to_owned()
}

async fn send(emulators: &Emulators, body: &str) {
    let send = sqs(emulators)
        .send_message()
        .queue_url(url(emulators, "Jobs"));
    send.message_body(body).send().await.unwrap();
}

async fn receive(emulators: &Emulators, queue: &str) -> Vec<Message> {
    let receive = sqs(emulators)
        .receive_message()
        .queue_url(url(emulators, queue));
    let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
    receive.send().await.unwrap().messages.unwrap_or_default()
}

async fn show_again(emulators: &Emulators, message: &Message) {
    let show = sqs(emulators)
        .change_message_visibility()
        .queue_url(url(emulators, "Jobs"));
    let show = show.receipt_handle(message.receipt_handle.as_deref().unwrap());
    show.visibility_timeout(0).send().await.unwrap();
}

#[tokio::test]
async fn a_message_goes_through_the_queues_own_url() {
    let emulators = memory().await;
    send(&emulators, "hello").await;
    let message = receive(&emulators, "Jobs").await.remove(0);
    assert_eq!(message.body.as_deref(), Some("hello"));
    let handle = message.receipt_handle.unwrap();
    let delete = sqs(&emulators)
        .delete_message()
        .queue_url(url(&emulators, "Jobs"));
    delete.receipt_handle(handle).send().await.unwrap();
    assert!(
        emulators
            .sqs()
            .queue("trunkline-local-Jobs")
            .is_empty()
            .await
    );

    let found = sqs(&emulators)
        .get_queue_url()
        .queue_name("trunkline-local-Jobs")
        .send()
        .await
        .unwrap();
    assert_eq!(found.queue_url, Some(url(&emulators, "Jobs")));
    let wire = emulators.sqs().wire();
    assert_eq!(wire.calls().resource("trunkline-local-Jobs").count(), 4);
}

#[tokio::test]
async fn a_message_that_nobody_handles_goes_to_the_dead_letter_queue() {
    let emulators = memory().await;
    send(&emulators, "poison").await;
    for count in ["1", "2"] {
        let message = receive(&emulators, "Jobs").await.remove(0);
        let attributes = message.attributes.clone().unwrap();
        assert_eq!(
            attributes[&MessageSystemAttributeName::ApproximateReceiveCount],
            count
        );
        show_again(&emulators, &message).await;
    }
    assert!(receive(&emulators, "Jobs").await.is_empty());
    assert_eq!(
        receive(&emulators, "DeadJobs").await[0].body.as_deref(),
        Some("poison")
    );
}

#[tokio::test]
async fn messages_survive_a_restart_as_they_were() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    send(&emulators, "taken").await;
    let taken = receive(&emulators, "Jobs").await.remove(0);
    send(&emulators, "waiting").await;
    emulators.stop().await.unwrap();

    let emulators = kept(directory.path()).await;
    let messages = receive(&emulators, "Jobs").await;
    let bodies: Vec<_> = messages
        .iter()
        .map(|message| message.body.as_deref().unwrap())
        .collect();
    // The other is still hidden, and still there.
    assert_eq!(bodies, ["waiting"]);
    assert_eq!(emulators.sqs().queue("trunkline-local-Jobs").len().await, 2);
    assert_ne!(messages[0].message_id, taken.message_id);
}

#[tokio::test]
async fn messages_survive_a_crash_a_moment_later() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    send(&emulators, "waiting").await;
    let file = directory.path().join("sqs.json");
    let saved = async {
        while !std::fs::read_to_string(&file).is_ok_and(|saved| saved.contains("waiting")) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), saved)
        .await
        .unwrap();
    drop(emulators);
    assert_eq!(
        receive(&kept(directory.path()).await, "Jobs").await.len(),
        1
    );
}

async fn send_of(emulators: &Emulators, group: &str, body: &str) {
    let send = sqs(emulators)
        .send_message()
        .queue_url(url(emulators, "Jobs"));
    let send = send.message_group_id(group).message_body(body);
    send.send().await.unwrap();
}

/// Receives `most` messages at once, and deletes them if they are handled.
async fn take(emulators: &Emulators, most: i32, handled: bool) -> Vec<String> {
    let receive = sqs(emulators)
        .receive_message()
        .queue_url(url(emulators, "Jobs"))
        .max_number_of_messages(most);
    let messages = receive.send().await.unwrap().messages.unwrap_or_default();
    for message in messages.iter().filter(|_| handled) {
        let delete = sqs(emulators)
            .delete_message()
            .queue_url(url(emulators, "Jobs"));
        let delete = delete.receipt_handle(message.receipt_handle.as_deref().unwrap());
        delete.send().await.unwrap();
    }
    let bodies = messages.into_iter().filter_map(|message| message.body);
    bodies.collect()
}

#[tokio::test]
async fn the_group_of_a_message_is_told_to_whoever_asks_for_it_even_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let emulators = kept(directory.path()).await;
    send_of(&emulators, "acme", "hello").await;
    emulators.stop().await.unwrap();

    let emulators = kept(directory.path()).await;
    let message = receive(&emulators, "Jobs").await.remove(0);
    let group = MessageSystemAttributeName::MessageGroupId;
    assert_eq!(message.attributes.clone().unwrap()[&group], "acme");
    show_again(&emulators, &message).await;
    let receive = sqs(&emulators)
        .receive_message()
        .queue_url(url(&emulators, "Jobs"));
    let message = receive.send().await.unwrap().messages.unwrap().remove(0);
    assert!(!message.attributes.unwrap_or_default().contains_key(&group));
}

#[tokio::test]
async fn a_group_with_a_backlog_does_not_delay_another() {
    let emulators = memory().await;
    for number in 1..=6 {
        send_of(&emulators, "flood", &format!("flood {number}")).await;
    }
    send_of(&emulators, "quiet", "quiet 1").await;
    send_of(&emulators, "quiet", "quiet 2").await;
    assert_eq!(
        take(&emulators, 4, true).await,
        ["flood 1", "quiet 1", "flood 2", "quiet 2"]
    );
    send_of(&emulators, "quiet", "quiet 3").await;
    // One at a time they take turns as well.
    assert_eq!(take(&emulators, 1, true).await, ["flood 3"]);
    assert_eq!(take(&emulators, 1, true).await, ["quiet 3"]);
    assert_eq!(
        take(&emulators, 10, true).await,
        ["flood 4", "flood 5", "flood 6"]
    );
}

#[tokio::test]
async fn a_group_with_messages_in_flight_comes_after_one_without() {
    let emulators = memory().await;
    for number in 1..=4 {
        send_of(&emulators, "flood", &format!("flood {number}")).await;
    }
    assert_eq!(take(&emulators, 2, false).await, ["flood 1", "flood 2"]);
    for number in 1..=3 {
        send_of(&emulators, "quiet", &format!("quiet {number}")).await;
    }
    assert_eq!(take(&emulators, 2, true).await, ["quiet 1", "quiet 2"]);
}

#[tokio::test]
async fn messages_without_a_group_keep_their_order() {
    let emulators = memory().await;
    for body in ["1", "2", "3"] {
        send(&emulators, body).await;
    }
    assert_eq!(take(&emulators, 10, true).await, ["1", "2", "3"]);
}

#[tokio::test]
async fn a_group_that_cannot_be_called_so_is_refused() {
    let emulators = memory().await;
    for group in ["", "with space", &"x".repeat(129)] {
        let send = sqs(&emulators)
            .send_message()
            .queue_url(url(&emulators, "Jobs"));
        let send = send.message_group_id(group).message_body("hello");
        assert!(send.send().await.is_err(), "{group:?}");
    }
    assert!(
        emulators
            .sqs()
            .queue("trunkline-local-Jobs")
            .is_empty()
            .await
    );
}

#[tokio::test]
async fn the_visibility_of_several_messages_changes_one_by_one() {
    use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry as Entry;
    let emulators = memory().await;
    for body in ["1", "2"] {
        send(&emulators, body).await;
    }
    let messages = [
        receive(&emulators, "Jobs").await.remove(0),
        receive(&emulators, "Jobs").await.remove(0),
    ];
    let entry = |id: &str, handle: &str, seconds: i32| {
        let entry = Entry::builder().id(id).receipt_handle(handle);
        entry.visibility_timeout(seconds).build().unwrap()
    };
    let handle = |index: usize| messages[index].receipt_handle.as_deref().unwrap();
    let change = sqs(&emulators)
        .change_message_visibility_batch()
        .queue_url(url(&emulators, "Jobs"))
        .entries(entry("shown", handle(0), 0))
        .entries(entry("too-long", handle(1), 43_201))
        .entries(entry("unknown", "nonsense", 0));
    let changed = change.send().await.unwrap();
    let ids: Vec<_> = changed.successful().iter().map(|one| one.id()).collect();
    assert_eq!(ids, ["shown"]);
    let failed: Vec<_> = changed
        .failed()
        .iter()
        .map(|one| (one.id(), one.code()))
        .collect();
    assert_eq!(
        failed,
        [
            ("too-long", "InvalidParameterValue"),
            ("unknown", "ReceiptHandleIsInvalid")
        ]
    );
    let again = receive(&emulators, "Jobs").await;
    assert_eq!(again[0].body.as_deref(), Some("1"));
    assert_eq!(again.len(), 1);
}
