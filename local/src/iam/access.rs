//! What the emulators ask before they do a call.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use shared::clock::Clock;
use winterbaume_core::default_account_id;

use super::credentials::Credentials;
use super::decision::{Denial, ResourcePolicy, decide};
use super::pattern::ArnPattern;
use super::policy::{ActionPattern, Effect, Policy, Request, Statement};
use super::principal::{Principal, RoleSession};
use super::rules::{RoleRules, Rules};
use super::session::{Caller, Refusal, Session};
use super::signature::{Authorization, SignedRequest};
use super::usage::{Usage, Use};
use crate::logs::{Logs, Voice};

/// How long a session that has ended is remembered, so that its owner hears why.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// How many denials are kept.
const KEPT_DENIALS: usize = 1_000;

/// Who may do what on one stack. Clones share it.
#[derive(Debug, Clone)]
pub struct Access(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    administrator: Caller,
    /// What the administrator may do: everything that no key's policy denies.
    everything: Policy,
    rules: OnceLock<Rules>,
    sessions: RwLock<HashMap<String, Caller>>,
    usage: Usage,
    /// The first denials, as they were logged.
    denials: Mutex<Vec<String>>,
    logs: OnceLock<Logs>,
}

impl Access {
    /// An administrator with new credentials, and nobody else until there are rules.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let account = default_account_id();
        let administrator = Caller(Arc::new(Session {
            credentials: Credentials::random(),
            principal: Principal::Session(RoleSession {
                account: account.to_owned(),
                role_name: "administrator".to_owned(),
                role_arn: format!("arn:aws:iam::{account}:role/administrator"),
                session_name: "console".to_owned(),
                tags: BTreeMap::new(),
            }),
            role: None,
            id: "AROAADMINISTRATOR0000:console".to_owned(),
            label: Arc::from("administrator"),
            expires_at: None,
            transitive: BTreeSet::new(),
        }));
        let sessions = HashMap::from([(
            administrator.credentials().access_key_id.clone(),
            administrator.clone(),
        )]);
        Self(Arc::new(Inner {
            clock,
            administrator,
            everything: everything(),
            rules: OnceLock::new(),
            sessions: RwLock::new(sessions),
            usage: Usage::default(),
            denials: Mutex::default(),
            logs: OnceLock::new(),
        }))
    }

    /// Takes the policies that calls are judged by. Only the first ones count.
    pub(crate) fn rule(&self, rules: Rules) {
        drop(self.0.rules.set(rules));
    }

    /// Logs denials there from now on.
    pub(crate) fn report_to(&self, logs: Logs) {
        drop(self.0.logs.set(logs));
    }

    /// The policies that calls are judged by.
    #[must_use]
    pub fn rules(&self) -> Option<&Rules> {
        self.0.rules.get()
    }

    /// The credentials of whoever runs the stack: they may do everything that no key's policy denies.
    #[must_use]
    pub fn administrator(&self) -> &Caller {
        &self.0.administrator
    }

    /// Every way in which permissions were used so far. The administrator's are not among them.
    #[must_use]
    pub fn uses(&self) -> Vec<Use> {
        self.0.usage.all()
    }

    /// What was denied so far, oldest first: what the log says of it, the first 1,000.
    #[must_use]
    pub fn denials(&self) -> Vec<String> {
        let denials = self.0.denials.lock();
        denials.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A session of the function with this logical id, which does not end. `name` is the function's, `label` what it is called
    /// on the console.
    #[must_use]
    pub fn function_session(&self, logical_id: &str, name: &str, label: &str) -> Option<Caller> {
        let role = self.rules()?.role_of_function(logical_id)?;
        let new = NewSession {
            role,
            name: name.to_owned(),
            tags: BTreeMap::new(),
            transitive: BTreeSet::new(),
            expires_at: None,
            label: Arc::from(label),
        };
        Some(self.begin(new))
    }

    /// A new session of a role, with credentials of its own.
    pub(crate) fn begin(&self, new: NewSession<'_>) -> Caller {
        let role = new.role;
        let mut tags = role.tags.clone();
        tags.extend(new.tags);
        let session = Session {
            credentials: Credentials::random(),
            id: format!("{}:{}", role.id, new.name),
            principal: Principal::Session(RoleSession {
                account: default_account_id().to_owned(),
                role_name: role.name.clone(),
                role_arn: role.arn.clone(),
                session_name: new.name,
                tags,
            }),
            role: Some(role.logical_id.clone()),
            label: new.label,
            expires_at: new.expires_at,
            transitive: new.transitive,
        };
        let caller = Caller(Arc::new(session));
        let now = self.now();
        let mut sessions = self
            .0
            .sessions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, known| {
            known
                .expires_at()
                .is_none_or(|end| end.saturating_add(REMEMBERED).is_ok_and(|end| end > now))
        });
        let key = caller.credentials().access_key_id.clone();
        sessions.insert(key, caller.clone());
        caller
    }

    /// Lets something be done in the name of `caller`.
    #[must_use]
    pub fn delegate(&self, caller: Caller) -> Delegate {
        Delegate {
            access: self.clone(),
            caller,
        }
    }

    /// Who made a request.
    ///
    /// # Errors
    /// Why its credentials are not taken.
    pub fn authenticate(&self, request: &SignedRequest<'_>) -> Result<Caller, Refusal> {
        let authorization = Authorization::read(request.headers).ok_or(Refusal::Missing)?;
        let caller = {
            let sessions = self
                .0
                .sessions
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            sessions.get(authorization.access_key_id).cloned()
        };
        let caller = caller.ok_or(Refusal::Unknown)?;
        caller.0.check(&authorization, request, self.now())?;
        Ok(caller)
    }

    /// Whether somebody may make these calls, all or none. Those of a role are noted as uses of its permissions.
    ///
    /// # Errors
    /// Why the first that is not allowed is not. It has been logged.
    pub fn authorize(&self, caller: &Caller, requests: &[Request]) -> Result<(), Denial> {
        for request in requests {
            let key = self.rules().and_then(|rules| rules.key(&request.resource));
            let resource = key.map_or(ResourcePolicy::None, ResourcePolicy::Key);
            self.decide(caller, resource, request)?;
        }
        for request in requests {
            self.note(caller, request);
        }
        Ok(())
    }

    /// Whether somebody may do this to a role: begin a session of it, or tag one.
    ///
    /// # Errors
    /// As [`Access::authorize`].
    pub(crate) fn authorize_trusted(
        &self,
        caller: &Caller,
        role: &RoleRules,
        requests: &[Request],
    ) -> Result<(), Denial> {
        for request in requests {
            self.decide(caller, ResourcePolicy::Trust(&role.trust), request)?;
        }
        for request in requests {
            self.note(caller, request);
        }
        Ok(())
    }

    fn decide(
        &self,
        caller: &Caller,
        resource: ResourcePolicy<'_>,
        request: &Request,
    ) -> Result<(), Denial> {
        let decided = decide(self.policy(caller), resource, request, caller.principal());
        decided.inspect_err(|denial| self.log(caller, denial))
    }

    /// What a caller's own policies allow.
    fn policy(&self, caller: &Caller) -> &Policy {
        static NOTHING: Policy = Policy {
            statements: Vec::new(),
        };
        match caller.role() {
            None => &self.0.everything,
            Some(role) => {
                let role = self.rules().and_then(|rules| rules.role(role));
                role.map_or(&NOTHING, |role| &role.policy)
            }
        }
    }

    fn note(&self, caller: &Caller, request: &Request) {
        if let Some(role) = caller.role() {
            let policy = self.policy(caller);
            self.0.usage.note(role, policy, request, caller.principal());
        }
    }

    /// One line for a denial. Keys of items are left out of it: they hold numbers of people.
    fn log(&self, caller: &Caller, denial: &Denial) {
        let role = caller.role().unwrap_or("the administrator");
        let mut text = format!("{role} may not {} {}", denial.action, denial.resource);
        if !denial.nearly.is_empty() {
            let nearly = denial.nearly.join(", ");
            text.push_str(&format!(": a condition of {nearly} does not hold"));
        }
        {
            let denials = self.0.denials.lock();
            let mut denials = denials.unwrap_or_else(PoisonError::into_inner);
            if denials.len() < KEPT_DENIALS {
                denials.push(text.clone());
            }
        }
        match self.0.logs.get() {
            Some(logs) => logs.record(&caller.0.label, Voice::Problem, text),
            None => tracing::warn!("{text}"),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

/// Somebody in whose name something is done that comes by no wire, such as the polls of an event source.
#[derive(Debug, Clone)]
pub struct Delegate {
    access: Access,
    caller: Caller,
}

impl Delegate {
    /// Whether it may be done.
    ///
    /// # Errors
    /// As [`Access::authorize`].
    pub fn may(&self, requests: &[Request]) -> Result<(), Denial> {
        self.access.authorize(&self.caller, requests)
    }
}

/// A session that is about to begin.
#[derive(Debug)]
pub(crate) struct NewSession<'a> {
    pub(crate) role: &'a RoleRules,
    pub(crate) name: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) transitive: BTreeSet<String>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) label: Arc<str>,
}

/// The policy of an administrator.
fn everything() -> Policy {
    let statement = || {
        Some(Statement {
            name: "Everything".to_owned(),
            effect: Effect::Allow,
            principals: Vec::new(),
            actions: vec![ActionPattern::read("*").ok()?],
            resources: vec![ArnPattern::read("*").ok()?],
            conditions: Vec::new(),
        })
    };
    Policy {
        statements: statement().into_iter().collect(),
    }
}
