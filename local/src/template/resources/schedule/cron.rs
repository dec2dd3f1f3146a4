//! The dialect of cron that EventBridge has.
//!
//! Not understood, and refused: `L`, `W` and `#`, and ranges that begin after their end.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Minutes of the calendar, in UTC: `minute hour day-of-month month day-of-week year`.
/// Source: "Cron expressions", Amazon EventBridge User Guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    days: Days,
    months: BTreeSet<i16>,
    years: BTreeSet<i16>,
}

/// Days of a month: by their number, or by their name. The other of the two fields is `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    OfMonth(BTreeSet<i16>),
    /// Sunday is 1.
    OfWeek(BTreeSet<i16>),
}

/// One of the six fields.
struct Field {
    what: &'static str,
    first: i16,
    last: i16,
    /// Of the values from `first` on, where they have any.
    names: &'static [&'static str],
    /// Whether a step may follow a slash.
    has_steps: bool,
}

const MINUTE: Field = Field {
    what: "minutes",
    first: 0,
    last: 59,
    names: &[],
    has_steps: true,
};
const HOUR: Field = Field {
    what: "hours",
    first: 0,
    last: 23,
    names: &[],
    has_steps: true,
};
const DAY_OF_MONTH: Field = Field {
    what: "days of the month",
    first: 1,
    last: 31,
    names: &[],
    has_steps: true,
};
const MONTH: Field = Field {
    what: "months",
    first: 1,
    last: 12,
    names: &[
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ],
    has_steps: true,
};
const DAY_OF_WEEK: Field = Field {
    what: "days of the week",
    first: 1,
    last: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    has_steps: false,
};
const YEAR: Field = Field {
    what: "years",
    first: 1970,
    last: 2199,
    names: &[],
    has_steps: true,
};

impl Cron {
    /// Reads the six fields.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(super) fn read(fields: &str) -> Result<Self, String> {
        let fields: Vec<&str> = fields.split(' ').collect();
        let [minutes, hours, of_month, months, of_week, years] = fields.as_slice() else {
            return Err(
                "it takes six fields, with one space between them: minute, hour, day of the month, month, day of the week, year"
                    .to_owned(),
            );
        };
        let days = match (*of_month, *of_week) {
            ("?", "?") => return Err("only one of the two fields of days can be `?`".to_owned()),
            ("?", of_week) => Days::OfWeek(DAY_OF_WEEK.values(of_week)?),
            (of_month, "?") => Days::OfMonth(DAY_OF_MONTH.values(of_month)?),
            _ => {
                return Err(
                    "one of the fields of days must be `?`: the third, or the fifth".to_owned(),
                );
            }
        };
        Ok(Self {
            minutes: MINUTE.values(minutes)?,
            hours: HOUR.values(hours)?,
            days,
            months: MONTH.values(months)?,
            years: YEAR.values(years)?,
        })
    }

    /// The first of its minutes after `after`; none if no more are to come.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = TimeZone::UTC.to_datetime(after);
        let last = Date::new(*self.years.last()?, 12, 31).ok()?;
        let mut day = after.date();
        let earliest = Date::new(*self.years.first()?, 1, 1).ok()?;
        day = day.max(earliest);
        while day <= last {
            if self.has_day(day)
                && let Some(time) = self.time(day, after)
            {
                return TimeZone::UTC.to_timestamp(day.to_datetime(time)).ok();
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    fn has_day(&self, day: Date) -> bool {
        let is_one = match &self.days {
            Days::OfMonth(days) => days.contains(&i16::from(day.day())),
            Days::OfWeek(days) => days.contains(&i16::from(day.weekday().to_sunday_one_offset())),
        };
        is_one && self.months.contains(&i16::from(day.month())) && self.years.contains(&day.year())
    }

    /// The first time of `day` that is after `after`.
    fn time(&self, day: Date, after: DateTime) -> Option<Time> {
        self.hours
            .iter()
            .flat_map(|hour| self.minutes.iter().map(move |minute| (*hour, *minute)))
            .filter_map(|(hour, minute)| {
                let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
                Time::new(hour, minute, 0, 0).ok()
            })
            .find(|time| day.to_datetime(*time) > after)
    }
}

impl Field {
    /// The values that `text` stands for.
    fn values(&self, text: &str) -> Result<BTreeSet<i16>, String> {
        let mut values = BTreeSet::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(self.step(step)?)),
                None => (part, None),
            };
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (self.first, self.last),
                Some((first, last)) => (self.value(first)?, self.value(last)?),
                None => {
                    let first = self.value(range)?;
                    // A step goes on from the value to the end.
                    (first, step.map_or(first, |_| self.last))
                }
            };
            if first > last {
                return Err(format!(
                    "the range `{range}` of {} begins after its end",
                    self.what
                ));
            }
            values.extend((first..=last).step_by(step.unwrap_or(1)));
        }
        Ok(values)
    }

    fn value(&self, text: &str) -> Result<i16, String> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(index) => i16::try_from(index).ok().map(|index| index + self.first),
            None => number(text),
        };
        value
            .filter(|value| (self.first..=self.last).contains(value))
            .ok_or_else(|| self.refusal(text))
    }

    fn step(&self, text: &str) -> Result<usize, String> {
        if !self.has_steps {
            return Err(format!("{} have no steps (`/`)", self.what));
        }
        number(text)
            .filter(|step| (1..=self.last).contains(step))
            .and_then(|step| usize::try_from(step).ok())
            .ok_or_else(|| {
                format!(
                    "`{text}` is no step of {}: write 1 to {}",
                    self.what, self.last
                )
            })
    }

    fn refusal(&self, text: &str) -> String {
        let Self {
            what, first, last, ..
        } = self;
        if text == "?" {
            return format!("{what} cannot be `?`");
        }
        let is_special = |character: char| matches!(character, 'L' | 'W' | '#');
        let rest = text.replace(is_special, "");
        if rest.len() < text.len() && rest.bytes().all(|byte| byte.is_ascii_digit()) {
            return format!("the local stack does not understand `L`, `W` and `#`, as in `{text}`");
        }
        match (self.names.first(), self.names.last()) {
            (Some(one), Some(other)) => {
                format!("{what} are {first} to {last} or {one} to {other}, not `{text}`")
            }
            _ => format!("{what} are {first} to {last}, not `{text}`"),
        }
    }
}

/// Digits alone.
fn number(text: &str) -> Option<i16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
