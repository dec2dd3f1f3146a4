//! `AWS::IAM::Role`: kept as data, for checks of what functions may do.

use crate::template::expression::Expression;
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
    pub documents: Vec<Expression>,
    /// The names or ARNs of the policies that AWS or others keep.
    pub managed: Vec<Expression>,
}

impl Role {
    pub(super) fn read(name: String, at: Position, mut properties: Properties<'_>) -> Self {
        properties.require("AssumeRolePolicyDocument");
        let faults = properties.faults;
        let documents = properties.list("Policies").iter().filter_map(|policy| {
            let mut policy = Properties::new("a role's policy", Some(policy), policy.at, faults);
            policy.required_text("PolicyName");
            policy.require("PolicyDocument");
            let document = policy.take("PolicyDocument").cloned();
            policy.finish();
            document
        });
        let role = Self {
            at,
            documents: documents.collect(),
            name: properties.text("RoleName").unwrap_or(name),
            managed: properties.list("ManagedPolicyArns").to_vec(),
        };
        properties.accept(&[
            "AssumeRolePolicyDocument",
            "Description",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "Tags",
        ]);
        properties.finish();
        role
    }
}
