//! `AWS::IAM::Role` and `AWS::IAM::RolePolicy`: what a role's sessions may do, and who may have one.

use std::collections::BTreeMap;

use super::policy::{PolicyDocument, PolicyOf};
use crate::template::attributes::REF;
use crate::template::fault::Position;
use crate::template::properties::Properties;

/// An IAM role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Where it stands in the template.
    pub at: Position,
    /// Its name.
    pub name: String,
    /// The documents of its `Policies`.
    pub policies: Vec<PolicyDocument>,
    /// Who may assume it.
    pub trust: Option<PolicyDocument>,
    /// Its tags, which are its sessions' too.
    pub tags: BTreeMap<String, String>,
    /// The longest session, in seconds: 3,600 unless it says so, 43,200 at most.
    pub longest_session: u32,
}

/// A policy of a role that stands beside it: two roles that name each other need one.
#[derive(Debug, Clone, PartialEq)]
pub struct RolePolicy {
    /// Where it stands in the template.
    pub at: Position,
    /// The logical id of the role.
    pub role: String,
    /// What it allows or denies.
    pub document: PolicyDocument,
}

/// Seconds of the longest session of a role that does not say.
const LONGEST_SESSION: u32 = 3_600;

impl Role {
    pub(super) fn read(name: String, at: Position, mut properties: Properties<'_>) -> Self {
        let faults = properties.faults;
        properties.require("AssumeRolePolicyDocument");
        let trust = properties.take("AssumeRolePolicyDocument");
        let policies = properties.list("Policies").iter().filter_map(|policy| {
            let mut policy = Properties::new("a role's policy", Some(policy), policy.at, faults);
            policy.required_text("PolicyName");
            policy.require("PolicyDocument");
            let document = policy.take("PolicyDocument");
            policy.finish();
            Some(PolicyDocument::read(document?, PolicyOf::Identity, faults))
        });
        let policies = policies.collect();
        let tags = properties.list("Tags").iter().filter_map(|tag| {
            let mut tag = Properties::new("a role's tag", Some(tag), tag.at, faults);
            let (key, value) = (tag.required_text("Key"), tag.required_text("Value"));
            tag.finish();
            Some((key?, value?))
        });
        let tags = tags.collect();
        for managed in properties.list("ManagedPolicyArns") {
            let message = "the local stack does not know the policies that AWS or others keep: write the permissions out under `Policies`";
            faults.add(managed.at, message);
        }
        properties.one_of("Path", &["/"]);
        let role = Self {
            at,
            policies,
            trust: trust.map(|document| PolicyDocument::read(document, PolicyOf::Trust, faults)),
            name: properties.text("RoleName").unwrap_or(name),
            tags,
            longest_session: properties
                .number("MaxSessionDuration", LONGEST_SESSION..=43_200)
                .unwrap_or(LONGEST_SESSION),
        };
        properties.accept(&["Description"]);
        properties.finish();
        role
    }
}

impl RolePolicy {
    pub(super) fn read(at: Position, mut properties: Properties<'_>) -> Option<Self> {
        properties.required_text("PolicyName");
        properties.require("PolicyDocument");
        properties.require("RoleName");
        let (document, role) = (
            properties.take("PolicyDocument"),
            properties.take("RoleName"),
        );
        let faults = properties.faults;
        properties.finish();
        let document = PolicyDocument::read(document?, PolicyOf::Identity, faults);
        let role = role?;
        let Some((logical_id, REF)) = role.attribute() else {
            let message = "`RoleName` must be `!Ref` of a role of this template";
            faults.add(role.at, message);
            return None;
        };
        Some(Self {
            at,
            role: logical_id.to_owned(),
            document,
        })
    }
}
