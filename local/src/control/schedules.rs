//! Schedules of a running stack that are fired by hand, for `cargo run -- verify`.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;

use super::{Desk, answer, fault};
use crate::schedules::FireError;

/// Fires the schedule of a function, and answers with what the function gives.
pub(super) async fn fire(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    if let Some(refusal) = desk.refusal(&parts) {
        return refusal;
    }
    match desk.schedules.fire(&name, None).await {
        Ok(payload) => answer(Ok(payload)),
        Err(FireError::Failed(error)) => answer(Err(error)),
        Err(error @ FireError::NoSchedule(_)) => fault(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &error.to_string(),
        ),
    }
}
