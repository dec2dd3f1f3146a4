//! What the verifier does: runs with all that they find and mend, the walk through all tenants, and everything that can be due.

use aws_sdk_dynamodb::types::AttributeValue;
use local::double::Misbehaviour;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use reqwest::Method;
use serde_json::json;
use shared::clock::Clock;
use shared::store::Work;
use shared::tenant::{Minute, TenantId};
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::credentials::{send_for, store_of_platform};
use super::messaging::ways_of_numbers;
use super::publisher::keep_one_of_each;
use super::tenants::{fail, have_been_served_long_ago};
use crate::client_api::onboarding::Newcomer;
use crate::verifier::{World, moment_of};

const NUMBER: &str = "GET /2010-04-01/Accounts/{AC}/IncomingPhoneNumbers/{PN}.json";

/// The stream is fed: contacts are a part of what a deletion removes.
pub(in crate::iam) async fn ways_of_verifier() -> World {
    let world = World::with(|options| options.feeds_streams = true);
    ways_of_runs(&world).await;
    ways_of_rotations(&world).await;
    ways_of_subaccounts(&world).await;
    ways_of_deletions(&world).await;
    ways_of_walks(&world).await;
    world
}

/// Makes work due now, and has it done.
async fn have_done(world: &World, id: &TenantId, work: Work) {
    let scope = world.harness.console().scope(id);
    let now = Clock::system().now();
    world.due().put(&scope, work, now).await.unwrap();
    // Of a minute that is nobody's.
    world.minute(moment_of(id)).await;
}

/// Credentials are refused twice and accepted again; an App that was deleted and another that is too many, a number that leads
/// elsewhere and one that went away between two looks; credentials that prove an account which another tenant holds.
async fn ways_of_runs(world: &World) {
    let harness = &world.harness;
    let (owner, squatter) = (harness.newcomer().await, harness.newcomer().await);
    let claim = json!({"account_sid": owner.account.sid().as_str(), "auth_token": "an-invented-auth-token"});
    let unchecked = "/api/integrations/twilio?verify=false";
    squatter.admin.put(unchecked, &claim).await.document(201);
    let token = owner.account.auth_token().unwrap();
    owner.store().await.document(201);
    let user = harness.user(&owner.id, "member");
    user.post("/api/token", &json!({})).await.document(200);
    let app = owner.account.applications()[0]["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let name = format!("TwiMLApp_Tenant_{}", owner.id);
    owner
        .account
        .add_application(&name, "https://elsewhere.test/")
        .unwrap();
    world.verify(&owner.id).await;
    assert!(owner.account.delete_application(&app));
    let numbers = ["+12125550100", "+12125550101"].map(|number| owner.account.add_number(number));
    for sid in &numbers {
        let path = format!("/api/phone-numbers/{sid}/connect");
        owner.admin.post(&path, &json!({})).await.document(200);
        owner
            .account
            .configure_number(sid, &[("VoiceUrl", "https://elsewhere.test/")]);
    }
    let gone = Matching::operations([NUMBER]).on(owner.account.sid().as_str());
    let faults = harness.stack.twilio().faults();
    faults.inject(gone, Misbehaviour::NotFound, Times::Next(1));
    world.verify(&owner.id).await;
    owner.account.set_auth_token("somebody-made-another-token");
    for _ in 0..2 {
        world.verify(&owner.id).await;
    }
    owner.account.set_auth_token(&token);
    world.minute(moment_of(&owner.id)).await;
}

/// A rotation goes on, and whoever seals its tokens makes the platform's secret, as in a deployment that has none yet.
async fn ways_of_rotations(world: &World) {
    let owner = world.harness.connected().await;
    let path = "/api/integrations/twilio/rotate";
    let down = owner
        .account
        .misbehave(Misbehaviour::Unavailable, Times::Always);
    owner.admin.post(path, &json!({})).await;
    world.harness.stack.twilio().faults().remove(down);
    remove(world, "platform#tenant", "platform-secret").await;
    have_done(world, &owner.id, Work::Rotation).await;
    assert!(owner.account.secondary_auth_token().is_some());
}

/// A subaccount is opened, and closed with its tenant.
async fn ways_of_subaccounts(world: &World) {
    let harness = &world.harness;
    store_of_platform(harness).await;
    let operator = harness.operator();
    let faults = harness.stack.twilio().faults();
    let down = faults.inject(Matching::any(), Misbehaviour::Unavailable, Times::Always);
    let entered = json!({"tenant_id": "given-later", "name": "Given", "twilio": "subaccount"});
    operator.post("/api/tenants", &entered).await.document(201);
    faults.remove(down);
    let id: TenantId = "given-later".parse().unwrap();
    wait_for_lease(world, &id).await;
    have_done(world, &id, Work::Subaccount).await;
    let shown = "/api/integrations/twilio";
    assert_eq!(
        send_for(id.as_str(), harness, Method::GET, shown, &json!(null)).await,
        200
    );
    let down = faults.inject(Matching::any(), Misbehaviour::Unavailable, Times::Always);
    let path = format!("/api/tenants/{id}");
    assert_eq!(operator.delete(&path).await.status, 202);
    faults.remove(down);
    have_done(world, &id, Work::Deletion).await;
}

/// Whoever opens a subaccount and does not know whether it did keeps others away for a while: as if that were over.
async fn wait_for_lease(world: &World, id: &TenantId) {
    let update = world.harness.dynamodb().update_item();
    let update = update
        .table_name(world.harness.variable("TENANTS_TABLE"))
        .key("pk", AttributeValue::S(format!("{id}#tenant")))
        .key("sk", AttributeValue::S("profile".to_owned()))
        .update_expression("REMOVE subaccount_leased_by, subaccount_leased_until");
    update.send().await.unwrap();
}

/// A deletion that removed nothing yet, and that nobody asks for again.
async fn ways_of_deletions(world: &World) {
    let harness = &world.harness;
    let leaving: Newcomer = harness.connected().await;
    ways_of_numbers(&leaving).await;
    fail(&leaving).await;
    keep_one_of_each(harness, &leaving.id).await;
    let path = format!("/api/tenants/{}", leaving.id);
    let faults = harness.stack.emulators().dynamodb().faults();
    let removals = Matching::operations(["BatchWriteItem"]);
    let refusal = Effect::Refuse(AwsError::internal());
    let fault = faults.inject(removals, refusal, Times::Always);
    assert_eq!(harness.operator().delete(&path).await.status, 202);
    faults.remove(fault);
    have_been_served_long_ago(harness, &leaving.id).await;
    have_done(world, &leaving.id, Work::Deletion).await;
}

/// All tenants are verified, and one has its minute then.
async fn ways_of_walks(world: &World) {
    let tenant = world.harness.connected().await.id;
    let minute = format!("platform#minute#{}", Minute::of(&tenant));
    remove(world, &minute, tenant.as_str()).await;
    let answer = world.ask(&json!({"all": true})).await;
    let run = answer["run"].as_str().unwrap().to_owned();
    let is_kept = async {
        while world.part_of(&run).await.is_none() {
            sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, is_kept).await.unwrap();
}

async fn remove(world: &World, pk: &str, sk: &str) {
    let delete = world.harness.dynamodb().delete_item();
    let delete = delete
        .table_name(world.harness.variable("TENANTS_TABLE"))
        .key("pk", AttributeValue::S(pk.to_owned()))
        .key("sk", AttributeValue::S(sk.to_owned()));
    delete.send().await.unwrap();
}
