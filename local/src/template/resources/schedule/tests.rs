use jiff::Timestamp;

use super::ScheduleExpression;

const START: &str = "2026-07-01T10:20:30.5Z";

/// The first times of an expression after `START`, when it also started.
fn times(expression: &str, number: usize) -> Vec<String> {
    let started: Timestamp = START.parse().unwrap();
    let expression = ScheduleExpression::read(expression).unwrap();
    let next = |after: &Timestamp| expression.next(started, *after);
    std::iter::successors(next(&started), next)
        .take(number)
        .map(|time| time.to_string())
        .collect()
}

fn refusal(expression: &str) -> String {
    ScheduleExpression::read(expression).unwrap_err()
}

#[test]
fn a_rate_counts_from_its_start_in_whole_seconds() {
    for (expression, expected) in [
        (
            "rate(1 minute)",
            ["2026-07-01T10:21:30Z", "2026-07-01T10:22:30Z"],
        ),
        (
            "rate(15 minutes)",
            ["2026-07-01T10:35:30Z", "2026-07-01T10:50:30Z"],
        ),
        (
            "rate(1 hour)",
            ["2026-07-01T11:20:30Z", "2026-07-01T12:20:30Z"],
        ),
        (
            "rate(2 days)",
            ["2026-07-03T10:20:30Z", "2026-07-05T10:20:30Z"],
        ),
    ] {
        assert_eq!(times(expression, 2), expected, "{expression}");
    }
}

#[test]
fn a_rate_that_aws_refuses_is_refused() {
    assert_eq!(
        refusal("rate(1 minutes)"),
        "`rate(1 minutes)` is no schedule: AWS takes the singular alone: `rate(1 minute)`"
    );
    assert_eq!(
        refusal("rate(5 minute)"),
        "`rate(5 minute)` is no schedule: AWS takes the plural alone: `rate(5 minutes)`"
    );
    for expression in [
        "rate(1)",
        "rate()",
        "rate(0 minutes)",
        "rate(-1 minute)",
        "rate(+5 minutes)",
        "rate(1.5 hours)",
        "rate(30 seconds)",
        "rate(5  minutes)",
        "rate( 5 minutes)",
        "rate(5 Minutes)",
        "rate(99999999999 days)",
        "Rate(5 minutes)",
        "rate (5 minutes)",
        "rate(5 minutes",
        "5 minutes",
        "at(2026-07-01T10:00:00)",
        "",
    ] {
        assert!(
            ScheduleExpression::read(expression).is_err(),
            "{expression}"
        );
    }
}

#[test]
fn an_expression_is_shown_as_it_was_written() {
    for expression in ["rate(5 minutes)", "cron(0 12 * * ? *)"] {
        let read = ScheduleExpression::read(expression).unwrap();
        assert_eq!(read.to_string(), expression);
    }
}

/// Examples of the Amazon EventBridge User Guide among them. 1 July 2026 is a Wednesday.
#[test]
fn cron_finds_the_minutes_of_the_calendar() {
    for (expression, expected) in [
        (
            "cron(* * * * ? *)",
            ["2026-07-01T10:21:00Z", "2026-07-01T10:22:00Z"],
        ),
        (
            "cron(15 12 * * ? *)",
            ["2026-07-01T12:15:00Z", "2026-07-02T12:15:00Z"],
        ),
        (
            "cron(0 18 ? * MON-FRI *)",
            ["2026-07-01T18:00:00Z", "2026-07-02T18:00:00Z"],
        ),
        (
            "cron(0 8 1 * ? *)",
            ["2026-08-01T08:00:00Z", "2026-09-01T08:00:00Z"],
        ),
        (
            "cron(0/15 * * * ? *)",
            ["2026-07-01T10:30:00Z", "2026-07-01T10:45:00Z"],
        ),
        (
            "cron(*/40 10 * * ? *)",
            ["2026-07-01T10:40:00Z", "2026-07-02T10:00:00Z"],
        ),
        (
            "cron(0-10/5,59 11 * * ? *)",
            ["2026-07-01T11:00:00Z", "2026-07-01T11:05:00Z"],
        ),
        // Sunday is 1.
        (
            "cron(0 0 ? * 1,sat *)",
            ["2026-07-04T00:00:00Z", "2026-07-05T00:00:00Z"],
        ),
        (
            "cron(0 0 ? * WED *)",
            ["2026-07-08T00:00:00Z", "2026-07-15T00:00:00Z"],
        ),
        (
            "cron(0 0 29 feb ? *)",
            ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
        ),
        (
            "cron(30 5 31 3,4 ? 2027-2030)",
            ["2027-03-31T05:30:00Z", "2028-03-31T05:30:00Z"],
        ),
        (
            "cron(59 23 31 DEC ? 2026/2)",
            ["2026-12-31T23:59:00Z", "2028-12-31T23:59:00Z"],
        ),
    ] {
        assert_eq!(times(expression, 2), expected, "{expression}");
    }
}

#[test]
fn a_time_at_the_very_minute_is_not_after_it() {
    let cron = ScheduleExpression::read("cron(20 10 * * ? *)").unwrap();
    let at: Timestamp = "2026-07-01T10:20:00Z".parse().unwrap();
    let before: Timestamp = "2026-07-01T10:19:59.999Z".parse().unwrap();
    assert_eq!(cron.next(at, before), Some(at));
    assert_eq!(
        cron.next(at, at).unwrap().to_string(),
        "2026-07-02T10:20:00Z"
    );
}

#[test]
fn a_schedule_whose_times_are_over_or_never_come_has_none() {
    for expression in [
        "cron(0 0 1 1 ? 1970-2026)",
        "cron(0 0 30 2 ? *)",
        "cron(0 0 29 2 ? 2100)",
    ] {
        assert!(times(expression, 1).is_empty(), "{expression}");
    }
}

#[test]
fn cron_that_aws_refuses_is_refused_with_the_reason() {
    for (fields, reason) in [
        ("* * * * *", "it takes six fields"),
        ("* * * * ? * *", "it takes six fields"),
        ("*  * * * ? *", "it takes six fields"),
        ("* * * * * *", "one of the fields of days must be `?`"),
        ("0 0 1 * MON *", "one of the fields of days must be `?`"),
        ("0 0 ? * ? *", "only one of the two fields of days"),
        ("60 * * * ? *", "minutes are 0 to 59, not `60`"),
        ("0 24 * * ? *", "hours are 0 to 23, not `24`"),
        ("0 0 0 * ? *", "days of the month are 1 to 31, not `0`"),
        ("0 0 1 13 ? *", "months are 1 to 12 or JAN to DEC, not `13`"),
        (
            "0 0 ? * 0 *",
            "days of the week are 1 to 7 or SUN to SAT, not `0`",
        ),
        (
            "0 0 ? * WEDNESDAY *",
            "days of the week are 1 to 7 or SUN to SAT",
        ),
        ("0 0 ? * MON/2 *", "days of the week have no steps"),
        ("0 0 1 1 ? 1969", "years are 1970 to 2199, not `1969`"),
        ("0 0 1 1 ? 2200", "years are 1970 to 2199, not `2200`"),
        ("? * * * ? *", "minutes cannot be `?`"),
        ("0 0 1 1 ? ?", "years cannot be `?`"),
        ("0/0 * * * ? *", "`0` is no step of minutes: write 1 to 59"),
        ("0/60 * * * ? *", "`60` is no step of minutes"),
        ("0/ * * * ? *", "`` is no step of minutes"),
        ("5,,6 * * * ? *", "minutes are 0 to 59, not ``"),
        ("-5 * * * ? *", "minutes are 0 to 59, not ``"),
        ("+5 * * * ? *", "minutes are 0 to 59, not `+5`"),
        (
            "30-10 * * * ? *",
            "the range `30-10` of minutes begins after its end",
        ),
    ] {
        let expression = format!("cron({fields})");
        let refusal = refusal(&expression);
        let expected = format!("`{expression}` is no schedule: {reason}");
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
}

#[test]
fn what_aws_knows_of_cron_and_this_stack_does_not_is_named() {
    for field in ["L", "LW", "3W", "L-3"] {
        let refusal = refusal(&format!("cron(0 0 {field} * ? *)"));
        assert!(refusal.contains("does not understand `L`"), "{refusal}");
    }
    for field in ["L", "6L", "6#3"] {
        let refusal = refusal(&format!("cron(0 0 ? * {field} *)"));
        assert!(refusal.contains("does not understand `L`"), "{refusal}");
    }
}
