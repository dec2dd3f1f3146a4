//! Connection overrides: how patient Twilio is with a URL, written as the URL's fragment.

use std::time::Duration;

/// Which failed attempts are made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetryOn {
    /// `ct`: the connection could not be made.
    pub connection: bool,
    /// `rt`: no answer in time.
    pub read_timeout: bool,
    /// `4xx`: an answer of that class.
    pub client_error: bool,
    /// `5xx`: an answer of that class.
    pub server_error: bool,
}

/// Timeouts and retries of one webhook URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionOverrides {
    /// `ct`, 100 ms to 10 s: until the connection stands.
    pub connect_timeout: Duration,
    /// `rt`, 100 ms to 15 s: for the answer of one attempt.
    pub read_timeout: Duration,
    /// `tt`, 100 ms to 15 s: for all attempts together.
    pub total_timeout: Duration,
    /// `rc`, 0 to 5: how often an attempt is made again.
    pub retries: u32,
    /// `rp`: after which failures.
    pub retry_on: RetryOn,
}

impl Default for ConnectionOverrides {
    /// Twilio's: 5 s to connect, 15 s in all, one retry, only if the connection could not be made.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(15),
            total_timeout: Duration::from_secs(15),
            retries: 1,
            retry_on: RetryOn {
                connection: true,
                ..RetryOn::default()
            },
        }
    }
}

/// A fragment that is no set of connection overrides.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOverrides {
    /// A key that Twilio does not know.
    #[error("`{0}` is not a connection override; Twilio knows ct, rt, tt, rc, rp, e and sni")]
    UnknownKey(String),
    /// A number that is none, or out of its range.
    #[error("{key} takes a number from {least} to {most}, not `{value}`")]
    OutOfRange {
        /// The override's key.
        key: &'static str,
        /// The least allowed value.
        least: u64,
        /// The greatest allowed value.
        most: u64,
        /// What was given.
        value: String,
    },
    /// A retry policy that Twilio does not know.
    #[error("rp takes a list of 4xx, 5xx, ct, rt and all, not `{0}`")]
    UnknownPolicy(String),
}

impl ConnectionOverrides {
    /// The overrides in the fragment of `url`; Twilio's defaults for what it does not name.
    ///
    /// # Errors
    /// A fragment that Twilio would not take, which is a fault of whoever registered the URL.
    pub fn of(url: &str) -> Result<Self, InvalidOverrides> {
        let mut overrides = Self::default();
        let fragment = url.split_once('#').map_or("", |(_, fragment)| fragment);
        for part in fragment.split('&').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key {
                "ct" => overrides.connect_timeout = milliseconds("ct", value, 10_000)?,
                "rt" => overrides.read_timeout = milliseconds("rt", value, 15_000)?,
                "tt" => overrides.total_timeout = milliseconds("tt", value, 15_000)?,
                "rc" => overrides.retries = number("rc", value, 0, 5)?.try_into().unwrap_or(0),
                "rp" => overrides.retry_on = retry_on(value)?,
                // The egress location and the name in the TLS handshake have no meaning on loopback.
                "e" | "sni" => {}
                unknown => return Err(InvalidOverrides::UnknownKey(unknown.to_owned())),
            }
        }
        Ok(overrides)
    }
}

fn number(key: &'static str, value: &str, least: u64, most: u64) -> Result<u64, InvalidOverrides> {
    let parsed = value
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number));
    parsed.ok_or_else(|| InvalidOverrides::OutOfRange {
        key,
        least,
        most,
        value: value.to_owned(),
    })
}

fn milliseconds(key: &'static str, value: &str, most: u64) -> Result<Duration, InvalidOverrides> {
    number(key, value, 100, most).map(Duration::from_millis)
}

fn retry_on(value: &str) -> Result<RetryOn, InvalidOverrides> {
    let mut retry_on = RetryOn::default();
    for policy in value.split(',') {
        match policy {
            "ct" => retry_on.connection = true,
            "rt" => retry_on.read_timeout = true,
            "4xx" => retry_on.client_error = true,
            "5xx" => retry_on.server_error = true,
            "all" => {
                retry_on = RetryOn {
                    connection: true,
                    read_timeout: true,
                    client_error: true,
                    server_error: true,
                };
            }
            unknown => return Err(InvalidOverrides::UnknownPolicy(unknown.to_owned())),
        }
    }
    Ok(retry_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_fragment_only_a_failed_connection_is_retried_once() {
        let overrides = ConnectionOverrides::of("http://host/sms?account=AC1").unwrap();
        assert_eq!(overrides, ConnectionOverrides::default());
        assert_eq!(overrides.retries, 1);
        assert_eq!(
            overrides.retry_on,
            RetryOn {
                connection: true,
                ..RetryOn::default()
            }
        );
        assert_eq!(overrides.total_timeout, Duration::from_secs(15));
    }

    #[test]
    fn a_fragment_overrides_what_it_names() {
        let overrides =
            ConnectionOverrides::of("https://host/#rc=3&rp=5xx,ct,rt&ct=2000&tt=9000&e=dublin")
                .unwrap();
        assert_eq!(overrides.retries, 3);
        assert!(
            overrides.retry_on.server_error
                && overrides.retry_on.connection
                && overrides.retry_on.read_timeout
        );
        assert!(!overrides.retry_on.client_error);
        assert_eq!(overrides.connect_timeout, Duration::from_secs(2));
        assert_eq!(overrides.read_timeout, Duration::from_secs(15));
        assert_eq!(overrides.total_timeout, Duration::from_secs(9));
    }

    #[test]
    fn what_twilio_would_not_take_is_refused_by_name() {
        let refusal = |fragment: &str| {
            ConnectionOverrides::of(&format!("http://h/#{fragment}"))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(refusal("rc=6"), "rc takes a number from 0 to 5, not `6`");
        assert_eq!(
            refusal("ct=99"),
            "ct takes a number from 100 to 10000, not `99`"
        );
        assert_eq!(
            refusal("rp=3xx"),
            "rp takes a list of 4xx, 5xx, ct, rt and all, not `3xx`"
        );
        assert!(refusal("section-2").starts_with("`section-2` is not a connection override"));
    }
}
