//! Delivers webhooks as Twilio does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::secret::Secret;

use super::account::Account;
use super::connection::ConnectionOverrides;
use super::disorder::Disorder;
use super::double::RestDouble;
use super::exchange::{Attempt, AttemptOutcome, Exchange, Fault, Judgement, Request, Response};
use super::forgery;
use super::judgement::judge;
use super::parameters::Parameters;
use super::sids::SidSupply;
use super::signature::{public_url, sign, without_port};
use super::transport::{attempt, callable, client};
use super::webhook::{Expected, Forgery, Method, Webhook};

/// The agent that Twilio's webhook proxy says it is.
const USER_AGENT: &str = "TwilioProxy/1.1";

/// Delivers the webhooks of one account, signed with its auth token.
///
/// Plain HTTP only. A URL is signed byte for byte as configured, without fragment and user information; a URL that HTTP
/// would carry in another form (a raw space or quote) is refused, because the receiver could not know what was signed.
/// Cookies, caching of GET answers and the answer to a 401 challenge are not imitated.
#[derive(Debug, Clone)]
pub struct WebhookSender {
    account: Account,
    sids: Arc<SidSupply>,
    proxies: Vec<(String, String)>,
    keeps_voice_port: bool,
    rest: Option<RestDouble>,
}

impl WebhookSender {
    /// A sender with random SIDs and idempotency tokens.
    #[must_use]
    pub fn new(account: Account) -> Self {
        Self {
            account,
            sids: Arc::new(SidSupply::random()),
            proxies: Vec::new(),
            keeps_voice_port: false,
            rest: None,
        }
    }

    /// The same, where what webhooks tell of (recordings, what is attached to messages) can be fetched from the double of the
    /// REST API at this base URL, if it knows the account.
    #[must_use]
    pub fn with_rest_double(mut self, base_url: impl Into<String>) -> Self {
        self.rest = Some(RestDouble::new(base_url));
        self
    }

    /// The same with SIDs and tokens from `sids`.
    #[must_use]
    pub fn with_sids(mut self, sids: Arc<SidSupply>) -> Self {
        self.sids = sids;
        self
    }

    /// The same, where a URL that begins with `public_url` is signed as it is and delivered to `local_url` instead, as if
    /// a proxy or a custom domain stood in front. Write both with a slash at the end, or both without.
    #[must_use]
    pub fn behind_proxy(
        mut self,
        public_url: impl Into<String>,
        local_url: impl Into<String>,
    ) -> Self {
        self.proxies.push((public_url.into(), local_url.into()));
        self
    }

    /// The same, signing voice webhooks over https with their port. Twilio's documentation says that it drops the port
    /// there, and people have seen both.
    #[must_use]
    pub fn keeping_voice_port(mut self) -> Self {
        self.keeps_voice_port = true;
        self
    }

    /// Whose webhooks are sent.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Where SIDs come from.
    #[must_use]
    pub fn sids(&self) -> &SidSupply {
        &self.sids
    }

    /// Delivers a webhook; after a fault, to its fallback URL with `ErrorCode` and `ErrorUrl`.
    pub async fn deliver(&self, webhook: &Webhook) -> Exchange {
        self.deliver_forged(webhook, Forgery::None).await
    }

    /// Delivers a webhook with something wrong about it. A forger calls no fallback.
    pub async fn deliver_forged(&self, webhook: &Webhook, forgery: Forgery) -> Exchange {
        self.deliver_event(webhook, forgery, &self.sids.idempotency_token())
            .await
    }

    /// Delivers several webhooks one after another, some of them late, twice or never, as `disorder` says. Copies of one
    /// webhook carry one idempotency token.
    pub async fn deliver_all(&self, webhooks: &[Webhook], disorder: &Disorder) -> Vec<Exchange> {
        let tokens: Vec<String> = webhooks
            .iter()
            .map(|_| self.sids.idempotency_token())
            .collect();
        let mut exchanges = Vec::new();
        for index in disorder.arrange(webhooks.len()) {
            if let (Some(webhook), Some(token)) = (webhooks.get(index), tokens.get(index)) {
                if !disorder.delay.is_zero() {
                    tokio::time::sleep(disorder.delay).await;
                }
                exchanges.push(self.deliver_event(webhook, Forgery::None, token).await);
            }
        }
        exchanges
    }

    /// Delivers the event that `token` names.
    pub(crate) async fn deliver_event(
        &self,
        webhook: &Webhook,
        forgery: Forgery,
        token: &str,
    ) -> Exchange {
        if let (Some(rest), Forgery::None) = (&self.rest, forgery) {
            rest.hear(&self.account, &webhook.parameters).await;
        }
        let mut exchange = self.deliver_once(webhook, forgery, token).await;
        let has_fallback =
            webhook.purpose.expects() != Expected::Acknowledgement && forgery == Forgery::None;
        if let (Some(fault), Some(fallback_url), true) =
            (exchange.fault(), &webhook.fallback_url, has_fallback)
        {
            let mut fallback = webhook.clone();
            fallback.url.clone_from(fallback_url);
            fallback.parameters = fallback
                .parameters
                .with("ErrorCode", fault.code().to_string())
                .with("ErrorUrl", public_url(&webhook.url));
            let token = self.sids.idempotency_token();
            exchange.fallback = Some(Box::new(
                self.deliver_once(&fallback, forgery, &token).await,
            ));
        }
        exchange
    }

    async fn deliver_once(&self, webhook: &Webhook, forgery: Forgery, token: &str) -> Exchange {
        let request = self.request(webhook, forgery, token);
        let mut attempts = Vec::new();
        let started = Instant::now();
        let result = self
            .attempt_all(&webhook.url, &request, &mut attempts)
            .await;
        let duration = started.elapsed();
        let (judgement, response) = match result {
            Ok(response) => (judge(webhook.purpose, &response), Some(response)),
            Err(fault) => (Judgement::Fault(fault), None),
        };
        let purpose = webhook.purpose;
        Exchange {
            purpose,
            forgery,
            request,
            attempts,
            response,
            duration,
            judgement,
            fallback: None,
        }
    }

    fn request(&self, webhook: &Webhook, forgery: Forgery, token: &str) -> Request {
        let is_post = webhook.method == Method::Post;
        let configured = match forgery {
            Forgery::OtherAccount => forgery::with_other_account(&public_url(&webhook.url)),
            _ => public_url(&webhook.url),
        };
        let url_with = |parameters: &Parameters| match is_post {
            true => configured.clone(),
            false => with_query(&configured, parameters),
        };
        let mut headers = vec![
            ("User-Agent".to_owned(), USER_AGENT.to_owned()),
            ("Accept".to_owned(), "*/*".to_owned()),
            ("I-Twilio-Idempotency-Token".to_owned(), token.to_owned()),
        ];
        if is_post {
            let form = "application/x-www-form-urlencoded; charset=UTF-8";
            headers.push(("Content-Type".to_owned(), form.to_owned()));
        }
        if forgery != Forgery::MissingSignature {
            let signature = self.signature(webhook, &url_with(&webhook.parameters), forgery);
            headers.push(("X-Twilio-Signature".to_owned(), signature));
        }
        let mut parameters = webhook.parameters.clone();
        if forgery == Forgery::TamperedBody {
            forgery::tamper(&mut parameters);
        }
        Request {
            method: webhook.method.as_str(),
            url: url_with(&parameters),
            headers,
            parameters,
        }
    }

    fn signature(&self, webhook: &Webhook, url: &str, forgery: Forgery) -> String {
        let drops_port =
            webhook.purpose.is_voice() && url.starts_with("https://") && !self.keeps_voice_port;
        let signed_url = if drops_port {
            without_port(url)
        } else {
            url.to_owned()
        };
        let signed_parameters = match webhook.method {
            Method::Post => webhook.parameters.clone(),
            Method::Get => Parameters::new(),
        };
        match forgery {
            Forgery::WrongToken => sign(
                &Secret::from(forgery::WRONG_TOKEN),
                &signed_url,
                &signed_parameters,
            ),
            _ => sign(&self.account.auth_token, &signed_url, &signed_parameters),
        }
    }

    async fn attempt_all(
        &self,
        configured_url: &str,
        request: &Request,
        attempts: &mut Vec<Attempt>,
    ) -> Result<Response, Fault> {
        let overrides = ConnectionOverrides::of(configured_url)?;
        let url = callable(&self.behind(&request.url)).map_err(Fault::InvalidUrl)?;
        let client = client(&overrides).map_err(Fault::InvalidUrl)?;
        let started = Instant::now();
        let mut retries_left = overrides.retries;
        loop {
            let attempt_started = Instant::now();
            let time_left = overrides.total_timeout.saturating_sub(started.elapsed());
            let result = attempt(&client, &url, request, time_left).await;
            let outcome = match &result {
                Ok(response) => AttemptOutcome::Answered(response.status),
                Err(outcome) => *outcome,
            };
            attempts.push(Attempt {
                outcome,
                duration: attempt_started.elapsed(),
            });
            let time_is_left =
                overrides.total_timeout.saturating_sub(started.elapsed()) > Duration::ZERO;
            if retries_left > 0 && time_is_left && is_retried(outcome, &overrides) {
                retries_left -= 1;
                continue;
            }
            return result.map_err(|outcome| match outcome {
                AttemptOutcome::ConnectionFailed => Fault::ConnectionFailed,
                AttemptOutcome::TimedOut => Fault::TimedOut,
                AttemptOutcome::ConnectionLost | AttemptOutcome::Answered(_) => {
                    Fault::ConnectionLost
                }
            });
        }
    }

    /// Where a URL leads behind the proxies.
    fn behind(&self, url: &str) -> String {
        let routed = self.proxies.iter().find_map(|(public, local)| {
            url.strip_prefix(public.as_str())
                .map(|rest| format!("{local}{rest}"))
        });
        routed.unwrap_or_else(|| url.to_owned())
    }
}

fn is_retried(outcome: AttemptOutcome, overrides: &ConnectionOverrides) -> bool {
    match outcome {
        AttemptOutcome::Answered(400..=499) => overrides.retry_on.client_error,
        AttemptOutcome::Answered(500..) => overrides.retry_on.server_error,
        AttemptOutcome::Answered(_) => false,
        AttemptOutcome::ConnectionFailed => overrides.retry_on.connection,
        AttemptOutcome::TimedOut | AttemptOutcome::ConnectionLost => {
            overrides.retry_on.read_timeout
        }
    }
}

fn with_query(url: &str, parameters: &Parameters) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{}", parameters.form_encoded())
}
