//! Floods of requests that nobody verified: what they cost, counted where the calls would arrive.

use local::emulators::wire::Mark;
use local::http_client;
use serde_json::json;
use shared::activity::Route;
use shared::webhook::BODY_LIMIT;

use crate::harness::{Harness, Tenant};
use crate::traffic::{self, RawRequest, event, facts, padded};

const REQUESTS: usize = 200;

/// A stack of its own: calls of KMS and SQS name no tenant.
struct Flooded {
    harness: Harness,
    tenant: Tenant,
    since: [Mark; 3],
}

impl Flooded {
    /// No function has heard of the tenant.
    async fn cold() -> Self {
        let harness = Harness::start(|options| {
            options.concurrency = 1;
            // The publisher reads tenants, too.
            options.feeds_streams = false;
        });
        let tenant = harness.tenant(json!({})).await;
        let emulators = harness.stack.emulators();
        let wires = [
            emulators.dynamodb().wire(),
            emulators.kms().wire(),
            emulators.sqs().wire(),
        ];
        let since = wires.map(|wire| wire.mark());
        Self {
            harness,
            tenant,
            since,
        }
    }

    fn calls(&self) -> usize {
        let emulators = self.harness.stack.emulators();
        let wires = [
            emulators.dynamodb().wire(),
            emulators.kms().wire(),
            emulators.sqs().wire(),
        ];
        let counted = wires.iter().zip(self.since);
        counted.map(|(wire, since)| wire.since(since).count()).sum()
    }

    /// Sends many requests of this kind, all of them refused with this status, and gives how many calls they cost.
    async fn refuse(&self, status: u16, request: impl Fn(&Self) -> RawRequest) -> usize {
        let client = http_client::client();
        let before = self.calls();
        for _ in 0..REQUESTS {
            assert_eq!(request(self).send(&client).await.status, status);
        }
        self.calls() - before
    }

    /// A status callback of the tenant, or of an account that nobody holds, without its signature.
    fn unsigned(&self, is_known: bool) -> RawRequest {
        let webhook = event(&self.tenant, Route::SmsStatus).webhook;
        let (mut parameters, url) = (webhook.parameters, webhook.url);
        if is_known {
            return RawRequest::unsigned(&url, parameters.form_encoded());
        }
        let account = self.tenant.sender.sids().sid("AC");
        parameters.set("AccountSid", &account);
        let base = url.split_once('?').unwrap().0;
        let url = format!("{base}?account={account}");
        RawRequest::unsigned(&url, parameters.form_encoded())
    }
}

#[tokio::test]
async fn requests_that_no_key_can_have_signed_cost_no_call_whosever_account_they_name() {
    let flooded = Flooded::cold().await;
    for is_known in [true, false] {
        for signature in [None, Some(""), Some("no base64"), Some("dG9vIHNob3J0")] {
            let cost = flooded.refuse(403, |flooded| {
                let mut request = flooded.unsigned(is_known);
                request.set("x-twilio-signature", signature);
                request
            });
            assert_eq!(cost.await, 0, "{is_known} {signature:?}");
        }
    }
}

#[tokio::test]
async fn requests_that_are_too_large_or_no_forms_cost_no_call() {
    let flooded = Flooded::cold().await;
    let too_large = flooded.refuse(413, |flooded| {
        let webhook = event(&flooded.tenant, Route::SmsStatus).webhook;
        let parameters = padded(webhook.parameters, BODY_LIMIT + 1);
        RawRequest::signed(&webhook.url, &parameters, flooded.tenant.token())
    });
    assert_eq!(too_large.await, 0);
    let no_form = flooded.refuse(415, |flooded| {
        let webhook = event(&flooded.tenant, Route::SmsStatus).webhook;
        let parameters = webhook.parameters;
        let mut request = RawRequest::signed(&webhook.url, &parameters, flooded.tenant.token());
        request.set("content-type", Some("application/json"));
        request
    });
    assert_eq!(no_form.await, 0);
}

#[tokio::test]
async fn accounts_that_are_none_or_not_that_of_the_url_cost_no_call() {
    let flooded = Flooded::cold().await;
    let malformed = flooded.refuse(400, |flooded| {
        let mut webhook = event(&flooded.tenant, Route::SmsStatus).webhook;
        webhook.parameters.set("AccountSid", "AC1");
        RawRequest::signed(&webhook.url, &webhook.parameters, flooded.tenant.token())
    });
    assert_eq!(malformed.await, 0);
    let mismatched = flooded.refuse(403, |flooded| {
        let mut webhook = event(&flooded.tenant, Route::SmsStatus).webhook;
        let account = flooded.tenant.sender.sids().sid("AC");
        webhook.parameters.set("AccountSid", &account);
        RawRequest::signed(&webhook.url, &webhook.parameters, flooded.tenant.token())
    });
    assert_eq!(mismatched.await, 0);
}

#[tokio::test]
async fn a_flood_of_unknown_accounts_drives_no_tenant_out_of_memory() {
    let flooded = Flooded::cold().await;
    let (tenant, client) = (&flooded.tenant, http_client::client());
    let first = event(tenant, Route::SmsStatus);
    assert_eq!(traffic::deliver(tenant, &first).await, 204);
    // More than the accounts and tenants that a function remembers.
    for _ in 0..1_200 {
        let webhook = event(tenant, Route::SmsStatus).webhook;
        let account = tenant.sender.sids().sid("AC");
        let mut parameters = webhook.parameters;
        parameters.set("AccountSid", &account);
        let base = webhook.url.split_once('?').unwrap().0;
        let url = format!("{base}?account={account}");
        let request = RawRequest::signed(&url, &parameters, tenant.token());
        assert_eq!(request.insist(&client).await.status, 403);
    }
    let dynamodb = flooded.harness.stack.emulators().dynamodb().wire();
    let mark = dynamodb.mark();
    let next = event(tenant, Route::SmsStatus);
    assert_eq!(traffic::deliver(tenant, &next).await, 204);
    assert_eq!(dynamodb.since(mark).reads().count(), 0);
    assert_eq!(facts(tenant, &next.resource).await, 1);
}
