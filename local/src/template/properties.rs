//! Takes the properties of one resource apart, and refuses what is left over.

use std::ops::RangeInclusive;

use super::expression::{Expression, Field, Kind};
use super::fault::{Faults, Position};
use super::parameters::listed;

/// The entries of one map, each to be taken once. [`Properties::finish`] refuses the others.
pub(super) struct Properties<'template> {
    /// What has these properties, for sentences: `AWS::SQS::Queue`.
    owner: String,
    at: Position,
    left: Vec<&'template Field>,
    pub(super) faults: &'template Faults,
}

impl<'template> Properties<'template> {
    /// The entries of `expression`, which stands at or is missing at `at`.
    pub(super) fn new(
        owner: impl Into<String>,
        expression: Option<&'template Expression>,
        at: Position,
        faults: &'template Faults,
    ) -> Self {
        let owner = owner.into();
        let left = match expression.map(|expression| (&expression.kind, expression.at)) {
            Some((Kind::Map(fields), _)) => fields.iter().collect(),
            None | Some((Kind::Faulty, _)) => Vec::new(),
            Some((_, at)) => {
                faults.add(at, format!("{owner} must be a map of names and values"));
                Vec::new()
            }
        };
        Self {
            owner,
            at,
            left,
            faults,
        }
    }

    /// The value of `name`, as it stands.
    pub(super) fn take(&mut self, name: &str) -> Option<&'template Expression> {
        let index = self.left.iter().position(|field| field.name == name)?;
        Some(&self.left.swap_remove(index).value)
    }

    /// Accepts properties that have no effect here.
    pub(super) fn accept(&mut self, names: &[&str]) {
        self.left
            .retain(|field| !names.contains(&field.name.as_str()));
    }

    /// The value of `name` as text that is known before anything runs.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let value = self.take(name)?;
        match &value.kind {
            Kind::Scalar { text, .. } => Some(text.clone()),
            Kind::Faulty => None,
            _ => {
                let message = format!(
                    "`{name}` of {} must be text that is known before anything runs: it may refer to parameters, not to resources",
                    self.owner
                );
                self.faults.add(value.at, message);
                None
            }
        }
    }

    /// Like [`Properties::text`]; a missing one is a fault.
    pub(super) fn required_text(&mut self, name: &str) -> Option<String> {
        self.require(name).then(|| self.text(name)).flatten()
    }

    /// Whether `name` is there; if not, that is a fault.
    pub(super) fn require(&mut self, name: &str) -> bool {
        let there = self.left.iter().any(|field| field.name == name);
        if !there {
            self.faults
                .add(self.at, format!("{} needs `{name}`: add it", self.owner));
        }
        there
    }

    /// The value of `name` if it is one of `allowed`.
    pub(super) fn one_of(&mut self, name: &str, allowed: &[&str]) -> Option<String> {
        let at = self.place(name);
        let text = self.text(name)?;
        if !allowed.contains(&text.as_str()) {
            let message = format!(
                "`{name}` of {} can only be {} in the local stack, not `{text}`",
                self.owner,
                listed(allowed)
            );
            self.faults.add(at, message);
            return None;
        }
        Some(text)
    }

    /// The value of `name` as a whole number within `range`.
    pub(super) fn number(&mut self, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let at = self.place(name);
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!(
                "`{name}` of {} must be a whole number from {} to {}, not `{text}`",
                self.owner,
                range.start(),
                range.end()
            );
            self.faults.add(at, message);
        }
        number
    }

    /// The value of `name` as a whole number within `range`; `None` if it is missing or -1, which stands for no limit.
    pub(super) fn limit(&mut self, name: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.left.iter().find(|field| field.name == name)?;
        if value.value.known_text() == Some("-1") {
            self.take(name);
            return None;
        }
        self.number(name, range)
    }

    /// The value of `name` as a boolean.
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        let at = self.place(name);
        let text = self.text(name)?;
        let boolean = text.to_ascii_lowercase().parse().ok();
        if boolean.is_none() {
            let message = format!(
                "`{name}` of {} must be true or false, not `{text}`",
                self.owner
            );
            self.faults.add(at, message);
        }
        boolean
    }

    /// The items of the list `name`; none if it is missing.
    pub(super) fn list(&mut self, name: &str) -> &'template [Expression] {
        let Some(value) = self.take(name) else {
            return &[];
        };
        match &value.kind {
            Kind::List(items) => items,
            Kind::Faulty => &[],
            _ => {
                let message = format!("`{name}` of {} must be a list", self.owner);
                self.faults.add(value.at, message);
                &[]
            }
        }
    }

    /// The fields of the map `name`, to be read in any order; none if it is missing.
    pub(super) fn fields(&mut self, name: &str) -> &'template [Field] {
        let Some(value) = self.take(name) else {
            return &[];
        };
        match &value.kind {
            Kind::Map(fields) => fields,
            Kind::Faulty => &[],
            _ => {
                let message = format!("`{name}` of {} must be a map", self.owner);
                self.faults.add(value.at, message);
                &[]
            }
        }
    }

    /// The map `name`, to be taken apart like this one.
    pub(super) fn map(&mut self, name: &str) -> Option<Properties<'template>> {
        let value = self.take(name)?;
        let owner = format!("`{name}` of {}", self.owner);
        Some(Properties::new(owner, Some(value), value.at, self.faults))
    }

    /// Where the value of `name` stands.
    pub(super) fn place(&self, name: &str) -> Position {
        self.left
            .iter()
            .find(|field| field.name == name)
            .map_or(self.at, |field| field.value.at)
    }

    /// Refuses whatever has not been taken.
    pub(super) fn finish(self) {
        for field in self.left {
            let message = format!(
                "the local stack does not understand `{}` of {}: remove it, or teach it to local/src/template",
                field.name, self.owner
            );
            self.faults.add(field.at, message);
        }
    }
}
