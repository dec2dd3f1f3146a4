//! How far a source has come, while batches of several lanes are in work.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::emulators::{StreamHandle, StreamRecord};

/// The records that were read and are not done with, and those done with that came after them. What is remembered is the last
/// record before which nothing is left: when the source starts again, what came after it is delivered, some of it once more.
#[derive(Debug)]
pub(super) struct Progress {
    stream: StreamHandle,
    source: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In the order of the stream.
    begun: VecDeque<String>,
    done: HashSet<String>,
}

impl Progress {
    /// The progress of the source of this name.
    pub(super) fn new(stream: StreamHandle, source: String) -> Self {
        Self {
            stream,
            source,
            state: Mutex::default(),
        }
    }

    /// Notes records that were read, in their order, before any of them is done with.
    pub(super) fn begin(&self, records: &[StreamRecord]) {
        let numbers = records.iter().map(|record| record.sequence_number.clone());
        self.lock().begun.extend(numbers);
    }

    /// Notes that records are done with, and remembers how far everything is.
    pub(super) fn done(&self, sequence_numbers: impl IntoIterator<Item = String>) {
        let mut state = self.lock();
        state.done.extend(sequence_numbers);
        let State { begun, done } = &mut *state;
        let mut last = None;
        while let Some(number) = begun.pop_front_if(|number| done.remove(number)) {
            last = Some(number);
        }
        // Under the lock, so that no lane remembers less than another did.
        if last.is_some() {
            self.stream.remember(&self.source, last);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
