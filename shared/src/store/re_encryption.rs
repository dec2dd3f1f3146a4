//! What is sealed, tenant by tenant, for who seals it anew; how far that has come; and what did not open.

mod quarantine;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::quarantine::Quarantined;
use super::item::{Attributes, Item, number, text};
use super::keys::Key;
use super::routes::incomplete;
use super::transaction::{self, Transaction};
use super::{Audit, Directory, StoreError, keys};
use crate::audit::AuditEntry;
use crate::tenant::{Provider, TenantId, TenantScope};

/// How far the re-encryption has come: of the pass that is under way, or of the last one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The ARN of the key that is sealed under.
    pub key: String,
    /// When the pass began.
    pub started_at: Timestamp,
    /// When it had looked at everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The position in the directory up to which all is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The position in the quarantine up to which was looked again, at the end of the pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_until: Option<String>,
    /// How many messages there are under which key, as far as it was looked.
    #[serde(default)]
    pub by_key: BTreeMap<String, u64>,
    /// How many were sealed anew.
    #[serde(default)]
    pub sealed_anew: u64,
    /// How many did not open.
    #[serde(default)]
    pub quarantined: u64,
}

/// What a message is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealedBy {
    /// Credentials that a tenant stored.
    Tenant(Provider),
    /// Credentials of a provider that this version does not know.
    Unknown(String),
    /// The platform's own secret.
    Platform,
}

/// A message that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What it is of.
    pub by: SealedBy,
    /// The AWS Encryption SDK message.
    pub message: Vec<u8>,
}

/// The items, in the Tenants table.
#[derive(Clone)]
pub struct ReEncryptionItems {
    client: Client,
    table: String,
    audit: Audit,
    directory: Directory,
}

impl ReEncryptionItems {
    /// Opens the table.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self {
            audit: Audit::new(client.clone(), table.clone()),
            directory: Directory::new(client.clone(), table.clone()),
            client,
            table,
        }
    }

    /// How far it has come, and how often that was written; nothing before the first pass. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn progress(&self) -> Result<Option<(Progress, u64)>, StoreError> {
        const OPERATION: &str = "read how far the re-encryption is";
        let Some(item) = self.item(OPERATION, keys::re_encryption_progress()).await? else {
            return Ok(None);
        };
        let attributes = Attributes::of(OPERATION, &item);
        let progress = attributes.json("progress")?;
        Ok(Some((progress, attributes.number("revision")?)))
    }

    /// Keeps how far it has come, over what was written `revision` times; `false`, and nothing is kept, when somebody else has
    /// written since. One conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn keep(&self, progress: &Progress, revision: u64) -> Result<bool, StoreError> {
        const OPERATION: &str = "keep how far the re-encryption is";
        let written = serde_json::to_string(progress).map_err(|_| incomplete(OPERATION))?;
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(keys::re_encryption_progress().into_attributes()))
            .item("progress", text(written))
            .item("revision", number(revision.saturating_add(1)));
        let put = match revision {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            _ => put
                .condition_expression("revision = :revision")
                .expression_attribute_values(":revision", number(revision)),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) => match StoreError::of(OPERATION, "", &error) {
                StoreError::Conflict { .. } => Ok(false),
                error => Err(error),
            },
        }
    }

    /// Tenants in the order of their creation, behind a position of the directory, and the position of the last; none when
    /// there are no more. One query.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn tenants_after(
        &self,
        position: Option<&str>,
        most: i32,
    ) -> Result<Option<(Vec<TenantScope>, String)>, StoreError> {
        self.directory.tenants_after(position, most).await
    }

    /// The platform, which keeps a secret and may have credentials of its own.
    #[must_use]
    pub fn platform(&self) -> Option<TenantScope> {
        TenantId::PLATFORM.parse().ok().map(TenantScope::new)
    }

    /// Everything that is sealed for a tenant, or for the platform. One query, and one read for the platform.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn sealed(&self, scope: &TenantScope) -> Result<Vec<Sealed>, StoreError> {
        const OPERATION: &str = "read what is sealed";
        let output = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :partition AND begins_with(sk, :integrations)")
            .expression_attribute_values(":partition", text(keys::tenant_partition(scope)))
            .expression_attribute_values(":integrations", text(keys::INTEGRATIONS))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(OPERATION, "", &error))?;
        // A few items of a few KB; a part of them must not pass for the whole.
        if output.last_evaluated_key.is_some() {
            return Err(StoreError::Unreadable {
                operation: OPERATION,
                attribute: "end: it is longer than a page",
            });
        }
        let mut sealed = Vec::new();
        for item in output.items.unwrap_or_default() {
            let attributes = Attributes::of(OPERATION, &item);
            let name = attributes.text(keys::SORT)?;
            let name = name.strip_prefix(keys::INTEGRATIONS).unwrap_or(name);
            sealed.push(Sealed {
                by: match name.parse() {
                    Ok(provider) => SealedBy::Tenant(provider),
                    Err(_) => SealedBy::Unknown(name.to_owned()),
                },
                message: attributes.bytes("message")?.to_vec(),
            });
        }
        if scope.tenant_id().is_reserved()
            && let Some(message) = self.message(scope, &SealedBy::Platform).await?
        {
            let by = SealedBy::Platform;
            sealed.push(Sealed { by, message });
        }
        Ok(sealed)
    }

    /// A message as it is now, if it is there. One strongly consistent read.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn message(
        &self,
        scope: &TenantScope,
        by: &SealedBy,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        const OPERATION: &str = "read what is sealed";
        let item = self.item(OPERATION, key(scope, by)).await?;
        let message = item.map(|item| {
            Attributes::of(OPERATION, &item)
                .bytes("message")
                .map(Vec::from)
        });
        message.transpose()
    }

    /// Puts a message in the place of one that holds the same; `false`, when that one is there no longer. The version of the
    /// credentials stays, since nobody changed them; who is about to write over what was read thinks it over again. One
    /// conditional write.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn replace(
        &self,
        scope: &TenantScope,
        old: &Sealed,
        new: Vec<u8>,
    ) -> Result<bool, StoreError> {
        const OPERATION: &str = "store what was sealed anew";
        let blob = |message: Vec<u8>| AttributeValue::B(Blob::new(message));
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(scope, &old.by).into_attributes()))
            .condition_expression("message = :old")
            .expression_attribute_values(":old", blob(old.message.clone()))
            .expression_attribute_values(":new", blob(new));
        let update = match old.by {
            SealedBy::Platform => update.update_expression("SET message = :new"),
            _ => update
                .update_expression(
                    "SET message = :new, state_version = if_not_exists(state_version, :none) + :one",
                )
                .expression_attribute_values(":none", number(0))
                .expression_attribute_values(":one", number(1)),
        };
        let updated = transaction::update(OPERATION, update).await?;
        match updated.map_err(|error| StoreError::of(OPERATION, "", &error)) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes an entry into the platform's log.
    ///
    /// # Errors
    /// [`StoreError`] of any kind but a conflict.
    pub async fn log(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut transaction = Transaction::<StoreError>::new("write the platform's log");
        transaction.write(self.audit.platform_entry(entry)?);
        transaction.send(&self.client).await
    }

    async fn item(&self, operation: &'static str, key: Key) -> Result<Option<Item>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.into_attributes()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| StoreError::of(operation, "", &error))?;
        Ok(output.item)
    }
}

impl SealedBy {
    /// The name in the quarantine and in logs.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Tenant(provider) => provider.as_str(),
            Self::Unknown(name) => name,
            Self::Platform => "platform-secret",
        }
    }
}

fn key(scope: &TenantScope, by: &SealedBy) -> Key {
    match by {
        SealedBy::Tenant(provider) => keys::integration(scope, *provider),
        SealedBy::Unknown(name) => keys::item_of(
            keys::tenant_partition(scope),
            format!("{}{name}", keys::INTEGRATIONS),
        ),
        SealedBy::Platform => keys::platform_secret(),
    }
}
