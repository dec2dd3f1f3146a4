//! Policies, and what they say of a call.

use std::collections::BTreeSet;

use super::condition::Condition;
use super::context::{Context, Subject};
use super::pattern::{ArnPattern, Pattern};
use super::principal::{Principal, PrincipalPattern, Reach};

/// A call to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The action, such as `dynamodb:GetItem`.
    pub action: String,
    /// The resource's ARN, or `*` for a call about none.
    pub resource: String,
    /// What else is known of it.
    pub context: Context,
}

impl Request {
    /// A call of which nothing else is known.
    #[must_use]
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            context: Context::new(),
        }
    }

    /// The same with values of a condition key.
    #[must_use]
    pub fn with(
        mut self,
        key: impl Into<String>,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.context = self.context.with(key, values);
        self
    }
}

/// Whether a statement allows or denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever else allows.
    Deny,
}

/// An action of a statement, in which `*` and `?` are wildcards; case does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionPattern {
    text: String,
    pattern: Pattern,
}

impl ActionPattern {
    /// Reads an action such as `kms:ReEncrypt*`.
    ///
    /// # Errors
    /// What is no action, as a sentence.
    pub fn read(text: &str) -> Result<Self, String> {
        let is_name = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|it| it.is_ascii_alphanumeric() || it == '*' || it == '?')
        };
        let is_service = |text: &str| {
            !text.is_empty() && text.chars().all(|it| it.is_ascii_lowercase() || it == '-')
        };
        let valid = text == "*"
            || text
                .split_once(':')
                .is_some_and(|(service, name)| is_service(service) && is_name(name));
        if !valid {
            return Err(format!("`{text}` is no action: write service:Action"));
        }
        Ok(Self {
            text: text.to_owned(),
            pattern: Pattern::like(&text.to_ascii_lowercase())?,
        })
    }

    /// As the policy writes it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    fn matches(&self, action: &str, subject: &Subject<'_>) -> bool {
        self.pattern.matches(&action.to_ascii_lowercase(), subject)
    }
}

/// A statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its `Sid`, or its number in the policy.
    pub name: String,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Whom it speaks of; of whoever has the policy if there is none.
    pub principals: Vec<PrincipalPattern>,
    /// The actions.
    pub actions: Vec<ActionPattern>,
    /// The resources; of a trust policy, which is its role's, there are none.
    pub resources: Vec<ArnPattern>,
    /// What must hold besides.
    pub conditions: Vec<Condition>,
}

impl Statement {
    /// How it speaks of a call; not at all if there is none.
    fn reach(&self, request: &Request, subject: &Subject<'_>) -> Option<Reach> {
        let reach = if self.principals.is_empty() {
            Reach::Direct
        } else {
            let reaches = self.principals.iter();
            reaches
                .filter_map(|principal| principal.reach(subject.principal))
                .max()?
        };
        let applies = self.speaks_of(request, subject)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(subject));
        applies.then_some(reach)
    }

    /// Whether action and resource are its own.
    fn speaks_of(&self, request: &Request, subject: &Subject<'_>) -> bool {
        let mut actions = self.actions.iter();
        let mut resources = self.resources.iter();
        actions.any(|action| action.matches(&request.action, subject))
            && (self.resources.is_empty()
                || resources.any(|resource| resource.matches(&request.resource, subject)))
    }
}

/// What an allowing statement matched in a call: which of its actions, its resources and its conditions' values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// The statement's place in the policy.
    pub statement: usize,
    /// Places of its actions.
    pub actions: Vec<usize>,
    /// Places of its resources.
    pub resources: Vec<usize>,
    /// For each condition, and of it for each value of the call, the places of the condition's values.
    pub conditions: Vec<BTreeSet<Vec<usize>>>,
}

/// What a policy says of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A statement denies it.
    Denied,
    /// A statement allows it.
    Allowed(Reach),
    /// None speaks of it.
    Silent,
}

/// The statements that go together: all of a role, or all of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The statements, in the order of the template.
    pub statements: Vec<Statement>,
}

impl Policy {
    /// What it says of a call.
    #[must_use]
    pub fn verdict(&self, request: &Request, principal: &Principal) -> Verdict {
        let subject = Subject {
            principal,
            context: &request.context,
        };
        let mut verdict = Verdict::Silent;
        for statement in &self.statements {
            let Some(reach) = statement.reach(request, &subject) else {
                continue;
            };
            match (statement.effect, verdict) {
                (Effect::Deny, _) => return Verdict::Denied,
                (Effect::Allow, Verdict::Allowed(Reach::Direct)) => {}
                (Effect::Allow, _) => verdict = Verdict::Allowed(reach),
            }
        }
        verdict
    }

    /// Whether it allows a call.
    #[must_use]
    pub fn allows(&self, request: &Request, principal: &Principal) -> bool {
        matches!(self.verdict(request, principal), Verdict::Allowed(_))
    }

    /// What its allowing statements match in a call that it allows.
    #[must_use]
    pub fn matches(&self, request: &Request, principal: &Principal) -> Vec<Match> {
        let subject = Subject {
            principal,
            context: &request.context,
        };
        let statements = self.statements.iter().enumerate();
        let allowing = statements.filter(|(_, statement)| {
            statement.effect == Effect::Allow && statement.reach(request, &subject).is_some()
        });
        allowing
            .map(|(index, statement)| Match {
                statement: index,
                actions: places(&statement.actions, |action| {
                    action.matches(&request.action, &subject)
                }),
                resources: places(&statement.resources, |resource| {
                    resource.matches(&request.resource, &subject)
                }),
                conditions: statement
                    .conditions
                    .iter()
                    .map(|condition| condition.matched(&subject))
                    .collect(),
            })
            .collect()
    }

    /// The names of the statements that would allow a call if their conditions held.
    #[must_use]
    pub fn nearly(&self, request: &Request, principal: &Principal) -> Vec<&str> {
        let subject = Subject {
            principal,
            context: &request.context,
        };
        let statements = self.statements.iter();
        let nearly = statements
            .filter(|it| it.effect == Effect::Allow && it.speaks_of(request, &subject))
            .map(|statement| statement.name.as_str());
        nearly.collect()
    }
}

fn places<T>(all: &[T], matches: impl Fn(&T) -> bool) -> Vec<usize> {
    let all = all.iter().enumerate();
    all.filter_map(|(index, one)| matches(one).then_some(index))
        .collect()
}
