//! Conditions of statements.

use std::collections::BTreeSet;
use std::fmt;

use super::context::Subject;
use super::key::ConditionKey;
use super::pattern::{ArnPattern, Pattern};

/// How a value of a call is compared with those of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `StringEquals`, or `StringNotEquals` if negated.
    StringEquals {
        /// Whether it holds when the comparison does not.
        negated: bool,
    },
    /// `StringLike`, or `StringNotLike` if negated.
    StringLike {
        /// Whether it holds when the comparison does not.
        negated: bool,
    },
    /// `ArnEquals` and `ArnLike`, which AWS treats alike, or `ArnNotEquals` and `ArnNotLike`.
    ArnLike {
        /// Whether it holds when the comparison does not.
        negated: bool,
    },
    /// `Null`: whether the key is absent.
    Null,
}

/// What of the several values of a call must compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// All; also when there is none.
    All,
    /// One at least.
    Any,
}

/// A condition's operator as a policy writes it, such as `ForAllValues:StringLike`.
///
/// # Errors
/// One that is not understood, as a sentence.
pub fn read_operator(text: &str) -> Result<(Option<Quantifier>, Operator), String> {
    let (quantifier, name) = match text.split_once(':') {
        Some(("ForAllValues", name)) => (Some(Quantifier::All), name),
        Some(("ForAnyValue", name)) => (Some(Quantifier::Any), name),
        _ => (None, text),
    };
    let operator = match name {
        "StringEquals" => Operator::StringEquals { negated: false },
        "StringNotEquals" => Operator::StringEquals { negated: true },
        "StringLike" => Operator::StringLike { negated: false },
        "StringNotLike" => Operator::StringLike { negated: true },
        "ArnEquals" | "ArnLike" => Operator::ArnLike { negated: false },
        "ArnNotEquals" | "ArnNotLike" => Operator::ArnLike { negated: true },
        "Null" if quantifier.is_none() => Operator::Null,
        _ => {
            return Err(format!(
                "the local stack does not understand the condition operator `{text}`: use StringEquals, StringLike, ArnLike or Null, or teach it to local/src/iam"
            ));
        }
    };
    Ok((quantifier, operator))
}

/// One key of one operator. All conditions of a statement must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub(super) key: ConditionKey,
    quantifier: Quantifier,
    is_present_needed: bool,
    pub(super) test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Test {
    Text {
        negated: bool,
        patterns: Vec<Pattern>,
    },
    Arn {
        negated: bool,
        patterns: Vec<ArnPattern>,
    },
    Null {
        absent: bool,
    },
}

impl fmt::Display for Condition {
    /// What it is about: its key, and whether it asks for more than that there is one.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asks = match &self.test {
            Test::Null { .. } => "Null of",
            Test::Text { .. } | Test::Arn { .. } => "values of",
        };
        write!(formatter, "{asks} {}", self.key.name())
    }
}

impl Condition {
    /// Makes a condition of what a policy writes.
    ///
    /// # Errors
    /// A key that does not go with its operator, or a value that is not understood, as a sentence.
    pub fn new(
        (quantifier, operator): (Option<Quantifier>, Operator),
        key: ConditionKey,
        values: &[String],
    ) -> Result<Self, String> {
        let name = key.name();
        let patterns = |read: fn(&str) -> Result<Pattern, String>| {
            values
                .iter()
                .map(|value| read(value))
                .collect::<Result<Vec<_>, _>>()
        };
        let test = match operator {
            Operator::Null => match values {
                [value] if value == "true" => Test::Null { absent: true },
                [value] if value == "false" => Test::Null { absent: false },
                _ => return Err(format!("`Null` of `{name}` must be \"true\" or \"false\"")),
            },
            Operator::StringEquals { negated } => Test::Text {
                negated,
                patterns: patterns(Pattern::exact)?,
            },
            Operator::StringLike { negated } => Test::Text {
                negated,
                patterns: patterns(Pattern::like)?,
            },
            Operator::ArnLike { negated } => Test::Arn {
                negated,
                patterns: values
                    .iter()
                    .map(|value| ArnPattern::read(value))
                    .collect::<Result<_, _>>()?,
            },
        };
        if operator != Operator::Null {
            check_quantifier(quantifier, &key)?;
        }
        Ok(Self {
            key,
            // Of one value both say the same, but for one that is absent.
            quantifier: quantifier.unwrap_or(Quantifier::All),
            is_present_needed: quantifier.is_none(),
            test,
        })
    }

    /// Whether it holds for a call.
    pub(super) fn holds(&self, subject: &Subject<'_>) -> bool {
        let values = subject.values(&self.key);
        let negated = match &self.test {
            Test::Null { absent } => return values.is_none() == *absent,
            Test::Text { negated, .. } | Test::Arn { negated, .. } => *negated,
        };
        let Some(values) = values else {
            return match self.quantifier {
                // A comparison of nothing fails, so that its negation holds.
                Quantifier::All if self.is_present_needed => negated,
                Quantifier::All => true,
                Quantifier::Any => false,
            };
        };
        let compares = |value: &String| self.matching(value, subject).is_empty() == negated;
        match self.quantifier {
            Quantifier::All => values.iter().all(compares),
            Quantifier::Any => values.iter().any(compares),
        }
    }

    /// For each value of a call, which of the condition's own it matches. Two calls of which this is the same fare alike,
    /// whichever of the condition's values are taken away.
    pub(super) fn matched(&self, subject: &Subject<'_>) -> BTreeSet<Vec<usize>> {
        let values = subject.values(&self.key).unwrap_or_default();
        values
            .iter()
            .map(|value| self.matching(value, subject))
            .collect()
    }

    fn matching(&self, value: &str, subject: &Subject<'_>) -> Vec<usize> {
        let chosen = |matches: bool, index: usize| matches.then_some(index);
        match &self.test {
            Test::Null { .. } => Vec::new(),
            Test::Text { patterns, .. } => patterns
                .iter()
                .enumerate()
                .filter_map(|(index, pattern)| chosen(pattern.matches(value, subject), index))
                .collect(),
            Test::Arn { patterns, .. } => patterns
                .iter()
                .enumerate()
                .filter_map(|(index, pattern)| chosen(pattern.matches(value, subject), index))
                .collect(),
        }
    }

    /// The values that widen what it allows, as the policy writes them: none of a negated one.
    pub(super) fn widening(&self) -> Vec<&str> {
        match &self.test {
            Test::Text {
                negated: false,
                patterns,
            } => patterns.iter().map(Pattern::text).collect(),
            Test::Arn {
                negated: false,
                patterns,
            } => patterns.iter().map(ArnPattern::text).collect(),
            _ => Vec::new(),
        }
    }

    /// The same without one of its values.
    pub(super) fn without(&self, value: usize) -> Self {
        let mut less = self.clone();
        match &mut less.test {
            Test::Text { patterns, .. } if value < patterns.len() => drop(patterns.remove(value)),
            Test::Arn { patterns, .. } if value < patterns.len() => drop(patterns.remove(value)),
            _ => {}
        }
        less
    }
}

fn check_quantifier(quantifier: Option<Quantifier>, key: &ConditionKey) -> Result<(), String> {
    let name = key.name();
    match quantifier {
        None if key.is_multivalued() => Err(format!(
            "`{name}` may have several values: write ForAllValues or ForAnyValue before the operator"
        )),
        Some(_) if !key.is_multivalued() => Err(format!(
            "`{name}` has one value: ForAllValues, which holds when it is absent, and ForAnyValue are for keys with several"
        )),
        _ => Ok(()),
    }
}
