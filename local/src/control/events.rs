//! The events of a running stack's buses, for `cargo run -- events`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Desk, fault, json_response};
use crate::emulators::EventMark;

/// Where the events are: `?since=` the number of the first that is wanted, `&wait=` seconds for one to come.
pub const EVENTS_PATH: &str = "/events";

/// The longest time in seconds that an answer may take.
const LONGEST_WAIT: u64 = 60;

/// Events of all buses, the newest last.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct EventsPage {
    /// The events, as far as they are kept.
    pub events: Vec<PagedEvent>,
    /// The number that the next event will have.
    pub next: u64,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PagedEvent {
    /// The bus.
    pub bus: String,
    /// The event as a target of the bus gets it.
    pub event: Value,
}

/// What the query asks for; what it does not name is 0.
struct Query {
    since: u64,
    wait: u64,
}

impl Query {
    fn read(query: &str) -> Option<Self> {
        let mut read = Self { since: 0, wait: 0 };
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=')?;
            let number = value.parse().ok()?;
            match name {
                "since" => read.since = number,
                "wait" => read.wait = number.min(LONGEST_WAIT),
                _ => return None,
            }
        }
        Some(read)
    }
}

/// Answers with the events.
pub(super) async fn show(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if let Some(refusal) = desk.refusal(&parts) {
        return refusal;
    }
    let Some(query) = Query::read(parts.uri.query().unwrap_or_default()) else {
        let message = "The query takes the numbers since and wait.";
        return fault(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            message,
        );
    };
    let since = EventMark(query.since);
    // Whoever asks for what lies ahead has seen another stack's events.
    if query.wait > 0 && since <= desk.events.mark() {
        let events = desk.events.wait_until(since, |events| !events.is_empty());
        // None came: that is the answer, too.
        let _ = tokio::time::timeout(Duration::from_secs(query.wait), events).await;
    }
    let events = desk.events.since(since);
    let next = events.last().map(|event| event.number.saturating_add(1));
    let page = EventsPage {
        next: next.unwrap_or_else(|| desk.events.mark().0.min(query.since)),
        events: events
            .into_iter()
            .map(|event| PagedEvent {
                event: event.document(),
                bus: event.bus,
            })
            .collect(),
    };
    match serde_json::to_vec(&page) {
        Ok(body) => json_response(StatusCode::OK, Bytes::from(body)),
        Err(error) => fault(
            StatusCode::INTERNAL_SERVER_ERROR,
            "ServiceException",
            &error.to_string(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_numbers_and_nothing_else() {
        let read = |query: &str| Query::read(query).map(|query| (query.since, query.wait));
        assert_eq!(read(""), Some((0, 0)));
        assert_eq!(read("wait=20&since=7"), Some((7, 20)));
        assert_eq!(read("wait=100000"), Some((0, LONGEST_WAIT)));
        for refused in ["since", "since=-1", "since=x", "until=1"] {
            assert_eq!(read(refused), None, "{refused}");
        }
    }
}
