//! `AWS::KMS::Key` and `AWS::KMS::Alias`.

use super::policy::{PolicyDocument, PolicyOf};
use crate::template::fault::Position;
use crate::template::properties::Properties;

/// A symmetric KMS key.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Where it stands in the template.
    pub at: Position,
    /// What it is for.
    pub description: String,
    /// Whether it may be used.
    pub enabled: bool,
    /// Whether KMS makes new material each year. Locally the key has one material.
    pub rotation: bool,
    /// Who may do what with it; without one whatever the account's policies say.
    pub policy: Option<PolicyDocument>,
}

/// A second name of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    /// Where it stands in the template.
    pub at: Position,
    /// The name, which begins with `alias/`.
    pub name: String,
    /// The logical id of the key.
    pub target: String,
}

impl Key {
    pub(super) fn read(at: Position, mut properties: Properties<'_>) -> Self {
        properties.one_of("KeySpec", &["SYMMETRIC_DEFAULT"]);
        properties.one_of("KeyUsage", &["ENCRYPT_DECRYPT"]);
        properties.one_of("Origin", &["AWS_KMS"]);
        let multi_region_at = properties.place("MultiRegion");
        if properties.boolean("MultiRegion") == Some(true) {
            let message = "the local stack is one region: remove `MultiRegion`";
            properties.faults.add(multi_region_at, message);
        }
        properties.number("PendingWindowInDays", 7..=30);
        properties.number("RotationPeriodInDays", 90..=2_560);
        let faults = properties.faults;
        let key = Self {
            at,
            description: properties.text("Description").unwrap_or_default(),
            enabled: properties.boolean("Enabled").unwrap_or(true),
            rotation: properties.boolean("EnableKeyRotation").unwrap_or(false),
            policy: properties
                .take("KeyPolicy")
                .map(|policy| PolicyDocument::read(policy, PolicyOf::Resource, faults)),
        };
        properties.accept(&["BypassPolicyLockoutSafetyCheck", "Tags"]);
        properties.finish();
        key
    }
}

impl Alias {
    pub(super) fn read(at: Position, mut properties: Properties<'_>) -> Option<Self> {
        let name_at = properties.place("AliasName");
        let name = properties.required_text("AliasName");
        if name
            .as_ref()
            .is_some_and(|name| !name.starts_with("alias/"))
        {
            properties
                .faults
                .add(name_at, "`AliasName` must begin with `alias/`");
        }
        properties.require("TargetKeyId");
        let target = properties.take("TargetKeyId");
        let faults = properties.faults;
        properties.finish();
        let target = target?;
        let Some((logical_id, _)) = target.attribute() else {
            faults.add(
                target.at,
                "`TargetKeyId` must be `!Ref` of a key of this template",
            );
            return None;
        };
        Some(Self {
            at,
            name: name?,
            target: logical_id.to_owned(),
        })
    }
}
