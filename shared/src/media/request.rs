//! What of a file a request asks for, and how it is answered.
//! Source: RFC 9110, 13.1.5 (`If-Range`), 14 (range requests).

use lambda_http::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, ETAG, X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderValue, StatusCode};

use super::kind::Kind;
use crate::api::Call;
use crate::http::Reply;
use crate::outbound::{Media, Wanted};

/// A request for a file or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRequest {
    /// The file's name, of which its entity tag is made.
    name: String,
    wanted: Wanted,
    /// How long the file has to be for the range to be meant.
    length: Option<u64>,
}

impl MediaRequest {
    /// Reads `Range` and `If-Range` of a call for the file of a name, which stands for what it holds but for its length.
    #[must_use]
    pub fn of(call: &Call, name: impl Into<String>) -> Self {
        Self::new(name, call.header("range"), call.header("if-range"))
    }

    pub(super) fn new(
        name: impl Into<String>,
        range: Option<&str>,
        if_range: Option<&str>,
    ) -> Self {
        let name = name.into();
        let wanted = range.and_then(wanted).unwrap_or(Wanted::Whole);
        let (wanted, length) = match if_range.map(|tag| length_of(tag, &name)) {
            None => (wanted, None),
            // A date, a weak tag or one of another file: the file that it means is not this one.
            Some(None) => (Wanted::Whole, None),
            Some(length) => (wanted, length),
        };
        Self {
            name,
            wanted,
            length,
        }
    }

    /// What to fetch.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Whether a range is meant of a file of this length.
    pub(super) fn holds_for(&self, length: Option<u64>) -> bool {
        self.length.is_none() || self.length == length
    }

    /// The answer: 206 for a part, 200 for the whole.
    #[must_use]
    pub fn answer(&self, media: Media) -> Reply {
        let kind = Kind::of(media.content_type.as_deref());
        let (first, total) = (media.first, media.total);
        let length = u64::try_from(media.bytes.len()).unwrap_or(u64::MAX);
        let is_meant = self.wanted != Wanted::Whole && self.holds_for(total);
        let status = match is_meant {
            true => StatusCode::PARTIAL_CONTENT,
            false => StatusCode::OK,
        };
        let disposition = format!("{}; filename=\"{}\"", kind.disposition, self.name);
        let mut reply = Reply::bytes(status, kind.media_type, media.bytes)
            .with(ACCEPT_RANGES, HeaderValue::from_static("bytes"))
            // Whoever may not ask any more, and whoever deleted it, is not shown it from a cache: without a time for which it
            // would be fresh, and without a date to guess one from, it is asked for again.
            .with(CACHE_CONTROL, HeaderValue::from_static("private"))
            .with(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
            .text(CONTENT_DISPOSITION, disposition);
        if is_meant {
            let last = first.saturating_add(length).saturating_sub(1);
            let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
            reply = reply.text(CONTENT_RANGE, format!("bytes {first}-{last}/{total}"));
        }
        match total {
            Some(total) => reply.text(ETAG, tag(&self.name, total)),
            None => reply,
        }
    }
}

/// The entity tag of a file. What a SID and a format name is never changed, only not yet complete; its length tells that apart.
fn tag(name: &str, length: u64) -> String {
    format!("\"{name}-{length}\"")
}

/// The length that a tag of the file names.
fn length_of(tag: &str, name: &str) -> Option<u64> {
    let named = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
    named.strip_prefix(name)?.strip_prefix('-')?.parse().ok()
}

/// What a `Range` asks for, cut to what one answer brings. What is malformed, in another unit than bytes or several ranges is
/// ignored, as RFC 9110 has it.
fn wanted(range: &str) -> Option<Wanted> {
    let (unit, range) = range.trim().split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = range.trim().split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    match (first.is_empty(), last.is_empty()) {
        (true, _) => Some(Wanted::last(number(last)?)),
        (false, true) => Some(Wanted::span(number(first)?, u64::MAX)),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| Wanted::span(first, last))
        }
    }
}

/// A number of bytes; one that is too large for any file stands for the largest.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}
