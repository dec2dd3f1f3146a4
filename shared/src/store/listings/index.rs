//! The indexes that lists are read from: keys in order, page by page.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;

use crate::clock::rfc3339;
use crate::store::StoreError;
use crate::store::item::{Attributes, Item, text};
use crate::store::keys::{self, Key};

/// A partition of an index.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    index: Index,
    value: String,
}

#[derive(Debug, Clone, Copy)]
enum Index {
    ByTime,
    ByGroup,
}

impl Index {
    const fn name(self) -> &'static str {
        match self {
            Self::ByTime => "by_time",
            Self::ByGroup => "by_group",
        }
    }

    const fn partition(self) -> &'static str {
        match self {
            Self::ByTime => "time_pk",
            Self::ByGroup => "group_pk",
        }
    }

    const fn sort(self) -> &'static str {
        match self {
            Self::ByTime => "time_sk",
            Self::ByGroup => "group_sk",
        }
    }
}

/// The times that a list is narrowed down to; all of them, where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interval {
    /// Only what was first heard of later than this.
    pub after: Option<Timestamp>,
    /// Only what was first heard of earlier than this.
    pub before: Option<Timestamp>,
}

impl Interval {
    /// The texts that the sort keys lie between. Those begin with a time of milliseconds, cut off, and go on with `#`.
    fn bounds(self) -> (String, String) {
        let key = |milliseconds: i64| {
            // Before 1970 nothing was heard of, and not every such year sorts as a text. The last second that there is has no
            // milliseconds that jiff takes.
            let last = Timestamp::MAX.as_second().saturating_mul(1_000);
            let milliseconds = milliseconds.clamp(0, last);
            let time = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
            rfc3339(time)
        };
        let after = |time: Timestamp| key(time.as_millisecond().saturating_add(1));
        let before = |time: Timestamp| {
            let is_between = time.subsec_nanosecond() % 1_000_000 > 0;
            key(time.as_millisecond().saturating_add(is_between.into()))
        };
        (
            self.after.map_or_else(|| "0".to_owned(), after),
            self.before.map_or_else(|| "~".to_owned(), before),
        )
    }
}

/// The place of an entry in its partition of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    sort: String,
    key: Key,
}

impl Position {
    /// As text, for a cursor: the index's sort key, then the item's keys, each behind its length where another follows.
    fn to_text(&self) -> String {
        let (sort, item) = (&self.sort, &self.key);
        format!(
            "{}:{sort}{}:{}{}",
            sort.len(),
            item.sort().len(),
            item.sort(),
            item.partition()
        )
    }

    fn from_text(text: &str) -> Option<Self> {
        let (sort, text) = measured(text)?;
        let (item_sort, partition) = measured(text)?;
        Some(Self {
            sort: sort.to_owned(),
            key: keys::item_of(partition.to_owned(), item_sort.to_owned()),
        })
    }
}

/// A text behind its length, and what follows it.
fn measured(text: &str) -> Option<(&str, &str)> {
    let (length, text) = text.split_once(':')?;
    text.split_at_checked(length.parse().ok()?)
}

/// An entry of an index.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    sort: String,
    /// The item that it is of.
    pub(super) key: Key,
}

impl Entry {
    /// Where a list goes on behind it.
    pub(super) fn position(&self) -> String {
        let position = Position {
            sort: self.sort.clone(),
            key: self.key.clone(),
        };
        position.to_text()
    }
}

/// Which entries of a partition are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) interval: Interval,
    pub(super) newest_first: bool,
    pub(super) after: Option<&'a str>,
    /// At most so many, and far less than 1 MB of keys.
    pub(super) limit: usize,
}

impl Partition {
    pub(super) fn by_time(value: String) -> Self {
        let index = Index::ByTime;
        Self { index, value }
    }

    pub(super) fn by_group(value: String) -> Self {
        let index = Index::ByGroup;
        Self { index, value }
    }

    /// Entries of the partition in order. One query.
    pub(super) async fn entries(
        &self,
        operation: &'static str,
        client: &Client,
        table: &str,
        asked: Asked<'_>,
    ) -> Result<Vec<Entry>, StoreError> {
        let (least, largest) = asked.interval.bounds();
        // DynamoDB refuses a range that ends before it begins.
        if least > largest {
            return Ok(Vec::new());
        }
        let mut query = client
            .query()
            .table_name(table)
            .index_name(self.index.name())
            .expression_attribute_names("#partition", self.index.partition())
            .expression_attribute_values(":partition", text(&self.value))
            .scan_index_forward(!asked.newest_first)
            .limit(i32::try_from(asked.limit).unwrap_or(i32::MAX));
        query = if asked.interval == Interval::default() {
            query.key_condition_expression("#partition = :partition")
        } else {
            query
                .key_condition_expression(
                    "#partition = :partition AND #sort BETWEEN :least AND :largest",
                )
                .expression_attribute_names("#sort", self.index.sort())
                .expression_attribute_values(":least", text(least))
                .expression_attribute_values(":largest", text(largest))
        };
        if let Some(after) = asked.after {
            // Cursors are sealed: only one of another version's form is none.
            let position = Position::from_text(after).ok_or(StoreError::Unreadable {
                operation,
                attribute: "cursor",
            })?;
            query = query.set_exclusive_start_key(Some(self.start(position)));
        }
        let output = query.send().await;
        let output = output.map_err(|error| StoreError::of(operation, "", &error))?;
        let items = output.items.unwrap_or_default();
        let entry = |item: &Item| {
            let sort = Attributes::of(operation, item).text(self.index.sort())?;
            Ok(Entry {
                sort: sort.to_owned(),
                key: Key::of_item(operation, item)?,
            })
        };
        items.iter().map(entry).collect()
    }

    /// The whole key of an index's entry, which is what a query goes on behind.
    fn start(&self, position: Position) -> Item {
        let of_index = [
            (self.index.partition(), &self.value),
            (self.index.sort(), &position.sort),
        ];
        let of_index = of_index.map(|(name, value)| (name.to_owned(), text(value)));
        let mut start: Item = of_index.into();
        start.extend(position.key.into_attributes());
        start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(after: Option<&str>, before: Option<&str>) -> (String, String) {
        let time = |text: &str| text.parse().unwrap();
        Interval {
            after: after.map(time),
            before: before.map(time),
        }
        .bounds()
    }

    #[test]
    fn a_moment_itself_is_neither_after_nor_before_it() {
        let moment = Some("2026-11-21T09:15:30.125Z");
        let key = "2026-11-21T09:15:30.125Z#SM1".to_owned();
        assert!(bounds(moment, None).0 > key);
        assert!(bounds(None, moment).1 < key);
        let (earlier, later) = (
            Some("2026-11-21T09:15:30.124Z"),
            Some("2026-11-21T09:15:30.126Z"),
        );
        let (least, largest) = bounds(earlier, later);
        assert!(least < key && key < largest);
    }

    #[test]
    fn a_millisecond_that_was_cut_off_counts_from_its_beginning() {
        let within = Some("2026-11-21T09:15:30.125400Z");
        let key = "2026-11-21T09:15:30.125Z#SM1".to_owned();
        assert!(bounds(within, None).0 > key);
        assert!(bounds(None, within).1 > key);
    }

    #[test]
    fn times_that_no_key_has_are_bounds_too() {
        let (first, last) = (
            Some("-009999-01-02T01:59:59Z"),
            Some("9999-12-30T22:00:00.999999999Z"),
        );
        let key = "2026-11-21T09:15:30.125Z#SM1".to_owned();
        let (least, largest) = bounds(first, last);
        assert!(least < key && key < largest);
        assert!(bounds(last, None).0 > key);
        assert!(bounds(None, first).1 < key);
    }

    #[test]
    fn a_position_reads_back_whatever_is_in_it() {
        for (sort, item_sort, partition) in [
            (
                "2026-11-21T09:15:30.125Z#SM1",
                "message",
                "acme#message#SM1",
            ),
            ("", "", ""),
            ("3:a", "1:", "2:#ä:\u{0}"),
        ] {
            let position = Position {
                sort: sort.to_owned(),
                key: keys::item_of(partition.to_owned(), item_sort.to_owned()),
            };
            assert_eq!(Position::from_text(&position.to_text()), Some(position));
        }
    }

    #[test]
    fn what_is_no_position_is_none() {
        for text in ["", "x", "1", "2:a", "-1:a0:", "1:a", "1:a9:b", "1:ä0:"] {
            assert_eq!(Position::from_text(text), None, "{text}");
        }
    }
}
