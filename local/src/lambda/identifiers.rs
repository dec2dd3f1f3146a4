use std::hash::{BuildHasher, Hasher, RandomState};

use jiff::Timestamp;

/// 64 bits that differ each time. The standard library's hash keys are random; identifiers are no secrets.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A fresh request id: a version 4 UUID.
pub(crate) fn request_id() -> String {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0x3 << 62;
    let random = (u128::from(random()) << 64) | u128::from(random());
    let bits = (random & !VERSION & !VARIANT) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |range| hex.get(range).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32)
    )
}

/// A fresh trace id, not sampled. <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html>
pub(crate) fn trace_id(now: Timestamp) -> String {
    let random = format!("{:016x}{:016x}", random(), random());
    format!(
        "Root=1-{:08x}-{};Sampled=0",
        now.as_second(),
        random.get(..24).unwrap_or_default()
    )
}

/// A log stream's name: the day, the version and 32 hexadecimal digits.
pub(super) fn log_stream(now: Timestamp) -> String {
    format!(
        "{}/[$LATEST]{:016x}{:016x}",
        now.strftime("%Y/%m/%d"),
        random(),
        random()
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn request_ids_are_distinct_version_4_uuids() {
        let ids: HashSet<_> = (0..1_000).map(|_| request_id()).collect();
        assert_eq!(ids.len(), 1_000);
        for id in ids {
            let lengths: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12]);
            assert_eq!(id.as_bytes()[14], b'4');
            assert!(
                matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'),
                "{id}"
            );
        }
    }

    #[test]
    fn a_trace_id_starts_with_the_time() {
        let id = trace_id(Timestamp::from_second(0x5759_e988).unwrap());
        assert!(id.starts_with("Root=1-5759e988-"), "{id}");
        assert_eq!(
            id.len(),
            "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0".len()
        );
    }
}
