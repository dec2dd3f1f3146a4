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
