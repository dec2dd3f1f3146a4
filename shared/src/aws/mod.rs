//! AWS clients: one configuration, one HTTP client, one connection pool.

mod connection;
mod failure;
mod session;
mod sts;

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::config::IdentityCache;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

use crate::clock::Clock;
use crate::environment::Environment;
use crate::telemetry::TALLY;
use crate::tenant::TenantId;
use connection::Connection;
pub(crate) use failure::CallFailure;
pub use session::SessionRoles;
use session::{ActingCredentials, TenantSessions};
pub(crate) use session::{as_function, in_same_session, taking_over_from};
pub use sts::SessionError;
use sts::Sts;

/// How long a call to AWS may take before it counts as failed.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    attempt: Duration,
    operation: Duration,
}

impl Patience {
    /// For webhooks, which answer within a second even when a store is slow: Twilio gives a caller 15 seconds of silence, but
    /// a caller hangs up sooner.
    pub const WEBHOOK: Self = Self {
        attempt: Duration::from_millis(300),
        operation: Duration::from_millis(450),
    };
    /// For calls of the client API, whose caller waits, and can be told to try again.
    pub const REQUEST: Self = Self {
        attempt: Duration::from_secs(1),
        operation: Duration::from_secs(3),
    };
    /// For work that nobody waits for.
    pub const BACKGROUND: Self = Self {
        attempt: Duration::from_secs(2),
        operation: Duration::from_secs(5),
    };

    /// How long one attempt may take. A call whose answer takes longer is made again, once.
    #[must_use]
    pub const fn attempt(self) -> Duration {
        self.attempt
    }
}

/// The AWS services of one process.
#[derive(Clone)]
pub struct Aws {
    configuration: SdkConfig,
    connection: Connection,
    endpoints: Endpoints,
    /// What calls are signed with, but those in the name of a tenant.
    own: Credentials,
    patience: Patience,
    sessions: Option<TenantSessions>,
}

#[derive(Clone)]
struct Endpoints {
    dynamodb: Option<String>,
    eventbridge: Option<String>,
    kms: Option<String>,
    sqs: Option<String>,
    sts: Option<String>,
}

impl Aws {
    /// Reads the region, the credentials that Lambda injects and the SDK's own endpoint variables, and builds the clients'
    /// common part. No call is made.
    /// `None` when a variable is missing, which is then a fault of the environment.
    #[must_use]
    pub fn from_environment(environment: &Environment, patience: Patience) -> Option<Self> {
        let region = environment.required("AWS_REGION");
        let access_key = environment.required("AWS_ACCESS_KEY_ID");
        let secret_key = environment.required("AWS_SECRET_ACCESS_KEY");
        let session_token = environment.optional("AWS_SESSION_TOKEN").map(str::to_owned);
        let (region, access_key, secret_key) = (region?, access_key?, secret_key?);
        let credentials =
            Credentials::new(access_key, secret_key, session_token, None, "environment");
        let connection = Connection::new();
        let configuration = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .http_client(connection.http_client())
            // The second attempt follows at once: a frozen sandbox thaws with dead connections, and every write is idempotent but
            // that of a limit's counter, which errs on the strict side.
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(2)
                    .with_initial_backoff(Duration::from_millis(25)),
            )
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(patience.attempt)
                    .operation_timeout(patience.operation)
                    .build(),
            )
            .build();
        Some(Self {
            configuration,
            connection,
            endpoints: Endpoints::from_environment(environment),
            own: credentials,
            patience,
            sessions: None,
        })
    }

    /// The same, whose clients act in the name of the tenant that the task at hand works for: see [`Aws::as_tenant`].
    ///
    /// With `none` as `TENANT_ROLE_ARN` there are no sessions, for administrators who run a function themselves: what acts as the
    /// function's own role then reaches no tenant.
    #[must_use]
    pub fn with_tenant_sessions(self, roles: SessionRoles, clock: Clock) -> Self {
        if roles.are_none() {
            return self;
        }
        let region = self.region().to_owned();
        let sts = Sts {
            connection: self.connection.clone(),
            endpoint: self.endpoints.of(Service::Sts, &region),
            region,
            patience: self.patience,
        };
        let own = self.own.clone();
        let provider = ActingCredentials { own: own.clone() };
        let sessions = TenantSessions::new(roles, sts, own, clock);
        let configuration = self.configuration.into_builder();
        let configuration = configuration
            .credentials_provider(SharedCredentialsProvider::new(provider))
            // The SDK's own would give one tenant's credentials to the next.
            .identity_cache(IdentityCache::no_cache())
            .build();
        Self {
            configuration,
            sessions: Some(sessions),
            ..self
        }
    }

    /// Does work in the name of a tenant: until it is done, every call of it to AWS can reach this tenant's data, and no other's. The
    /// first work for a tenant costs one call of STS, as does the first after 10 minutes. Without sessions it is done as whoever calls.
    ///
    /// # Errors
    /// [`SessionError`]: then the work was not begun.
    pub fn as_tenant<F: Future>(
        &self,
        tenant: &TenantId,
        work: F,
    ) -> impl Future<Output = Result<F::Output, SessionError>> {
        // Futures in futures: each that holds another by value is as large as twice that.
        let work = Box::pin(work);
        async move {
            match &self.sessions {
                None => Ok(work.await),
                Some(sessions) => sessions.act_for(tenant, work).await,
            }
        }
    }

    fn region(&self) -> &str {
        self.configuration.region().map_or("", Region::as_ref)
    }

    /// A client of DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut builder = aws_sdk_dynamodb::config::Builder::from(&self.configuration);
        builder.set_endpoint_url(self.endpoints.dynamodb.clone());
        builder = builder.interceptor(TALLY.store.counted());
        aws_sdk_dynamodb::Client::from_conf(builder.build())
    }

    /// A client of EventBridge.
    #[must_use]
    pub fn eventbridge(&self) -> aws_sdk_eventbridge::Client {
        let mut builder = aws_sdk_eventbridge::config::Builder::from(&self.configuration);
        builder.set_endpoint_url(self.endpoints.eventbridge.clone());
        aws_sdk_eventbridge::Client::from_conf(builder.build())
    }

    /// A client of KMS.
    #[must_use]
    pub fn kms(&self) -> aws_sdk_kms::Client {
        let mut builder = aws_sdk_kms::config::Builder::from(&self.configuration);
        builder.set_endpoint_url(self.endpoints.kms.clone());
        builder = builder.interceptor(TALLY.kms.counted());
        aws_sdk_kms::Client::from_conf(builder.build())
    }

    /// A client of SQS.
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let mut builder = aws_sdk_sqs::config::Builder::from(&self.configuration);
        builder.set_endpoint_url(self.endpoints.sqs.clone());
        aws_sdk_sqs::Client::from_conf(builder.build())
    }

    /// Opens the connections that the first event will need, while the CPU is not throttled yet: name, TCP and TLS, by a bare
    /// `GET /`, never a call that is billed. Takes a second at most, and its failure is not one of the function.
    pub async fn prime(&self, services: &[Service]) {
        // The first random byte of a process is the dear one (docs/decisions/0002-aws-lc-entropy.md).
        let _ = aws_lc_rs::rand::fill(&mut [0_u8; 1]);
        let region = self.region();
        let urls = services
            .iter()
            .map(|service| self.endpoints.of(*service, region));
        self.connection
            .prime(urls.collect(), Duration::from_secs(1))
            .await;
    }
}

/// A service that a function talks to.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Service {
    DynamoDb,
    EventBridge,
    Kms,
    Sqs,
    Sts,
}

impl Endpoints {
    /// The SDK's own variables: one a service, or one for all.
    fn from_environment(environment: &Environment) -> Self {
        let all = environment.optional("AWS_ENDPOINT_URL");
        let of = |name| environment.optional(name).or(all).map(str::to_owned);
        Self {
            dynamodb: of("AWS_ENDPOINT_URL_DYNAMODB"),
            eventbridge: of("AWS_ENDPOINT_URL_EVENTBRIDGE"),
            kms: of("AWS_ENDPOINT_URL_KMS"),
            sqs: of("AWS_ENDPOINT_URL_SQS"),
            sts: of("AWS_ENDPOINT_URL_STS"),
        }
    }

    fn of(&self, service: Service, region: &str) -> String {
        let (configured, name) = match service {
            Service::DynamoDb => (&self.dynamodb, "dynamodb"),
            Service::EventBridge => (&self.eventbridge, "events"),
            Service::Kms => (&self.kms, "kms"),
            Service::Sqs => (&self.sqs, "sqs"),
            Service::Sts => (&self.sts, "sts"),
        };
        let suffix = if region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        configured
            .clone()
            .unwrap_or_else(|| format!("https://{name}.{region}.{suffix}"))
    }
}
