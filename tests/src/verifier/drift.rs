//! What drifted at Twilio is mended within one run, or only reported where the tenant asked for that.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::clock::Clock;
use shared::tenant::TenantId;

use super::{World, moment_of, run_of};
use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

pub(super) const ELSEWHERE: &str = "https://elsewhere.test/voice";

/// A tenant whose browsers have called, with a number that is connected.
pub(super) struct Connected {
    pub(super) newcomer: Newcomer,
    pub(super) app: String,
    pub(super) number: String,
}

impl Connected {
    pub(super) async fn of(harness: &Harness, drift: &str) -> Self {
        let newcomer = harness.connected().await;
        let settings = json!({"drift": drift});
        let patched = newcomer.admin.patch("/api/settings", &settings).await;
        patched.document(200);
        let user = harness.user(&newcomer.id, "member");
        user.post("/api/token", &json!({})).await.document(200);
        let number = newcomer.account.add_number("+12125550100");
        let path = format!("/api/phone-numbers/{number}/connect");
        newcomer.admin.post(&path, &json!({})).await.document(200);
        let apps = newcomer.account.applications();
        let app = apps[0]["sid"].as_str().unwrap().to_owned();
        assert_eq!(apps.len(), 1);
        Self {
            newcomer,
            app,
            number,
        }
    }

    pub(super) fn id(&self) -> &TenantId {
        &self.newcomer.id
    }

    fn app(&self) -> Value {
        let apps = self.newcomer.account.applications();
        let mut apps = apps.into_iter();
        apps.find(|app| app["sid"] == self.app.as_str())
            .unwrap_or_default()
    }

    pub(super) fn name(&self) -> String {
        format!("TwiMLApp_Tenant_{}", self.id())
    }

    fn number(&self) -> Value {
        let numbers = self.newcomer.account.numbers();
        let mut numbers = numbers.into_iter();
        numbers
            .find(|it| it["sid"] == self.number.as_str())
            .unwrap()
    }
}

/// Everything that can drift, on one tenant each.
struct Drifted {
    changed: Connected,
    deleted: Connected,
    duplicated: (Connected, String),
    moved: Connected,
}

impl Drifted {
    async fn on(world: &World, drift: &str) -> Self {
        let harness = &world.harness;
        let changed = Connected::of(harness, drift).await;
        let form = [("VoiceUrl", ELSEWHERE)];
        assert!(
            changed
                .newcomer
                .account
                .configure_application(&changed.app, &form)
        );
        let deleted = Connected::of(harness, drift).await;
        assert!(deleted.newcomer.account.delete_application(&deleted.app));
        let duplicated = Connected::of(harness, drift).await;
        let account = &duplicated.newcomer.account;
        let other = account
            .add_application(&duplicated.name(), ELSEWHERE)
            .unwrap();
        let moved = Connected::of(harness, drift).await;
        let form = [("VoiceUrl", ELSEWHERE)];
        assert!(
            moved
                .newcomer
                .account
                .configure_number(&moved.number, &form)
        );
        Self {
            changed,
            deleted,
            duplicated: (duplicated, other),
            moved,
        }
    }

    fn all(&self) -> [&Connected; 4] {
        [
            &self.changed,
            &self.deleted,
            &self.duplicated.0,
            &self.moved,
        ]
    }

    /// One run of the minute of each.
    async fn run(&self, world: &World) {
        for connected in self.all() {
            let at = moment_of(connected.id());
            let answer = world.minute(at).await;
            assert_eq!(answer["run"], run_of(at).as_str());
            let item = world.twilio_item(connected.id()).await;
            assert_eq!(super::text(&item, "verified_run"), run_of(at));
        }
    }
}

pub(super) fn finding(resource: &str, sid: &str, problem: &str, outcome: &str) -> Vec<[String; 4]> {
    vec![[resource, sid, problem, outcome].map(ToOwned::to_owned)]
}

#[tokio::test]
async fn an_app_that_was_changed_deleted_or_duplicated_and_a_number_are_mended_within_one_run() {
    let world = World::start();
    let drifted = Drifted::on(&world, "repair").await;
    drifted.run(&world).await;

    let Drifted {
        changed,
        deleted,
        duplicated: (duplicated, other),
        moved,
    } = &drifted;
    let voice = |app: &Value| app["voice_url"].as_str().unwrap().to_owned();
    assert_ne!(voice(&changed.app()), ELSEWHERE);
    assert!(
        changed
            .newcomer
            .is_logged("twiml_app_updated", &changed.app)
            .await
    );
    let expected = finding("twiml_app", &changed.app, "changed", "repaired");
    assert_eq!(changed.newcomer.drift().await, expected);

    let apps = deleted.newcomer.account.applications();
    assert_eq!(apps.len(), 1);
    let made = apps[0]["sid"].as_str().unwrap();
    assert_ne!(made, deleted.app);
    assert!(voice(&apps[0]).contains("/voice?account="));
    assert!(deleted.newcomer.is_logged("twiml_app_created", made).await);
    let expected = finding("twiml_app", &deleted.app, "missing", "repaired");
    assert_eq!(deleted.newcomer.drift().await, expected);

    let apps = duplicated.newcomer.account.applications();
    let sids: Vec<&str> = apps
        .iter()
        .map(|app| app["sid"].as_str().unwrap())
        .collect();
    assert_eq!(sids, [duplicated.app.as_str()]);
    assert!(
        duplicated
            .newcomer
            .is_logged("twiml_app_deleted", other)
            .await
    );
    let expected = finding("twiml_app", other, "duplicated", "repaired");
    assert_eq!(duplicated.newcomer.drift().await, expected);

    assert_ne!(moved.number()["voice_url"], ELSEWHERE);
    assert!(
        moved
            .newcomer
            .is_logged("phone_number_repaired", &moved.number)
            .await
    );
    let expected = finding("phone_number", &moved.number, "changed", "repaired");
    assert_eq!(moved.newcomer.drift().await, expected);

    // Another look finds all of it right, and writes nothing into the log.
    for connected in drifted.all() {
        let entries = connected.newcomer.audit().await.len();
        world.verify(connected.id()).await;
        assert_eq!(connected.newcomer.drift().await, Vec::<[String; 4]>::new());
        assert_eq!(connected.newcomer.audit().await.len(), entries);
    }
}

#[tokio::test]
async fn what_drifted_is_only_reported_where_the_tenant_asked_for_that() {
    let world = World::start();
    let drifted = Drifted::on(&world, "report").await;
    let logs: Vec<usize> = {
        let mut logs = Vec::new();
        for connected in drifted.all() {
            logs.push(connected.newcomer.audit().await.len());
        }
        logs
    };
    let writes = |connected: &Connected| {
        let calls = connected.newcomer.account.calls();
        calls.filter(|call| !call.asked.starts_with("GET")).count()
    };
    let before: Vec<usize> = drifted.all().into_iter().map(writes).collect();
    drifted.run(&world).await;

    let Drifted {
        changed,
        deleted,
        duplicated: (duplicated, other),
        moved,
    } = &drifted;
    for (connected, expected) in [
        (
            changed,
            finding("twiml_app", &changed.app, "changed", "reported"),
        ),
        (
            deleted,
            finding("twiml_app", &deleted.app, "missing", "reported"),
        ),
        (
            duplicated,
            finding("twiml_app", other, "duplicated", "reported"),
        ),
        (
            moved,
            finding("phone_number", &moved.number, "changed", "reported"),
        ),
    ] {
        assert_eq!(connected.newcomer.drift().await, expected);
    }
    let after: Vec<usize> = drifted.all().into_iter().map(writes).collect();
    assert_eq!(after, before, "something was changed at Twilio");
    for (connected, before) in drifted.all().into_iter().zip(logs) {
        assert_eq!(connected.newcomer.audit().await.len(), before);
    }
    let said = "a Twilio resource drifted";
    let lines = world.harness.stack.logs().lines();
    let told = lines.iter().filter(|line| line.text.contains(said));
    assert_eq!(told.count(), 4);
}

#[tokio::test]
async fn an_app_that_a_number_or_a_token_may_name_is_not_deleted() {
    let world = World::start();
    let connected = Connected::of(&world.harness, "repair").await;
    let account = &connected.newcomer.account;
    let named = account
        .add_application(&connected.name(), ELSEWHERE)
        .unwrap();
    let other = account.add_number("+12125550199");
    assert!(account.configure_number(&other, &[("VoiceApplicationSid", &named)]));
    world.verify(connected.id()).await;
    let expected = finding("twiml_app", &named, "duplicated", "reported");
    assert_eq!(connected.newcomer.drift().await, expected);
    assert_eq!(account.applications().len(), 2);

    // Named by no number any more, but there before the one in use was made sure of: by now, a token may name it.
    assert!(account.configure_number(&other, &[("VoiceApplicationSid", "")]));
    let ensured = Clock::system().now() + jiff::SignedDuration::from_mins(1);
    set_ensured_at(&world, &connected, &ensured.to_string()).await;
    world.verify(connected.id()).await;
    assert_eq!(connected.newcomer.drift().await, expected);
    assert_eq!(account.applications().len(), 2);

    // A day later no token is good that does.
    set_ensured_at(&world, &connected, "2026-03-01T00:00:00Z").await;
    world.verify(connected.id()).await;
    assert_eq!(account.applications().len(), 1);
}

pub(super) async fn set_ensured_at(world: &World, connected: &Connected, at: &str) {
    let update = world.harness.dynamodb().update_item();
    let update = update
        .table_name(world.table())
        .key(
            "pk",
            AttributeValue::S(format!("{}#tenant", connected.id())),
        )
        .key("sk", AttributeValue::S("twiml-app".to_owned()))
        .update_expression("SET ensured_at = :at")
        .expression_attribute_values(":at", AttributeValue::S(at.to_owned()));
    update.send().await.unwrap();
}
