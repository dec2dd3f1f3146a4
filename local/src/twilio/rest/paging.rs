//! Pages of lists. Only the first page can be asked for by its number: the others need the token of a neighbour.

use serde_json::{Map, Value, json};

use super::error::ApiError;
use crate::double::Request;

const DEFAULT_SIZE: usize = 50;
const LARGEST_SIZE: usize = 1_000;

/// An item with the SID by which a page's token names it.
pub(super) type Item = (String, Value);

/// One page of a list.
#[derive(Debug)]
pub(super) struct Page {
    items: Vec<Value>,
    number: usize,
    size: usize,
    this: String,
    first: String,
    next: Option<String>,
    previous: Option<String>,
}

/// Cuts the page that a request asks for out of all `items`. `filters` are the query's parameters that stay on every
/// page's URI.
pub(super) fn page(
    request: &Request,
    filters: &[&str],
    items: Vec<Item>,
) -> Result<Page, ApiError> {
    let number = request.query("Page").map_or(Ok(0), |text| {
        let refused = || ApiError::bad_request(20_001, "Page is not a number");
        text.parse::<usize>().map_err(|_| refused())
    })?;
    let size = size(request)?;
    let start = start(request, number, size, &items)?;
    let total = items.len();
    let end = start.saturating_add(size).min(total);
    let shown = items.get(start..end).unwrap_or_default();
    let uri = |number: usize, token: Option<String>| {
        let mut query = reqwest::Url::parse("http://query.invalid/").ok()?;
        {
            let mut pairs = query.query_pairs_mut();
            for name in filters {
                if let Some(value) = request.query(name) {
                    pairs.append_pair(name, value);
                }
            }
            pairs.append_pair("PageSize", &size.to_string());
            pairs.append_pair("Page", &number.to_string());
            if let Some(token) = token {
                pairs.append_pair("PageToken", &token);
            }
        }
        Some(format!("{}?{}", request.path, query.query()?))
    };
    let last = shown.last().filter(|_| end < total);
    let first = shown.first().filter(|_| start > 0);
    Ok(Page {
        number,
        size,
        this: uri(number, request.query("PageToken").map(str::to_owned)).unwrap_or_default(),
        first: uri(0, None).unwrap_or_default(),
        next: last.and_then(|(sid, _)| uri(number.saturating_add(1), Some(format!("PA{sid}")))),
        previous: first
            .and_then(|(sid, _)| uri(number.saturating_sub(1), Some(format!("PB{sid}")))),
        items: shown.iter().map(|(_, item)| item.clone()).collect(),
    })
}

fn size(request: &Request) -> Result<usize, ApiError> {
    let Some(text) = request.query("PageSize") else {
        return Ok(DEFAULT_SIZE);
    };
    match text.parse::<usize>() {
        Ok(size @ 1..=LARGEST_SIZE) => Ok(size),
        Ok(size) if size > LARGEST_SIZE => {
            Err(ApiError::bad_request(20_007, "Page size is too large"))
        }
        _ => Err(ApiError::bad_request(20_001, "PageSize is not valid")),
    }
}

/// Where the page begins: `PA` is after an item, `PB` before one.
fn start(request: &Request, number: usize, size: usize, items: &[Item]) -> Result<usize, ApiError> {
    let position = |sid: &str| {
        let found = items.iter().position(|(known, _)| known == sid);
        found.ok_or_else(|| ApiError::bad_request(20_001, "PageToken is not valid"))
    };
    match request.query("PageToken") {
        None if number == 0 => Ok(0),
        None => Err(ApiError::bad_request(
            20_001,
            "Page needs the PageToken of the page beside it",
        )),
        Some(token) => match token.split_at_checked(2) {
            Some(("PA", sid)) => Ok(position(sid)?.saturating_add(1)),
            Some(("PB", sid)) => Ok(position(sid)?.saturating_sub(size)),
            _ => Err(ApiError::bad_request(20_001, "PageToken is not valid")),
        },
    }
}

impl Page {
    /// The envelope of v2010, whose URIs have no host.
    pub(super) fn envelope(self, key: &str) -> Value {
        let start = self.number.saturating_mul(self.size);
        let mut document = Map::new();
        let end = start.saturating_add(self.items.len()).saturating_sub(1);
        for (name, value) in [
            ("page", json!(self.number)),
            ("page_size", json!(self.size)),
            ("start", json!(start)),
            ("end", json!(end.max(start))),
            ("uri", json!(self.this)),
            ("first_page_uri", json!(self.first)),
            ("next_page_uri", json!(self.next)),
            ("previous_page_uri", json!(self.previous)),
            (key, Value::Array(self.items)),
        ] {
            document.insert(name.to_owned(), value);
        }
        Value::Object(document)
    }

    /// The envelope of v1, whose URLs are absolute.
    pub(super) fn meta(self, base_url: &str, key: &str) -> Value {
        let absolute = |uri: &String| format!("{base_url}{uri}");
        let meta = json!({
            "key": key,
            "page": self.number,
            "page_size": self.size,
            "url": absolute(&self.this),
            "first_page_url": absolute(&self.first),
            "next_page_url": self.next.as_ref().map(absolute),
            "previous_page_url": self.previous.as_ref().map(absolute),
        });
        json!({"meta": meta, key: self.items})
    }
}
