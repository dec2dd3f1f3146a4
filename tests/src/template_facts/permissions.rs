//! What a function may do to the tables, held against what it is seen doing: nothing is missing, and nothing is left over.

pub(crate) mod messages;
pub(crate) mod messaging;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use local::emulators::wire::Calls;
use reqwest::Method;
use serde_json::{Value, json};
use shared::contacts::OptOutChange;
use shared::store::ContactItems;
use shared::tenant::TenantId;

use super::document::{list, template};
use crate::harness::Harness;
use crate::published_events::Listener;
use crate::tenant_deletion::numbered;

/// Something that was done to partitions of a table or of an index.
pub(crate) type Deed = (String, String, BTreeSet<String>);

/// A statement of a role's policy that allows something with a table.
#[derive(Debug)]
struct Grant {
    sid: String,
    actions: BTreeSet<String>,
    resource: String,
    partitions: BTreeSet<String>,
}

/// What a role may do to tables.
fn grants(role: &str) -> Vec<Grant> {
    let template = template();
    let policies = &template["Resources"][role]["Properties"]["Policies"];
    let statements = list(policies)
        .into_iter()
        .flat_map(|policy| list(&policy["PolicyDocument"]["Statement"]));
    let texts = |value: &Value| -> BTreeSet<String> {
        let texts = list(value).into_iter();
        texts.map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let grants = statements.map(|statement| {
        assert_eq!(statement["Effect"], "Allow");
        let resource = &statement["Resource"];
        let resource = resource["Fn::GetAtt"]
            .as_str()
            .or(resource["Fn::Sub"].as_str());
        let resource = resource.unwrap_or_default().replace(['$', '{', '}'], "");
        let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
        Grant {
            sid: statement["Sid"].as_str().unwrap().to_owned(),
            actions: texts(&statement["Action"]),
            resource: resource.replace(".Arn", ""),
            partitions: texts(keys),
        }
    });
    // Of a stream Lambda takes records in the role's name; what it is held against here are the function's own calls.
    let of_tables = |grant: &Grant| {
        let is_stream = grant.resource.ends_with(".StreamArn");
        !is_stream && grant.actions.iter().any(|it| it.starts_with("dynamodb:"))
    };
    grants.filter(of_tables).collect()
}

impl Grant {
    fn allows(&self, (action, resource, partitions): &Deed) -> bool {
        let is_within = |partition| self.partitions.iter().any(|it| is_like(it, partition));
        self.actions.contains(action)
            && self.resource == *resource
            && partitions.iter().all(|partition| is_within(partition))
    }
}

/// `StringLike` of IAM, with asterisks alone.
fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            let mut ends = rest.char_indices().map(|(end, _)| end);
            ends.any(|end| is_like(tail, &rest[end..])) || is_like(tail, "")
        }),
    }
}

/// What calls did, as IAM names it: each action of a transaction by itself, an index as a resource of its own. Of a batch or a
/// transaction the partitions are all that it touches in the table: AWS does not say that IAM sees fewer at a time.
fn deeds(harness: &Harness, calls: &Calls) -> BTreeSet<Deed> {
    let tables: BTreeMap<_, _> = [
        ("TENANTS_TABLE", "TenantsTable"),
        ("ROUTES_TABLE", "RoutesTable"),
        ("ACTIVITY_TABLE", "ActivityTable"),
    ]
    .map(|(variable, name)| (harness.variable(variable), name))
    .into();
    let mut deeds = BTreeSet::new();
    for call in calls.iter() {
        let mut partitions: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for target in &call.targets {
            let of_table = partitions.entry(target.resource.as_str()).or_default();
            of_table.insert(target.partition.clone().unwrap());
        }
        for target in &call.targets {
            let action = match target.action.as_deref() {
                Some(part) => format!("dynamodb:{part}Item"),
                None => format!("dynamodb:{}", call.operation),
            };
            let table = tables[target.resource.as_str()];
            let index = target.index.iter();
            let index: String = index.map(|index| format!("/index/{index}")).collect();
            let resource = format!("{table}{index}");
            let partitions = partitions[target.resource.as_str()].clone();
            deeds.insert((action, resource, partitions));
        }
    }
    deeds
}

/// Every way of the function that issues tokens: the first one of an account, one more, one by a host, one without credentials,
/// and one whose App could not be made.
pub(crate) async fn ways_of_token(harness: &Harness) -> BTreeSet<Deed> {
    let (first, failing) = (harness.connected().await, harness.connected().await);
    let nobody = harness.newcomer().await;
    let operator = harness.operator();
    let named = json!({"subdomain": "token-host"});
    let path = format!("/api/tenants/{}", first.id);
    operator.patch(&path, &named).await.document(200);
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    for _ in 0..2 {
        first
            .admin
            .post("/api/token", &json!({}))
            .await
            .document(200);
    }
    let by_host = first.admin.send(Method::POST, "/api/token", |request| {
        request.header("host", harness.host("token-host"))
    });
    by_host.await.document(200);
    let refused = nobody.admin.post("/api/token", &json!({})).await;
    assert_eq!(refused.refusal(), (409, "credentials_missing"));
    failing.account.close();
    let refused = failing.admin.post("/api/token", &json!({})).await;
    assert_eq!(refused.refusal(), (502, "provider_refused"));
    deeds(
        harness,
        &harness.stack.emulators().dynamodb().wire().since(mark),
    )
}

/// Every way of the function that keeps credentials: they are stored, changed, taken over, looked at, checked and deleted.
pub(crate) async fn ways_of_credentials(harness: &Harness) -> BTreeSet<Deed> {
    const TWILIO: &str = "/api/integrations/twilio";
    let (owner, squatter) = (harness.newcomer().await, harness.newcomer().await);
    let operator = harness.operator();
    let named = json!({"subdomain": "credentials-host"});
    let path = format!("/api/tenants/{}", owner.id);
    operator.patch(&path, &named).await.document(200);
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    let sid = owner.account.sid().as_str();
    let claim = json!({"account_sid": sid, "auth_token": "an-invented-auth-token"});
    let unchecked = format!("{TWILIO}?verify=false");
    squatter.admin.put(&unchecked, &claim).await.document(201);
    owner.store().await.document(201);
    let sender = json!({"phone_number": "+15005550006"});
    owner.admin.patch(TWILIO, &sender).await.document(200);
    owner
        .admin
        .post(&format!("{TWILIO}/verify"), &json!({}))
        .await
        .document(200);
    let forwarding = json!({"inbound_route": "forward", "forward_to": "+15005550009"});
    owner
        .admin
        .patch("/api/settings", &forwarding)
        .await
        .document(200);
    for path in [
        "/api/integrations",
        TWILIO,
        "/api/settings",
        "/api/health/twilio",
    ] {
        owner.admin.get(path).await.document(200);
    }
    let page = owner.admin.get("/api/audit?limit=1").await.document(200);
    let next = page["next_cursor"].as_str().unwrap();
    let next = format!("/api/audit?cursor={next}");
    owner.admin.get(&next).await.document(200);
    let by_host = owner.admin.send(Method::GET, "/api/settings", |request| {
        request.header("host", harness.host("credentials-host"))
    });
    by_host.await.document(200);
    for gone in [owner, squatter] {
        assert_eq!(gone.admin.delete(TWILIO).await.status, 204);
    }
    deeds(
        harness,
        &harness.stack.emulators().dynamodb().wire().since(mark),
    )
}

/// Every way of the function that administers tenants, with what it did on each.
pub(crate) async fn ways_of_tenants(harness: &Harness) -> BTreeSet<Deed> {
    let operator = harness.operator();
    let wire = harness.stack.emulators().dynamodb().wire();
    let mut seen = BTreeSet::new();
    let mut mark = wire.mark();
    let entered = json!({"tenant_id": "seen", "name": "Seen", "subdomain": "seen-host"});
    operator.post("/api/tenants", &entered).await.document(201);
    let other = json!({"name": "Seen"});
    operator.post("/api/tenants", &other).await.document(201);
    let page = operator.get("/api/tenants?limit=1").await.document(200);
    let next = page["next_cursor"].as_str().unwrap();
    let next = format!("/api/tenants?cursor={next}");
    operator.get(&next).await.document(200);
    let port = harness.stack.api_url().unwrap().rsplit(':').next().unwrap();
    let read = operator.send(Method::GET, "/api/tenants/seen", |request| {
        request.header("host", format!("seen-host.localhost:{port}"))
    });
    read.await.document(200);
    let change = json!({"status": "suspended", "subdomain": "other-host"});
    let changed = operator.patch("/api/tenants/seen", &change).await;
    changed.document(200);
    assert_eq!(operator.delete("/api/tenants/seen").await.status, 204);
    assert_eq!(operator.delete("/api/tenants/seen").await.status, 204);
    seen.extend(deeds(harness, &wire.since(mark)));

    // One that has settings and never had an account.
    let settled = harness.newcomer().await;
    let settings = json!({"inbound_route": "voicemail"});
    let stored = settled.admin.patch("/api/settings", &settings).await;
    stored.document(200);
    mark = wire.mark();
    let path = format!("/api/tenants/{}", settled.id);
    assert_eq!(operator.delete(&path).await.status, 204);
    seen.extend(deeds(harness, &wire.since(mark)));

    // With an account and all kinds of activity, up to its end.
    let leaving = harness.connected().await;
    leaving.account.suspend();
    for _ in 0..2 {
        let verify = "/api/integrations/twilio/verify";
        leaving.admin.post(verify, &json!({})).await.document(200);
    }
    let leaving = leaving.id;
    keep_one_of_each(harness, &leaving).await;
    // An address that only the webhook knows of yet.
    let contacts = harness.variable("ACTIVITY_TABLE").to_owned();
    let contacts = ContactItems::new(harness.dynamodb(), contacts, 0);
    let stop = OptOutChange {
        sender: "+15005550006".to_owned(),
        stopped: true,
        at: Timestamp::UNIX_EPOCH,
        sid: format!("SM{:032x}", 1).parse().unwrap(),
    };
    let scope = harness.console().scope(&leaving);
    let kept = contacts.keep_opt_out(&scope, "+15005550019", &stop);
    kept.await.unwrap();
    let path = format!("/api/tenants/{leaving}");
    mark = wire.mark();
    assert_eq!(operator.delete(&path).await.status, 202);
    seen.extend(deeds(harness, &wire.since(mark)));
    let update = harness.dynamodb().update_item();
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let update = update
        .table_name(harness.variable("TENANTS_TABLE"))
        .key("pk", text(&format!("{leaving}#tenant")))
        .key("sk", text("profile"))
        .update_expression("SET last_served_until = :past")
        .expression_attribute_values(":past", text("2026-01-01T00:00:00.000Z"));
    update.send().await.unwrap();
    mark = wire.mark();
    assert_eq!(operator.delete(&path).await.status, 204);
    seen.extend(deeds(harness, &wire.since(mark)));
    seen
}

/// Keeps a message, a call, a leg and a recording of a tenant, and waits until the publisher has done with them.
async fn keep_one_of_each(harness: &Harness, id: &TenantId) {
    let listener = Listener::start(harness, id);
    let console = harness.console();
    for number in 0..4 {
        let scope = console.scope(id);
        let fact = numbered(number);
        console.activity().keep(&scope, &fact).await.unwrap();
    }
    let told = ["message.received", "call.started", "contact.created"];
    listener.hear_all(&told.map(|name| (name, 1))).await;
}

/// Every way of the function that publishes events: it keeps contacts of a tenant that is there.
pub(crate) async fn ways_of_publisher(harness: &Harness) -> BTreeSet<Deed> {
    let tenant = harness.newcomer().await.id;
    let mark = harness.stack.emulators().dynamodb().wire().mark();
    keep_one_of_each(harness, &tenant).await;
    let calls = harness.stack.emulators().dynamodb().wire().since(mark);
    let mut seen = deeds(harness, &calls);
    seen.retain(is_of_publisher);
    seen
}

/// Whether a deed is one of the function that keeps contacts while others keep messages: it alone reads single items of tenants and
/// of activity, and writes more than one at once.
fn is_of_publisher((action, table, partitions): &Deed) -> bool {
    let reads = action == "dynamodb:GetItem" && table != "RoutesTable";
    reads || partitions.len() > 1 || action == "dynamodb:ConditionCheckItem"
}

/// Asserts that a role may do to the tables what was seen and nothing else.
#[track_caller]
fn assert_is_what_is_allowed(role: &str, seen: &BTreeSet<Deed>) {
    let grants = grants(role);
    assert!(grants.len() > 1);
    let refused: Vec<_> = seen
        .iter()
        .filter(|deed| !grants.iter().any(|grant| grant.allows(deed)))
        .collect();
    assert!(refused.is_empty(), "not allowed: {refused:#?}");

    let mut unused = Vec::new();
    for grant in &grants {
        let used: Vec<_> = seen.iter().filter(|deed| grant.allows(deed)).collect();
        let actions = grant.actions.iter();
        let actions = actions.filter(|action| used.iter().all(|deed| deed.0 != **action));
        let is_touched = |pattern: &str| {
            let mut touched = used.iter().flat_map(|deed| &deed.2);
            touched.any(|partition| is_like(pattern, partition))
        };
        let partitions = grant.partitions.iter();
        let partitions = partitions.filter(|pattern| !is_touched(pattern));
        let left_over = actions.chain(partitions);
        unused.extend(left_over.map(|what| format!("{}: {what}", grant.sid)));
    }
    assert!(unused.is_empty(), "not used: {unused:#?}");
}

#[tokio::test]
async fn the_tenants_function_may_do_to_the_tables_what_it_does_and_nothing_else() {
    let harness = Harness::start(|_| {});
    let seen = ways_of_tenants(&harness).await;
    assert_is_what_is_allowed("TenantsRole", &seen);
}

#[tokio::test]
async fn the_publisher_may_do_to_the_tables_what_it_does_and_nothing_else() {
    let harness = Harness::start(|_| {});
    let seen = ways_of_publisher(&harness).await;
    assert_is_what_is_allowed("PublisherRole", &seen);
}

#[tokio::test]
async fn the_token_function_may_do_to_the_tables_what_it_does_and_nothing_else() {
    let harness = Harness::start(|_| {});
    let seen = ways_of_token(&harness).await;
    assert_is_what_is_allowed("TokenRole", &seen);
}

#[tokio::test]
async fn the_credentials_function_may_do_to_the_tables_what_it_does_and_nothing_else() {
    let harness = Harness::start(|_| {});
    let seen = ways_of_credentials(&harness).await;
    assert_is_what_is_allowed("CredentialsRole", &seen);
}

#[test]
fn a_pattern_of_iam_is_read_as_iam_reads_it() {
    for (pattern, text, expected) in [
        ("*#tenant", "acme#tenant", true),
        ("*#tenant", "acme#tenants", false),
        ("*#call#*", "acme#call#CA1", true),
        ("*#call#*", "acme#call", false),
        ("platform#tenants", "platform#tenants", true),
        ("twilio-account#*", "twilio-account#AC1", true),
        ("twilio-account#*", "subdomain#acme", false),
    ] {
        assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
    }
}
