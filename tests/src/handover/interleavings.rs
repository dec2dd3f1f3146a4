//! Whatever happens in whatever order: a webhook is filed under the account's holder, or for a while under its last one
//! while nobody else has it, or under nobody.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use local::emulators::faults::{AwsError, Effect, FaultId, Matching, Times};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;
use shared::onboarding::OnboardingError;
use shared::sid::MessageSid;
use shared::store::StoreError;

use super::world::{QUARANTINE, WARM, Who, World};
use crate::properties::check;

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    Change(Change),
    Pass {
        seconds: i64,
    },
    /// The account reports something to one of the functions.
    Webhook(usize),
    /// Somebody else does.
    Forgery(usize),
    /// A webhook and a change at the same moment.
    Together(usize, Change),
    /// A new process takes a function's place.
    Replace(usize),
    Outage(Outage),
    Recovery,
}

/// What a tenant does about the account.
#[derive(Debug, Clone, Copy)]
enum Change {
    Claim(Party),
    Release(Party),
}

/// A tenant, by the part that it plays at the moment.
#[derive(Debug, Clone, Copy)]
enum Party {
    /// Who holds the account, or did last.
    Last,
    Other,
}

/// What cannot be asked.
#[derive(Debug, Clone, Copy)]
enum Outage {
    Routes,
    /// One tenant's partition: a hot one is throttled alone.
    Tenant(Who),
    Kms,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let function = || 0..2_usize;
    let change = || {
        prop_oneof![
            4 => Just(Change::Release(Party::Last)),
            1 => Just(Change::Release(Party::Other)),
            1 => Just(Change::Claim(Party::Last)),
            4 => Just(Change::Claim(Party::Other)),
        ]
    };
    // The edges of everything that is remembered, and what lies between them.
    let seconds = select(vec![
        1, 5, 10, 60, 299, 300, 600, 899, 900, 959, 960, 961, 1_200,
    ]);
    let outage = prop_oneof![
        2 => Just(Outage::Routes),
        2 => select(Who::BOTH.to_vec()).prop_map(Outage::Tenant),
        1 => Just(Outage::Kms),
    ];
    let step = prop_oneof![
        6 => change().prop_map(Step::Change),
        5 => seconds.prop_map(|seconds| Step::Pass { seconds }),
        7 => function().prop_map(Step::Webhook),
        1 => function().prop_map(Step::Forgery),
        3 => (function(), change()).prop_map(|(function, change)| Step::Together(function, change)),
        1 => function().prop_map(Step::Replace),
        2 => outage.prop_map(Step::Outage),
        1 => Just(Step::Recovery),
    ];
    vec(step, 4..40)
}

/// What is true of the account, told by what was done about it.
#[derive(Debug, Clone, Copy, Default)]
struct Truth {
    holder: Option<Who>,
    /// Who released it last, and when.
    last: Option<(Who, i64)>,
}

impl Truth {
    fn may_claim(&self, who: Who, now: i64) -> bool {
        match (self.holder, self.last) {
            (Some(holder), _) => holder == who,
            (None, Some((last, released))) => last == who || now - released >= QUARANTINE,
            (None, None) => true,
        }
    }

    /// Who makes a change.
    fn who(&self, change: Change) -> Who {
        let last = self.holder.or(self.last.map(|(last, _)| last));
        let last = last.unwrap_or(Who::A);
        match change {
            Change::Claim(Party::Last) | Change::Release(Party::Last) => last,
            Change::Claim(Party::Other) | Change::Release(Party::Other) => last.other(),
        }
    }

    /// Under whom a webhook that arrives now may be filed.
    fn owners(&self, now: i64) -> BTreeSet<Who> {
        let last = self.last.filter(|(_, released)| now - released < WARM);
        let owner = self.holder.or(last.map(|(last, _)| last));
        owner.into_iter().collect()
    }
}

struct Case {
    world: World,
    truth: Truth,
    outages: Vec<(Outage, FaultId)>,
    /// What arrived, and under whom it may be filed.
    arrived: Vec<(MessageSid, BTreeSet<Who>)>,
}

impl Case {
    fn now(&self) -> i64 {
        self.world.clock.now().as_second()
    }

    async fn take(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Change(change) => {
                let who = self.truth.who(change);
                let outcome = change.make(who, &self.world).await;
                self.learn(change, who, outcome)
            }
            Step::Pass { seconds } => {
                self.world.clock.advance(seconds);
                Ok(())
            }
            Step::Webhook(function) => {
                let owners = self.truth.owners(self.now());
                let (sid, status) = self.world.webhook(&self.world.functions[function]).await;
                self.judge(sid, status, owners).await
            }
            Step::Forgery(function) => {
                let function = &self.world.functions[function];
                let (sid, status) = self.world.forged_webhook(function).await;
                prop_assert!(matches!(status, 403 | 503), "{}", status);
                self.judge(sid, status, BTreeSet::new()).await
            }
            Step::Together(function, change) => {
                let who = self.truth.who(change);
                let mut owners = self.truth.owners(self.now());
                let ((sid, status), outcome) = tokio::join!(
                    self.world.webhook(&self.world.functions[function]),
                    change.make(who, &self.world)
                );
                self.learn(change, who, outcome)?;
                owners.extend(self.truth.owners(self.now()));
                self.judge(sid, status, owners).await
            }
            Step::Replace(function) => {
                self.world.functions[function] = self.world.cold_function().await;
                Ok(())
            }
            Step::Outage(outage) => {
                let fault = outage.begin(&self.world);
                self.outages.push((outage, fault));
                Ok(())
            }
            Step::Recovery => {
                self.recover();
                Ok(())
            }
        }
    }

    /// Compares what came of a change with what had to, and keeps the truth.
    fn learn(&mut self, change: Change, who: Who, outcome: Outcome) -> Result<(), TestCaseError> {
        let now = self.now();
        let is_allowed = match change {
            Change::Claim(_) => self.truth.may_claim(who, now),
            Change::Release(_) => self.truth.holder == Some(who),
        };
        match outcome {
            Outcome::Done => prop_assert!(is_allowed, "{:?} in {:?}", change, self.truth),
            Outcome::Refused => {
                prop_assert!(!is_allowed, "{:?} in {:?}", change, self.truth);
                return Ok(());
            }
            // A tenant is read and sealed before anything is written: nothing has changed.
            Outcome::Unavailable => {
                prop_assert!(!self.outages.is_empty());
                return Ok(());
            }
        }
        match change {
            Change::Claim(_) => self.truth.holder = Some(who),
            Change::Release(_) => {
                self.truth = Truth {
                    holder: None,
                    last: Some((who, now)),
                };
            }
        }
        Ok(())
    }

    async fn judge(
        &mut self,
        sid: MessageSid,
        status: u16,
        owners: BTreeSet<Who>,
    ) -> Result<(), TestCaseError> {
        prop_assert!(matches!(status, 204 | 403 | 503), "{}", status);
        let mut filed = self.world.filed(&sid).await;
        if status == 204 {
            // Acknowledged is filed, if need be by way of the queue, within its half a minute.
            let until = tokio::time::Instant::now() + Duration::from_secs(30);
            while filed.is_empty() && tokio::time::Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(20)).await;
                filed = self.world.filed(&sid).await;
            }
            prop_assert_eq!(filed.len(), 1);
        }
        prop_assert!(
            filed.iter().all(|who| owners.contains(who)),
            "filed under {:?}, in {:?}",
            filed,
            self.truth
        );
        self.arrived.push((sid, owners));
        Ok(())
    }

    fn recover(&mut self) {
        for (outage, fault) in self.outages.drain(..) {
            outage.end(&self.world, fault);
        }
    }

    /// Once everything works again and nothing old is remembered, the holder and nobody else is served. What was filed
    /// before is where it was.
    async fn end(mut self) -> Result<(), TestCaseError> {
        self.recover();
        self.world.clock.advance(QUARANTINE);
        for function in &self.world.functions {
            let (mut sid, mut status) = self.world.webhook(function).await;
            // On a busy machine the stores may be slow, and a webhook's patience is short.
            for _ in 0..9 {
                if status == 503 {
                    (sid, status) = self.world.webhook(function).await;
                }
            }
            let served: Vec<Who> = self.truth.holder.into_iter().collect();
            let expected = if served.is_empty() { 403 } else { 204 };
            prop_assert_eq!((status, self.world.filed(&sid).await), (expected, served));
        }
        for (sid, owners) in &self.arrived {
            let filed = self.world.filed(sid).await;
            prop_assert!(filed.len() <= 1 && filed.iter().all(|who| owners.contains(who)));
        }
        Ok(())
    }
}

/// What came of a change.
enum Outcome {
    Done,
    Refused,
    Unavailable,
}

impl Change {
    async fn make(self, who: Who, world: &World) -> Outcome {
        let error = match self {
            Self::Claim(_) => match world.claim(who).await {
                Ok(()) => return Outcome::Done,
                Err(OnboardingError::Store(error)) => error,
                Err(OnboardingError::Vault(error)) if error.is_unavailable() => {
                    return Outcome::Unavailable;
                }
                Err(error) => panic!("{error}"),
            },
            Self::Release(_) => match world.release(who).await {
                Ok(()) => return Outcome::Done,
                Err(error) => error,
            },
        };
        match error {
            StoreError::Conflict { .. } => Outcome::Refused,
            StoreError::Unavailable { .. } => Outcome::Unavailable,
            error => panic!("{error}"),
        }
    }
}

impl Outage {
    fn begin(self, world: &World) -> FaultId {
        let emulators = world.emulators();
        let down = Effect::Refuse(AwsError::internal());
        let always = Times::Always;
        let dynamodb = emulators.dynamodb().faults();
        match self {
            Self::Routes => {
                let routes = Matching::operations(["GetItem"]).on(world.variable("ROUTES_TABLE"));
                dynamodb.inject(routes, down, always)
            }
            Self::Tenant(who) => {
                let tenant = Matching::operations(["Query"])
                    .on(world.variable("TENANTS_TABLE"))
                    .partition(format!("{}#", world.id(who)));
                dynamodb.inject(tenant, down, always)
            }
            Self::Kms => emulators
                .kms()
                .faults()
                .inject(Matching::any(), down, always),
        }
    }

    fn end(self, world: &World, fault: FaultId) {
        let emulators = world.emulators();
        match self {
            Self::Routes | Self::Tenant(_) => emulators.dynamodb().faults().remove(fault),
            Self::Kms => emulators.kms().faults().remove(fault),
        }
    }
}

#[test]
fn in_no_order_and_at_no_moment_is_one_tenants_traffic_filed_under_the_other() {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    check(file!(), 5, &steps(), |steps| async move {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut case = Case {
            world: World::on_its_own_stack(number).await,
            truth: Truth::default(),
            outages: Vec::new(),
            arrived: Vec::new(),
        };
        for step in steps {
            if let Err(failure) = case.take(step).await {
                case.recover();
                return Err(failure);
            }
        }
        case.end().await
    });
}
