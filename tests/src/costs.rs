//! What a webhook costs in calls to AWS, counted where they arrive.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, ReturnConsumedCapacity};
use local::emulators::wire::Mark;
use local::http_client;
use local::issuer::TokenRequest;
use serde_json::{Value, json};
use shared::activity::Route;
use shared::aws::{Aws, Patience};
use shared::environment::Environment;

use crate::harness::{Harness, Tenant};
use crate::traffic::{self, Event, Item, RawRequest, binary, deliver, event};

/// Counts calls on a stack of its own, because KMS's calls and those of the queue name no tenant.
struct Counting {
    harness: Harness,
    tenant: Tenant,
    since: [Mark; 3],
}

/// How often each was called.
#[derive(Debug, PartialEq, Eq)]
struct Calls {
    reads: usize,
    writes: usize,
    kms: usize,
    sqs: usize,
}

/// How long the functions wait for an answer before they make the same call again.
const ATTEMPT_LIMIT: Duration = Patience::WEBHOOK.attempt();

/// What a warm function is allowed.
const ONE_WRITE: Calls = Calls {
    reads: 0,
    writes: 1,
    kms: 0,
    sqs: 0,
};

impl Counting {
    /// A tenant that no function has heard of, at functions of this many processes.
    async fn with_processes(processes: usize) -> Self {
        Self::of(processes, json!({})).await
    }

    /// The same with these settings.
    async fn of(processes: usize, settings: Value) -> Self {
        let harness = Harness::start(|options| {
            options.concurrency = processes;
            options.feeds_streams = false;
        });
        let tenant = harness.tenant(settings).await;
        let since = marks(&harness);
        Self {
            harness,
            tenant,
            since,
        }
    }

    fn start_over(&mut self) {
        self.since = marks(&self.harness);
    }

    fn calls(&self) -> Calls {
        let emulators = self.harness.stack.emulators();
        let [dynamodb, kms, sqs] = self.since;
        let dynamodb = emulators.dynamodb().wire().since(dynamodb);
        let (reads, writes) = (
            dynamodb.clone().reads().count(),
            dynamodb.clone().writes().count(),
        );
        assert_eq!(dynamodb.count(), reads + writes, "calls of a third kind");
        Calls {
            reads,
            writes,
            kms: emulators.kms().wire().since(kms).count(),
            sqs: emulators.sqs().wire().since(sqs).count(),
        }
    }

    /// What an event costs. A new one is tried when it took so long that the client may have made a call twice.
    async fn cost_of(&mut self, event: impl Fn(&Self) -> Event) -> Calls {
        for _ in 0..20 {
            let event = event(self);
            self.start_over();
            let exchange = self.tenant.sender.deliver(&event.webhook).await;
            if exchange.duration < ATTEMPT_LIMIT {
                assert!(matches!(exchange.status(), Some(200 | 204)), "{exchange:?}");
                return self.calls();
            }
        }
        panic!("this machine is too busy to count calls on");
    }
}

/// This moment at DynamoDB, KMS and SQS.
fn marks(harness: &Harness) -> [Mark; 3] {
    let emulators = harness.stack.emulators();
    [
        emulators.dynamodb().wire().mark(),
        emulators.kms().wire().mark(),
        emulators.sqs().wire().mark(),
    ]
}

#[tokio::test]
async fn a_webhook_at_a_warm_function_costs_one_write_and_nothing_else_on_every_route() {
    let mut counting = Counting::with_processes(1).await;
    for route in Route::ALL {
        let first = event(&counting.tenant, *route);
        assert!(matches!(deliver(&counting.tenant, &first).await, 200 | 204));
        let next = counting.cost_of(|counting| event(&counting.tenant, *route));
        assert_eq!(next.await, ONE_WRITE, "{route:?}");
        // Twilio delivers twice now and then, which is no reason to ask first.
        let again = counting.cost_of(|_| first.clone());
        assert_eq!(again.await, ONE_WRITE, "{route:?} again");
    }
}

#[tokio::test]
async fn a_message_that_may_be_answered_automatically_costs_one_write_more_and_nothing_else_does() {
    let mut counting = Counting::of(1, json!({"auto_reply": "Thank you"})).await;
    for route in Route::ALL {
        let first = event(&counting.tenant, *route);
        assert!(matches!(deliver(&counting.tenant, &first).await, 200 | 204));
        let writes = match route {
            Route::Sms | Route::Whatsapp => 2,
            _ => 1,
        };
        let expected = Calls {
            writes,
            ..ONE_WRITE
        };
        let next = counting.cost_of(|counting| event(&counting.tenant, *route));
        assert_eq!(next.await, expected, "{route:?}");
        let again = counting.cost_of(|_| first.clone());
        assert_eq!(again.await, expected, "{route:?} again");
    }
}

#[tokio::test]
async fn a_message_that_opts_out_or_in_costs_one_write_more_and_is_not_answered() {
    let mut counting = Counting::of(1, json!({"auto_reply": "Thank you"})).await;
    let first = event(&counting.tenant, Route::Sms);
    assert_eq!(deliver(&counting.tenant, &first).await, 200);
    for (word, writes) in [("STOP", 2), ("START", 2), ("HELP", 1)] {
        let cost = counting.cost_of(|counting| {
            let mut event = event(&counting.tenant, Route::Sms);
            event.webhook.parameters.set("Body", word);
            event
        });
        let expected = Calls {
            writes,
            ..ONE_WRITE
        };
        assert_eq!(cost.await, expected, "{word}");
    }
}

#[tokio::test]
async fn a_tenants_first_webhook_costs_two_reads_one_call_of_kms_and_one_write() {
    let mut counting = Counting::with_processes(1).await;
    for route in Route::ALL {
        let cost = counting.cost_of(|counting| {
            // The next process has never heard of the tenant.
            let function = counting.harness.stack.function(binary(*route)).unwrap();
            function.retire();
            event(&counting.tenant, *route)
        });
        let cold = Calls {
            reads: 2,
            writes: 1,
            kms: 1,
            sqs: 0,
        };
        assert_eq!(cost.await, cold, "{route:?}");
    }
}

#[tokio::test]
async fn a_function_calls_nobody_before_its_first_event_needs_it() {
    let mut counting = Counting::with_processes(1).await;
    counting.start_over();
    for route in [Route::Sms, Route::Whatsapp, Route::Voice] {
        let request = RawRequest::unsigned(&traffic::url(&counting.tenant, route), "");
        assert_eq!(request.send(&http_client::client()).await.status, 400);
    }
    // A token without a role is refused before anybody is asked.
    let nobody = counting.harness.caller(&TokenRequest::new("nobody"));
    assert_eq!(nobody.post("/api/token", &json!({})).await.status, 403);
    for path in ["/api/integrations", "/api/messages", "/api/tenants"] {
        assert_eq!(nobody.get(path).await.status, 403);
    }
    let writer = counting.harness.stack.function("deferred-writer").unwrap();
    let publisher = counting.harness.stack.function("publisher").unwrap();
    for function in [writer, publisher] {
        let (function, batch) = (function.clone(), json!({"Records": []}).to_string());
        let invoked = counting
            .harness
            .on_stack(async move { function.invoke(batch.into()).await });
        invoked.await.unwrap();
    }
    let mut functions = counting.harness.stack.functions().iter();
    assert!(functions.all(|function| {
        // What these two are invoked for always takes the stores.
        ["re-encryptor", "verifier"].contains(&function.spec().binary.as_str())
            || function.records()[0].cold_start()
    }));
    let nothing = Calls {
        writes: 0,
        ..ONE_WRITE
    };
    assert_eq!(counting.calls(), nothing);
}

#[tokio::test]
async fn forged_requests_of_unknown_accounts_cost_one_read_each_for_the_first_of_an_account() {
    let mut counting = Counting::with_processes(1).await;
    let (tenant, client) = (&counting.tenant, http_client::client());
    let accounts: Vec<String> = (0..20).map(|_| tenant.sender.sids().sid("AC")).collect();
    let url = traffic::url(tenant, Route::Sms);
    let base = url.split_once('?').unwrap().0.to_owned();
    counting.start_over();
    let begun = Instant::now();
    for _ in 0..10 {
        for account in &accounts {
            let mut parameters = event(&counting.tenant, Route::Sms).webhook.parameters;
            parameters.set("AccountSid", account);
            let url = format!("{base}?account={account}");
            let request = RawRequest::signed(&url, &parameters, counting.tenant.token());
            assert_eq!(request.insist(&client).await.status, 403);
        }
    }
    // An account may be onboarded at any time, so that it stays unknown for ten seconds.
    let spans = 1 + begun.elapsed().as_secs() / Duration::from_secs(10).as_secs();
    let spans = usize::try_from(spans).unwrap();
    let calls = counting.calls();
    assert!((20..=20 * spans).contains(&calls.reads), "{calls:?}");
    assert_eq!((calls.writes, calls.kms, calls.sqs), (0, 0, 0));
    if spans == 1 {
        let dynamodb = counting.harness.stack.emulators().dynamodb().wire();
        for account in &accounts {
            let route = format!("twilio-account#{account}");
            let reads = dynamodb.since(counting.since[0]).partition(&route);
            assert_eq!(reads.count(), 1, "{account}");
        }
    }
}

#[tokio::test]
async fn a_tenants_first_webhooks_at_once_cost_at_most_one_load_a_process() {
    const PROCESSES: usize = 3;
    let mut counting = Counting::with_processes(PROCESSES).await;
    let mut counted = Vec::new();
    for _ in 0..5 {
        let function = counting.harness.stack.function("sms-webhook").unwrap();
        function.retire();
        let events: Vec<_> = (0..40)
            .map(|_| event(&counting.tenant, Route::Sms))
            .collect();
        counting.start_over();
        let deliveries = events.into_iter().map(|event| {
            let sender = counting.tenant.sender.clone();
            tokio::spawn(async move { sender.deliver(&event.webhook).await.status() })
        });
        let mut taken = 0;
        for delivery in deliveries.collect::<Vec<_>>() {
            taken += usize::from(delivery.await.unwrap() == Some(200));
        }
        let calls = counting.calls();
        let is_cheap = calls.reads <= 2 * PROCESSES && calls.kms <= PROCESSES;
        if taken == 40 && is_cheap && (calls.writes, calls.sqs) == (40, 0) {
            return;
        }
        // A busy machine may make calls time out and be made again; never five times in a row.
        counted.push((taken, calls));
    }
    panic!("{counted:?}");
}

/// Asks the emulator what writing costs, which the functions never ask.
struct Meter {
    client: aws_sdk_dynamodb::Client,
    table: String,
}

impl Meter {
    fn of(harness: &Harness) -> Self {
        let environment = Environment::of(harness.stack.environment().clone());
        let aws = Aws::from_environment(&environment, Patience::BACKGROUND).unwrap();
        Self {
            client: aws.dynamodb(),
            table: harness.variable("ACTIVITY_TABLE").to_owned(),
        }
    }

    /// The units of writing an item anew.
    async fn put(&self, item: Item) -> ConsumedCapacity {
        let put = self.client.put_item().table_name(&self.table);
        let put = put.set_item(Some(item));
        let put = put.return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        put.send().await.unwrap().consumed_capacity.unwrap()
    }

    /// The units of adding one attribute to an item.
    async fn add(&self, item: &Item, name: &str, value: AttributeValue) -> ConsumedCapacity {
        let key = |name: &str| item[name].clone();
        let update = self.client.update_item().table_name(&self.table);
        let update = update
            .key("pk", key("pk"))
            .key("sk", key("sk"))
            .update_expression("SET #fact = if_not_exists(#fact, :fact)")
            .expression_attribute_names("#fact", name)
            .expression_attribute_values(":fact", value)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
        update.send().await.unwrap().consumed_capacity.unwrap()
    }
}

/// The same item of another tenant, whose id is as long.
fn elsewhere(item: &Item, tenant: &Tenant) -> Item {
    let move_to = |value: &AttributeValue| match value {
        AttributeValue::S(text) if text.starts_with(&tenant.partition()) => {
            AttributeValue::S(text.replacen("tenant-", "meter--", 1))
        }
        other => other.clone(),
    };
    let attributes = item.iter();
    attributes
        .map(|(name, value)| (name.clone(), move_to(value)))
        .collect()
}

#[tokio::test]
async fn an_inbound_sms_takes_three_write_units_and_each_later_status_one() {
    let harness = Harness::quiet().await;
    let tenant = harness.tenant(json!({})).await;
    let meter = Meter::of(harness);

    let mut sms = event(&tenant, Route::Sms);
    // As full as a single SMS is.
    let parameters = &mut sms.webhook.parameters;
    parameters.set("Body", "x".repeat(160));
    for (name, place) in [("City", "SAN FRANCISCO"), ("State", "CA"), ("Zip", "94105")] {
        parameters.set(&format!("From{name}"), place);
        parameters.set(&format!("To{name}"), place);
    }
    assert_eq!(deliver(&tenant, &sms).await, 200);
    let items = traffic::items_of(harness, &tenant).await;
    let [item] = items.as_slice() else {
        panic!("one item a message: {items:?}");
    };
    let consumed = meter.put(elsewhere(item, &tenant)).await;
    assert_eq!(consumed.capacity_units, Some(3.0), "{consumed:?}");

    // A message that was sent: its first status makes the item, and the next one changes no key of it.
    let status = event(&tenant, Route::SmsStatus);
    let mut sent = status.clone();
    sent.webhook.parameters.set("MessageStatus", "sent");
    assert_eq!(deliver(&tenant, &sent).await, 204);
    let of_status = |items: Vec<Item>| {
        let is_it = |item: &Item| item["sid"].as_s().unwrap() == status.resource.sid();
        items.into_iter().find(is_it).unwrap()
    };
    let before = of_status(traffic::items_of(harness, &tenant).await);
    assert_eq!(deliver(&tenant, &status).await, 204);
    let after = of_status(traffic::items_of(harness, &tenant).await);
    let mut added = after.iter().filter(|(name, _)| !before.contains_key(*name));
    let (name, value) = added.next().unwrap();
    assert_eq!(added.next(), None, "a status adds one attribute");

    let copy = elsewhere(&before, &tenant);
    let consumed = meter.put(copy.clone()).await;
    assert_eq!(consumed.capacity_units, Some(3.0), "{consumed:?}");
    let consumed = meter.add(&copy, name, value.clone()).await;
    assert_eq!(consumed.capacity_units, Some(1.0), "{consumed:?}");
}
