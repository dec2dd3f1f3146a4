//! EventBridge: buses that take events and remember the last of them, to be read by tests and by people.

mod bus;
mod put;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

pub use bus::{BusEvent, EventBus, EventMark};
pub use put::FailedEntry;

use super::StartError;
use super::faults::{AwsError, Faults};
use super::front::{Answer, Emulated, Front, Incoming, bind, refused};
use super::wire::{Target, WireLog};
use crate::iam::{self, Access, Caller};
use crate::template::Template;
use bus::EventLog;
use put::Put;

/// The bus that every account has.
const DEFAULT_BUS: &str = "default";

/// The running EventBridge emulator.
#[derive(Debug)]
pub struct EventBridge {
    front: Front,
    log: EventLog,
    entry_faults: Faults<FailedEntry>,
}

#[derive(Debug)]
struct Service {
    buses: BTreeSet<String>,
    log: EventLog,
    entry_faults: Faults<FailedEntry>,
}

impl EventBridge {
    /// Every call since the start.
    #[must_use]
    pub fn wire(&self) -> &WireLog {
        &self.front.wire
    }

    /// The faults that calls meet.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.front.faults
    }

    /// The faults that single entries of a call meet, which fails them and leaves the others. Such a fault matches by the
    /// entry's type as the operation, the name of the bus as the resource, and `tenant_id#` of the detail as the partition.
    #[must_use]
    pub fn entry_faults(&self) -> &Faults<FailedEntry> {
        &self.entry_faults
    }

    /// The base URL, for `AWS_ENDPOINT_URL_EVENTBRIDGE`.
    #[must_use]
    pub fn url(&self) -> String {
        self.front.url()
    }

    /// A bus as somebody sees it who gets all of its events. One that the template does not have stays empty.
    #[must_use]
    pub fn bus(&self, name: impl Into<String>) -> EventBus {
        EventBus::of(self.log.clone(), Some(name.into()))
    }

    /// All buses together.
    #[must_use]
    pub fn all_buses(&self) -> EventBus {
        EventBus::of(self.log.clone(), None)
    }

    /// Starts EventBridge with the buses of `template`.
    pub(super) async fn start(
        template: &Template,
        port: u16,
        access: &Access,
    ) -> Result<Self, StartError> {
        let listener = bind(Service::NAME, port).await?;
        let names = template.event_buses().map(|(_, bus)| bus.name.clone());
        let (log, entry_faults) = (EventLog::default(), Faults::default());
        let service = Service {
            buses: names.chain([DEFAULT_BUS.to_owned()]).collect(),
            log: log.clone(),
            entry_faults: entry_faults.clone(),
        };
        Ok(Self {
            front: Front::serve(listener, Arc::new(service), access)?,
            log,
            entry_faults,
        })
    }

    /// Ends it.
    pub(super) async fn stop(&mut self) {
        self.front.stop().await;
    }
}

impl Emulated for Service {
    const NAME: &'static str = "EventBridge";
    const SERVICE: &'static str = "events";
    const CONTENT_TYPE: &'static str = "application/x-amz-json-1.1";

    fn targets(&self, _operation: &str, body: &Value) -> Vec<Target> {
        let entries = body["Entries"].as_array().into_iter().flatten();
        let targets = entries.map(|entry| {
            let detail = entry["Detail"].as_str().unwrap_or_default();
            put::target(
                put::bus_name(entry),
                &serde_json::from_str(detail).unwrap_or_default(),
            )
        });
        targets.collect()
    }

    fn requests(&self, operation: &str, body: &Value) -> Vec<iam::Request> {
        if operation != "PutEvents" {
            return vec![iam::Request::new(format!("events:{operation}"), "*")];
        }
        let entries = body["Entries"].as_array().into_iter().flatten();
        entries.map(put::request).collect()
    }

    async fn answer(&self, call: Incoming, _caller: Option<Caller>) -> Answer {
        if call.operation != "PutEvents" {
            let message = "the local stack's EventBridge has the operation PutEvents alone";
            return refused(&AwsError::new(400, "UnknownOperationException", message));
        }
        let put = serde_json::from_slice(&call.body)
            .map_err(|error| AwsError::new(400, "SerializationException", error.to_string()))
            .and_then(|body| Put::read(&body));
        let put = match put {
            Ok(put) => put,
            Err(error) => return refused(&error),
        };
        let results: Vec<Value> = put
            .entries
            .into_iter()
            .map(|entry| self.take(entry))
            .collect();
        let failed = results
            .iter()
            .filter(|result| result["ErrorCode"].is_string());
        let answer = json!({"FailedEntryCount": failed.count(), "Entries": results});
        Answer {
            status: 200,
            body: Bytes::from(answer.to_string()),
        }
    }
}

impl Service {
    /// What the answer says of one entry.
    fn take(&self, entry: Result<put::Entry, FailedEntry>) -> Value {
        let taken = entry.and_then(|entry| {
            if !self.buses.contains(&entry.bus) {
                let message = format!("Event bus {} does not exist.", entry.bus);
                return Err(FailedEntry::new("ResourceNotFoundException", message));
            }
            let target = [put::target(entry.bus.clone(), &entry.detail)];
            match self.entry_faults.hit(&entry.detail_type, &target) {
                Some((_, failed)) => Err(failed),
                None => Ok(self.log.append(entry)),
            }
        });
        match taken {
            Ok(id) => json!({"EventId": id}),
            Err(FailedEntry { code, message }) => {
                json!({"ErrorCode": code, "ErrorMessage": message})
            }
        }
    }
}

#[cfg(test)]
mod tests;
