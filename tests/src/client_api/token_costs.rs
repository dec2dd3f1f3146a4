//! What a token costs in calls to AWS and Twilio, counted where they arrive.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use local::emulators::faults::{Effect, Matching, Times};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::caller::Caller;
use super::onboarding::Newcomer;
use crate::harness::Harness;

/// A stack for counting on, by one test at a time: KMS's calls name no tenant.
struct Counting {
    harness: &'static Harness,
    newcomer: Newcomer,
    member: Caller,
    _turn: MutexGuard<'static, ()>,
}

/// What was called, in order.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    dynamodb: Vec<String>,
    kms: Vec<String>,
    twilio: Vec<String>,
}

/// How long a function waits for an answer of AWS before it makes the same call again.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(1);

impl Cost {
    fn of(dynamodb: &[&str], kms: &[&str], twilio: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            dynamodb: owned(dynamodb),
            kms: owned(kms),
            twilio: owned(twilio),
        }
    }
}

impl Counting {
    async fn start() -> Self {
        static STACK: OnceLock<Harness> = OnceLock::new();
        static TURN: Mutex<()> = Mutex::const_new(());
        let harness = Harness::once(&STACK, |options| options.concurrency = 1).await;
        let turn = TURN.lock().await;
        let newcomer = harness.connected().await;
        Self {
            member: harness.user(&newcomer.id, "member"),
            harness,
            newcomer,
            _turn: turn,
        }
    }

    /// What one token costs, after `prepare`. Another is taken when it took so long that a call may have been made twice.
    async fn of_token(&self, prepare: impl AsyncFn()) -> Cost {
        for _ in 0..20 {
            prepare().await;
            let emulators = self.harness.stack.emulators();
            let logs = [
                emulators.dynamodb().wire(),
                emulators.kms().wire(),
                self.harness.stack.twilio().wire(),
            ];
            let marks = logs.map(|log| log.mark());
            let begun = Instant::now();
            self.member.take_token().await;
            if begun.elapsed() < ATTEMPT_LIMIT {
                let calls = |log: usize| {
                    let calls = logs[log].since(marks[log]);
                    calls.iter().map(|call| call.operation.clone()).collect()
                };
                return Cost {
                    dynamodb: calls(0),
                    kms: calls(1),
                    twilio: calls(2),
                };
            }
        }
        panic!("this machine is too busy to count calls on");
    }

    /// The next process has never heard of anybody.
    fn retire(&self) {
        let function = self.harness.stack.function("token").unwrap();
        function.retire();
    }

    async fn last_used_at(&self) -> Value {
        let path = "/api/integrations/twilio";
        let integration = self.newcomer.admin.get(path).await.document(200);
        integration["last_used_at"].clone()
    }

    /// Writes when the credentials were last used.
    async fn set_last_used_at(&self, at: &str) {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let update = self.harness.dynamodb().update_item();
        update
            .table_name(self.harness.variable("TENANTS_TABLE"))
            .key("pk", text(&format!("{}#tenant", self.newcomer.id)))
            .key("sk", text("integration#twilio"))
            .update_expression("SET last_used_at = :at")
            .expression_attribute_values(":at", text(at))
            .send()
            .await
            .unwrap();
    }
}

fn ago(seconds: i64) -> String {
    let now = shared::clock::Clock::system().now();
    let at = now - jiff::SignedDuration::from_secs(seconds);
    format!("{at:.3}")
}

#[tokio::test]
async fn a_warm_token_costs_the_counters_write_and_no_call_to_kms_or_twilio() {
    let counting = Counting::start().await;
    counting.member.take_token().await;
    for _ in 0..5 {
        let cost = counting.of_token(async || ()).await;
        assert_eq!(cost, Cost::of(&["UpdateItem"], &[], &[]));
    }
}

#[tokio::test]
async fn a_cold_token_costs_a_read_and_a_call_of_kms_besides() {
    let counting = Counting::start().await;
    counting.member.take_token().await;
    let cost = counting.of_token(async || counting.retire()).await;
    let cold = Cost::of(&["UpdateItem", "Query"], &["Decrypt"], &[]);
    assert_eq!(cost, cold);
}

#[tokio::test]
async fn a_tenants_first_token_costs_three_writes_more_and_two_calls_of_twilio() {
    let counting = Counting::start().await;
    let cost = counting.of_token(async || {
        let path = "/api/integrations/twilio";
        let newcomer = &counting.newcomer;
        newcomer.admin.delete(path).await.document(204);
        for application in newcomer.account.applications() {
            let sid = application["sid"].as_str().unwrap();
            assert!(newcomer.account.delete_application(sid));
        }
        newcomer.store().await.document(201);
    });
    let applications = "/2010-04-01/Accounts/{AC}/Applications.json";
    let first = Cost::of(
        // Counted, read, kept that the credentials are used, leased the App, kept it.
        &[
            "UpdateItem",
            "Query",
            "UpdateItem",
            "UpdateItem",
            "TransactWriteItems",
        ],
        &["Decrypt"],
        &[
            &format!("GET {applications}"),
            &format!("POST {applications}"),
        ],
    );
    assert_eq!(cost.await, first);
}

#[tokio::test]
async fn when_credentials_were_last_used_is_kept_once_an_hour() {
    let counting = Counting::start().await;
    assert_eq!(counting.last_used_at().await, json!(null));
    counting.member.take_token().await;
    let first = counting.last_used_at().await;
    let now = shared::clock::Clock::system().now();
    let at: jiff::Timestamp = first.as_str().unwrap().parse().unwrap();
    assert!(
        (0..30).contains(&(now.as_second() - at.as_second())),
        "{first}"
    );

    let almost = ago(3_500);
    counting.set_last_used_at(&almost).await;
    counting.retire();
    counting.member.take_token().await;
    let kept: jiff::Timestamp = almost.parse().unwrap();
    let told = counting.last_used_at().await;
    let told: jiff::Timestamp = told.as_str().unwrap().parse().unwrap();
    assert_eq!(told.as_second(), kept.as_second());

    counting.set_last_used_at(&ago(3_601)).await;
    counting.retire();
    counting.member.take_token().await;
    let told = counting.last_used_at().await;
    let told: jiff::Timestamp = told.as_str().unwrap().parse().unwrap();
    assert!(told >= at, "{told}");
}

#[tokio::test]
async fn a_use_that_cannot_be_kept_costs_nobody_the_token() {
    let counting = Counting::start().await;
    counting.member.take_token().await;
    counting.set_last_used_at(&ago(7_200)).await;
    let faults = counting.harness.stack.emulators().dynamodb().faults();
    let writes = Matching::operations(["UpdateItem"]);
    let writes = writes.partition(format!("{}#tenant", counting.newcomer.id));
    let fault = faults.inject(writes, Effect::Drop, Times::Always);
    counting.retire();
    counting.member.take_token().await;
    faults.remove(fault);
}

#[tokio::test]
async fn a_process_that_remembers_nothing_issues_no_token_while_kms_is_down_and_a_warm_one_does() {
    let counting = Counting::start().await;
    counting.member.take_token().await;
    let kms = counting.harness.stack.emulators().kms().faults();
    let decrypt = Matching::operations(["Decrypt"]);
    let fault = kms.inject(decrypt, Effect::Drop, Times::Always);
    counting.member.take_token().await;
    counting.retire();
    let refused = counting.member.ask_token().await;
    kms.remove(fault);
    assert_eq!(refused.refusal(), (503, "unavailable"));
    counting.member.take_token().await;
}
