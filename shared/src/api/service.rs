//! The path of a call: parse, find the route, authorise, count, handle.

use std::sync::Arc;
use std::time::Duration;

use lambda_http::http::Method;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, Span, field, info_span};

use super::access::{self, Found};
use super::answer::Trace;
use super::caller::{Caller, ClaimNames};
use super::tenant_hosts::{Selection, TenantHosts};
use super::{Access, Call, Code, Problem, Role};
use crate::api::call::invalid;
use crate::aws::{Aws, Patience, Service, SessionRoles};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::http::{HttpRequest, MalformedEvent, Reply};
use crate::lambda::{HttpInvocation, StartError, serve_http};
use crate::rate_limit::{Class, RateLimiter, Refusal};
use crate::store::TableNames;
use crate::tenant::TenantId;
use crate::vault::CredentialKeys;

/// The largest body that is read, in bytes. The largest document, credentials with ten shared keys, is a tenth of it.
pub const BODY_LIMIT: usize = 64 * 1024;

/// For how long a call may work. API Gateway gives up after 30 seconds, and the function is ended after 29.
const WORK_LIMIT: Duration = Duration::from_secs(25);
/// What is left for the answer when the work is cut off, before Lambda ends the invocation.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// What an API function is built on.
pub struct Foundation {
    /// The AWS clients.
    pub aws: Aws,
    /// The tables.
    pub tables: TableNames,
    /// The keys that credentials are sealed under.
    pub key: CredentialKeys,
    /// The clock.
    pub clock: Clock,
}

/// Runs an API function: `roles` reads what its tenants' sessions are of, `build` makes its service once, `handler` answers each
/// call that the table of routes allows.
///
/// # Errors
/// Every fault of the configuration; later, when the Runtime API is gone.
pub async fn run<S, B, H, Handled>(
    environment: Environment,
    roles: fn(&Environment) -> Option<SessionRoles>,
    build: B,
    handler: H,
) -> Result<(), StartError>
where
    S: Send + Sync + 'static,
    B: FnOnce(&Environment, &Foundation) -> Option<S>,
    H: Fn(Arc<S>, Call) -> Handled + Clone + Send + Sync + 'static,
    Handled: Future<Output = Result<Reply, Problem>> + Send + 'static,
{
    let clock = Clock::system();
    let aws = Aws::from_environment(&environment, Patience::REQUEST);
    let aws = aws
        .zip(roles(&environment))
        .map(|(aws, roles)| aws.with_tenant_sessions(roles, clock.clone()));
    let tables = TableNames::from_environment(&environment);
    let key = CredentialKeys::from_environment(&environment);
    let foundation = aws
        .zip(tables)
        .zip(key)
        .map(|((aws, tables), key)| Foundation {
            aws,
            tables,
            key,
            clock,
        });
    let gate = foundation
        .as_ref()
        .and_then(|foundation| Gate::new(&environment, foundation));
    let service = foundation
        .as_ref()
        .and_then(|foundation| build(&environment, foundation));
    let ((foundation, gate), service) = environment.finish(foundation.zip(gate).zip(service))?;
    foundation
        .aws
        .prime(&[Service::DynamoDb, Service::Kms, Service::Sts])
        .await;
    let (gate, service) = (Arc::new(gate), Arc::new(service));
    serve_http(move |invocation| {
        let (gate, service, handler) = (Arc::clone(&gate), Arc::clone(&service), handler.clone());
        async move { gate.serve(invocation, |call| handler(service, call)).await }
    })
    .await
}

/// What stands before every handler.
struct Gate {
    names: ClaimNames,
    hosts: Option<TenantHosts>,
    limiter: RateLimiter,
    aws: Aws,
}

impl Gate {
    fn new(environment: &Environment, foundation: &Foundation) -> Option<Self> {
        let limiter = RateLimiter::from_environment(
            environment,
            foundation.aws.dynamodb(),
            foundation.tables.tenants.clone(),
            foundation.clock.clone(),
        );
        let hosts = TenantHosts::from_environment(environment, foundation);
        Some(Self {
            names: ClaimNames::from_environment(environment),
            hosts: hosts?,
            limiter: limiter?,
            aws: foundation.aws.clone(),
        })
    }

    /// Answers one invocation and logs it, in one line.
    async fn serve<H, Handled>(&self, invocation: HttpInvocation, handler: H) -> Reply
    where
        H: FnOnce(Call) -> Handled,
        Handled: Future<Output = Result<Reply, Problem>>,
    {
        let request_id = invocation.request_id;
        let span = info_span!("invocation", request_id, tenant_id = field::Empty);
        let answered = async {
            let started = Instant::now();
            let deadline = (started + WORK_LIMIT).min(invocation.deadline - ANSWER_MARGIN);
            let mut trace = Trace::default();
            let work = async {
                let request = HttpRequest::from_event(&invocation.event, BODY_LIMIT)?;
                let (call, access) = self.admit(request, deadline, &mut trace).await?;
                let tenant = call.tenant()?;
                let work = async {
                    let call = self.counted(call, access, &mut trace).await?;
                    handler(call).await
                };
                match tenant {
                    None => work.await,
                    // The call is no tenant's but this one's from here on, whatever keys it asks for.
                    Some(tenant) => self.aws.as_tenant(&tenant, work).await?,
                }
            };
            // The handlers see to it that they end before; this is for what hangs.
            let outcome = timeout_at(deadline, work)
                .await
                .unwrap_or_else(|_| Err(Problem::unavailable("the time for the call was over")));
            trace.finish(
                outcome,
                &request_id,
                started.elapsed(),
                invocation.cold_start,
            )
        };
        answered.instrument(span).await
    }

    /// Lets a request in, if its caller may make it.
    async fn admit(
        &self,
        request: HttpRequest,
        deadline: Instant,
        trace: &mut Trace,
    ) -> Result<(Call, &'static Access), Problem> {
        let (access, parameters) = route(&request)?;
        trace.access = Some(access);
        let caller = Caller::of(&request, &self.names)?;
        // An operator's is known when it has selected one; of what a user is refused, its own tenant wants to know.
        if let Some(own) = caller.tenant().filter(|_| caller.role() < Role::Operator) {
            Span::current().record("tenant_id", own.as_str());
        }
        if caller.role() < access.role {
            let detail = format!("This takes the role {}.", access.role.as_str());
            return Err(Problem::new(Code::RoleRequired, detail));
        }
        let by_header = by_header(&request)?;
        if caller.role() < Role::Operator {
            // What a user cannot have is refused before anything is read for it.
            caller.scope(&by_header)?;
        }
        let call = Call {
            operation: access.operation,
            selected: self.selected(by_header, request.host()).await?,
            parameters,
            request,
            caller,
            deadline,
            changed_at: None,
        };
        Ok((call, access))
    }

    /// Counts a call that was let in, if calls of its route are limited.
    async fn counted(
        &self,
        mut call: Call,
        access: &Access,
        trace: &mut Trace,
    ) -> Result<Call, Problem> {
        if let Some(class) = access.limit {
            self.count(&mut call, class, trace).await?;
        }
        Ok(call)
    }

    /// The tenant that a request selects: by header, by host, or by both alike.
    async fn selected(&self, by_header: Selection, host: &str) -> Result<Selection, Problem> {
        let by_host = match &self.hosts {
            Some(hosts) => hosts.tenant(host).await?,
            None => Selection::Nothing,
        };
        match (by_header, by_host) {
            (Selection::Nothing, selected) | (selected, Selection::Nothing) => Ok(selected),
            (by_header, by_host) if by_header == by_host => Ok(by_host),
            _ => {
                let detail = "X-Tenant-Id and the host select different tenants: use one of them.";
                Err(Problem::new(Code::TenantMismatch, detail))
            }
        }
    }

    /// Counts a call against its tenant's and its user's limit.
    async fn count(&self, call: &mut Call, class: Class, trace: &mut Trace) -> Result<(), Problem> {
        let scope = call.scope()?;
        Span::current().record("tenant_id", scope.tenant_id().as_str());
        let taken = self
            .limiter
            .take(&scope, class, call.caller.subject())
            .await?;
        trace.headers = taken.headers();
        call.changed_at = taken.changed_at();
        match taken.refusal() {
            None => Ok(()),
            Some(refusal) => Err(limited(&refusal)),
        }
    }
}

/// The tenant that a request selects by its header.
fn by_header(request: &HttpRequest) -> Result<Selection, Problem> {
    let Some(header) = request.header("x-tenant-id") else {
        return Ok(Selection::Nothing);
    };
    let tenant: Result<TenantId, _> = header.parse();
    tenant
        .map(Selection::Tenant)
        .map_err(|form| invalid("X-Tenant-Id", &form.to_string()))
}

fn limited(refusal: &Refusal) -> Problem {
    let (policy, limit) = (refusal.policy().as_str(), refusal.limit());
    let detail = format!("The {policy} made this minute's {limit} requests.");
    Problem::new(Code::RateLimited, detail).retry_after(refusal.retry_after_seconds())
}

/// The route of a request, and what stands for its path's parameters.
fn route(request: &HttpRequest) -> Result<(&'static Access, Vec<String>), Problem> {
    match access::find(request.method(), request.path()) {
        Found::Route(access, parameters) => {
            Ok((access, parameters.into_iter().map(str::to_owned).collect()))
        }
        Found::OtherMethods(methods) => {
            let methods: Vec<&str> = methods.into_iter().map(Method::as_str).collect();
            let methods = methods.join(", ");
            Err(Problem {
                allow: Some(methods.as_str().into()),
                ..Problem::new(Code::MethodNotAllowed, format!("It has {methods}."))
            })
        }
        Found::Nothing => Err(Problem::new(
            Code::NotFound,
            "openapi.yaml lists the routes.",
        )),
    }
}

impl From<MalformedEvent> for Problem {
    fn from(malformed: MalformedEvent) -> Self {
        match malformed {
            MalformedEvent::TooLarge => {
                let detail = format!("A body has at most {BODY_LIMIT} bytes.");
                Self::new(Code::BodyTooLarge, detail)
            }
            other => Self::new(Code::MalformedRequest, format!("{other}.")),
        }
    }
}
