//! Files, of which a piece at a time is read and no more than that is ever held.

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
};
use reqwest::{Response, StatusCode};

use super::CallError;

/// The most bytes of a file that one answer brings. In base64 they are 5.6 MB, and Lambda takes answers of 6 MB.
pub const PIECE_LIMIT: u64 = 4 * 1024 * 1024;

/// The most bytes that are read and thrown away before a range begins, where the other side sends the whole file instead.
pub const SKIP_LIMIT: u64 = 16 * 1024 * 1024;

/// What of a file is wanted: at most [`PIECE_LIMIT`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of it, if it is no larger than that.
    Whole,
    /// From a byte to another, both included, or to the end.
    Span {
        /// The first byte, counted from 0.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// So many bytes at its end.
    Last(u64),
}

impl Wanted {
    /// The span that begins at a byte and ends at `last`, or after as many bytes as one answer brings.
    #[must_use]
    pub fn span(first: u64, last: u64) -> Self {
        let most = first.saturating_add(PIECE_LIMIT - 1);
        Self::Span {
            first,
            last: last.min(most),
        }
    }

    /// The end of a file: at most as many bytes as one answer brings.
    #[must_use]
    pub fn last(count: u64) -> Self {
        Self::Last(count.min(PIECE_LIMIT))
    }

    /// The value of `Range` that asks for it.
    pub(super) fn range(self) -> Option<HeaderValue> {
        let range = match self {
            Self::Whole => return None,
            Self::Span { first, last } => format!("bytes={first}-{last}"),
            Self::Last(count) => format!("bytes=-{count}"),
        };
        HeaderValue::try_from(range).ok()
    }
}

/// A piece of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Media {
    /// The bytes, at most [`PIECE_LIMIT`].
    pub bytes: Vec<u8>,
    /// Where in the file they begin.
    pub first: u64,
    /// How long the file is, where that is known.
    pub total: Option<u64>,
    /// What the other side calls it. Whoever shows it to a browser judges that.
    pub content_type: Option<String>,
}

/// What people said is in no log.
impl std::fmt::Debug for Media {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Media")
            .field("first", &self.first)
            .field("length", &self.bytes.len())
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// Why a file that is there is not had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MediaFault {
    /// All of it is wanted, and that is more than one answer brings.
    #[error("the file is larger than one answer")]
    TooLarge {
        /// How long it is, where that is known.
        total: Option<u64>,
    },
    /// It has no byte of what is wanted.
    #[error("the file has no byte in the range")]
    Unsatisfiable {
        /// How long it is, where that is known.
        total: Option<u64>,
    },
    /// The other side sends the whole file, and what is wanted begins beyond [`SKIP_LIMIT`].
    #[error("the range is too far behind the beginning of a file that is sent whole")]
    OutOfReach,
    /// The answer is not one to what was asked.
    #[error("the answer is not the range that was asked for")]
    Unintelligible,
}

/// The statuses that a file is answered by.
pub(super) fn is_media(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE
    )
}

/// Where an answer says that something else is to be asked.
pub(super) fn location(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = headers.get(LOCATION).filter(|_| is_redirect)?;
    location.to_str().ok().map(str::to_owned)
}

/// What of an answer's body is the wanted piece.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// How many bytes come before it.
    skip: u64,
    /// How many bytes it has at most.
    most: u64,
    /// How many it must have, where the answer says so.
    exactly: Option<u64>,
    /// How long the file is, where the answer says so.
    total: Option<u64>,
    first: u64,
}

/// Reads the wanted piece of an answer of a status that [`is_media`], and gives the connection up where more would come.
pub(super) async fn read(
    mut response: Response,
    wanted: Wanted,
) -> Result<Result<Media, MediaFault>, CallError> {
    let length = response.content_length();
    let place = match place(response.status(), response.headers(), length, wanted) {
        Ok(place) => place,
        Err(fault) => return Ok(Err(fault)),
    };
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.map(str::to_owned);
    let (mut seen, mut bytes) = (0_u64, Vec::new());
    let mut has_more = false;
    while let Some(chunk) = response.chunk().await.map_err(CallError::of)? {
        let before = seen;
        seen = seen.saturating_add(count(chunk.len()));
        let skipped = index(place.skip.saturating_sub(before)).min(chunk.len());
        let rest = chunk.get(skipped..).unwrap_or_default();
        let room = index(place.most).saturating_sub(bytes.len());
        if rest.len() > room {
            bytes.extend_from_slice(rest.get(..room).unwrap_or_default());
            has_more = true;
            break;
        }
        bytes.extend_from_slice(rest);
    }
    let total = match has_more {
        true => place.total,
        // An answer of the whole file tells its length by its end; of a part it does not.
        false if place.exactly.is_none() => Some(seen),
        false => place.total,
    };
    if wanted == Wanted::Whole && has_more {
        return Ok(Err(MediaFault::TooLarge { total }));
    }
    if wanted != Wanted::Whole && bytes.is_empty() {
        return Ok(Err(MediaFault::Unsatisfiable { total }));
    }
    if place
        .exactly
        .is_some_and(|exactly| exactly != count(bytes.len()))
    {
        return Err(CallError::Interrupted {
            cause: "the body is not as long as the range that it should be".to_owned(),
        });
    }
    Ok(Ok(Media {
        bytes,
        first: place.first,
        total,
        content_type,
    }))
}

fn place(
    status: StatusCode,
    headers: &HeaderMap,
    length: Option<u64>,
    wanted: Wanted,
) -> Result<Place, MediaFault> {
    // Of a compressed file nobody can tell where a byte is; none is asked for.
    let encoding = headers.get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(MediaFault::Unintelligible);
    }
    let range = headers.get(CONTENT_RANGE);
    let range = range.and_then(|range| content_range(range.to_str().ok()?));
    match status {
        StatusCode::RANGE_NOT_SATISFIABLE => {
            let total = range.and_then(|range| range.total);
            Err(MediaFault::Unsatisfiable { total })
        }
        StatusCode::PARTIAL_CONTENT => of_part(range, wanted),
        _ => of_whole(length, wanted),
    }
}

/// The place in an answer that is a part of the file.
fn of_part(range: Option<ContentRange>, wanted: Wanted) -> Result<Place, MediaFault> {
    let range = range.ok_or(MediaFault::Unintelligible)?;
    let (first, last) = range.part.ok_or(MediaFault::Unintelligible)?;
    let length = (last - first).saturating_add(1);
    let is_wanted = match wanted {
        Wanted::Whole => false,
        Wanted::Span {
            first: wanted,
            last: most,
        } => first == wanted && last <= most,
        Wanted::Last(count) => length <= count,
    };
    match is_wanted {
        true => Ok(Place {
            skip: 0,
            most: length,
            exactly: Some(length),
            total: range.total,
            first,
        }),
        false => Err(MediaFault::Unintelligible),
    }
}

/// The place in an answer that is the whole file.
fn of_whole(length: Option<u64>, wanted: Wanted) -> Result<Place, MediaFault> {
    let nothing = Err(MediaFault::Unsatisfiable { total: length });
    let (first, most) = match (wanted, length) {
        (Wanted::Whole, Some(total)) if total > PIECE_LIMIT => {
            return Err(MediaFault::TooLarge { total: length });
        }
        (Wanted::Whole, _) => (0, PIECE_LIMIT),
        (Wanted::Span { first, .. }, Some(total)) if first >= total => return nothing,
        (Wanted::Span { first, last }, _) => (first, last.saturating_sub(first).saturating_add(1)),
        (Wanted::Last(0), _) | (Wanted::Last(_), Some(0)) => return nothing,
        (Wanted::Last(count), Some(total)) => (total.saturating_sub(count), count),
        // Where the end is shows only there.
        (Wanted::Last(_), None) => return Err(MediaFault::OutOfReach),
    };
    if first > SKIP_LIMIT {
        return Err(MediaFault::OutOfReach);
    }
    Ok(Place {
        skip: first,
        most,
        exactly: None,
        total: length,
        first,
    })
}

/// What `Content-Range` says.
#[derive(Debug, PartialEq, Eq)]
struct ContentRange {
    /// The first byte and the last, of an answer that brings some.
    part: Option<(u64, u64)>,
    total: Option<u64>,
}

fn content_range(value: &str) -> Option<ContentRange> {
    let (part, total) = value.strip_prefix("bytes ")?.trim().split_once('/')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    let part = match part {
        "*" => None,
        part => {
            let (first, last) = part.split_once('-')?;
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            let is_inside = first <= last && total.is_none_or(|total| last < total);
            Some((first, last)).filter(|_| is_inside).map(Some)?
        }
    };
    Some(ContentRange { part, total })
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn index(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
