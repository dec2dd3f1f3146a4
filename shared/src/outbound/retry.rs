//! When a call is made again, and after which pause.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::{Answer, CallError};

/// The most attempts of one call.
const MOST_ATTEMPTS: u32 = 4;
/// The upper bound of the first pause; each later one is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The upper bound of every pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// The pause before the next attempt after `attempts` of them; `None` when there should be none.
///
/// A call that is not safe to repeat is repeated only when it was certainly not taken: after a 429, or without a connection.
/// On a pooled connection that broke before any answer, a repeatable one follows at once: the connection was dead.
pub(super) fn pause(
    is_repeatable: bool,
    is_pooled: bool,
    outcome: &Result<Answer, CallError>,
    attempts: u32,
) -> Option<Duration> {
    if attempts >= MOST_ATTEMPTS {
        return None;
    }
    match outcome {
        Err(CallError::RateLimited { retry_after, .. }) => {
            Some(asked_or_random(*retry_after, attempts))
        }
        Err(CallError::Unreachable { is_certificate, .. }) if !is_certificate => {
            Some(random_pause(attempts))
        }
        Err(CallError::Interrupted { .. }) if is_repeatable && is_pooled => Some(Duration::ZERO),
        Err(CallError::Interrupted { .. } | CallError::TimedOut) if is_repeatable => {
            Some(random_pause(attempts))
        }
        Ok(answer) if is_repeatable && matches!(answer.status(), 500 | 502..=504) => {
            Some(asked_or_random(answer.retry_after(), attempts))
        }
        _ => None,
    }
}

/// What the provider asked for, a little spread out so that all who were told the same do not return at once.
fn asked_or_random(retry_after: Option<Duration>, attempts: u32) -> Duration {
    match retry_after {
        Some(asked) => asked.saturating_add(random_part_of(FIRST_PAUSE)),
        None => random_pause(attempts),
    }
}

/// Full jitter: anything between nothing and a bound that doubles.
fn random_pause(attempts: u32) -> Duration {
    random_part_of(bound(attempts))
}

fn bound(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE)
}

fn random_part_of(bound: Duration) -> Duration {
    let mut bytes = [0_u8; 4];
    // Without a random number the whole bound is waited for, which is never wrong.
    let part = match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    };
    bound.mul_f64(part)
}

/// Reads `Retry-After`: seconds, or an HTTP date. A date that has passed asks for no wait.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn answer(status: u16) -> Answer {
        Answer::new(
            status,
            &HeaderMap::new(),
            Vec::new().into(),
            Timestamp::UNIX_EPOCH,
        )
    }

    fn rate_limited() -> CallError {
        CallError::RateLimited {
            retry_after: None,
            answer: answer(429),
        }
    }

    fn unreachable(is_certificate: bool) -> CallError {
        CallError::Unreachable {
            cause: String::new(),
            is_certificate,
        }
    }

    #[test]
    fn only_what_was_certainly_not_taken_is_repeated_of_a_post() {
        let cause = String::new();
        for (outcome, post, get) in [
            (Err(rate_limited()), true, true),
            (Err(unreachable(false)), true, true),
            (Err(unreachable(true)), false, false),
            (Err(CallError::Interrupted { cause }), false, true),
            (Err(CallError::TimedOut), false, true),
            (Err(CallError::TooLarge), false, false),
            (Err(CallError::Unsendable), false, false),
            (Ok(answer(200)), false, false),
            (Ok(answer(400)), false, false),
            (Ok(answer(401)), false, false),
            (Ok(answer(404)), false, false),
            (Ok(answer(500)), false, true),
            (Ok(answer(501)), false, false),
            (Ok(answer(503)), false, true),
        ] {
            assert_eq!(
                pause(false, false, &outcome, 1).is_some(),
                post,
                "{outcome:?}"
            );
            assert_eq!(
                pause(true, false, &outcome, 1).is_some(),
                get,
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn a_dead_pooled_connection_costs_no_pause() {
        let outcome = Err(CallError::Interrupted {
            cause: String::new(),
        });
        assert_eq!(pause(true, true, &outcome, 1), Some(Duration::ZERO));
    }

    #[test]
    fn there_are_four_attempts() {
        let outcome = Err(rate_limited());
        assert!(pause(true, false, &outcome, 3).is_some());
        assert!(pause(true, false, &outcome, 4).is_none());
    }

    #[test]
    fn pauses_are_random_below_a_bound_that_doubles_up_to_three_seconds() {
        let bounds: Vec<u128> = (1..=8)
            .map(|attempts| bound(attempts).as_millis())
            .collect();
        assert_eq!(bounds, [100, 200, 400, 800, 1_600, 3_000, 3_000, 3_000]);
        let pauses: Vec<Duration> = (0..200).map(|_| random_pause(3)).collect();
        assert!(pauses.iter().all(|pause| *pause <= bound(3)));
        // Of 200 random ones, some are in the lowest and some in the highest quarter.
        assert!(pauses.iter().any(|pause| *pause < bound(3) / 4));
        assert!(pauses.iter().any(|pause| *pause > bound(3) * 3 / 4));
    }

    #[test]
    fn what_the_provider_asks_for_is_never_cut_short() {
        let outcome = Err(CallError::RateLimited {
            retry_after: Some(Duration::from_secs(7)),
            answer: answer(429),
        });
        let pause = pause(false, false, &outcome, 1).unwrap();
        assert!((7_000..=7_100).contains(&pause.as_millis()), "{pause:?}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        let seconds = |value| retry_after(value, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:07 GMT"), Some(0));
        for value in ["", "-1", "soon", "1.5", "99999999999999999999999"] {
            assert_eq!(seconds(value), None, "{value}");
        }
    }
}
