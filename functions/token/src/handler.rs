//! The route of this function.

use std::sync::Arc;

use serde::Serialize;
use shared::api::{Call, Operation, Problem, json};
use shared::clock::rfc3339;
use shared::http::{Reply, StatusCode};
use shared::tokens::{TokenRequest, Tokens};

pub(crate) async fn handle(tokens: Arc<Tokens>, call: Call) -> Result<Reply, Problem> {
    match call.operation() {
        Operation::IssueToken => issue(&tokens, &call).await,
        _ => Err(Problem::not_here()),
    }
}

async fn issue(tokens: &Tokens, call: &Call) -> Result<Reply, Problem> {
    let request = TokenRequest::from_input(&call.optional_document()?)?;
    let issued = tokens.issue(call, &request).await?;
    let token = Token {
        token: issued.token.expose(),
        identity: issued.identity.as_str(),
        expires_at: rfc3339(issued.expires_at),
    };
    Ok(json(StatusCode::OK, &token))
}

#[derive(Serialize)]
struct Token<'a> {
    token: &'a str,
    identity: &'a str,
    expires_at: String,
}
