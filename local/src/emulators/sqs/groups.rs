//! Message groups of standard queues ("fair queues"): a group with a backlog does not delay the others.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use winterbaume_sqs::SqsState;
use winterbaume_sqs::types::Message;

/// Messages that are gone are forgotten once there are so many of them.
const GONE: usize = 1_000;

/// Which message is of which group, and whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// By message id; messages without a group are not in it.
    of: HashMap<String, String>,
    /// The turn in which each group of a queue was last served.
    served: HashMap<String, BTreeMap<Option<String>, u64>>,
    turn: u64,
}

/// What a queue has of one group.
#[derive(Default)]
struct Waiting {
    /// Places of the messages that can be taken, the oldest first.
    places: VecDeque<usize>,
    /// How many have been taken and are still hidden.
    in_flight: usize,
    served: u64,
}

impl Groups {
    /// Notes the group of a message.
    pub(super) fn insert(&mut self, message_id: String, group: String, state: &SqsState) {
        let queues = state.queues.values();
        let alive: usize = queues.map(|queue| queue.messages.len()).sum();
        if self.of.len() > alive.saturating_add(GONE) {
            let messages = state.queues.values().flat_map(|queue| &queue.messages);
            let ids: HashSet<&str> = messages
                .map(|message| message.message_id.as_str())
                .collect();
            self.of.retain(|id, _| ids.contains(id.as_str()));
        }
        self.of.insert(message_id, group);
    }

    /// The group of a message.
    pub(super) fn of(&self, message_id: &str) -> Option<&str> {
        self.of.get(message_id).map(String::as_str)
    }

    /// Puts the `most` messages that are to be taken next to the front. Each is the oldest of the group that has the
    /// fewest in flight, and of several such groups of the one that was served longest ago. Messages without a group
    /// are one group together.
    pub(super) fn put_first(&mut self, queue: &str, messages: &mut Vec<Message>, most: usize) {
        let served = self.served.remove(queue).unwrap_or_default();
        let mut waiting: BTreeMap<Option<String>, Waiting> = BTreeMap::new();
        for (place, message) in messages.iter().enumerate() {
            let group = self.of(&message.message_id).map(str::to_owned);
            let last = served.get(&group).copied().unwrap_or_default();
            let waiting = waiting.entry(group).or_default();
            waiting.served = last;
            if message.is_visible() {
                waiting.places.push_back(place);
            } else if message.approximate_receive_count > 0 {
                waiting.in_flight += 1;
            }
        }
        let mut chosen = Vec::new();
        while chosen.len() < most {
            let with_messages = waiting.values_mut().filter(|one| !one.places.is_empty());
            let next = with_messages.min_by_key(|one| {
                let first = one.places.front().copied();
                (one.in_flight, one.served, first)
            });
            let Some(next) = next else { break };
            chosen.extend(next.places.pop_front());
            next.in_flight += 1;
            self.turn += 1;
            next.served = self.turn;
        }
        let served = waiting.into_iter().map(|(group, one)| (group, one.served));
        self.served.insert(queue.to_owned(), served.collect());
        let mut rest: Vec<Option<Message>> = messages.drain(..).map(Some).collect();
        let first = chosen
            .into_iter()
            .filter_map(|place| rest.get_mut(place)?.take());
        messages.extend(first.collect::<Vec<_>>());
        messages.extend(rest.into_iter().flatten());
    }
}

/// Whether a group may be called so.
pub(super) fn is_group(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}
