//! The AWS services that the functions use, run in this process on loopback.
//!
//! Each is a listener that the AWS SDK reaches through `AWS_ENDPOINT_URL_*`. What comes over the wire is recorded, and
//! faults can be injected into it.

pub(crate) mod connection;
mod dynamodb;
mod eventbridge;
pub mod faults;
mod front;
mod kms;
mod sqs;
pub(crate) mod state_directory;
mod sts;
pub mod wire;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use shared::clock::Clock;

pub use dynamodb::{DynamoDb, ImportError, StreamHandle, StreamRecord};
pub use eventbridge::{BusEvent, EventBridge, EventBus, EventMark, FailedEntry};
pub use kms::Kms;
pub use sqs::{QueueHandle, Received, Sqs};
pub use sts::Sts;

use crate::iam::{Access, Rules};
use crate::template::{Attributes, Fault, Template};
use state_directory::{Hold, StateDirectory};

/// Where the emulators keep their data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In a directory, which is made at mode 0700, so that data survives a restart.
    Directory(PathBuf),
    /// In memory.
    Memory,
}

/// The ports to listen on; 0 lets the system choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ports {
    /// The port of DynamoDB.
    pub dynamodb: u16,
    /// The port of KMS.
    pub kms: u16,
    /// The port of SQS.
    pub sqs: u16,
    /// The port of `EventBridge`.
    pub eventbridge: u16,
    /// The port of STS.
    pub sts: u16,
}

/// Why the emulators could not start or stop, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port could not be had.
    #[error(
        "{name} cannot listen on port {port} of 127.0.0.1 ({source}): end what uses it, or choose others with --port-base"
    )]
    Port {
        /// The service.
        name: &'static str,
        /// The port.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// The state directory or a file in it cannot be used.
    #[error("`{}` cannot be read or written: mend its permissions, or choose another directory", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process has the state directory.
    #[error("another local stack uses `{}`: end it first, or start this one with --ephemeral", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the state directory is damaged.
    #[error("`{}` cannot be understood: delete the directory it is in to start afresh", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Where it is damaged.
        source: serde_json::Error,
    },
    /// A kept table has another key than the template says.
    #[error(
        "the key of the table `{table}` has changed since its data was written, which DynamoDB does not allow: delete the state directory, or start with --ephemeral"
    )]
    KeyChanged {
        /// The table.
        table: String,
    },
    /// Policies that cannot be filled in.
    #[error("the template cannot be run here:\n  {}", .0.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n  "))]
    Policies(Vec<Fault>),
    /// An emulator refused what the template asks for.
    #[error("{name} refused what the template asks for: {message}")]
    Emulator {
        /// The service.
        name: &'static str,
        /// What it said.
        message: String,
    },
}

/// The running services.
#[derive(Debug)]
pub struct Emulators {
    dynamodb: DynamoDb,
    kms: Kms,
    sqs: Sqs,
    eventbridge: EventBridge,
    sts: Sts,
    access: Access,
    attributes: Attributes,
    _hold: Option<Hold>,
}

impl Emulators {
    /// Starts the services on ports that the system chooses, with the resources of `template`. Resources that exist
    /// in `storage` are kept.
    ///
    /// # Errors
    ///
    /// A state directory that cannot be used, or a resource that cannot be made.
    pub async fn start(template: &Template, storage: Storage) -> Result<Self, StartError> {
        Self::start_on(template, storage, Ports::default(), Clock::system()).await
    }

    /// Like [`Emulators::start`], on ports of the caller's choice. By `clock` credentials end.
    ///
    /// # Errors
    ///
    /// As [`Emulators::start`], and a port that is taken.
    pub async fn start_on(
        template: &Template,
        storage: Storage,
        ports: Ports,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let (directory, hold) = match storage {
            Storage::Directory(path) => {
                let (directory, hold) = StateDirectory::open(&path)?;
                (Some(Arc::new(directory)), Some(hold))
            }
            Storage::Memory => (None, None),
        };
        let mut attributes = Attributes::new();
        // Until there are rules nobody but the administrator has credentials, and who calls a role's own gets none.
        let access = Access::new(clock);
        let (of_dynamodb, of_kms) = (directory.clone(), directory.clone());
        let running = &mut attributes;
        let dynamodb =
            DynamoDb::start(template, of_dynamodb, ports.dynamodb, running, &access).await?;
        let kms = Kms::start(template, of_kms, ports.kms, running, &access).await?;
        let sqs = Sqs::start(template, directory, ports.sqs, running, &access).await?;
        let eventbridge = EventBridge::start(template, ports.eventbridge, &access).await?;
        let sts = Sts::start(ports.sts, &access).await?;
        let rules = Rules::of(template, &attributes).map_err(StartError::Policies)?;
        access.rule(rules);
        Ok(Self {
            dynamodb,
            kms,
            sqs,
            eventbridge,
            sts,
            access,
            attributes,
            _hold: hold,
        })
    }

    /// The variables by which the AWS SDK finds the services.
    #[must_use]
    pub fn endpoints(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), self.dynamodb.url()),
            (
                "AWS_ENDPOINT_URL_EVENTBRIDGE".to_owned(),
                self.eventbridge.url(),
            ),
            ("AWS_ENDPOINT_URL_KMS".to_owned(), self.kms.url()),
            ("AWS_ENDPOINT_URL_SQS".to_owned(), self.sqs.url()),
            ("AWS_ENDPOINT_URL_STS".to_owned(), self.sts.url()),
        ])
    }

    /// The attributes that exist only now that the resources do: queue URLs, key ids and ARNs, stream ARNs.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &DynamoDb {
        &self.dynamodb
    }

    /// KMS.
    #[must_use]
    pub fn kms(&self) -> &Kms {
        &self.kms
    }

    /// SQS.
    #[must_use]
    pub fn sqs(&self) -> &Sqs {
        &self.sqs
    }

    /// `EventBridge`.
    #[must_use]
    pub fn eventbridge(&self) -> &EventBridge {
        &self.eventbridge
    }

    /// STS.
    #[must_use]
    pub fn sts(&self) -> &Sts {
        &self.sts
    }

    /// Who may do what: the roles' policies, the administrator's credentials, and which permissions were used.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The event bus of this name. One that the template does not have stays empty.
    #[must_use]
    pub fn event_bus(&self, name: &str) -> EventBus {
        self.eventbridge.bus(name)
    }

    /// Lets calls in work end, and writes down what is not on disk yet. Takes at most some seconds.
    ///
    /// # Errors
    ///
    /// Data that cannot be written.
    pub async fn stop(mut self) -> Result<(), StartError> {
        tokio::join!(
            self.dynamodb.stop(),
            self.eventbridge.stop(),
            self.sts.stop()
        );
        let (kms, sqs) = tokio::join!(self.kms.stop(), self.sqs.stop());
        kms.and(sqs)
    }
}
