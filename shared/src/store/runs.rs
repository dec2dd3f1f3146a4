//! The runs of the verifier: who is at one, how far it is, and what came of it.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::item::{Attributes, Item, number, text, time};
use super::routes::incomplete;
use super::{StoreError, keys};
use crate::clock::Clock;
use crate::tenant::TenantId;

/// For how long a run is remembered, in days.
const REMEMBERED_DAYS: i64 = 14;

/// The runs, in the Tenants table.
#[derive(Clone)]
pub struct Runs {
    client: Client,
    table: String,
    clock: Clock,
}

/// How far a run is. `C` is what it counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunState<C> {
    /// The last tenant up to which all are done, in the order of their ids; none at the beginning.
    pub after: Option<String>,
    /// What came of those, and of no others.
    pub counts: C,
}

/// How the attempt to go on with a run ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leased<C> {
    /// It is the caller's to go on with.
    Taken(RunState<C>),
    /// Somebody else is at it.
    Held,
    /// There is nothing left of it.
    Finished,
}

impl Runs {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String, clock: Clock) -> Self {
        Self {
            client,
            table,
            clock,
        }
    }

    /// Takes a run until a moment, if it is not finished and nobody else has it; it begins, if nobody had it before. One
    /// conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn lease<C: DeserializeOwned + Default>(
        &self,
        run: &str,
        owner: &str,
        until: Timestamp,
    ) -> Result<Leased<C>, StoreError> {
        const OPERATION: &str = "take a run";
        let now = self.clock.now();
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::run(run).into_attributes()))
            .update_expression(
                "SET leased_by = :owner, leased_until = :until, expires_at = :expires, \
                 began_at = if_not_exists(began_at, :now)",
            )
            .condition_expression(
                "attribute_not_exists(finished_at) AND (attribute_not_exists(leased_until) OR leased_until <= :now \
                 OR leased_by = :owner)",
            )
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":expires", self.expiry())
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match sent {
            Ok(output) => {
                let item = output.attributes.unwrap_or_default();
                return Ok(Leased::Taken(state(OPERATION, &item)?));
            }
            Err(error) => error,
        };
        if let Some(refused) = error.as_service_error()
            && let aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(there) = refused
        {
            let is_finished = there
                .item()
                .is_some_and(|item| item.contains_key("finished_at"));
            return Ok(match is_finished {
                true => Leased::Finished,
                false => Leased::Held,
            });
        }
        Err(StoreError::of(OPERATION, "", &error))
    }

    /// Keeps how far a run is, and that it is still the owner's, until a moment; without one it is finished. `false`, and nothing is
    /// kept, when it is somebody else's by now. One conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn keep<C: Serialize + Sync>(
        &self,
        run: &str,
        owner: &str,
        state: &RunState<C>,
        until: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "keep how far a run is";
        let counts = serde_json::to_string(&state.counts).map_err(|_| incomplete(OPERATION))?;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::run(run).into_attributes()))
            .condition_expression("leased_by = :owner")
            .expression_attribute_names("#after", "after")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":counts", text(counts))
            .expression_attribute_values(
                ":after",
                text(state.after.as_deref().unwrap_or_default()),
            );
        let update = match until {
            Some(until) => update
                .update_expression("SET counts = :counts, #after = :after, leased_until = :until")
                .expression_attribute_values(":until", time(until)),
            None => update
                .update_expression(
                    "SET counts = :counts, #after = :after, finished_at = :now REMOVE leased_by, leased_until",
                )
                .expression_attribute_values(":now", time(self.clock.now())),
        };
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => match StoreError::of(OPERATION, "", &error) {
                StoreError::Conflict { .. } => Ok(false),
                error => Err(error),
            },
        }
    }

    /// The runs between two names, both included, and whether each is finished. One query for each MB of them.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn between(
        &self,
        first: &str,
        last: &str,
    ) -> Result<BTreeMap<String, bool>, StoreError> {
        const OPERATION: &str = "look for runs";
        let (mut found, mut start) = (BTreeMap::new(), None);
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :partition AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":partition", text(keys::runs_partition()))
                .expression_attribute_values(":first", text(first))
                .expression_attribute_values(":last", text(last))
                .consistent_read(true)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| StoreError::of(OPERATION, "", &error))?;
            for item in output.items.unwrap_or_default() {
                let name = Attributes::of(OPERATION, &item).text(keys::SORT)?;
                found.insert(name.to_owned(), item.contains_key("finished_at"));
            }
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    /// Keeps what came of the tenants of one message, over what was kept of the same message. One write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn keep_part<C: Serialize>(
        &self,
        run: &str,
        first: &TenantId,
        counts: &C,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "keep a part of a run";
        let counts = serde_json::to_string(counts).map_err(|_| incomplete(OPERATION))?;
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(keys::part_of_run(run, first).into_attributes()))
            .item("counts", text(counts))
            .item("finished_at", time(self.clock.now()))
            .item("expires_at", self.expiry())
            .send()
            .await;
        sent.map_err(|error| StoreError::of(OPERATION, "", &error))?;
        Ok(())
    }

    fn expiry(&self) -> AttributeValue {
        let days = SignedDuration::from_hours(REMEMBERED_DAYS.saturating_mul(24));
        let at = self.clock.now().saturating_add(days);
        number(at.unwrap_or(Timestamp::MAX).as_second())
    }
}

/// A name that nobody else has who takes a run.
///
/// # Errors
/// When the system gives no random bytes.
pub(crate) fn owner() -> Result<String, StoreError> {
    let mut random = [0_u8; 16];
    let drawn = aws_lc_rs::rand::fill(&mut random);
    drawn.map_err(|_| StoreError::Refused {
        operation: "name who takes a run",
        cause: "there is no randomness".to_owned(),
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(random)))
}

fn state<C: DeserializeOwned + Default>(
    operation: &'static str,
    item: &Item,
) -> Result<RunState<C>, StoreError> {
    let attributes = Attributes::of(operation, item);
    let after = attributes.optional_text("after");
    let counts = item
        .contains_key("counts")
        .then(|| attributes.json("counts"));
    Ok(RunState {
        after: after
            .filter(|after| !after.is_empty())
            .map(ToOwned::to_owned),
        counts: counts.transpose()?.unwrap_or_default(),
    })
}
