//! The forms that a field can have, and the faults found so far.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::Value;

use crate::fault::FieldFault;
use crate::secret::Secret;

/// No answer names more: a document of a million faults is answered with a short list.
const MOST_FAULTS: usize = 100;

/// No longer part of a name that somebody made up is repeated, in characters.
const LONGEST_NAME: usize = 64;

/// The faults of one document.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<FieldFault>);

impl Faults {
    /// Adds a fault of the field at `path`.
    pub(crate) fn add(&mut self, path: &str, fault: impl Into<String>) {
        if self.0.len() < MOST_FAULTS {
            let path: String = path.chars().take(LONGEST_NAME).collect();
            self.0.push(FieldFault::new(path, fault));
        }
    }

    /// Whether the field at `path`, or something inside it, has a fault.
    pub(super) fn concern(&self, path: &str) -> bool {
        self.0.iter().any(|fault| {
            let rest = fault.field.strip_prefix(path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        })
    }

    pub(crate) fn into_list(self) -> Vec<FieldFault> {
        self.0
    }
}

/// `true` or `false`.
pub(crate) fn boolean(value: &Value, path: &str, faults: &mut Faults) -> Option<bool> {
    let read = value.as_bool();
    if read.is_none() {
        faults.add(path, "expected true or false");
    }
    read
}

fn any_text<'d>(value: &'d Value, path: &str, faults: &mut Faults) -> Option<&'d str> {
    let text = value.as_str();
    if text.is_none() {
        faults.add(path, "expected a text");
    }
    text
}

/// A text of at most so many characters. Line breaks and tabs are taken, no other control characters: neither speech nor a
/// message can hold them.
pub(crate) fn text(most: usize) -> impl Fn(&Value, &str, &mut Faults) -> Option<String> {
    move |value, path, faults| {
        let text = any_text(value, path, faults)?;
        let is_refused =
            |character: char| character.is_control() && !matches!(character, '\n' | '\r' | '\t');
        if text.chars().count() > most {
            faults.add(path, format!("expected at most {most} characters"));
        } else if text.chars().any(is_refused) {
            faults.add(path, "expected a text without control characters");
        } else {
            return Some(text.to_owned());
        }
        None
    }
}

/// A text of a type's own form.
pub(crate) fn parsed<T: FromStr<Err: fmt::Display>>(
    value: &Value,
    path: &str,
    faults: &mut Faults,
) -> Option<T> {
    match any_text(value, path, faults)?.parse() {
        Ok(value) => Some(value),
        Err(form) => {
            faults.add(path, form.to_string());
            None
        }
    }
}

/// One of a few names, each with what it stands for.
pub(crate) fn one_of<T: Copy>(
    names: &[(&str, T)],
) -> impl Fn(&Value, &str, &mut Faults) -> Option<T> {
    move |value, path, faults| {
        let text = value.as_str();
        let named = names.iter().find(|(name, _)| Some(*name) == text);
        if named.is_none() {
            let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
            faults.add(path, format!("expected one of {}", names.join(", ")));
        }
        named.map(|(_, meaning)| *meaning)
    }
}

/// A secret in which `fault` finds nothing.
pub(crate) fn secret(
    fault: impl Fn(&str) -> Option<String>,
) -> impl Fn(&Value, &str, &mut Faults) -> Option<Secret> {
    move |value, path, faults| {
        let text = any_text(value, path, faults)?;
        match fault(text) {
            Some(fault) => {
                faults.add(path, fault);
                None
            }
            None => Some(Secret::from(text)),
        }
    }
}

/// What is wrong with a secret that should be visible ASCII of a length: empty, cut off, with a space or a line break copied
/// along. Nothing is trimmed, so that what is stored is what was entered.
pub(crate) fn visible_secret(text: &str, length: RangeInclusive<usize>) -> Option<String> {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    let (least, most) = (length.start(), length.end());
    (!is_visible || !length.contains(&text.len()))
        .then(|| format!("expected {least} to {most} visible characters without spaces"))
}

/// A list of at most so many items of a form.
pub(crate) fn each_of<T>(
    most: usize,
    form: impl Fn(&Value, &str, &mut Faults) -> Option<T>,
) -> impl Fn(&Value, &str, &mut Faults) -> Option<Vec<T>> {
    move |value, path, faults| {
        let Some(items) = value.as_array().filter(|items| items.len() <= most) else {
            faults.add(path, format!("expected a list of at most {most}"));
            return None;
        };
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(number, item)| form(item, &format!("{path}[{number}]"), faults))
            .collect();
        read.into_iter().collect()
    }
}
