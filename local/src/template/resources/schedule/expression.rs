//! Schedule expressions: `rate(…)` and `cron(…)`.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::cron::Cron;

/// When a schedule's times are.
/// Source: "Schedule expressions", Amazon EventBridge User Guide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleExpression {
    text: String,
    times: Times,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Times {
    /// At intervals from its start on, which is no time itself. Whole minutes.
    Rate(SignedDuration),
    /// At minutes of the calendar, in UTC.
    Cron(Cron),
}

/// As the template has it.
impl fmt::Display for ScheduleExpression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl ScheduleExpression {
    /// Reads an expression as strictly as AWS.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong and what to write.
    pub fn read(text: &str) -> Result<Self, String> {
        let inside = |name: &str| {
            let rest = text.strip_prefix(name)?.strip_prefix('(')?;
            rest.strip_suffix(')')
        };
        let times = if let Some(rate) = inside("rate") {
            rate_of(rate).map(Times::Rate)
        } else if let Some(fields) = inside("cron") {
            Cron::read(fields).map(Times::Cron)
        } else {
            Err("write `rate(5 minutes)` or `cron(0 12 * * ? *)`".to_owned())
        };
        let times = times.map_err(|reason| format!("`{text}` is no schedule: {reason}"))?;
        Ok(Self {
            text: text.to_owned(),
            times,
        })
    }

    /// The first time after `after` of a schedule that started at `started`; none if no more are to come.
    #[must_use]
    pub fn next(&self, started: Timestamp, after: Timestamp) -> Option<Timestamp> {
        match &self.times {
            Times::Cron(cron) => cron.next(after),
            Times::Rate(interval) => {
                let interval = interval.as_secs();
                // Fractions of a second do not count: they are cut off at the start.
                let elapsed = after.as_second().checked_sub(started.as_second())?;
                let number = elapsed.checked_div(interval)?.checked_add(1)?;
                let elapsed = number.max(1).checked_mul(interval)?;
                Timestamp::from_second(started.as_second().checked_add(elapsed)?).ok()
            }
        }
    }
}

fn rate_of(text: &str) -> Result<SignedDuration, String> {
    let form = || "write a number and a unit, as in `rate(5 minutes)`".to_owned();
    let (number, unit) = text.split_once(' ').ok_or_else(form)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(form());
    }
    let number: i32 = number
        .parse()
        .map_err(|_| format!("{number} is too large"))?;
    let (singular, seconds) = match unit {
        "minute" | "minutes" => ("minute", 60),
        "hour" | "hours" => ("hour", 60 * 60),
        "day" | "days" => ("day", 24 * 60 * 60),
        _ => {
            return Err(format!(
                "`{unit}` is no unit, which are minutes, hours and days"
            ));
        }
    };
    match (number, unit == singular) {
        (0, _) => Err("0 is not enough".to_owned()),
        (1, false) => Err(format!(
            "AWS takes the singular alone: `rate(1 {singular})`"
        )),
        (2.., true) => Err(format!(
            "AWS takes the plural alone: `rate({number} {singular}s)`"
        )),
        _ => Ok(SignedDuration::from_secs(i64::from(number) * seconds)),
    }
}
