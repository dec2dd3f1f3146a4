//! The webhook path itself.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, error, info_span, warn};

use super::accounts::{Accounts, Holder};
use super::answer::{Answer, PutAside, Trace};
use super::rate::{WebhookLimit, WebhookRate};
use super::stops::KeptStops;
use super::unverified::Unverified;
use super::{Refusal, Verified, WebhookKind, messages};
use crate::activity::{Fact, Route};
use crate::aws::{Aws, Patience, Service};
use crate::cache::Source;
use crate::clock::Clock;
use crate::credentials::TwilioTenant;
use crate::deferred::DeferredQueue;
use crate::environment::Environment;
use crate::http::{HttpRequest, Reply};
use crate::lambda::{HttpInvocation, StartError, serve_http};
use crate::store::{Activity, ContactItems, TableNames};
use crate::tenant::{TenantScope, TenantStatus};
use crate::twilio::signature::{BaseUrl, SigningKeys};
use crate::vault::CredentialKeys;

/// The largest body that is read, in bytes. Twilio's largest, with add-ons and channel metadata, are about a tenth of it.
pub const BODY_LIMIT: usize = 128 * 1024;

/// Until when an account's holder may be read, counted from the request's arrival. Then what is remembered has to do: this
/// must end before [`RESOLVE_BY`], which cancels everything, whatever is remembered.
const READ_BY: Duration = Duration::from_millis(350);
/// Until when an account must be resolved.
const RESOLVE_BY: Duration = Duration::from_millis(450);
/// Until when a fact must be kept before it is put aside instead.
const KEEP_BY: Duration = Duration::from_millis(750);
/// Until when a fact must be put aside before the webhook is refused. Everything together stays under a second.
const PUT_ASIDE_BY: Duration = Duration::from_millis(950);
/// Until when what follows from a message must be written before it is answered without it.
const ANSWER_BY: Duration = PUT_ASIDE_BY;

/// What the Twilio webhook functions share: the stores, the vault and the queue.
pub struct Webhooks {
    accounts: Accounts,
    activity: Activity,
    contacts: ContactItems,
    deferred: DeferredQueue,
    rate: WebhookRate,
    stops: KeptStops,
    public_base_url: Option<BaseUrl>,
    clock: Clock,
}

impl Webhooks {
    /// Runs a webhook function: `handler` answers each request, mostly through [`Webhooks::receive`].
    ///
    /// # Errors
    /// Every fault of the configuration; later, when the Runtime API is gone.
    pub async fn run<H, Handled>(environment: Environment, handler: H) -> Result<(), StartError>
    where
        H: Fn(Arc<Self>, HttpRequest) -> Handled + Clone + Send + Sync + 'static,
        Handled: Future<Output = Answer> + Send + 'static,
    {
        let webhooks = Arc::new(Self::from_environment(&environment, Clock::system()).await?);
        serve_http(move |invocation| Arc::clone(&webhooks).serve(invocation, handler.clone())).await
    }

    /// Reads the configuration, builds the clients and opens their connections. Ages are told by `clock`.
    ///
    /// # Errors
    /// Every fault of the configuration.
    pub async fn from_environment(
        environment: &Environment,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let tables = TableNames::from_environment(environment);
        let key = CredentialKeys::from_environment(environment);
        let queue = DeferredQueue::url(environment);
        let retention = Activity::retention_days(environment);
        let limit = WebhookLimit::from_environment(environment);
        let public = environment
            .optional("PUBLIC_WEBHOOK_BASE_URL")
            .map(str::parse::<BaseUrl>)
            .transpose();
        let public = public
            .map_err(|form| environment.fault(format!("PUBLIC_WEBHOOK_BASE_URL: {form}")))
            .ok();
        let aws = Aws::from_environment(environment, Patience::WEBHOOK);
        let read = tables
            .zip(key)
            .zip(queue)
            .zip(retention)
            .zip(public)
            .zip(limit)
            .zip(aws);
        let ((((((tables, key), queue), retention), public_base_url), limit), aws) =
            environment.finish(read)?;
        let counters = (aws.dynamodb(), tables.tenants.clone());
        let webhooks = Self {
            rate: WebhookRate::new(counters.0, counters.1, limit, clock.clone()),
            stops: KeptStops::new(clock.clone()),
            accounts: Accounts::new(&aws, &tables, key, &clock),
            contacts: ContactItems::new(aws.dynamodb(), tables.activity.clone(), retention),
            activity: Activity::new(aws.dynamodb(), tables.activity, retention, clock.clone()),
            deferred: DeferredQueue::new(aws.sqs(), queue),
            public_base_url,
            clock,
        };
        aws.prime(&[Service::DynamoDb, Service::Kms, Service::Sqs])
            .await;
        Ok(webhooks)
    }

    /// Answers one invocation and logs it, in one line.
    async fn serve<H, Handled>(self: Arc<Self>, invocation: HttpInvocation, handler: H) -> Reply
    where
        H: FnOnce(Arc<Self>, HttpRequest) -> Handled,
        Handled: Future<Output = Answer>,
    {
        let span = info_span!("invocation", request_id = invocation.request_id);
        let answered = async {
            let started = Instant::now();
            let (route, answer) = match HttpRequest::from_event(&invocation.event, BODY_LIMIT) {
                Ok(request) => (Route::of_path(request.path()), handler(self, request).await),
                Err(malformed) => (None, Answer::refused(malformed.into())),
            };
            answer.log(route, started.elapsed(), invocation.cold_start);
            answer.reply
        };
        answered.instrument(span).await
    }

    /// Takes a webhook: verifies it, keeps it, and only then asks `answer`, which waits for nothing.
    pub async fn receive<T: WebhookKind>(
        &self,
        request: &HttpRequest,
        route: Route,
        answer: impl FnOnce(&Verified<T>) -> Reply,
    ) -> Answer {
        let (arrived, mut trace) = (Instant::now(), Trace::default());
        let (reply, refusal) = match self.take(request, route, arrived, &mut trace).await {
            Ok(verified) => {
                let span = info_span!("tenant", tenant_id = %verified.scope().tenant_id());
                (span.in_scope(|| answer(&verified)), None)
            }
            Err(refusal) => (refusal.reply(), Some(refusal)),
        };
        Answer {
            reply,
            refusal,
            trace,
        }
    }

    /// Takes an inbound message. What depends on it for the very next one is written after it was kept, if there is time left,
    /// and only then it is answered.
    pub async fn receive_message(&self, request: &HttpRequest, route: Route) -> Answer {
        let (arrived, mut trace) = (Instant::now(), Trace::default());
        // On the heap: held in place, these layers of futures within the function's are more than the compiler lays out.
        let taken = Box::pin(self.take(request, route, arrived, &mut trace)).await;
        let (reply, refusal) = match taken {
            Ok(message) => {
                let span = info_span!("tenant", tenant_id = %message.scope().tenant_id());
                let is_outage = trace.put_aside == Some(PutAside::Outage);
                let until = (!is_outage).then_some(arrived + ANSWER_BY);
                let reply = messages::reply(&self.contacts, &self.stops, &message, until);
                let (reply, is_auto_reply) = Box::pin(reply.instrument(span)).await;
                trace.is_auto_reply = is_auto_reply;
                (reply, None)
            }
            Err(refusal) => (refusal.reply(), Some(refusal)),
        };
        Answer {
            reply,
            refusal,
            trace,
        }
    }

    async fn take<T: WebhookKind>(
        &self,
        request: &HttpRequest,
        route: Route,
        arrived: Instant,
        trace: &mut Trace,
    ) -> Result<Verified<T>, Refusal> {
        let received_at = self.clock.now();
        let unverified = Unverified::read(request)?;
        let resolved = timeout_at(
            arrived + RESOLVE_BY,
            self.verify(&unverified, arrived, trace),
        )
        .await;
        let (tenant, base_url) = resolved.unwrap_or(Err(Refusal::Unresolved))?;
        if tenant.status != TenantStatus::Active {
            return Err(Refusal::InactiveTenant);
        }
        // Resolved, then verified: from here on the request may act for the tenant.
        let scope = TenantScope::new(tenant.tenant_id.clone());
        let (account, parameters) = unverified.into_parts();
        let fact = Fact::new(route, &parameters, received_at)?;
        let mut fact = fact.of_account(&account);
        let is_past_limit = self.rate.is_past_limit(&scope);
        let span = info_span!("tenant", tenant_id = %scope.tenant_id());
        let kept = async {
            if is_past_limit {
                self.keep_later(&scope, &fact, arrived, trace).await
            } else {
                self.keep(&scope, &fact, arrived, trace).await
            }
        };
        fact.received_at = kept.instrument(span).await?;
        Ok(Verified::new(
            scope,
            account,
            tenant,
            base_url,
            received_at,
            is_past_limit,
            T::of(&fact),
        ))
    }

    /// Checks the signature with the keys of the account's holder, once more with fresh ones if the known ones may be old.
    async fn verify(
        &self,
        unverified: &Unverified<'_>,
        arrived: Instant,
        trace: &mut Trace,
    ) -> Result<(Arc<TwilioTenant>, String), Refusal> {
        let (account, deadline) = (unverified.account(), arrived + READ_BY);
        let signed_with = |holder: Holder| {
            let keys = SigningKeys::from(&holder.tenant.credentials);
            unverified
                .signed_with(&keys, self.public_base_url.as_ref())
                .map(|base_url| (holder.tenant.clone(), base_url))
                .map_err(|refusal| (refusal, holder))
        };
        let holder = self.accounts.find(account, deadline).await?;
        trace.claimed = Some(holder.tenant.tenant_id.clone());
        trace.credentials = Some(holder.source);
        match signed_with(holder) {
            Err((Refusal::Signature(error), seen)) if error.may_be_stale_keys() => {
                let fresh = self.accounts.refresh(account, &seen, deadline).await?;
                let fresh = fresh.ok_or(Refusal::Signature(error))?;
                trace.credentials = Some(Source::Loaded);
                signed_with(fresh).map_err(|(refusal, _)| refusal)
            }
            checked => checked.map_err(|(refusal, _)| refusal),
        }
    }

    /// Keeps a fact, or puts it aside when the store does not take it in time. Never acknowledged, never lost: one of the
    /// two has it before the webhook is answered. Gives when it was first received, of a message when anything of it was, as far as
    /// that is known.
    async fn keep(
        &self,
        scope: &TenantScope,
        fact: &Fact,
        arrived: Instant,
        trace: &mut Trace,
    ) -> Result<Timestamp, Refusal> {
        match timeout_at(arrived + KEEP_BY, self.activity.keep(scope, fact)).await {
            Ok(Ok(first_received_at)) => return Ok(first_received_at),
            Ok(Err(error)) => {
                warn!(error = %error, "the store did not keep the webhook: putting it aside")
            }
            Err(_) => warn!("the store did not keep the webhook in time: putting it aside"),
        }
        trace.put_aside = Some(PutAside::Outage);
        match timeout_at(arrived + PUT_ASIDE_BY, self.deferred.put_aside(scope, fact)).await {
            Ok(Ok(())) => return Ok(fact.received_at),
            Ok(Err(error)) => error!(error = %error, "the queue did not take the webhook either"),
            Err(_) => error!("the queue did not take the webhook in time either"),
        }
        Err(Refusal::NotKept)
    }

    /// The same for a webhook past its tenant's limit, the other way round: it is put aside, and kept when the queue does not take
    /// it in time.
    async fn keep_later(
        &self,
        scope: &TenantScope,
        fact: &Fact,
        arrived: Instant,
        trace: &mut Trace,
    ) -> Result<Timestamp, Refusal> {
        match timeout_at(arrived + KEEP_BY, self.deferred.put_aside(scope, fact)).await {
            Ok(Ok(())) => {
                trace.put_aside = Some(PutAside::Limit);
                return Ok(fact.received_at);
            }
            Ok(Err(error)) => {
                warn!(error = %error, "the queue did not take the webhook past the limit: keeping it");
            }
            Err(_) => {
                warn!("the queue did not take the webhook past the limit in time: keeping it");
            }
        }
        match timeout_at(arrived + PUT_ASIDE_BY, self.activity.keep(scope, fact)).await {
            Ok(Ok(first_received_at)) => return Ok(first_received_at),
            Ok(Err(error)) => error!(error = %error, "the store did not keep the webhook either"),
            Err(_) => error!("the store did not keep the webhook in time either"),
        }
        Err(Refusal::NotKept)
    }
}
