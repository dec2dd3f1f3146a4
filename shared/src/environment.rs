//! Configuration: read once from the process environment, every fault named at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// The variables that a function was started with, and the faults found in them so far.
#[derive(Default)]
pub struct Environment {
    variables: HashMap<String, String>,
    faults: RefCell<Vec<String>>,
}

/// Every fault of the configuration, one sentence each. Values are not repeated: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationError {
    faults: Vec<String>,
}

impl ConfigurationError {
    /// The faults, in the order they were found.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "configuration: {}", self.faults.join("; "))
    }
}

impl std::error::Error for ConfigurationError {}

impl Environment {
    /// The process's own variables. A variable that is not UTF-8 counts as not set.
    #[must_use]
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self {
            variables,
            faults: RefCell::default(),
        }
    }

    /// Given variables, for tests and tools.
    #[must_use]
    pub fn of<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            variables,
            faults: RefCell::default(),
        }
    }

    /// A variable that may be left out. An empty one counts as not set, since a template cannot leave one out.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A variable that must be set. Its absence is a fault, and gives `None`.
    #[must_use]
    pub fn required(&self, name: &str) -> Option<&str> {
        let value = self.optional(name);
        if value.is_none() {
            self.fault(format!("{name} is not set"));
        }
        value
    }

    /// A variable with a form, or `default` when it is not set. A malformed one is a fault: `{name} must be {form}`.
    #[must_use]
    pub fn parsed<T: FromStr>(&self, name: &str, form: &str, default: T) -> Option<T> {
        let Some(value) = self.optional(name) else {
            return Some(default);
        };
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.fault(format!("{name} must be {form}"));
        }
        parsed
    }

    /// Adds a fault that only the reader of a variable can see.
    pub fn fault(&self, sentence: String) {
        self.faults.borrow_mut().push(sentence);
    }

    /// The configuration, if everything it was built from is there.
    ///
    /// # Errors
    /// Every fault found since the environment was read.
    pub fn finish<T>(&self, configuration: Option<T>) -> Result<T, ConfigurationError> {
        let faults = self.faults.take();
        match configuration {
            Some(configuration) if faults.is_empty() => Ok(configuration),
            _ => Err(ConfigurationError { faults }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_named_at_once() {
        let environment = Environment::of([("DAYS", "many"), ("EMPTY", "")]);
        let days = environment.parsed("DAYS", "a number of days", 0_u32);
        let (table, empty) = (environment.required("TABLE"), environment.required("EMPTY"));
        let error = environment.finish(days.zip(table).zip(empty)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "configuration: DAYS must be a number of days; TABLE is not set; EMPTY is not set"
        );
    }

    #[test]
    fn a_default_stands_for_what_is_not_set() {
        let environment = Environment::of([("UNRELATED", "x")]);
        let days = environment.parsed("DAYS", "a number of days", 7_u32);
        assert_eq!(environment.finish(days), Ok(7));
    }
}
