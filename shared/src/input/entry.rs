//! An object that somebody entered, read field by field.

use serde_json::{Map, Value};

use super::Faults;
use crate::fault::InvalidInput;

/// An object on its way in. A field that is `null` counts as left out, unless something is stored: then a field that is not
/// there keeps what is stored, and `null` removes it.
pub(crate) struct Entry<'d, 'f> {
    path: &'d str,
    members: Option<&'d Map<String, Value>>,
    faults: &'f mut Faults,
}

/// What was entered for a field.
enum Sent<'d> {
    Nothing,
    Null,
    Value(&'d Value),
}

impl Entry<'_, '_> {
    /// Reads a whole document, of which `subject` says what it is; it has no other fields than `fields`. `read` gives `None`
    /// only for a fault.
    ///
    /// # Errors
    /// All faults.
    pub(crate) fn document<T>(
        subject: &'static str,
        document: &Value,
        fields: &[&str],
        read: impl FnOnce(&mut Entry<'_, '_>) -> Option<T>,
    ) -> Result<T, InvalidInput> {
        let mut faults = Faults::default();
        let value = Entry::object(document, "", fields, &mut faults, read);
        let faults = faults.into_list();
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(InvalidInput { subject, faults }),
        }
    }
}

impl<'d, 'f> Entry<'d, 'f> {
    /// Reads an object inside of a document, at `path`.
    pub(crate) fn object<T>(
        value: &'d Value,
        path: &'d str,
        fields: &[&str],
        faults: &'f mut Faults,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let members = value.as_object();
        let mut entry = Self {
            path,
            members,
            faults,
        };
        if members.is_none() {
            let whole = if path.is_empty() { "(all)" } else { path };
            entry.faults.add(whole, "expected an object");
            // The fields of the document itself are still named, to say what would be expected.
            if !path.is_empty() {
                return None;
            }
        }
        for name in members.into_iter().flat_map(Map::keys) {
            if !fields.contains(&name.as_str()) {
                let known = fields.join(", ");
                entry.fault(
                    shown_name(name),
                    format!("there is no such field; there are {known}"),
                );
            }
        }
        read(&mut entry)
    }

    /// Adds a fault of a field of this object.
    pub(crate) fn fault(&mut self, field: &str, fault: impl Into<String>) {
        let path = self.path_of(field);
        self.faults.add(&path, fault);
    }

    /// Whether a fault of the field is known already.
    pub(crate) fn is_faulty(&self, field: &str) -> bool {
        self.faults.concern(&self.path_of(field))
    }

    /// Whether there is something about the field, if only `null`.
    pub(crate) fn names(&self, field: &str) -> bool {
        !matches!(self.sent(field), Sent::Nothing)
    }

    /// Whether there is a value for the field.
    pub(crate) fn has(&self, field: &str) -> bool {
        matches!(self.sent(field), Sent::Value(_))
    }

    /// Whether the field will have a value, given whether one is stored.
    pub(crate) fn will_have(&self, field: &str, is_stored: bool) -> bool {
        match self.sent(field) {
            Sent::Nothing => is_stored,
            Sent::Null => false,
            Sent::Value(_) => true,
        }
    }

    /// A field that there must be. `None` is a fault.
    pub(crate) fn required<T: Clone>(
        &mut self,
        field: &str,
        stored: Option<&T>,
        form: impl FnOnce(&Value, &str, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        match (self.sent(field), stored) {
            (Sent::Value(value), _) => form(value, &self.path_of(field), self.faults),
            (Sent::Nothing, Some(stored)) => Some(stored.clone()),
            (Sent::Null, Some(_)) => {
                self.fault(field, "it cannot be removed");
                None
            }
            (Sent::Nothing | Sent::Null, None) => {
                self.fault(field, "missing");
                None
            }
        }
    }

    /// A field that there need not be. `None` may be a fault, and may be nothing.
    pub(crate) fn optional<T: Clone>(
        &mut self,
        field: &str,
        stored: Option<&T>,
        form: impl FnOnce(&Value, &str, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        match self.sent(field) {
            Sent::Value(value) => form(value, &self.path_of(field), self.faults),
            Sent::Nothing => stored.cloned(),
            Sent::Null => None,
        }
    }

    /// A field that has a `default`, which `null` sets. The default stands for a faulty one too.
    pub(crate) fn or_default<T: Clone>(
        &mut self,
        field: &str,
        stored: &T,
        default: T,
        form: impl FnOnce(&Value, &str, &mut Faults) -> Option<T>,
    ) -> T {
        self.optional(field, Some(stored), form).unwrap_or(default)
    }

    fn sent(&self, field: &str) -> Sent<'d> {
        match self.members.and_then(|members| members.get(field)) {
            None => Sent::Nothing,
            Some(Value::Null) => Sent::Null,
            Some(value) => Sent::Value(value),
        }
    }

    fn path_of(&self, field: &str) -> String {
        if self.path.is_empty() {
            field.to_owned()
        } else {
            format!("{}.{field}", self.path)
        }
    }
}

/// Stands for the name of a field that there is not and that may be a secret in the wrong place.
const UNKNOWN: &str = "(unknown)";

/// The name of a field or parameter that there is not, if it may be repeated.
pub(crate) fn shown_name(name: &str) -> &str {
    if is_like_a_name(name) { name } else { UNKNOWN }
}

/// Whether a field that there is not may be named: as names are, and as no key or token is.
fn is_like_a_name(name: &str) -> bool {
    let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    (1..=40).contains(&name.len()) && name.bytes().all(is_of_names) && digits <= 2
}
