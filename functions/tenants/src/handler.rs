//! The routes of this function.

use std::sync::Arc;

use serde::Serialize;
use shared::api::{Call, Operation, Problem, json};
use shared::clock::rfc3339;
use shared::http::{Reply, StatusCode};
use shared::platform::CursorContext;
use shared::sid::AccountSid;
use shared::store::{ProfileChanges, StoredProfile};
use shared::tenant::{self, SubaccountStatus, TenantId, TenantScope};
use shared::tenants::{Deletion, TenantCreation, TenantError};

use crate::service::Tenants;

pub(crate) async fn handle(tenants: Arc<Tenants>, call: Call) -> Result<Reply, Problem> {
    match call.operation() {
        Operation::ListTenants => list(&tenants, &call).await,
        Operation::CreateTenant => create(&tenants, &call).await,
        Operation::ReadTenant => {
            let stored = tenants.administration.read(&scope(&call)?).await?;
            Ok(answer(StatusCode::OK, &stored))
        }
        Operation::UpdateTenant => update(&tenants, &call).await,
        Operation::DeleteTenant => delete(&tenants, &call).await,
        _ => Err(Problem::not_here()),
    }
}

async fn list(tenants: &Tenants, call: &Call) -> Result<Reply, Problem> {
    let context = CursorContext::of_platform("tenants", &[]);
    let page = tenants.paging.position(&context, &call.page()?).await?;
    let (stored, next) = tenants.administration.list(call.operator()?, &page).await?;
    let items = stored.iter().map(document).collect();
    tenants.paging.answer(&context, items, next).await
}

async fn create(tenants: &Tenants, call: &Call) -> Result<Reply, Problem> {
    let TenantCreation { tenant_id, profile } = TenantCreation::from_input(&call.document()?)?;
    let (operator, actor) = (call.operator()?, call.actor());
    let administration = &tenants.administration;
    let created = match tenant_id {
        Some(id) => {
            let scope = operator.scope(id.clone());
            call.note_tenant(&scope);
            let created = administration.create(&scope, profile, &actor);
            tenants.aws.as_tenant(&id, created).await??
        }
        None => {
            let creation = administration.create_named(operator, profile, &actor);
            let created = creation.await?;
            call.note_tenant(&operator.scope(created.profile.tenant_id.clone()));
            created
        }
    };
    let id = created.profile.tenant_id.clone();
    let scope = operator.scope(id.clone());
    let settled = administration.go_on_with_subaccount(&scope, created, &actor, call.deadline());
    let created = tenants.aws.as_tenant(&id, settled).await?;
    let location = format!("/api/tenants/{}", created.profile.tenant_id);
    Ok(answer(StatusCode::CREATED, &created).location(location))
}

async fn update(tenants: &Tenants, call: &Call) -> Result<Reply, Problem> {
    let (scope, expected) = (scope(call)?, call.expected()?);
    let changes = ProfileChanges::from_input(&call.document()?)?;
    let updated = tenants
        .administration
        .update(&scope, changes, expected, &call.actor())
        .await?;
    let updated = tenants
        .administration
        .go_on_with_subaccount(&scope, updated, &call.actor(), call.deadline())
        .await;
    Ok(answer(StatusCode::OK, &updated))
}

async fn delete(tenants: &Tenants, call: &Call) -> Result<Reply, Problem> {
    let (scope, expected) = (scope(call)?, call.expected()?);
    let deletion = tenants
        .administration
        .delete(&scope, expected, &call.actor(), call.deadline())
        .await?;
    match deletion {
        Deletion::Finished => Ok(Reply::no_content()),
        Deletion::Continues {
            irrecoverable_after,
            retry_after_seconds,
            ..
        } => {
            let document = DeletionInProgress {
                tenant_id: scope.tenant_id(),
                status: "deleting",
                irrecoverable_after: rfc3339(irrecoverable_after),
            };
            Ok(json(StatusCode::ACCEPTED, &document).retry_after(retry_after_seconds))
        }
    }
}

/// The tenant that the path names. What is no id names none.
fn scope(call: &Call) -> Result<TenantScope, Problem> {
    let id: TenantId = call
        .parameter()
        .parse()
        .map_err(|_| TenantError::NotFound)?;
    // What the platform keeps of its own is no tenant.
    if id.is_reserved() {
        return Err(TenantError::NotFound.into());
    }
    let scope = call.operator()?.scope(id);
    call.note_tenant(&scope);
    Ok(scope)
}

#[derive(Serialize)]
struct DeletionInProgress<'a> {
    tenant_id: &'a TenantId,
    status: &'static str,
    irrecoverable_after: String,
}

#[derive(Serialize)]
struct Tenant<'a> {
    tenant_id: &'a TenantId,
    name: &'a str,
    status: &'static str,
    subdomain: Option<&'a str>,
    twilio: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subaccount: Option<Subaccount<'a>>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Subaccount<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    account_sid: Option<&'a AccountSid>,
    status: &'static str,
}

fn subaccount(known: &tenant::Subaccount) -> Subaccount<'_> {
    Subaccount {
        account_sid: known.account_sid.as_ref(),
        status: match known.status {
            SubaccountStatus::Closed => "closed",
            _ if !known.is_ready => "provisioning",
            SubaccountStatus::Suspended => "suspended",
            SubaccountStatus::Active => "active",
        },
    }
}

fn answer(status: StatusCode, stored: &StoredProfile) -> Reply {
    json(status, &document(stored)).etag(stored.version)
}

fn document(stored: &StoredProfile) -> Tenant<'_> {
    let profile = &stored.profile;
    Tenant {
        tenant_id: &profile.tenant_id,
        name: &profile.name,
        status: profile.status.as_str(),
        subdomain: profile
            .subdomain
            .as_ref()
            .map(|subdomain| subdomain.as_str()),
        twilio: match stored.subaccount {
            Some(_) => "subaccount",
            None => "own",
        },
        subaccount: stored.subaccount.as_ref().map(subaccount),
        created_at: rfc3339(profile.created_at),
        updated_at: rfc3339(profile.updated_at),
    }
}
