//! Two tenants that both know an account's SID and token, two warm functions, and one clock for all of them.

use std::sync::OnceLock;

use local::console::Console;
use local::emulators::Emulators;
use local::twilio::{Parameters, SidSupply, sign};
use serde_json::json;
use shared::activity::{Resource, Route};
use shared::aws::{Aws, Patience};
use shared::clock::Clock;
use shared::environment::Environment;
use shared::http::{HttpRequest, Reply};
use shared::onboarding::{NewTenant, Onboarding, OnboardingError};
use shared::secret::Secret;
use shared::sid::{AccountSid, MessageSid};
use shared::store::{Routes, StoreError, Tenants};
use shared::tenant::{Operator, TenantId, TenantScope};
use shared::webhook::{BODY_LIMIT, Notification, Webhooks};

use crate::harness::Harness;

/// For how long a warm function may still serve who gave an account up, in seconds.
pub(super) const WARM: i64 = 15 * 60;
/// For how long nobody else may claim it, in seconds.
pub(super) const QUARANTINE: i64 = 16 * 60;

/// One of the two tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    A,
    B,
}

impl Who {
    pub(super) const BOTH: [Self; 2] = [Self::A, Self::B];

    pub(super) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// The account that changes hands, and everybody who has to do with it.
pub(super) struct World {
    pub(super) harness: &'static Harness,
    pub(super) clock: Clock,
    pub(super) account: AccountSid,
    pub(super) routes: Routes,
    pub(super) tenants: Tenants,
    pub(super) functions: [Webhooks; 2],
    number: u64,
    environment: Environment,
    onboarding: Onboarding,
    console: Console,
    sids: SidSupply,
}

impl World {
    /// A new account and two new tenants, on the stack that all tests share. `number` is its own.
    pub(super) async fn new(number: u64) -> Self {
        Self::on(Harness::shared().await, number).await
    }

    /// The same on another stack, where everything may be broken for everybody.
    pub(super) async fn on_its_own_stack(number: u64) -> Self {
        static STACK: OnceLock<Harness> = OnceLock::new();
        let start = || STACK.get_or_init(|| Harness::start(|_| {}));
        let harness = tokio::task::spawn_blocking(start).await.unwrap();
        Self::on(harness, number).await
    }

    async fn on(harness: &'static Harness, number: u64) -> Self {
        let clock = Clock::fixed("2026-03-01T12:00:00Z".parse().unwrap());
        let variables = harness.stack.environment().clone();
        let environment = Environment::of(variables.clone());
        let aws = Aws::from_environment(&environment, Patience::BACKGROUND).unwrap();
        let table = |name: &str| variables[name].clone();
        let routes = Routes::new(aws.dynamodb(), table("ROUTES_TABLE"), clock.clone());
        let tenants = Tenants::new(
            aws.dynamodb(),
            table("TENANTS_TABLE"),
            routes.clone(),
            clock.clone(),
        );
        let onboarding = Onboarding::from_environment(&environment, clock.clone()).unwrap();
        let function = || async {
            let function = Webhooks::from_environment(&environment, clock.clone()).await;
            function.unwrap_or_else(|error| panic!("{error}"))
        };
        Self {
            harness,
            account: account(number, 0),
            routes,
            tenants,
            functions: [function().await, function().await],
            number,
            onboarding,
            console: harness.console(),
            sids: SidSupply::random(),
            environment,
            clock,
        }
    }

    /// The world's emulators.
    pub(super) fn emulators(&self) -> &Emulators {
        self.harness.stack.emulators()
    }

    /// The name of a table or the like, as the functions know it.
    pub(super) fn variable(&self, name: &str) -> String {
        self.harness.stack.environment()[name].clone()
    }

    pub(super) fn id(&self, who: Who) -> TenantId {
        let name = format!("{who:?}-{}", self.number).to_lowercase();
        name.parse().unwrap()
    }

    pub(super) fn scope(&self, who: Who) -> TenantScope {
        self.console.scope(&self.id(who))
    }

    /// Another account of this world.
    pub(super) fn spare_account(&self) -> AccountSid {
        account(self.number, 1)
    }

    /// A function that knows nothing yet.
    pub(super) async fn cold_function(&self) -> Webhooks {
        let function = Webhooks::from_environment(&self.environment, self.clock.clone()).await;
        function.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Stores a tenant with the account, and so claims it.
    pub(super) async fn claim(&self, who: Who) -> Result<(), OnboardingError> {
        self.claim_of(who, &self.account).await
    }

    /// Stores a tenant with this account.
    #[expect(
        clippy::disallowed_methods,
        reason = "tenants are stored by the person at the console"
    )]
    pub(super) async fn claim_of(
        &self,
        who: Who,
        account: &AccountSid,
    ) -> Result<(), OnboardingError> {
        let tenant = json!({
            "tenant_id": self.id(who).as_str(),
            "name": format!("{who:?}"),
            "twilio": {"account_sid": account.as_str(), "auth_token": self.token()},
        });
        let tenant: NewTenant = serde_json::from_value(tenant).unwrap();
        let operator = Operator::at_the_console();
        self.onboarding.store(operator, &tenant).await
    }

    pub(super) async fn release(&self, who: Who) -> Result<(), StoreError> {
        self.routes.release(&self.scope(who), &self.account).await
    }

    /// Who holds an account, as a cold function learns it.
    pub(super) async fn holder_of(&self, account: &AccountSid) -> Option<TenantId> {
        let route = self.routes.resolve(account).await.unwrap();
        route.map(|route| route.tenant_id().clone())
    }

    fn token(&self) -> String {
        format!("token-of-both-in-world-{}", self.number)
    }

    /// The account reports to a function that it sent a message. Returns which one, and the status of the answer.
    pub(super) async fn webhook(&self, function: &Webhooks) -> (MessageSid, u16) {
        self.signed_webhook(function, &self.token()).await
    }

    /// The same from somebody who does not know the token.
    pub(super) async fn forged_webhook(&self, function: &Webhooks) -> (MessageSid, u16) {
        self.signed_webhook(function, "guessed").await
    }

    async fn signed_webhook(&self, function: &Webhooks, token: &str) -> (MessageSid, u16) {
        let sid = self.sids.message(false);
        let parameters = Parameters::new()
            .with("AccountSid", self.account.as_str())
            .with("MessageSid", sid.as_str())
            .with("MessageStatus", "sent")
            .with("From", "+15005550006")
            .with("To", "+15005550010");
        let (host, query) = ("sms.example.com", format!("account={}", self.account));
        let url = format!("https://{host}/sms/status?{query}");
        let signature = sign(&Secret::new(token.to_owned()), &url, &parameters);
        let event = json!({
            "rawPath": "/sms/status",
            "rawQueryString": query,
            "headers": {
                "content-type": "application/x-www-form-urlencoded",
                "host": host,
                "x-twilio-signature": signature,
            },
            "requestContext": {"domainName": host, "http": {"method": "POST"}},
            "body": parameters.form_encoded(),
        });
        let request = HttpRequest::from_event(&event.to_string(), BODY_LIMIT).unwrap();
        let answer = function
            .receive::<Notification>(&request, Route::SmsStatus, |_| Reply::no_content())
            .await;
        (sid, answer.reply().status().as_u16())
    }

    /// Under which tenants a message is filed.
    pub(super) async fn filed(&self, sid: &MessageSid) -> Vec<Who> {
        let mut filed = Vec::new();
        for who in Who::BOTH {
            let (scope, resource) = (self.scope(who), Resource::Message(sid.clone()));
            let activity = self.console.activity();
            let history = activity.history(&scope, &resource).await.unwrap();
            if history.iter().next().is_some() {
                filed.push(who);
            }
        }
        filed
    }
}

/// An account that no other world has.
fn account(number: u64, which: u8) -> AccountSid {
    format!("ACbeef{which:012x}{number:016x}").parse().unwrap()
}
