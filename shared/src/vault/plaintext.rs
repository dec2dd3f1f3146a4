//! What can be sealed, and the JSON that it is sealed as.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::Purpose;

/// A value that the vault seals whole: a provider's typed configuration.
///
/// Provider and purpose are the type's, so that a message can be opened only as the type that it
/// was sealed from.
pub trait Sealable: Sized {
    /// The name of the provider whose configuration this is, by [`Provider::as_str`](crate::tenant::Provider::as_str).
    const PROVIDER: &'static str;
    /// What the configuration is for.
    const PURPOSE: Purpose;

    /// The bytes to seal, naming their format version.
    ///
    /// # Errors
    /// When the value cannot be written, which no value that was read can cause.
    fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, InvalidPlaintext>;

    /// The value, read from the bytes that [`Sealable::plaintext`] made, of this or an older format
    /// version.
    ///
    /// # Errors
    /// When the bytes are of an unknown format version or do not hold a valid configuration.
    fn from_plaintext(plaintext: &[u8]) -> Result<Self, InvalidPlaintext>;
}

/// A plaintext that is not a configuration. It tells where, and repeats nothing of what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlaintext {
    /// It names another format version than those that are known.
    #[error("the plaintext is of format version {0}, which is unknown")]
    UnknownVersion(u32),
    /// It is no JSON, or not of the configuration's shape; counted from the part that was read,
    /// from 1.
    #[error("the plaintext is not valid at line {line}, column {column}")]
    Invalid {
        /// The line.
        line: usize,
        /// The column, in bytes.
        column: usize,
    },
}

impl From<serde_json::Error> for InvalidPlaintext {
    /// Keeps the place alone: the error's own text quotes what it stumbled over.
    fn from(error: serde_json::Error) -> Self {
        Self::Invalid {
            line: error.line(),
            column: error.column(),
        }
    }
}

#[derive(Serialize)]
struct Written<'a, T> {
    version: u32,
    configuration: &'a T,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read<'a> {
    version: u32,
    #[serde(borrow)]
    configuration: &'a RawValue,
}

/// Writes a configuration behind its format version, as JSON in a buffer that is allocated once.
pub(crate) fn write<T: Serialize>(
    version: u32,
    configuration: &T,
) -> Result<Zeroizing<Vec<u8>>, InvalidPlaintext> {
    let written = Written {
        version,
        configuration,
    };
    let mut length = Length(0);
    serde_json::to_writer(&mut length, &written)?;
    // A buffer that grew would leave copies of secrets behind, and the same value is always written
    // alike.
    let mut plaintext = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *plaintext, &written)?;
    Ok(plaintext)
}

/// Reads the format version and the configuration, still unread, which borrows from the plaintext.
pub(crate) fn read(plaintext: &[u8]) -> Result<(u32, &RawValue), InvalidPlaintext> {
    let read: Read<'_> = serde_json::from_slice(plaintext)?;
    Ok((read.version, read.configuration))
}

/// Counts what is written to it.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_stands_behind_its_version_in_a_buffer_of_its_length() {
        let plaintext = write(3, &["é\"\n"]).unwrap();
        assert_eq!(
            &**plaintext,
            r#"{"version":3,"configuration":["é\"\n"]}"#.as_bytes()
        );
        assert_eq!(plaintext.capacity(), plaintext.len());
        let (version, configuration) = read(&plaintext).unwrap();
        assert_eq!((version, configuration.get()), (3, r#"["é\"\n"]"#));
    }

    #[test]
    fn an_error_repeats_nothing_of_the_plaintext() {
        let refusal = read(br#"{"version":"5ecret-t0ken","configuration":{}}"#).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the plaintext is not valid at line 1, column 25"
        );
        assert!(!format!("{refusal:?}").contains("5ecret"));
    }
}
