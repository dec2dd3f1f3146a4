//! The routes of this function.

use std::sync::Arc;

use shared::api::{Call, Operation, Problem};
use shared::http::Reply;

use crate::service::Credentials;
use crate::{diagnostics, integrations, rotation, settings};

pub(crate) async fn handle(credentials: Arc<Credentials>, call: Call) -> Result<Reply, Problem> {
    let (credentials, call) = (&*credentials, &call);
    if call.operation() == Operation::ReplaceIntegration {
        integrations::make_room_for_the_platforms_own(credentials, call).await?;
    }
    let scope = &credentials.admission.tenant(call).await?;
    match call.operation() {
        Operation::ListIntegrations => integrations::list(credentials, scope).await,
        Operation::ReadIntegration => integrations::read(credentials, scope, call).await,
        Operation::ReplaceIntegration => integrations::replace(credentials, scope, call).await,
        Operation::UpdateIntegration => integrations::update(credentials, scope, call).await,
        Operation::DeleteIntegration => integrations::delete(credentials, scope, call).await,
        Operation::VerifyIntegration => integrations::verify(credentials, scope, call).await,
        Operation::RotateAuthToken => rotation::rotate(credentials, scope, call).await,
        Operation::ReadSettings => settings::read(credentials, scope).await,
        Operation::UpdateSettings => settings::update(credentials, scope, call).await,
        Operation::CheckHealth => diagnostics::check_health(credentials, scope, call).await,
        Operation::ListAudit => diagnostics::list_audit(credentials, scope, call).await,
        _ => Err(Problem::not_here()),
    }
}
