//! The phone numbers of the tenant's Twilio account.

use serde::Serialize;
use shared::api::{Call, Code, Problem, json};
use shared::clock::rfc3339;
use shared::http::{Reply, StatusCode};
use shared::sid::PhoneNumberSid;
use shared::store::StoredNumber;
use shared::tenant::{Provider, TenantScope};
use shared::twilio::health::NumberRoute;
use shared::twilio::rest::NumberCapabilities;

use crate::filters;
use crate::service::Messaging;

pub(crate) async fn list(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let mut query = call.query(&["limit", "cursor", "connected"])?;
    let (connected, page) = (query.flag("connected"), query.page());
    let context = filters::context(scope, "phone-numbers", &query.finish()?);
    let page = messaging.paging.position(&context, &page).await?;
    // Numbers of an account that was the tenant's before are no longer its own.
    let twilio = messaging.integrations.read(scope, Provider::Twilio).await?;
    let account = twilio.and_then(|twilio| twilio.account_sid);
    let (listed, next) = match account {
        None => (Vec::new(), None),
        Some(account) => {
            let items = messaging.numbers.items();
            items.list(scope, &account, connected, &page).await?
        }
    };
    let items = listed.iter().map(document).collect();
    messaging.paging.answer(&context, items, next).await
}

pub(crate) async fn sync(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    call.query(&[])?.finish()?;
    let tenant = messaging.connections.tenant(scope, call.deadline()).await?;
    let client = messaging.connections.client(&tenant, call.deadline());
    let numbers = &messaging.numbers;
    let synced = numbers.sync(scope, &client, &tenant.settings).await?;
    let counts = synced.counts;
    let gap = synced.gap.iter();
    let document = Sync {
        found: counts.found,
        added: counts.added,
        changed: counts.changed,
        removed: counts.removed,
        warnings: gap
            .map(|gap| format!("{} {}", gap.what, gap.remedy))
            .collect(),
        synced_at: rfc3339(synced.synced_at),
    };
    Ok(json(StatusCode::OK, &document))
}

pub(crate) async fn connect(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    call.query(&[])?.finish()?;
    let sid = sid(call)?;
    let tenant = messaging.connections.tenant(scope, call.deadline()).await?;
    let client = messaging.connections.client(&tenant, call.deadline());
    let numbers = &messaging.numbers;
    let settings = &tenant.settings;
    let connected = numbers
        .connect(scope, &client, settings, &sid, &call.actor())
        .await?;
    Ok(json(StatusCode::OK, &document(&connected)))
}

/// The SID that the path names. What is none is the SID of no number.
fn sid(call: &Call) -> Result<PhoneNumberSid, Problem> {
    call.parameter().parse().map_err(|_| {
        let detail = "The tenant's Twilio account has no such phone number.";
        Problem::new(Code::PhoneNumberNotFound, detail)
    })
}

#[derive(Serialize)]
struct Sync {
    found: usize,
    added: usize,
    changed: usize,
    removed: usize,
    warnings: Vec<String>,
    synced_at: String,
}

#[derive(Serialize)]
struct PhoneNumber<'a> {
    sid: &'a PhoneNumberSid,
    phone_number: &'a str,
    friendly_name: Option<&'a str>,
    capabilities: NumberCapabilities,
    connected: bool,
    voice_route: Option<&'a NumberRoute>,
    message_route: Option<&'a NumberRoute>,
    warnings: &'a [String],
    synced_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<String>,
}

fn document(number: &StoredNumber) -> PhoneNumber<'_> {
    let state = &number.state;
    PhoneNumber {
        sid: &state.sid,
        phone_number: &state.phone_number,
        friendly_name: state.friendly_name.as_deref(),
        capabilities: state.capabilities,
        connected: state.is_connected,
        voice_route: state.voice_route.as_ref(),
        message_route: state.message_route.as_ref(),
        warnings: &state.warnings,
        synced_at: rfc3339(state.synced_at),
        connected_at: number.connected_at.map(rfc3339),
    }
}
