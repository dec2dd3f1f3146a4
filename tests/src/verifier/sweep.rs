//! A minute with very many tenants, of which some are wrong, some hang and some ask for patience; killed twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use jiff::Timestamp;
use local::double::Misbehaviour;
use local::emulators::faults::Times;
use serde_json::json;
use shared::aws::{Aws, Patience};
use shared::environment::Environment;
use shared::sid::AccountSid;
use shared::tenant::{Minute, Provider, TenantId};
use shared::twilio::TwilioCredentials;
use shared::vault::{CredentialKeys, EncryptionContext, Purpose, Vault};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{MIDNIGHT, World, run_of, text};
use crate::measured::report;

/// How many tenants the sweep has.
const TENANTS: usize = 10_000;

/// Tenants that were stored without asking anybody, all in one minute.
pub(crate) struct Seeds {
    pub(crate) tenants: Vec<TenantId>,
}

/// The account of the tenant of this number.
pub(crate) fn account_of(number: usize) -> AccountSid {
    format!("AC{:032x}", 0xabc_0000_0000_u64 + number as u64)
        .parse()
        .unwrap()
}

fn token_of(number: usize) -> String {
    format!("{number:032x}")
}

impl Seeds {
    /// So many tenants in the minute of a moment, whatever their hashes say, with accounts that Twilio knows.
    pub(crate) async fn store(world: &World, count: usize, at: Timestamp) -> Self {
        let environment = Environment::of(world.harness.stack.environment().clone());
        let aws = Aws::from_environment(&environment, Patience::BACKGROUND).unwrap();
        let keys = CredentialKeys::from_environment(&environment).unwrap();
        let vault = Arc::new(Vault::new(aws.kms(), keys));
        let (client, table) = (aws.dynamodb(), world.table().to_owned());
        let minute = Minute::at(at);
        let twilio = world.harness.stack.twilio();
        let tenants: Vec<TenantId> = (0..count)
            .map(|number| format!("sweep-{number:05}").parse().unwrap())
            .collect();
        for number in 0..count {
            twilio.account(&account_of(number)).open(&token_of(number));
        }
        let mut tasks = JoinSet::new();
        for (part, tenants) in tenants.chunks(8).enumerate() {
            let (vault, client, table) = (Arc::clone(&vault), client.clone(), table.clone());
            let tenants = tenants.to_vec();
            tasks.spawn(async move {
                let mut writes = Vec::new();
                for (place, tenant) in tenants.iter().enumerate() {
                    let number = part * 8 + place;
                    writes.extend(items(&vault, minute, number, tenant).await);
                }
                let batch = client.batch_write_item().request_items(table, writes);
                let left = batch.send().await.unwrap().unprocessed_items;
                assert!(left.is_none_or(|left| left.is_empty()));
            });
            if tasks.len() >= 8 {
                tasks.join_next().await.unwrap().unwrap();
            }
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        Self { tenants }
    }
}

/// Profile, credentials and entry of a minute, as they are stored.
async fn items(
    vault: &Vault,
    minute: Minute,
    number: usize,
    tenant: &TenantId,
) -> Vec<WriteRequest> {
    let document = json!({"account_sid": account_of(number), "auth_token": token_of(number)});
    let credentials: TwilioCredentials = serde_json::from_value(document).unwrap();
    let context = EncryptionContext::new(tenant, Provider::Twilio, Purpose::Credentials);
    let message = vault.seal(&context, &credentials).await.unwrap();
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let partition = format!("{tenant}#tenant");
    let put = |members: Vec<(&str, AttributeValue)>| {
        let members = members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        let put = PutRequest::builder().set_item(Some(members.collect::<HashMap<_, _>>()));
        WriteRequest::builder()
            .put_request(put.build().unwrap())
            .build()
    };
    vec![
        put(vec![
            ("pk", text(&partition)),
            ("sk", text("profile")),
            ("name", text(tenant.as_str())),
            ("status", text("active")),
            ("created_at", text("2026-03-01T00:00:00.000Z")),
            ("updated_at", text("2026-03-01T00:00:00.000Z")),
            ("version", AttributeValue::N("1".to_owned())),
        ]),
        put(vec![
            ("pk", text(&partition)),
            ("sk", text("integration#twilio")),
            ("message", AttributeValue::B(Blob::new(message))),
            ("account_sid", text(account_of(number).as_str())),
            ("version", AttributeValue::N("1".to_owned())),
            ("state_version", AttributeValue::N("1".to_owned())),
            ("is_active", AttributeValue::Bool(true)),
            ("updated_at", text("2026-03-01T00:00:00.000Z")),
            ("updated_by", text("console")),
        ]),
        put(vec![
            ("pk", text(&format!("platform#minute#{minute}"))),
            ("sk", text(tenant.as_str())),
        ]),
    ]
}

/// What is wrong with the tenant of this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    Bad,
    Hanging,
    Limited,
}

impl Kind {
    fn of(number: usize) -> Self {
        match number % 100 {
            13 => Self::Bad,
            37 => Self::Hanging,
            5 | 25 | 45 | 65 | 85 => Self::Limited,
            _ => Self::Good,
        }
    }
}

#[tokio::test]
async fn every_tenant_of_a_large_minute_is_verified_once_though_the_run_is_killed_twice() {
    let count = TENANTS;
    let world = World::start();
    let at: Timestamp = MIDNIGHT.parse().unwrap();
    let seeding = Instant::now();
    let seeds = Seeds::store(&world, count, at).await;
    let seeding = seeding.elapsed();
    let twilio = world.harness.stack.twilio();
    for number in 0..count {
        let account = twilio.account(&account_of(number));
        match Kind::of(number) {
            Kind::Good => {}
            Kind::Bad => account.set_auth_token("somebody-made-another-token"),
            Kind::Hanging => {
                account.misbehave(Misbehaviour::Hang(Duration::from_secs(600)), Times::Always);
            }
            Kind::Limited => {
                let retry_after = Some(600);
                account.misbehave(Misbehaviour::TooManyRequests { retry_after }, Times::Always);
            }
        }
    }
    let function = world.harness.stack.function("verifier").unwrap().clone();
    let (began, run) = (Instant::now(), run_of(at));
    let mark = twilio.wire().mark();
    for part in [1, 2] {
        let event = super::scheduled(at);
        let (killed, ()) = tokio::join!(world.try_ask(&event), async {
            let reached = async {
                while twilio.wire().since(mark).count() < count * part / 3 {
                    sleep(Duration::from_millis(20)).await;
                }
            };
            timeout(Duration::from_secs(300), reached).await.unwrap();
            function.kill();
        });
        killed.unwrap_err();
        world.end_lease(&run).await;
    }
    let answer = world.minute(at).await;
    let took = began.elapsed();
    assert_eq!(answer["state"], "done", "{answer}");
    let of_kind = |kind| {
        (0..count)
            .filter(|number| Kind::of(*number) == kind)
            .count()
    };
    if answer["counts"]["put_off"] == 0 {
        let counts = &answer["counts"];
        for (name, expected) in [
            ("tenants", count),
            ("valid", of_kind(Kind::Good)),
            ("invalid", of_kind(Kind::Bad)),
            ("unreachable", of_kind(Kind::Hanging)),
            ("rate_limited", of_kind(Kind::Limited)),
        ] {
            assert_eq!(counts[name], expected, "{name} of {answer}");
        }
    }
    let items = verified(&world, &run, count).await;
    for (number, tenant) in seeds.tenants.iter().enumerate() {
        let expected = match Kind::of(number) {
            Kind::Good => "valid",
            Kind::Bad => "invalid",
            Kind::Hanging => "unreachable",
            Kind::Limited => "rate_limited",
        };
        // One check was kept of each, and none of them takes anything out of use.
        let kept = &items[tenant.as_str()];
        assert_eq!(
            kept,
            &(expected.to_owned(), "2".to_owned(), true),
            "{tenant}"
        );
    }
    let calls = twilio.wire().since(mark);
    let mut by_path: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls.iter() {
        *by_path.entry(call.asked.clone()).or_default() += 1;
    }
    let twice = by_path.values().filter(|calls| **calls > 1).count();
    // What was under way when it was killed was asked about again, and nothing else.
    assert!(twice <= 2 * 32 + of_kind(Kind::Hanging), "{twice}");
    let measured = format!(
        "{count} tenants in {:.1} s ({:.0} a second, 2 kills), {} calls of Twilio; stored in {:.1} s",
        took.as_secs_f64(),
        count as f64 / took.as_secs_f64(),
        calls.count(),
        seeding.as_secs_f64(),
    );
    report("sweep of the verifier", &measured);
}

/// Of every tenant that the run verified: outcome, number of changes, whether it is in use.
async fn verified(
    world: &World,
    run: &str,
    count: usize,
) -> BTreeMap<String, (String, String, bool)> {
    let client = world.harness.dynamodb();
    let looked = async {
        loop {
            let mut found = BTreeMap::new();
            let mut start = None;
            loop {
                let scan = client
                    .scan()
                    .table_name(world.table())
                    .consistent_read(true);
                let page = scan.set_exclusive_start_key(start).send().await.unwrap();
                for item in page.items.unwrap_or_default() {
                    if text(&item, "verified_run") == run {
                        let tenant = text(&item, "pk").trim_end_matches("#tenant").to_owned();
                        let version = item["state_version"].as_n().unwrap().clone();
                        let is_active = *item["is_active"].as_bool().unwrap();
                        found.insert(tenant, (text(&item, "status"), version, is_active));
                    }
                }
                start = page.last_evaluated_key;
                if start.is_none() {
                    break;
                }
            }
            if found.len() == count {
                return found;
            }
            // What there was no time for is in the queue.
            sleep(Duration::from_millis(500)).await;
        }
    };
    timeout(Duration::from_secs(300), looked).await.unwrap()
}
