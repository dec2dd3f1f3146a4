//! A function of the client API with a defect: its keys are those of the tenant that a header names, whichever tenant the call was
//! admitted for. All else is as in the others: gate, sessions, stores.

#![recursion_limit = "256"]

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{
    AttributeValue, DeleteRequest, KeysAndAttributes, Put, TransactWriteItem, WriteRequest,
};
use shared::api::{self, Call, Foundation, Problem};
use shared::aws::SessionRoles;
use shared::clock::Clock;
use shared::environment::Environment;
use shared::http::Reply;
use shared::lambda;
use shared::store::{Integrations, Interval, Listings, Page};
use shared::tenant::{Provider, TenantId};

fn main() -> ExitCode {
    lambda::start(|environment| {
        api::run(environment, SessionRoles::of_tenants, Misled::new, handle)
    })
}

struct Misled {
    client: aws_sdk_dynamodb::Client,
    activity: String,
    integrations: Integrations,
    listings: Listings,
    clock: Clock,
}

impl Misled {
    fn new(_environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let Foundation {
            aws, tables, clock, ..
        } = foundation;
        let (client, activity) = (aws.dynamodb(), tables.activity.clone());
        Some(Self {
            integrations: Integrations::new(&client, tables, clock),
            listings: Listings::new(client.clone(), activity.clone(), clock.clone()),
            activity,
            client,
            clock: clock.clone(),
        })
    }

    /// Reads an item of a batch.
    async fn read_batch(&self, key: Item) -> Result<(), Problem> {
        let keys = KeysAndAttributes::builder().keys(key).build();
        let keys = keys.map_err(Problem::internal)?;
        let read = self.client.batch_get_item();
        let sent = read.request_items(&self.activity, keys).send().await;
        sent.map(drop).map_err(Problem::internal)
    }

    /// Deletes an item of a batch.
    async fn delete_batch(&self, key: Item) -> Result<(), Problem> {
        let delete = DeleteRequest::builder().set_key(Some(key)).build();
        let delete = delete.map_err(Problem::internal)?;
        let delete = WriteRequest::builder().delete_request(delete).build();
        let write = self.client.batch_write_item();
        let write = write.request_items(&self.activity, vec![delete]);
        write.send().await.map(drop).map_err(Problem::internal)
    }

    /// Writes an item by itself.
    async fn write(&self, item: Item) -> Result<(), Problem> {
        let put = self.client.put_item().table_name(&self.activity);
        let sent = put.set_item(Some(item)).send().await;
        sent.map(drop).map_err(Problem::internal)
    }

    /// Writes an item in a transaction.
    async fn write_together(&self, item: Item) -> Result<(), Problem> {
        let put = Put::builder().table_name(&self.activity);
        let put = put.set_item(Some(item)).build();
        let put = put.map_err(Problem::internal)?;
        let put = TransactWriteItem::builder().put(put).build();
        let write = self.client.transact_write_items().transact_items(put);
        write.send().await.map(drop).map_err(Problem::internal)
    }
}

type Item = HashMap<String, AttributeValue>;

/// The key of an item of the activity table.
fn key(tenant: &TenantId, kind: &str) -> Item {
    let pk = AttributeValue::S(format!("{tenant}#{kind}#1"));
    let sk = AttributeValue::S(kind.to_owned());
    HashMap::from([("pk".to_owned(), pk), ("sk".to_owned(), sk)])
}

async fn handle(misled: Arc<Misled>, call: Call) -> Result<Reply, Problem> {
    let tenant = call.header("x-misled-to").and_then(|id| id.parse().ok());
    let tenant: TenantId = tenant.ok_or_else(Problem::not_here)?;
    let scope = call.operator()?.scope(tenant.clone());
    let (integrations, now) = (&misled.integrations, misled.clock.now());
    match call.header("x-work").unwrap_or_default() {
        "read" => drop(integrations.read(&scope, Provider::Twilio).await?),
        "list" => drop(integrations.list(&scope).await?),
        "update" => {
            integrations
                .used(&scope, Provider::Twilio, now, now)
                .await?;
        }
        "index" => {
            let (every, page) = (Interval::default(), Page::new(10, None));
            misled.listings.calls(&scope, every, None, &page).await?;
        }
        "read-batch" => misled.read_batch(key(&tenant, "message")).await?,
        "delete-batch" => misled.delete_batch(key(&tenant, "message")).await?,
        "write" => misled.write(key(&tenant, "event")).await?,
        "write-together" => misled.write_together(key(&tenant, "event")).await?,
        _ => return Err(Problem::not_here()),
    }
    Ok(Reply::no_content())
}
