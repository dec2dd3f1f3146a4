//! Where SQS keeps queues and messages: in memory like winterbaume's own backend, but open to the event source, with
//! URLs of this listener, and able to be written down.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{RwLock, watch};
use winterbaume_core::{StateViewError, default_account_id};
use winterbaume_sqs::state::SqsError;
use winterbaume_sqs::types::{Message, MessageAttribute, MessageMoveTask, Queue};
use winterbaume_sqs::{SendMessageOutput, SqsBackend, SqsState, SqsStateView};

use super::groups::Groups;
use crate::template::REGION;

/// The queues of the one account and region that there is. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Queues {
    state: Arc<RwLock<SqsState>>,
    /// Locked after the state, if both are.
    groups: Arc<Mutex<Groups>>,
    changes: watch::Sender<u64>,
    /// The base URL of the listener.
    base: Arc<str>,
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, SqsError>> + Send>>;
type Attributes = HashMap<String, String>;

impl Queues {
    pub(super) fn new(base: String) -> Self {
        Self {
            state: Arc::default(),
            groups: Arc::default(),
            changes: watch::Sender::new(0),
            base: base.into(),
        }
    }

    /// The groups of the messages.
    pub(super) fn groups(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL that SDKs send to, and that names the queue.
    pub(super) fn url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.base, default_account_id())
    }

    /// Changes whenever a message may have become visible or gone.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Looks at the state.
    pub(super) async fn look<T>(&self, look: impl FnOnce(&SqsState) -> T) -> T {
        look(&*self.state.read().await)
    }

    /// Changes the state.
    pub(super) async fn change<T>(&self, change: impl FnOnce(&mut SqsState) -> T) -> T {
        let changed = change(&mut *self.state.write().await);
        self.changes
            .send_modify(|changes| *changes = changes.wrapping_add(1));
        changed
    }

    /// Takes messages; those that have been taken too often move to the dead-letter queue.
    pub(super) async fn take(
        &self,
        name: &str,
        most: usize,
        hidden_for: Option<u32>,
    ) -> Result<Vec<Message>, SqsError> {
        let mut state = self.state.write().await;
        let len = |state: &SqsState| state.queues.get(name).map(|queue| queue.messages.len());
        let before = len(&state);
        if let Some(queue) = state.queues.get_mut(name) {
            self.groups().put_first(name, &mut queue.messages, most);
        }
        let taken = state.receive_message(name, most, hidden_for)?;
        // Nothing but this: who waits for changes would otherwise wake itself by looking.
        if !taken.is_empty() || len(&state) != before {
            self.changes
                .send_modify(|changes| *changes = changes.wrapping_add(1));
        }
        Ok(taken)
    }

    fn reading<T: Send + 'static>(
        &self,
        look: impl FnOnce(&SqsState) -> Result<T, SqsError> + Send + 'static,
    ) -> Answer<T> {
        let queues = self.clone();
        Box::pin(async move { queues.look(look).await })
    }

    fn changing<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut SqsState) -> Result<T, SqsError> + Send + 'static,
    ) -> Answer<T> {
        let queues = self.clone();
        Box::pin(async move { queues.change(change).await })
    }

    fn here(&self, mut queue: Queue) -> Queue {
        queue.url = self.url(&queue.name);
        queue
    }
}

impl SqsBackend for Queues {
    fn create_queue(
        &self,
        account: String,
        region: String,
        name: String,
        attributes: Attributes,
        tags: Option<Attributes>,
    ) -> Answer<Queue> {
        let queues = self.clone();
        self.changing(move |state| {
            let made = state.create_queue(&name, &region, &account, &attributes, tags.as_ref());
            made.cloned().map(|queue| queues.here(queue))
        })
    }

    fn delete_queue(&self, _: String, _: String, name: String) -> Answer<()> {
        self.changing(move |state| state.delete_queue(&name))
    }

    fn get_queue_url(&self, _: String, _: String, name: String) -> Answer<String> {
        let url = self.url(&name);
        self.reading(move |state| state.get_queue_url(&name).map(|_| url))
    }

    fn get_queue_attributes(&self, _: String, _: String, name: String) -> Answer<Attributes> {
        self.reading(move |state| state.get_queue_attributes(&name))
    }

    fn set_queue_attributes(
        &self,
        _: String,
        _: String,
        name: String,
        attributes: Attributes,
    ) -> Answer<()> {
        self.changing(move |state| state.set_queue_attributes(&name, &attributes))
    }

    fn list_queues(&self, _: String, _: String, prefix: Option<String>) -> Answer<Vec<Queue>> {
        let queues = self.clone();
        self.reading(move |state| {
            let found = state.list_queues(prefix.as_deref());
            Ok(found
                .into_iter()
                .cloned()
                .map(|queue| queues.here(queue))
                .collect())
        })
    }

    fn send_message(
        &self,
        _: String,
        _: String,
        name: String,
        body: String,
        delay: Option<u32>,
        attributes: HashMap<String, MessageAttribute>,
        group: Option<String>,
        deduplication: Option<String>,
    ) -> Answer<SendMessageOutput> {
        let queues = self.clone();
        self.changing(move |state| {
            let (id, deduplication) = (group.as_deref(), deduplication.as_deref());
            let sent = state.send_message(&name, &body, delay, attributes, id, deduplication)?;
            if let Some(group) = group {
                queues
                    .groups()
                    .insert(sent.message_id.clone(), group, state);
            }
            Ok(SendMessageOutput {
                message_id: sent.message_id,
                body_md5: sent.body_md5,
            })
        })
    }

    fn receive_messages(
        &self,
        _: String,
        _: String,
        name: String,
        most: usize,
        hidden_for: Option<u32>,
    ) -> Answer<Vec<Message>> {
        let queues = self.clone();
        Box::pin(async move { queues.take(&name, most, hidden_for).await })
    }

    fn delete_message(&self, _: String, _: String, name: String, handle: String) -> Answer<()> {
        self.changing(move |state| state.delete_message(&name, &handle))
    }

    fn purge_queue(&self, _: String, _: String, name: String) -> Answer<()> {
        self.changing(move |state| state.purge_queue(&name))
    }

    fn change_message_visibility(
        &self,
        _: String,
        _: String,
        name: String,
        handle: String,
        hidden_for: u32,
    ) -> Answer<()> {
        self.changing(move |state| state.change_message_visibility(&name, &handle, hidden_for))
    }

    fn change_message_visibility_batch(
        &self,
        _: String,
        _: String,
        name: String,
        entries: Vec<(String, String, u32)>,
    ) -> Answer<Vec<String>> {
        self.changing(move |state| state.change_message_visibility_batch(&name, &entries))
    }

    fn list_queue_tags(&self, _: String, _: String, name: String) -> Answer<Attributes> {
        self.reading(move |state| state.list_queue_tags(&name))
    }

    fn tag_queue(&self, _: String, _: String, name: String, tags: Attributes) -> Answer<()> {
        self.changing(move |state| state.tag_queue(&name, &tags))
    }

    fn untag_queue(&self, _: String, _: String, name: String, tags: Vec<String>) -> Answer<()> {
        self.changing(move |state| state.untag_queue(&name, &tags))
    }

    fn add_permission(
        &self,
        _: String,
        _: String,
        name: String,
        label: String,
        accounts: Vec<String>,
        actions: Vec<String>,
    ) -> Answer<()> {
        self.changing(move |state| state.add_permission(&name, &label, accounts, actions))
    }

    fn remove_permission(&self, _: String, _: String, name: String, label: String) -> Answer<()> {
        self.changing(move |state| state.remove_permission(&name, &label))
    }

    fn list_dead_letter_source_queues(
        &self,
        _: String,
        _: String,
        name: String,
    ) -> Answer<Vec<String>> {
        self.reading(move |state| state.list_dead_letter_source_queues(&name))
    }

    fn start_message_move_task(
        &self,
        _: String,
        _: String,
        source: String,
        destination: Option<String>,
        per_second: Option<i32>,
    ) -> Answer<String> {
        self.changing(move |state| {
            state.start_message_move_task(&source, destination.as_deref(), per_second)
        })
    }

    fn cancel_message_move_task(&self, _: String, _: String, task: String) -> Answer<i64> {
        self.changing(move |state| state.cancel_message_move_task(&task))
    }

    fn list_message_move_tasks(
        &self,
        _: String,
        _: String,
        source: String,
    ) -> Answer<Vec<MessageMoveTask>> {
        self.reading(move |state| {
            Ok(state
                .list_message_move_tasks(&source)
                .into_iter()
                .cloned()
                .collect())
        })
    }

    fn scopes_with_state(&self) -> Vec<(String, String)> {
        vec![(default_account_id().to_owned(), REGION.to_owned())]
    }

    fn snapshot(&self, _: String, _: String) -> Pin<Box<dyn Future<Output = SqsStateView> + Send>> {
        let queues = self.clone();
        Box::pin(async move { queues.look(|state| SqsStateView::from(state)).await })
    }

    fn restore(
        &self,
        _: String,
        _: String,
        view: SqsStateView,
    ) -> Pin<Box<dyn Future<Output = Result<(), StateViewError>> + Send>> {
        let queues = self.clone();
        Box::pin(async move {
            queues.change(|state| *state = SqsState::from(view)).await;
            Ok(())
        })
    }

    fn merge(
        &self,
        _: String,
        _: String,
        view: SqsStateView,
    ) -> Pin<Box<dyn Future<Output = Result<(), StateViewError>> + Send>> {
        let queues = self.clone();
        Box::pin(async move {
            queues
                .change(|state| state.queues.extend(SqsState::from(view).queues))
                .await;
            Ok(())
        })
    }
}
