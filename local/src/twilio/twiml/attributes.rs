//! Reads an element's attributes against what Twilio's schema says about them.

use super::document::Warning;
use super::element::Element;
use super::verb::{Link, StatusCallback};
use crate::twilio::webhook::Method;

/// The attributes of one element, and where to note what is wrong with them.
pub(crate) struct Attributes<'a> {
    element: &'a Element,
    warnings: &'a mut Vec<Warning>,
}

impl<'a> Attributes<'a> {
    /// Notes every attribute that is not `known`.
    pub(crate) fn of(element: &'a Element, known: &[&str], warnings: &'a mut Vec<Warning>) -> Self {
        for (name, _) in &element.attributes {
            let is_declaration =
                name == "xmlns" || name.starts_with("xmlns:") || name.starts_with("xsi:");
            if !known.contains(&name.as_str()) && !is_declaration {
                warnings.push(Warning::schema(format!(
                    "<{}> has no attribute {name}",
                    element.name
                )));
            }
        }
        Self { element, warnings }
    }

    fn refuse(&mut self, name: &str, value: &str, expected: &str) {
        let element = &self.element.name;
        self.warnings.push(Warning::schema(format!(
            "{name} of <{element}> is {expected}, not `{value}`"
        )));
    }

    /// A text, if given and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.element
            .attribute(name)
            .filter(|value| !value.is_empty())
            .map(ToOwned::to_owned)
    }

    /// A whole number in a range; the default for anything else.
    pub(crate) fn number(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<u32>,
        default: u32,
    ) -> u32 {
        let Some(value) = self.element.attribute(name) else {
            return default;
        };
        match value.parse::<u32>() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let expected = format!("a number from {} to {}", range.start(), range.end());
                self.refuse(name, value, &expected);
                default
            }
        }
    }

    /// `true` or `false`; the default for anything else.
    pub(crate) fn flag(&mut self, name: &str, default: bool) -> bool {
        match self.element.attribute(name) {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(value) => {
                self.refuse(name, value, "true or false");
                default
            }
        }
    }

    /// One of a few words; the first of them when absent or anything else.
    pub(crate) fn choice(&mut self, name: &str, choices: &[&'static str]) -> &'static str {
        let default = choices.first().copied().unwrap_or_default();
        let Some(value) = self.element.attribute(name) else {
            return default;
        };
        match choices.iter().find(|choice| **choice == value) {
            Some(choice) => choice,
            None => {
                self.refuse(name, value, &format!("one of {}", choices.join(", ")));
                default
            }
        }
    }

    /// `POST` (the default) or `GET`.
    pub(crate) fn method(&mut self, name: &str) -> Method {
        match self.choice(name, &["POST", "GET"]) {
            "GET" => Method::Get,
            _ => Method::Post,
        }
    }

    /// A URL and the method that goes with it.
    pub(crate) fn link(&mut self, url: &str, method: &str) -> Option<Link> {
        let method = self.method(method);
        self.text(url).map(|url| Link { url, method })
    }

    /// The `name`, `nameMethod` and `nameEvent` of a status callback.
    pub(crate) fn status_callback(
        &mut self,
        name: &str,
        events: &[&str],
        default: &str,
    ) -> Option<StatusCallback> {
        let link = self.link(name, &format!("{name}Method"))?;
        let event_name = format!("{name}Event");
        let wanted = self.text(&event_name).unwrap_or_else(|| default.to_owned());
        let wanted: Vec<String> = wanted
            .split_ascii_whitespace()
            .map(ToOwned::to_owned)
            .collect();
        for event in wanted
            .iter()
            .filter(|event| !events.contains(&event.as_str()))
        {
            self.refuse(
                &event_name,
                event,
                &format!("a list of {}", events.join(", ")),
            );
        }
        Some(StatusCallback {
            link,
            events: wanted,
        })
    }
}
