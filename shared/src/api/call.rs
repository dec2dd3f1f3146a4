//! One call of the API, authorised: what a handler gets.

use std::time::Duration;

use jiff::Timestamp;
use lambda_http::http::Method;
use tokio::time::Instant;
use tracing::Span;

use super::access::Subject;
use super::tenant_hosts::Selection;
use super::{Caller, Code, Operation, Problem, Query, preconditions};
use crate::audit::Actor;
use crate::fault::FieldFault;
use crate::http::HttpRequest;
use crate::input::Document;
use crate::store::Expected;
use crate::tenant::{Operator, TenantId, TenantScope};
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

    /// The tenant that it is admitted to act for. Until its answer is made, it reaches this tenant's data and no other's.
    ///
    /// # Errors
    /// Those of the selection, see `docs/api.md`.
    pub(super) fn tenant(&self) -> Result<Option<TenantId>, Problem> {
        match self.operation.subject() {
            Subject::Platform => Ok(None),
            // The handler refuses what is no tenant's id.
            Subject::TenantOfPath => {
                let id = self.parameter().parse::<TenantId>().ok();
                Ok(id.filter(|id| !id.is_reserved()))
            }
            Subject::TenantOfCaller => Ok(Some(self.scope()?.tenant_id().clone())),
        }
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
        match self.parameters()?.first(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(_) => Err(invalid(name, "expected true or false")),
        }
    }

    /// The page of a list that it asks for.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`].
    pub fn page(&self) -> Result<Page, Problem> {
        let parameters = self.parameters()?;
        Ok(Page {
            limit: limit(parameters.first("limit")).map_err(|fault| invalid("limit", fault))?,
            cursor: parameters.first("cursor").map(str::to_owned),
        })
    }

    /// The parameters of the query, of which there may be none but `known`, each once.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`] for a query that cannot be read at all.
    pub fn query(&self, known: &[&str]) -> Result<Query<'_>, Problem> {
        Ok(Query::new(self.parameters()?, known))
    }

    /// The address that stands for the `{…}` of the route's path, as `name` is called there. API Gateway hands a path on without its
    /// escapes, others with them: it is taken either way.
    ///
    /// # Errors
    /// [`Code::InvalidParameter`].
    pub fn address(&self, name: &str) -> Result<String, Problem> {
        let text = unescaped(self.parameter());
        let address = text.as_deref().unwrap_or(self.parameter());
        let address = super::query::address(address);
        address
            .map(str::to_owned)
            .map_err(|fault| invalid(name, fault))
    }

    fn parameters(&self) -> Result<Parameters<'_>, Problem> {
        Parameters::parse(self.request.query().as_bytes())
            .map_err(|fault| invalid("(query)", &fault.to_string()))
    }
}

/// How many items a page is to have.
pub(super) fn limit(sent: Option<&str>) -> Result<usize, &'static str> {
    let (most, default) = LIMITS;
    let Some(sent) = sent else {
        return Ok(default);
    };
    let limit = sent.parse().ok();
    let limit = limit.filter(|limit| (1..=most).contains(limit));
    limit.ok_or("expected 1 to 100")
}

/// A part of a path without its escapes; nothing, when what looks like one is none, and so was no escape.
fn unescaped(part: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), part.as_bytes());
    while let Some((first, others)) = rest.split_first() {
        rest = others;
        if *first == b'%' {
            let (digits, others) = rest.split_first_chunk::<2>()?;
            let digits = std::str::from_utf8(digits).ok()?;
            let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_number)?);
            rest = others;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The refusal of a parameter of the query or of a header.
pub(super) fn invalid(name: &str, fault: &str) -> Problem {
    Problem {
        errors: vec![FieldFault::new(name, fault)],
        ..Problem::new(Code::InvalidParameter, format!("{name}: {fault}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_is_read_with_its_escapes_and_without() {
        for (part, read) in [
            ("%2B15005550010", "+15005550010"),
            ("+15005550010", "+15005550010"),
            ("whatsapp%3A%2b1500", "whatsapp:+1500"),
            ("whatsapp:US.123", "whatsapp:US.123"),
            ("%C3%BC", "ü"),
        ] {
            assert_eq!(unescaped(part).as_deref(), Some(read), "{part}");
        }
    }

    #[test]
    fn what_was_no_escape_is_left_as_it_is() {
        for part in ["100%", "%4", "%+1", "%zz", "%ff"] {
            assert_eq!(unescaped(part), None, "{part}");
        }
    }
}
