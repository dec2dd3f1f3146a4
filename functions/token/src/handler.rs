//! The route of this function.

use std::sync::Arc;

use shared::api::{Call, Problem, json};
use shared::http::{Reply, StatusCode};
use shared::tokens::{TokenRequest, Tokens};

pub(crate) async fn handle(tokens: Arc<Tokens>, call: Call) -> Result<Reply, Problem> {
    let request = TokenRequest::from_input(&call.optional_document()?)?;
    let token = tokens.issue(&call.bearer()?, &request).await?;
    Ok(json(StatusCode::OK, &token))
}
