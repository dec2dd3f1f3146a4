//! `AWS::DynamoDB::Table`.

use crate::template::expression::Expression;
use crate::template::fault::Position;
use crate::template::properties::Properties;

/// A DynamoDB table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Where it stands in the template.
    pub at: Position,
    /// The name that calls use.
    pub name: String,
    /// The key of the table itself.
    pub key: Vec<KeyElement>,
    /// The types of all key attributes, of the table and its indexes.
    pub attributes: Vec<AttributeType>,
    /// The global secondary indexes.
    pub indexes: Vec<Index>,
    /// The attribute (seconds since 1970) after which an item expires.
    pub expiry_attribute: Option<String>,
    /// What the stream's records hold, for example `NEW_AND_OLD_IMAGES`.
    pub stream_view: Option<String>,
    /// Whether it refuses to be deleted.
    pub deletion_protection: bool,
    /// Whether it can be restored to any second of the last 35 days. Without effect locally.
    pub point_in_time_recovery: bool,
}

/// An attribute's part in a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyElement {
    /// The attribute.
    pub attribute: String,
    /// `HASH` or `RANGE`.
    pub kind: String,
}

/// The type of a key attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeType {
    /// The attribute.
    pub name: String,
    /// `S`, `N` or `B`.
    pub kind: String,
}

/// A global secondary index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: Vec<KeyElement>,
    /// `ALL`, `KEYS_ONLY` or `INCLUDE`.
    pub projection: String,
    /// What else is in it if the projection is `INCLUDE`.
    pub included: Vec<String>,
}

impl Table {
    pub(super) fn read(name: String, at: Position, mut properties: Properties<'_>) -> Self {
        let name = properties.text("TableName").unwrap_or(name);
        let attributes = attribute_types(&mut properties);
        properties.require("KeySchema");
        let key_at = properties.place("KeySchema");
        let key = key(&mut properties);
        let indexes = properties
            .list("GlobalSecondaryIndexes")
            .iter()
            .filter_map(|index| Index::read(index, &properties))
            .collect();
        properties.require("BillingMode");
        properties.one_of("BillingMode", &["PAY_PER_REQUEST"]);
        let expiry_attribute = properties
            .map("TimeToLiveSpecification")
            .and_then(|mut expiry| {
                let attribute = expiry.required_text("AttributeName");
                let enabled = expiry.boolean("Enabled").unwrap_or(true);
                expiry.finish();
                attribute.filter(|_| enabled)
            });
        let stream_view = properties
            .map("StreamSpecification")
            .and_then(|mut stream| {
                let views = ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"];
                stream.require("StreamViewType");
                let view = stream.one_of("StreamViewType", &views);
                stream.finish();
                view
            });
        let point_in_time_recovery = properties
            .map("PointInTimeRecoverySpecification")
            .is_some_and(|mut recovery| {
                let enabled = recovery
                    .boolean("PointInTimeRecoveryEnabled")
                    .unwrap_or(false);
                recovery.number("RecoveryPeriodInDays", 1..=35);
                recovery.finish();
                enabled
            });
        let deletion_protection = properties
            .boolean("DeletionProtectionEnabled")
            .unwrap_or(false);
        properties.accept(&[
            "ContributorInsightsSpecification",
            "SSESpecification",
            "TableClass",
            "Tags",
        ]);
        let table = Self {
            at,
            name,
            key,
            attributes,
            indexes,
            expiry_attribute,
            stream_view,
            deletion_protection,
            point_in_time_recovery,
        };
        table.check(key_at, &properties);
        properties.finish();
        table
    }

    /// DynamoDB wants every key attribute to have a type, and every typed attribute to be in a key.
    fn check(&self, at: Position, properties: &Properties<'_>) {
        let keys = self
            .key
            .iter()
            .chain(self.indexes.iter().flat_map(|index| &index.key));
        let used: Vec<&str> = keys.map(|element| element.attribute.as_str()).collect();
        for attribute in &used {
            if !self.attributes.iter().any(|known| known.name == *attribute) {
                let message = format!(
                    "`{attribute}` is in a key of the table but not in AttributeDefinitions: add it there"
                );
                properties.faults.add(at, message);
            }
        }
        for attribute in self
            .attributes
            .iter()
            .filter(|known| !used.contains(&known.name.as_str()))
        {
            let message = format!(
                "`{}` is in AttributeDefinitions but in no key: DynamoDB refuses that, remove it",
                attribute.name
            );
            properties.faults.add(at, message);
        }
    }
}

impl Index {
    fn read(index: &Expression, table: &Properties<'_>) -> Option<Self> {
        let owner = "an index of an AWS::DynamoDB::Table";
        let mut properties = Properties::new(owner, Some(index), index.at, table.faults);
        let name = properties.required_text("IndexName");
        properties.require("KeySchema");
        let key = key(&mut properties);
        properties.require("Projection");
        let (projection, included) = properties.map("Projection").map_or_else(
            || (None, Vec::new()),
            |mut projection| {
                projection.require("ProjectionType");
                let kind = projection.one_of("ProjectionType", &["ALL", "KEYS_ONLY", "INCLUDE"]);
                let included = projection.list("NonKeyAttributes").iter();
                let included = included
                    .filter_map(|name| name.known_text().map(str::to_owned))
                    .collect();
                projection.finish();
                (kind, included)
            },
        );
        properties.finish();
        Some(Self {
            name: name?,
            key,
            projection: projection?,
            included,
        })
    }
}

fn key(properties: &mut Properties<'_>) -> Vec<KeyElement> {
    let elements = properties.list("KeySchema");
    let key: Vec<KeyElement> = elements
        .iter()
        .filter_map(|element| {
            let mut element =
                Properties::new("a key", Some(element), element.at, properties.faults);
            let attribute = element.required_text("AttributeName");
            element.require("KeyType");
            let kind = element.one_of("KeyType", &["HASH", "RANGE"]);
            element.finish();
            Some(KeyElement {
                attribute: attribute?,
                kind: kind?,
            })
        })
        .collect();
    let kinds: Vec<&str> = key.iter().map(|element| element.kind.as_str()).collect();
    if let Some(first) = elements.first()
        && key.len() == elements.len()
        && !matches!(kinds.as_slice(), ["HASH"] | ["HASH", "RANGE"])
    {
        properties.faults.add(
            first.at,
            "a key is one HASH attribute, then at most one RANGE attribute",
        );
    }
    key
}

fn attribute_types(properties: &mut Properties<'_>) -> Vec<AttributeType> {
    properties.require("AttributeDefinitions");
    properties
        .list("AttributeDefinitions")
        .iter()
        .filter_map(|definition| {
            let owner = "an attribute definition";
            let mut definition =
                Properties::new(owner, Some(definition), definition.at, properties.faults);
            let name = definition.required_text("AttributeName");
            definition.require("AttributeType");
            let kind = definition.one_of("AttributeType", &["S", "N", "B"]);
            definition.finish();
            Some(AttributeType {
                name: name?,
                kind: kind?,
            })
        })
        .collect()
}
