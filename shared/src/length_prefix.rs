//! Lists of texts as bytes that no other list has.

/// Feeds each part behind its length in bytes, eight bytes big-endian, so that no two lists run together.
pub(crate) fn length_prefixed<P: AsRef<[u8]>>(
    parts: impl IntoIterator<Item = P>,
    mut feed: impl FnMut(&[u8]),
) {
    for part in parts {
        let part = part.as_ref();
        // A slice is never longer than an u64 counts.
        feed(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        feed(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(parts: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        length_prefixed(parts, |fed| bytes.extend(fed));
        bytes
    }

    #[test]
    fn a_part_is_behind_its_length() {
        let expected = [&[0, 0, 0, 0, 0, 0, 0, 2][..], b"ab"].concat();
        assert_eq!(bytes(&["ab"]), expected);
    }

    #[test]
    fn lists_of_the_same_text_that_is_parted_elsewhere_differ() {
        let lists = [
            &["ab", "c"][..],
            &["a", "bc"],
            &["abc"],
            &["abc", ""],
            &["", "abc"],
        ];
        for (place, list) in lists.iter().enumerate() {
            for other in &lists[place + 1..] {
                assert_ne!(bytes(list), bytes(other));
            }
        }
    }
}
