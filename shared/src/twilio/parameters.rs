//! Form bodies and query strings, as ordered pairs.

use std::borrow::Cow;

/// A body or query that is not `application/x-www-form-urlencoded`. Offsets count the bytes of the
/// encoded text from 0; neither names nor values are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParameters {
    /// A `%` without two hexadecimal digits after it.
    #[error("the escape at byte {at} is not % and two hexadecimal digits")]
    Escape {
        /// Where the `%` is.
        at: usize,
    },
    /// Bytes that are not UTF-8, written plainly or as escapes.
    #[error("the text at byte {at} is not UTF-8")]
    Encoding {
        /// Where the first bad byte, or its escape, begins.
        at: usize,
    },
    /// More pairs than [`Parameters::MAXIMUM_PAIRS`].
    #[error("more than {} parameters", Parameters::MAXIMUM_PAIRS)]
    TooMany,
}

/// The decoded parameters of a form body or a query string, in the order in which they came.
///
/// Names are opaque: `list[0]` and `MessagingBinding.Address` are plain names, and a name may be
/// repeated. Texts that hold no escape are borrowed from the input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters<'a> {
    pairs: Vec<Pair<'a>>,
}

/// A decoded name and its decoded value.
pub(super) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

impl<'a> Parameters<'a> {
    /// The most pairs that [`Parameters::parse`] takes; Twilio's largest webhooks have a few dozen.
    pub const MAXIMUM_PAIRS: usize = 1_000;

    /// Decodes a form body or a query string (without its `?`): escapes, and `+` as a space.
    ///
    /// Empty pairs (`a=1&&b=2`) are skipped, a pair without `=` has an empty value.
    ///
    /// # Errors
    ///
    /// [`InvalidParameters`] for a malformed escape, for what is not UTF-8 and for too many pairs.
    /// A lenient reading would only move the failure into the signature, where its cause is no
    /// longer visible.
    pub fn parse(encoded: &'a [u8]) -> Result<Self, InvalidParameters> {
        let mut pairs = Vec::new();
        let mut at = 0;
        for pair in encoded.split(|byte| *byte == b'&') {
            if !pair.is_empty() {
                if pairs.len() == Self::MAXIMUM_PAIRS {
                    return Err(InvalidParameters::TooMany);
                }
                let mut halves = pair.splitn(2, |byte| *byte == b'=');
                let name = halves.next().unwrap_or_default();
                let value = halves.next().unwrap_or_default();
                pairs.push((decode(name, at)?, decode(value, at + name.len() + 1)?));
            }
            at += pair.len() + 1;
        }
        Ok(Self { pairs })
    }

    /// The value of the first parameter of that name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.iter()
            .find_map(|(candidate, value)| (candidate == name).then_some(value))
    }

    /// Every pair of name and value, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// How many pairs there are; a repeated name counts each time.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there is no parameter at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The parameters as a form body, the way browsers and Twilio write one: `+` for a space,
    /// upper-case escapes for all but letters, digits and `*-._`. [`Parameters::parse`] gives the
    /// same pairs back.
    #[must_use]
    pub fn to_form(&self) -> String {
        let mut form = String::new();
        for (name, value) in self.iter() {
            if !form.is_empty() {
                form.push('&');
            }
            encode(name, &mut form);
            form.push('=');
            encode(value, &mut form);
        }
        form
    }

    /// The pairs as Twilio signs them: sorted by the bytes of the name, then of the value, equal
    /// pairs once.
    pub(super) fn in_signing_order(&self) -> Vec<&Pair<'a>> {
        let mut pairs: Vec<_> = self.pairs.iter().collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

impl<'a, N: Into<Cow<'a, str>>, V: Into<Cow<'a, str>>> FromIterator<(N, V)> for Parameters<'a> {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self {
            pairs: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}

/// Decodes one name or value, which begins at byte `at` of the whole text.
fn decode(encoded: &[u8], at: usize) -> Result<Cow<'_, str>, InvalidParameters> {
    if !encoded.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return match std::str::from_utf8(encoded) {
            Ok(text) => Ok(Cow::Borrowed(text)),
            Err(fault) => Err(InvalidParameters::Encoding {
                at: at + fault.valid_up_to(),
            }),
        };
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((first, tail)) = rest.split_first() {
        rest = match first {
            b'%' => {
                let (byte, after) = unescape(tail).ok_or(InvalidParameters::Escape {
                    at: at + encoded.len() - rest.len(),
                })?;
                decoded.push(byte);
                after
            }
            b'+' => {
                decoded.push(b' ');
                tail
            }
            plain => {
                decoded.push(*plain);
                tail
            }
        };
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|fault| InvalidParameters::Encoding {
            at: at + encoded_length(encoded, fault.utf8_error().valid_up_to()),
        })
}

/// Reads the two digits of an escape; gives its byte and what follows it.
fn unescape(digits: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], after) = digits.split_first_chunk()?;
    Some(((hexadecimal(*high)? << 4) | hexadecimal(*low)?, after))
}

fn hexadecimal(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// How many bytes of a well-formed text the first `decoded` bytes take before decoding.
fn encoded_length(encoded: &[u8], decoded: usize) -> usize {
    let mut length = 0;
    for _ in 0..decoded {
        length += if encoded.get(length) == Some(&b'%') {
            3
        } else {
            1
        };
    }
    length
}

fn encode(text: &str, form: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'*' | b'-' | b'.' | b'_' => {
                form.push(char::from(byte))
            }
            b' ' => form.push('+'),
            _ => {
                form.push('%');
                for digit in [byte >> 4, byte & 0xf] {
                    form.extend(
                        char::from_digit(u32::from(digit), 16)
                            .map(|digit| digit.to_ascii_uppercase()),
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn pairs(encoded: &str) -> Vec<(String, String)> {
        let parameters = Parameters::parse(encoded.as_bytes()).unwrap();
        parameters
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn escapes_of_either_case_and_plus_are_decoded() {
        assert_eq!(
            pairs("Body=a+b%20c%2Bd&From=%2b1500&%C5%BE=%f0%9f%90%8e"),
            [
                pair("Body", "a b c+d"),
                pair("From", "+1500"),
                pair("ž", "🐎")
            ]
        );
    }

    #[test]
    fn order_repeats_and_empty_values_are_kept() {
        assert_eq!(
            pairs("b=2&a=&b=1&c"),
            [pair("b", "2"), pair("a", ""), pair("b", "1"), pair("c", "")]
        );
    }

    #[test]
    fn names_are_opaque_and_only_the_first_equals_sign_divides() {
        assert_eq!(
            pairs("list[0]=a=b&x.y==&=v"),
            [pair("list[0]", "a=b"), pair("x.y", "="), pair("", "v")]
        );
    }

    #[test]
    fn empty_pairs_are_skipped() {
        assert_eq!(pairs(""), []);
        assert_eq!(pairs("&&a=1&&"), [pair("a", "1")]);
    }

    #[test]
    fn the_first_of_a_repeated_name_is_found() {
        let parameters = Parameters::parse(b"a=1&b=2&a=3").unwrap();
        assert_eq!(parameters.first("a"), Some("1"));
        assert_eq!(parameters.first("A"), None);
    }

    #[test]
    fn plain_text_is_borrowed() {
        let parameters = Parameters::parse(b"SmsStatus=received").unwrap();
        assert!(matches!(
            parameters.pairs.as_slice(),
            [(Cow::Borrowed(_), Cow::Borrowed(_))]
        ));
    }

    #[test]
    fn a_bad_escape_is_refused_with_its_place() {
        for (encoded, at) in [
            ("%", 0),
            ("a=%", 2),
            ("a=%4", 2),
            ("a=1&b%zz=", 5),
            ("a=%41%4g", 5),
            ("a=1&&b=+%%41", 8),
        ] {
            assert_eq!(
                Parameters::parse(encoded.as_bytes()),
                Err(InvalidParameters::Escape { at }),
                "{encoded}"
            );
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_refused_with_their_place() {
        let cases: [(&[u8], usize); 5] = [
            (b"a=\xff", 2),
            (b"a=%ff", 2),
            (b"a=x+%C3%BC%ff", 10),
            (b"ab\xc3=1", 2),
            (b"a=1&b=%ed%a0%80", 6),
        ];
        for (encoded, at) in cases {
            assert_eq!(
                Parameters::parse(encoded),
                Err(InvalidParameters::Encoding { at }),
                "{encoded:?}"
            );
        }
    }

    #[test]
    fn a_thousand_pairs_are_taken_and_one_more_is_not() {
        let encoded = vec!["a=1"; Parameters::MAXIMUM_PAIRS].join("&");
        assert_eq!(Parameters::parse(encoded.as_bytes()).unwrap().len(), 1_000);
        let refusal = Parameters::parse(format!("{encoded}&b").as_bytes()).unwrap_err();
        assert_eq!(refusal.to_string(), "more than 1000 parameters");
    }

    #[test]
    fn a_form_is_written_as_browsers_write_it() {
        let parameters: Parameters<'_> = [("Body", "1+1=2 & ž"), ("list[]", "*-._~")]
            .into_iter()
            .collect();
        assert_eq!(
            parameters.to_form(),
            "Body=1%2B1%3D2+%26+%C5%BE&list%5B%5D=*-._%7E"
        );
    }

    #[test]
    fn signing_order_sorts_by_bytes_and_drops_equal_pairs() {
        let parameters = Parameters::parse(b"b=1&A=x&a=9&a=48&a=9&%C3%BC=&ab=").unwrap();
        let ordered: Vec<_> = parameters
            .in_signing_order()
            .iter()
            .map(|(name, value)| format!("{name}{value}"))
            .collect();
        assert_eq!(ordered, ["Ax", "a48", "a9", "ab", "b1", "ü"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(encoded in vec(any::<u8>(), 0..200)) {
            match Parameters::parse(&encoded) {
                Err(InvalidParameters::Escape { at } | InvalidParameters::Encoding { at }) => {
                    prop_assert!(at < encoded.len());
                }
                Err(InvalidParameters::TooMany) => prop_assert!(false, "200 bytes are too many"),
                Ok(parameters) => prop_assert!(parameters.len() <= encoded.len()),
            }
        }

        #[test]
        fn what_is_written_reads_back_the_same(
            pairs in vec((any::<String>(), any::<String>()), 0..20),
        ) {
            let parameters: Parameters<'_> = pairs.into_iter().collect();
            let form = parameters.to_form();
            prop_assert!(form.is_ascii());
            prop_assert_eq!(Parameters::parse(form.as_bytes()).unwrap(), parameters);
        }
    }
}
