//! One call of the API, authorised: what a handler gets.

use std::time::Duration;

use jiff::Timestamp;
use lambda_http::http::Method;
use tokio::time::Instant;
use tracing::Span;

use super::tenant_hosts::Selection;
use super::{Caller, Code, Operation, Problem, preconditions};
use crate::audit::Actor;
use crate::fault::FieldFault;
use crate::http::HttpRequest;
use crate::input::Document;
use crate::store::Expected;
use crate::tenant::{Operator, TenantScope};
use crate::twilio::Parameters;

/// How many items a list has at most, and by default.
const LIMITS: (usize, usize) = (100, 50);

/// What is left for the stores and the answer when the time for calls to others is over.
const WORK_MARGIN: Duration = Duration::from_secs(4);

/// A request whose caller may make it.
pub struct Call {
    pub(super) operation: Operation,
    pub(super) parameters: Vec<String>,
    pub(super) request: HttpRequest,
    pub(super) caller: Caller,
    /// The tenant that it selects, by header or host.
    pub(super) selected: Selection,
    pub(super) deadline: Instant,
    /// When somebody last changed what a function may remember of the tenant.
    pub(super) changed_at: Option<Timestamp>,
}

/// A page of a list: how many items, and after which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most so many items, 1 to 100.
    pub limit: usize,
    /// What the page before ended with.
    pub cursor: Option<String>,
}

impl Call {
    /// What is to be done.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// What stands for the first `{…}` of the route's path.
    #[must_use]
    pub fn parameter(&self) -> &str {
        self.parameters.first().map_or("", String::as_str)
    }

    /// What stands for the second `{…}` of the route's path.
    #[must_use]
    pub fn second_parameter(&self) -> &str {
        self.parameters.get(1).map_or("", String::as_str)
    }

    /// A header by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.header(name)
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Its name in the audit log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.caller.actor()
    }

    /// Until when calls to others may take: before the request itself is cut off.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline - WORK_MARGIN
    }

    /// Puts the tenant that the path names on every log line of the request.
    pub fn note_tenant(&self, scope: &TenantScope) {
        Span::current().record("tenant_id", scope.tenant_id().as_str());
    }

    /// When somebody last changed the tenant's credentials or status, if that was moments ago: what was read before then is not
    /// to be used.
    #[must_use]
    pub fn changed_at(&self) -> Option<Timestamp> {
        self.changed_at
    }

    /// The proof that it may act for its tenant.
    ///
    /// # Errors
    /// Those of the selection, see `docs/api.md`.
    pub fn scope(&self) -> Result<TenantScope, Problem> {
        self.caller.scope(&self.selected)
    }

    /// The proof that an operator calls.
    ///
    /// # Errors
    /// [`Code::RoleRequired`], which the table of routes refuses before.
    pub fn operator(&self) -> Result<Operator, Problem> {
        let operator = self.caller.operator();
        operator.ok_or_else(|| Problem::new(Code::RoleRequired, "Only an operator may do this."))
    }

    /// The JSON document that it brings. A `PATCH` may call it a merge patch (RFC 7396), which it is.
    ///
    /// # Errors
    /// [`Code::UnsupportedMediaType`] for anything but JSON, [`Code::MalformedBody`] for what is none.
    pub fn document(&self) -> Result<Document, Problem> {
        let taken: &[&str] = if self.request.method() == Method::PATCH {
            &["application/json", "application/merge-patch+json"]
        } else {
            &["application/json"]
        };
        if !taken.contains(&self.request.media_type().as_str()) {
            let detail = format!("Send the body as {}.", taken.join(" or "));
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        Document::parse(self.request.body()).map_err(|fault| {
            Problem::new(
                Code::MalformedBody,
                format!("The body is not JSON: {fault}"),
            )
        })
    }

    /// The JSON document that it brings, or an empty one when it has no body.
    ///
    /// # Errors
    /// Those of [`Call::document`].
    pub fn optional_document(&self) -> Result<Document, Problem> {
        if self.request.body().is_empty() {
            return Ok(Document::from(serde_json::json!({})));
        }
        self.document()
    }

    /// The version that it means to change.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for headers that name none.
    pub fn expected(&self) -> Result<Expected, Problem> {
        preconditions::expected(&self.request)
    }

    /// A parameter of the query that is `true` or `false`.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`].
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, Problem> {
        match self.query()?.first(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(invalid(name, "expected true or false")),
        }
    }

    /// A parameter of the query that is one of some words, and the only parameter there is.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`], which names the parameter.
    pub fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let query = self.query()?;
        let mut only = None;
        for (known, value) in query.iter() {
            if known != name {
                return Err(unknown_parameter(known));
            }
            if only.replace(value).is_some() {
                return Err(invalid(name, "expected only once"));
            }
        }
        let Some(value) = only else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == value);
        let expected = || {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            invalid(name, &format!("expected {}", words.join(" or ")))
        };
        Ok(Some(found.ok_or_else(expected)?.1))
    }

    /// That it has no parameter in its query.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`], which names the first one.
    pub fn no_query(&self) -> Result<(), Problem> {
        match self.query()?.iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(unknown_parameter(name)),
        }
    }

    /// The page of a list that it asks for.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`].
    pub fn page(&self) -> Result<Page, Problem> {
        let (most, default) = LIMITS;
        let query = self.query()?;
        let limit = match query.first("limit") {
            None => default,
            Some(limit) => limit
                .parse()
                .ok()
                .filter(|limit| (1..=most).contains(limit))
                .ok_or_else(|| invalid("limit", "expected 1 to 100"))?,
        };
        Ok(Page {
            limit,
            cursor: query.first("cursor").map(str::to_owned),
        })
    }

    fn query(&self) -> Result<Parameters<'_>, Problem> {
        Parameters::parse(self.request.query().as_bytes())
            .map_err(|fault| invalid("(query)", &fault.to_string()))
    }
}

/// The refusal of a parameter that the route does not have. Its name is shortened: whoever sends another knows which.
fn unknown_parameter(name: &str) -> Problem {
    let shown: String = name.chars().take(64).collect();
    invalid(&shown, "unknown parameter")
}

/// The refusal of a parameter of the query or of a header.
pub(super) fn invalid(name: &str, fault: &str) -> Problem {
    Problem {
        errors: vec![FieldFault::new(name, fault)],
        ..Problem::new(Code::InvalidParameter, format!("{name}: {fault}."))
    }
}
