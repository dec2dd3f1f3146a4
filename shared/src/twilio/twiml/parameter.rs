//! Values that travel along with a call or stream.

use std::borrow::Cow;
use std::io;

use super::document::{Document, Element};

/// A name and value for the app or socket that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
}

impl<'a> Parameter<'a> {
    pub(super) fn new(name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

impl Element for Parameter<'_> {
    fn write(&self, document: &mut Document) -> io::Result<()> {
        document
            .tag("Parameter")
            .attribute("name", Some(&self.name))
            .attribute("value", Some(&self.value))
            .empty()
    }
}
