//! The rotation of the Twilio auth token.

use serde::Serialize;
use shared::api::{Call, Problem, json};
use shared::clock::rfc3339;
use shared::http::{Reply, StatusCode};
use shared::integrations::{RotationAction, RotationRequest};
use shared::tenant::TenantScope;
use shared::twilio::{Rotation, RotationStage};

use crate::service::Credentials;

pub(crate) async fn rotate(
    credentials: &Credentials,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let request = RotationRequest {
        action: RotationAction::from_input(&call.optional_document()?)?,
        actor: call.actor(),
        deadline: call.deadline(),
    };
    let rotation = credentials.integrations.rotate(scope, request).await?;
    let status = match rotation.is_in_progress() {
        true => StatusCode::ACCEPTED,
        false => StatusCode::OK,
    };
    Ok(json(status, &state(&rotation)))
}

#[derive(Serialize)]
pub(crate) struct RotationState<'a> {
    stage: RotationStage,
    started_at: String,
    started_by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    promote_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_token_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
    next: &'static str,
}

pub(crate) fn state(rotation: &Rotation) -> RotationState<'_> {
    RotationState {
        stage: rotation.stage,
        started_at: rfc3339(rotation.started_at),
        started_by: &rotation.started_by,
        promote_after: rotation.promote_after.map(rfc3339),
        old_token_until: rotation.old_token_until.map(rfc3339),
        ended_at: rotation.ended_at.map(rfc3339),
        problem: rotation.problem.as_deref(),
        next: next(rotation.stage),
    }
}

/// What happens next, for people.
fn next(stage: RotationStage) -> &'static str {
    match stage {
        RotationStage::Creating => "A secondary token is made at Twilio.",
        RotationStage::Stored => {
            "The secondary token is promoted once promote_after is over, by itself or by the next request."
        }
        RotationStage::Promoting => "The secondary token becomes the primary one.",
        RotationStage::Promoted => {
            "The old token is forgotten once old_token_until is over, by itself or by the next request."
        }
        RotationStage::Done => "Nothing: the token is rotated.",
        RotationStage::RolledBack => "Nothing: the token is the one of before.",
        RotationStage::Superseded => {
            "Nothing: the tokens that were stored meanwhile count. Twilio may have a secondary token that nobody uses."
        }
    }
}
