//! What a cache gives, and where it came from.

use std::sync::Arc;

/// What [`Cache::get_or_load`](super::Cache::get_or_load) gives.
#[derive(Debug, PartialEq, Eq)]
pub struct Cached<V, E> {
    /// The value.
    pub value: Arc<V>,
    /// Where it came from.
    pub source: Source,
    /// Why it is stale, if it is.
    pub outage: Option<E>,
}

impl<V, E> Cached<V, E> {
    pub(super) fn of(value: Arc<V>, source: Source) -> Self {
        let outage = None;
        Self {
            value,
            source,
            outage,
        }
    }
}

/// Where a cached value came from, in the order in which they are worth a mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// It was in memory.
    Memory,
    /// It was loaded, by this call or by one that this call waited for.
    Loaded,
    /// It was in memory past its time to live, and its source was unavailable.
    Stale,
}

impl Source {
    /// The word for it in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Loaded => "loaded",
            Self::Stale => "stale",
        }
    }
}

/// What [`Cache::refresh`](super::Cache::refresh) gives.
#[derive(Debug, PartialEq, Eq)]
pub struct Refreshed<V> {
    /// The value that the cache holds now.
    pub value: Arc<V>,
    /// Whether it was loaded after the value that was seen, so that trying again may help.
    pub is_newer: bool,
    /// Whether the source could not be asked when that was last tried, so that it may have a newer one.
    pub is_in_doubt: bool,
}
