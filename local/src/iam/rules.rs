//! The policies of one template.

use std::collections::BTreeMap;

use winterbaume_core::default_account_id;

use super::credentials::random_id;
use super::policy::{Policy, Request};
use super::principal::Principal;
use crate::template::{Attributes, Fault, PolicyDocument, Resource, Template};

/// The service that functions run in.
const LAMBDA: &str = "lambda.amazonaws.com";

/// How a new session of a role comes to be.
pub(super) const ASSUME_ROLE: &str = "sts:AssumeRole";

/// A role, with its policies filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRules {
    /// Its logical id in the template.
    pub logical_id: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The id by which `GetCallerIdentity` knows it.
    pub id: String,
    /// What its sessions may do.
    pub policy: Policy,
    /// Who may assume it.
    pub trust: Policy,
    /// What its sessions are tagged with.
    pub tags: BTreeMap<String, String>,
    /// The longest session, in seconds.
    pub longest_session: u32,
}

/// The roles and the resources with policies of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// By logical id.
    roles: BTreeMap<String, RoleRules>,
    /// The logical id of each function's role.
    of_functions: BTreeMap<String, String>,
    /// The policies of keys, by ARN.
    keys: BTreeMap<String, Policy>,
}

impl Rules {
    /// Fills in the policies of a template.
    ///
    /// # Errors
    ///
    /// Attributes that have no value, values that are not understood, and a function's role that Lambda may not assume.
    pub fn of(template: &Template, attributes: &Attributes) -> Result<Self, Vec<Fault>> {
        let mut reading = Reading {
            attributes: template.attributes(attributes),
            faults: Vec::new(),
        };
        let mut rules = Self::default();
        for (logical_id, role) in template.roles() {
            let name = role.name.clone();
            let role = RoleRules {
                logical_id: logical_id.to_owned(),
                arn: arn(&name),
                name,
                id: format!("AROA{}", random_id()),
                policy: reading.all(&role.policies),
                trust: reading.all(role.trust.as_slice()),
                tags: role.tags.clone(),
                longest_session: role.longest_session,
            };
            rules.roles.insert(logical_id.to_owned(), role);
        }
        for beside in template.role_policies() {
            let policy = reading.all(std::slice::from_ref(&beside.document));
            if let Some(role) = rules.roles.get_mut(&beside.role) {
                role.policy.statements.extend(policy.statements);
            }
        }
        for (logical_id, function) in template.functions() {
            let role = match &function.role {
                Some(role) => {
                    let lambda = Principal::Service(LAMBDA.to_owned());
                    let trusts = |role: &RoleRules| {
                        let request = Request::new(ASSUME_ROLE, role.arn.clone());
                        role.trust.allows(&request, &lambda)
                    };
                    if rules.roles.get(role).is_some_and(|role| !trusts(role))
                        && let Some(Resource::Role(declared)) = template.resource(role)
                    {
                        let message = format!(
                            "{LAMBDA} may not assume `{role}`, the role of `{logical_id}`: allow it in `AssumeRolePolicyDocument`"
                        );
                        reading.faults.push(Fault::new(declared.at, message));
                    }
                    role.clone()
                }
                None => {
                    let role = format!("{logical_id}Role");
                    let name = reading.attributes.get(&role, crate::template::REF);
                    let name = name.unwrap_or(&role).to_owned();
                    let made = RoleRules {
                        logical_id: role.clone(),
                        arn: arn(&name),
                        name,
                        id: format!("AROA{}", random_id()),
                        policy: reading.all(&function.policies),
                        trust: Policy::default(),
                        tags: BTreeMap::new(),
                        longest_session: 3_600,
                    };
                    rules.roles.insert(role.clone(), made);
                    role
                }
            };
            rules.of_functions.insert(logical_id.to_owned(), role);
        }
        for (logical_id, key) in template.keys() {
            let policy = reading.all(key.policy.as_slice());
            if key.policy.is_some()
                && let Some(arn) = reading.attributes.get(logical_id, "Arn")
            {
                rules.keys.insert(arn.to_owned(), policy);
            }
        }
        if reading.faults.is_empty() {
            Ok(rules)
        } else {
            Err(reading.faults)
        }
    }

    /// The roles.
    pub fn roles(&self) -> impl Iterator<Item = &RoleRules> {
        self.roles.values()
    }

    /// The role with this logical id.
    #[must_use]
    pub fn role(&self, logical_id: &str) -> Option<&RoleRules> {
        self.roles.get(logical_id)
    }

    /// The role with this ARN.
    #[must_use]
    pub fn role_with_arn(&self, arn: &str) -> Option<&RoleRules> {
        self.roles().find(|role| role.arn == arn)
    }

    /// The role of the function with this logical id.
    #[must_use]
    pub fn role_of_function(&self, logical_id: &str) -> Option<&RoleRules> {
        self.role(self.of_functions.get(logical_id)?)
    }

    /// The policy of a key.
    #[must_use]
    pub fn key(&self, arn: &str) -> Option<&Policy> {
        self.keys.get(arn)
    }
}

fn arn(role_name: &str) -> String {
    format!("arn:aws:iam::{}:role/{role_name}", default_account_id())
}

struct Reading {
    attributes: Attributes,
    faults: Vec<Fault>,
}

impl Reading {
    /// The statements of several documents as one policy.
    fn all(&mut self, documents: &[PolicyDocument]) -> Policy {
        let mut all = Policy::default();
        for document in documents {
            match document.policy(&self.attributes) {
                Ok(policy) => all.statements.extend(policy.statements),
                Err(faults) => self.faults.extend(faults),
            }
        }
        all
    }
}
