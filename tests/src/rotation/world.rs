//! A tenant whose auth token is rotated by this process, with a clock that a test moves.

use jiff::{SignedDuration, Timestamp};
use local::emulators::faults::{FaultId, Matching, Times};
use local::emulators::wire::Calls;
use serde_json::{Value, json};
use shared::api::Foundation;
use shared::audit::Actor;
use shared::aws::{Aws, Patience};
use shared::clock::Clock;
use shared::environment::Environment;
use shared::integrations::{
    Configuration, Continued, IntegrationAdministration, RotationAction, RotationError,
    RotationRequest,
};
use shared::store::{IntegrationRecord, TableNames};
use shared::tenant::{Provider, TenantScope};
use shared::twilio::{Rotation, RotationStage, TwilioCredentials};
use tokio::time::{Duration, Instant};

use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

/// For how long whoever makes a step keeps others away, in seconds.
pub(super) const LEASE: i64 = 30;

pub(super) struct World {
    pub(super) harness: &'static Harness,
    pub(super) newcomer: Newcomer,
    pub(super) clock: Clock,
    pub(super) rotations: IntegrationAdministration,
    /// The token that signed before.
    pub(super) old: String,
}

impl World {
    /// A tenant whose credentials its admin has stored.
    pub(super) async fn new() -> Self {
        let harness = Harness::shared().await;
        Self::of(harness, harness.connected().await)
    }

    /// One whose account nobody has proven.
    pub(super) async fn unproven() -> Self {
        let harness = Harness::shared().await;
        let newcomer = harness.newcomer().await;
        let path = "/api/integrations/twilio?verify=false";
        let stored = newcomer.admin.put(path, &newcomer.credentials).await;
        stored.document(201);
        Self::of(harness, newcomer)
    }

    fn of(harness: &'static Harness, newcomer: Newcomer) -> Self {
        let clock = Clock::fixed(Clock::system().now());
        Self {
            rotations: rotations(harness, &clock),
            old: newcomer.account.auth_token().unwrap(),
            harness,
            newcomer,
            clock,
        }
    }

    pub(super) fn scope(&self) -> TenantScope {
        self.harness.console().scope(&self.newcomer.id)
    }

    pub(super) async fn ask(&self, action: RotationAction) -> Result<Rotation, RotationError> {
        ask(&self.rotations, &self.scope(), action).await
    }

    /// Begins, or goes on.
    pub(super) async fn advance(&self) -> Result<Rotation, RotationError> {
        self.ask(RotationAction::Advance).await
    }

    /// Goes on as who looks at what is due.
    pub(super) async fn go_on(&self) -> Continued {
        let actor = Actor::Function("verifier");
        let scope = self.scope();
        let going = self.rotations.continue_rotation(&scope, actor, deadline());
        going.await.unwrap()
    }

    /// Goes on whenever it is due, until it has ended or so many times were not enough.
    pub(super) async fn finish(&self) -> Rotation {
        for _ in 0..12 {
            match self.go_on().await {
                Continued::Finished => return self.stored().await.0.rotation.unwrap(),
                Continued::At(at) => self.move_to(at),
            }
            self.assert_signatures_are_taken().await;
        }
        panic!("the rotation has not ended: {:?}", self.stored().await.0);
    }

    pub(super) fn move_to(&self, at: Timestamp) {
        let ahead = at.duration_since(self.clock.now());
        if ahead > SignedDuration::ZERO {
            self.clock.advance(ahead.as_secs() + 1);
        }
    }

    /// What is stored, opened.
    pub(super) async fn stored(&self) -> (IntegrationRecord, TwilioCredentials) {
        let opened = self.rotations.open(&self.scope(), Provider::Twilio).await;
        match opened.unwrap() {
            (record, Configuration::Twilio(credentials)) => (record, credentials),
            _ => panic!("these are credentials of another provider"),
        }
    }

    pub(super) async fn stage(&self) -> RotationStage {
        self.stored().await.0.rotation.unwrap().stage
    }

    /// Whatever signs at Twilio is taken here; and so is what signed before, for the grace period.
    pub(super) async fn assert_signatures_are_taken(&self) {
        let (record, credentials) = self.stored().await;
        let tokens = [
            Some(&credentials.auth_token),
            credentials.secondary_auth_token.as_ref(),
            credentials.previous_auth_token.as_ref(),
        ];
        let is_taken = |token: &str| tokens.iter().flatten().any(|it| it.expose() == token);
        let signing = self.newcomer.account.auth_token().unwrap();
        assert!(is_taken(&signing), "{:?}", record.rotation);
        let stage = record.rotation.map(|rotation| rotation.stage);
        if stage != Some(RotationStage::Done) {
            assert!(is_taken(&self.old), "{stage:?}");
        }
    }

    /// Another token signs, it is the only one that is stored, and Twilio has no other.
    pub(super) async fn assert_rotated(&self) {
        let (record, credentials) = self.stored().await;
        let account = &self.newcomer.account;
        let signing = account.auth_token().unwrap();
        assert_ne!(signing, self.old);
        assert_eq!(credentials.auth_token.expose(), signing);
        assert!(credentials.secondary_auth_token.is_none());
        assert!(credentials.previous_auth_token.is_none());
        assert_eq!(account.secondary_auth_token(), None);
        assert!(record.is_active);
        // What is shown is of the same configuration.
        let masked = format!("••••{}", &signing[signing.len() - 4..]);
        assert_eq!(record.summary["auth_token"], masked.as_str());
        assert!(!record.summary.contains_key("secondary_auth_token"));
    }

    /// The tenant's calls to its auth tokens at Twilio: `POST /v1/AuthTokens/Promote` and the like.
    pub(super) fn token_calls(&self, operation: &str) -> Calls {
        let calls = self.newcomer.account.calls();
        calls.filter(|call| {
            call.operation.contains("AuthTokens") && call.operation.contains(operation)
        })
    }

    /// Every stage that the audit log tells of, sorted: those of one moment have no order there.
    pub(super) async fn told(&self) -> Vec<String> {
        let audit = self.newcomer.audit().await.into_iter();
        let stages = audit.filter(|[action, ..]| action == "auth_token_rotation");
        let mut stages: Vec<_> = stages.map(|[_, _, _, detail]| detail).collect();
        stages.sort();
        stages
    }

    /// The store is gone for this tenant after so many more calls.
    pub(super) fn lose_store_after(&self, calls: u32) -> FaultId {
        let matching = Matching::any().partition(format!("{}#", self.newcomer.id));
        let faults = self.harness.stack.emulators().dynamodb().faults();
        let effect = local::emulators::faults::Effect::Drop;
        faults.inject(matching, effect, Times::AlwaysAfter(calls))
    }

    pub(super) fn mend_store(&self, fault: FaultId) {
        let faults = self.harness.stack.emulators().dynamodb().faults();
        faults.remove(fault);
    }

    /// Its admin changes credentials, without a check.
    pub(super) async fn patch(&self, change: Value) {
        let path = "/api/integrations/twilio?verify=false";
        self.newcomer.admin.patch(path, &change).await.document(200);
    }

    /// Its admin stores credentials whole, with this token.
    pub(super) async fn put(&self, auth_token: &str) {
        let mut credentials = self.newcomer.credentials.clone();
        credentials["auth_token"] = json!(auth_token);
        let path = "/api/integrations/twilio?verify=false";
        self.newcomer
            .admin
            .put(path, &credentials)
            .await
            .document(200);
    }
}

/// What another process would rotate with.
pub(super) fn rotations(harness: &Harness, clock: &Clock) -> IntegrationAdministration {
    let environment = Environment::of(harness.stack.environment().clone());
    let aws = Aws::from_environment(&environment, Patience::REQUEST).unwrap();
    let tables = TableNames::from_environment(&environment).unwrap();
    let key = shared::vault::CredentialKeys::from_environment(&environment).unwrap();
    let foundation = Foundation {
        aws,
        tables,
        key,
        clock: clock.clone(),
    };
    IntegrationAdministration::new(&environment, &foundation).unwrap()
}

pub(super) async fn ask(
    rotations: &IntegrationAdministration,
    scope: &TenantScope,
    action: RotationAction,
) -> Result<Rotation, RotationError> {
    let request = RotationRequest {
        action,
        actor: Actor::User("auth0|admin".to_owned()),
        deadline: deadline(),
    };
    rotations.rotate(scope, request).await
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(20)
}
