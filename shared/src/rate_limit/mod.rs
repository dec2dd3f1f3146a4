//! How often a tenant's users may ask, counted across all processes.
//!
//! Fixed windows of one minute. Every request that is let through is one conditional write of one item
//! ([`Limits`]), which counts it for its user and its tenant together; a refusal is remembered until its
//! window ends and costs nothing more (`docs/decisions/0006-rate-limits.md`).

mod answer;
mod notices;
mod rates;
mod refusals;

use aws_sdk_dynamodb::Client;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use self::answer::{Policy, Refusal, Taken};
use self::answer::{Standing, Window};
pub use self::notices::ChangeNotices;
pub use self::rates::Rates;
use self::refusals::Refusals;
use crate::clock::Clock;
use crate::environment::Environment;
use crate::store::{Limits, StoreError, Take};
use crate::tenant::TenantScope;

/// The length of a window, in seconds.
const WINDOW_SECONDS: i64 = 60;

/// Routes whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Taking access tokens.
    Token,
    /// Managing credentials and settings.
    Credentials,
    /// Fetching recordings and what is attached to messages.
    Media,
}

impl Class {
    /// The name in keys. It is stored: it never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Credentials => "credentials",
            Self::Media => "media",
        }
    }
}

/// Lets requests through, as many a minute as the [`Rates`] say. Of several in one process, each remembers its own refusals.
pub struct RateLimiter {
    limits: Limits,
    rates: Rates,
    clock: Clock,
    refusals: Refusals,
}

impl RateLimiter {
    /// Counts in these items, by this clock. Windows begin with the clock's minutes.
    #[must_use]
    pub fn new(limits: Limits, rates: Rates, clock: Clock) -> Self {
        Self {
            limits,
            rates,
            clock,
            refusals: Refusals::default(),
        }
    }

    /// Reads the [`Rates`], and counts in the Tenants table of this name.
    #[must_use]
    pub fn from_environment(
        environment: &Environment,
        client: Client,
        tenants_table: String,
        clock: Clock,
    ) -> Option<Self> {
        let rates = Rates::from_environment(environment)?;
        Some(Self::new(Limits::new(client, tenants_table), rates, clock))
    }

    /// Lets one request of a user through, if both its limit and its tenant's allow one more in this minute. `subject` is the
    /// verified one of the user's token. One write, or nothing at all when this process knows of the refusal already.
    ///
    /// Fails closed: with the store unavailable nothing is let through. Tokens and credentials are what the limits guard most,
    /// a change of credentials could not be noticed either, and nearly every such request needs the store anyway.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict, when nothing could be counted. A refusal is none: [`Taken::refusal`].
    pub async fn take(
        &self,
        scope: &TenantScope,
        class: Class,
        subject: &str,
    ) -> Result<Taken, StoreError> {
        let window = Window::at(self.clock.now());
        let (tenant, user) = (scope.tenant_id(), abbreviated(subject));
        if let Some(known) = self.refusals.find(tenant, class, &user, window.minute) {
            return Ok(known.at(window));
        }
        let rates = self.rates.of(class);
        let take = Take {
            class: class.as_str(),
            minute: window.minute,
            user: &user,
            user_limit: rates.user,
            tenant_limit: rates.tenant,
        };
        let counted = self.limits.take(scope, take).await?;
        let standing = Standing::of(rates, &counted, window);
        let refused_by = match counted.is_within {
            true => None,
            // The user's own first: it says more, and holds for nobody else.
            false if standing.user_remaining == Some(0) => Some(Policy::User),
            false => Some(Policy::Tenant),
        };
        let taken = Taken {
            standing,
            refused_by,
            changed_at: counted.changed_at.filter(|_| counted.is_within),
        };
        self.refusals
            .remember(tenant, class, user, window.minute, taken);
        Ok(taken)
    }
}

/// A user as counters name it: 96 bits of the SHA-256 of its subject, so that an attribute is short whatever the subject, and
/// nobody is counted for another.
fn abbreviated(subject: &str) -> String {
    let digest = Sha256::digest(subject);
    URL_SAFE_NO_PAD.encode(digest.first_chunk::<12>().unwrap_or(&[0; 12]))
}

impl Window {
    /// The window that a time lies in.
    fn at(time: Timestamp) -> Self {
        let second = time.as_second();
        let left = WINDOW_SECONDS - second.rem_euclid(WINDOW_SECONDS);
        Self {
            minute: second.div_euclid(WINDOW_SECONDS),
            seconds_left: u32::try_from(left).unwrap_or(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_minute_of_the_clock() {
        for (second, minute, left) in [(0, 0, 60), (1, 0, 59), (59, 0, 1), (60, 1, 60), (-1, -1, 1)]
        {
            let window = Window::at(Timestamp::from_second(second).unwrap());
            assert_eq!(
                (window.minute, window.seconds_left),
                (minute, left),
                "{second}"
            );
        }
    }

    #[test]
    fn a_user_is_abbreviated_to_sixteen_characters() {
        // The first 16 of base64url(SHA-256("alice")), computed apart.
        assert_eq!(abbreviated("alice"), "K9gGyX8OAK8aH8My");
        assert_eq!(abbreviated(&"x".repeat(10_000)).len(), 16);
        assert_ne!(abbreviated("alice"), abbreviated("Alice"));
    }
}
