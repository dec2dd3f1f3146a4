//! Which permissions were used, so that a test can name those that were not.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::policy::{Match, Policy, Request};
use super::principal::Principal;

/// One way in which a role's permissions were used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The logical id of the role.
    pub role: String,
    /// The action.
    pub action: String,
    /// The names of the statements that allow it, each with the values of its conditions that the call matched.
    pub statements: Vec<(String, Vec<String>)>,
    /// The first call of this kind, which stands for all: whatever permission is taken away, they fare alike.
    pub request: Request,
    /// Who made it.
    pub principal: Principal,
}

/// What calls fare alike by: role, action, and what of the policy they match.
type Kind = (String, String, Vec<Match>);

/// As many entries as the policies have ways, however many calls there are.
#[derive(Debug, Default)]
pub(super) struct Usage(Mutex<BTreeMap<Kind, Use>>);

impl Usage {
    /// Notes a call that was allowed.
    pub(super) fn note(
        &self,
        role: &str,
        policy: &Policy,
        request: &Request,
        principal: &Principal,
    ) {
        let matches = policy.matches(request, principal);
        let statements = || {
            let named = |it: &Match| {
                let statement = policy.statements.get(it.statement)?;
                let values = statement.conditions.iter().zip(&it.conditions);
                let values = values.flat_map(|(condition, matched)| {
                    let texts = condition.widening();
                    let places = matched.iter().flatten();
                    let texts = places
                        .filter_map(move |place| texts.get(*place).map(|it| (*it).to_owned()));
                    texts.collect::<Vec<_>>()
                });
                Some((statement.name.clone(), values.collect()))
            };
            matches.iter().filter_map(named).collect()
        };
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (role.to_owned(), request.action.clone(), matches.clone());
        uses.entry(key).or_insert_with(|| Use {
            role: role.to_owned(),
            action: request.action.clone(),
            statements: statements(),
            request: request.clone(),
            principal: principal.clone(),
        });
    }

    pub(super) fn all(&self) -> Vec<Use> {
        let uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.values().cloned().collect()
    }
}
