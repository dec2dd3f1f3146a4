//! Policies as IAM reads them.

mod conditions;
mod patterns;
mod policies;

use std::collections::BTreeMap;

use super::{
    ActionPattern, ArnPattern, Condition, ConditionKey, Context, Effect, Policy, Principal,
    RoleSession, Statement, Subject, read_operator,
};

pub(super) const ACCOUNT: &str = "123456789012";

/// A session of the role `Web` with these tags.
pub(super) fn session(tags: &[(&str, &str)]) -> Principal {
    let tags = tags.iter();
    let tags: BTreeMap<_, _> = tags
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Principal::Session(RoleSession {
        account: ACCOUNT.to_owned(),
        role_name: "Web".to_owned(),
        role_arn: format!("arn:aws:iam::{ACCOUNT}:role/Web"),
        session_name: "web".to_owned(),
        tags,
    })
}

/// A condition as a policy writes it.
pub(super) fn condition(operator: &str, key: &str, values: &[&str]) -> Result<Condition, String> {
    let values: Vec<String> = values.iter().map(|it| (*it).to_owned()).collect();
    Condition::new(read_operator(operator)?, ConditionKey::read(key)?, &values)
}

/// A statement without conditions.
pub(super) fn statement(effect: Effect, actions: &[&str], resources: &[&str]) -> Statement {
    let actions = actions.iter().map(|it| ActionPattern::read(it).unwrap());
    let resources = resources.iter().map(|it| ArnPattern::read(it).unwrap());
    Statement {
        name: "Statement".to_owned(),
        effect,
        principals: Vec::new(),
        actions: actions.collect(),
        resources: resources.collect(),
        conditions: Vec::new(),
    }
}

impl Statement {
    fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    fn given(mut self, operator: &str, key: &str, values: &[&str]) -> Self {
        self.conditions
            .push(condition(operator, key, values).unwrap());
        self
    }
}

fn policy(statements: impl IntoIterator<Item = Statement>) -> Policy {
    Policy {
        statements: statements.into_iter().collect(),
    }
}

/// Whether a condition holds for a call with this context, by a session with the tag `tenant` of `acme`.
fn holds(condition: &Condition, context: &Context) -> bool {
    let principal = session(&[("tenant", "acme")]);
    condition.holds(&Subject {
        principal: &principal,
        context,
    })
}
