//! The limits that a deployment sets.

use std::str::FromStr;

use super::Class;
use crate::environment::Environment;

/// How many files may be fetched for each token that may be taken: a conversation shows many at once, and a long recording comes in
/// parts.
const FILES_FOR_ONE: u32 = 5;

/// How many requests of one class are let through in a minute; of files more, see `Rates::of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// For one user of a tenant.
    pub user: u32,
    /// For all users of a tenant together.
    pub tenant: u32,
}

/// 1 to 100,000.
struct Rate(u32);

impl FromStr for Rate {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let rate = text.parse().map_err(|_| ())?;
        if (1..=100_000).contains(&rate) {
            Ok(Self(rate))
        } else {
            Err(())
        }
    }
}

impl Rates {
    /// How many requests of a class they mean.
    pub(super) fn of(self, class: Class) -> Self {
        let factor = match class {
            Class::Token | Class::Credentials => 1,
            Class::Media => FILES_FOR_ONE,
        };
        Self {
            user: self.user.saturating_mul(factor),
            tenant: self.tenant.saturating_mul(factor),
        }
    }

    /// Reads `USER_RATE_LIMIT` (60 when not set) and `TENANT_RATE_LIMIT` (600), each 1 to 100,000 a minute.
    #[must_use]
    pub fn from_environment(environment: &Environment) -> Option<Self> {
        let read = |name, default| {
            let form = "a whole number of requests a minute, 1 to 100000";
            environment.parsed(name, form, Rate(default))
        };
        let (user, tenant) = (read("USER_RATE_LIMIT", 60), read("TENANT_RATE_LIMIT", 600));
        Some(Self {
            user: user?.0,
            tenant: tenant?.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_defaults_and_can_be_set() {
        let environment = Environment::of([("TENANT_RATE_LIMIT", "100000")]);
        let rates = Rates::from_environment(&environment);
        let expected = Rates {
            user: 60,
            tenant: 100_000,
        };
        assert_eq!(environment.finish(rates), Ok(expected));
    }

    #[test]
    fn five_files_may_be_fetched_for_each_request_of_another_class() {
        let (user, tenant) = (60, 600);
        let rates = Rates { user, tenant };
        assert_eq!(rates.of(Class::Token), rates);
        assert_eq!(rates.of(Class::Credentials), rates);
        let (user, tenant) = (300, 3_000);
        assert_eq!(rates.of(Class::Media), Rates { user, tenant });
    }

    #[test]
    fn a_limit_that_is_none_is_a_fault() {
        for value in ["0", "-1", "100001", "60/m", "1.5", " 60"] {
            let environment =
                Environment::of([("USER_RATE_LIMIT", value), ("TENANT_RATE_LIMIT", "x")]);
            let error = environment
                .finish(Rates::from_environment(&environment))
                .unwrap_err();
            assert_eq!(error.faults().len(), 2, "{value}");
            assert!(
                error.to_string().contains("USER_RATE_LIMIT must be"),
                "{error}"
            );
        }
    }
}
