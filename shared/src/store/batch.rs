//! Many items at once, as many calls as it takes.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{DeleteRequest, KeysAndAttributes, WriteRequest};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::StoreError;
use super::item::Item;
use super::routes::incomplete;
use crate::aws::in_same_session;

/// The most that one call deletes. Source: `BatchWriteItem`, Amazon DynamoDB API Reference.
const A_CALL: usize = 25;

/// The most that one call reads. Source: `BatchGetItem`, Amazon DynamoDB API Reference.
const READ_BY_A_CALL: usize = 100;

/// How many pauses a read takes before it gives up: 1.5 seconds of them.
const PAUSES_OF_A_READ: u32 = 5;

/// How many calls are made at once.
const AT_ONCE: usize = 8;

/// Pauses that grow from 50 milliseconds to 2 seconds.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    pauses: u32,
}

impl Backoff {
    pub(super) async fn pause(&mut self) {
        sleep(self.next()).await;
    }

    /// The same, if it is not more than the `most` pauses that there may be.
    pub(super) async fn pause_at_most(&mut self, most: u32) -> bool {
        let may_pause = self.pauses < most;
        if may_pause {
            self.pause().await;
        }
        may_pause
    }

    fn next(&mut self) -> Duration {
        let factor = 1_u32 << self.pauses.min(6);
        self.pauses = self.pauses.saturating_add(1);
        let pause = Duration::from_millis(50).saturating_mul(factor);
        pause.min(Duration::from_secs(2))
    }
}

/// Deletes items by their keys, which differ from one another. What DynamoDB leaves undone for lack of throughput is tried
/// until it is done: the caller bounds the time. Whoever stops waiting stops it, with some of the items deleted.
pub(super) async fn delete(
    client: &Client,
    table: &str,
    keys: Vec<Item>,
) -> Result<(), StoreError> {
    const OPERATION: &str = "delete many items";
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut calls = JoinSet::new();
    for keys in keys.chunks(A_CALL) {
        let requests: Result<Vec<_>, _> = keys.iter().cloned().map(deletion).collect();
        let requests = requests.map_err(|_| incomplete(OPERATION))?;
        let (client, table, places) = (client.clone(), table.to_owned(), Arc::clone(&places));
        calls.spawn(in_same_session(async move {
            // Nobody closes it.
            let _place = places.acquire().await;
            write(OPERATION, &client, table, requests).await
        }));
    }
    while let Some(call) = calls.join_next().await {
        call.map_err(|_| panicked(OPERATION))??;
    }
    Ok(())
}

/// Reads items by their keys, which differ from one another, strongly consistent and in no order; what is not there is left
/// out. One call for 100 items; what DynamoDB leaves unread, beyond 16 MB or for lack of throughput, is asked for again, 5 times.
pub(super) async fn read(
    operation: &'static str,
    client: &Client,
    table: &str,
    keys: Vec<Item>,
) -> Result<Vec<Item>, StoreError> {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut calls = JoinSet::new();
    for keys in keys.chunks(READ_BY_A_CALL) {
        let (client, table, places) = (client.clone(), table.to_owned(), Arc::clone(&places));
        let keys = keys.to_vec();
        calls.spawn(in_same_session(async move {
            // Nobody closes it.
            let _place = places.acquire().await;
            read_whole(operation, &client, &table, keys).await
        }));
    }
    let mut items = Vec::new();
    while let Some(call) = calls.join_next().await {
        items.extend(call.map_err(|_| panicked(operation))??);
    }
    Ok(items)
}

async fn read_whole(
    operation: &'static str,
    client: &Client,
    table: &str,
    mut left: Vec<Item>,
) -> Result<Vec<Item>, StoreError> {
    let (mut items, mut backoff) = (Vec::new(), Backoff::default());
    while !left.is_empty() {
        let asked = KeysAndAttributes::builder()
            .set_keys(Some(left))
            .consistent_read(true)
            .build()
            .map_err(|_| incomplete(operation))?;
        let output = client.batch_get_item().request_items(table, asked);
        let output = output.send().await;
        let output = output.map_err(|error| StoreError::of(operation, "", &error))?;
        let read = output.responses.unwrap_or_default().into_values().flatten();
        items.extend(read);
        let unprocessed = output.unprocessed_keys.unwrap_or_default().into_values();
        left = unprocessed.flat_map(|keys| keys.keys).collect();
        if !left.is_empty() && !backoff.pause_at_most(PAUSES_OF_A_READ).await {
            return Err(StoreError::Unavailable {
                operation,
                cause: "items are left unread".to_owned(),
            });
        }
    }
    Ok(items)
}

fn panicked(operation: &'static str) -> StoreError {
    StoreError::Refused {
        operation,
        cause: "the call panicked".to_owned(),
    }
}

fn deletion(key: Item) -> Result<WriteRequest, aws_sdk_dynamodb::error::BuildError> {
    let delete = DeleteRequest::builder().set_key(Some(key)).build()?;
    Ok(WriteRequest::builder().delete_request(delete).build())
}

async fn write(
    operation: &'static str,
    client: &Client,
    table: String,
    mut requests: Vec<WriteRequest>,
) -> Result<(), StoreError> {
    let mut backoff = Backoff::default();
    loop {
        let write = client
            .batch_write_item()
            .request_items(&table, requests.clone());
        match write.send().await {
            Ok(output) => {
                let unprocessed = output.unprocessed_items.unwrap_or_default().into_values();
                requests = unprocessed.flatten().collect();
                if requests.is_empty() {
                    return Ok(());
                }
            }
            Err(error) => {
                let error = StoreError::of(operation, "", &error);
                if !error.is_unavailable() {
                    return Err(error);
                }
            }
        }
        backoff.pause().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_two_seconds_and_no_further() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..8).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
    }

    #[tokio::test]
    async fn there_are_not_more_pauses_than_there_may_be() {
        let mut backoff = Backoff::default();
        assert!(backoff.pause_at_most(1).await);
        assert!(!backoff.pause_at_most(1).await);
    }
}
