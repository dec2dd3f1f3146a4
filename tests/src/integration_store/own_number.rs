//! A tenant's own number and the number that its calls are forwarded to: never the same, whoever writes when.

use std::time::Duration;

use local::emulators::faults::{Effect, Matching, Times};
use serde_json::json;
use shared::audit::Action;
use shared::sid::AccountSid;
use shared::store::{
    Expected, NumberState, PhoneNumberItems, StoredSettings, WriteConflict, WriteError,
};
use shared::tenant::{Provider, Settings, TenantScope};
use shared::twilio::health::{Leads, NumberRoute, Place};
use shared::twilio::rest::NumberCapabilities;

use super::world::{World, conflict};

const NUMBER: &str = "+15005550044";
const OTHER: &str = "+15005550045";

/// A tenant without credentials, of which two people store a number each.
struct Numbers {
    world: World,
    scope: TenantScope,
    account: AccountSid,
    version: u64,
}

impl Numbers {
    async fn new() -> Self {
        let world = World::new().await;
        let (scope, account) = world.bare().await;
        let version = world.settings.read(&scope).await.unwrap().version;
        Self {
            world,
            scope,
            account,
            version,
        }
    }

    async fn forward_to(&self, number: &str) -> Result<StoredSettings, WriteError> {
        let settings = Settings {
            forward_to: Some(number.parse().unwrap()),
            ..Settings::default()
        };
        let entry = self.world.entry(Action::SettingsUpdated);
        let stores = &self.world.settings;
        stores
            .put(&self.scope, &settings, self.version, &entry)
            .await
    }

    async fn call_from(&self, number: &str) -> Result<(), WriteError> {
        let mut new = self.world.twilio(&self.account, "secrets", None);
        new.summary.insert("phone_number".to_owned(), json!(number));
        let entry = self.world.entry(Action::CredentialStored);
        let stores = &self.world.integrations;
        let put = stores.put(&self.scope, &new, Expected::Any, &entry).await;
        put.map(drop)
    }

    /// Keeps that a number of the account leads here.
    async fn connect(&self, number: &str) -> Result<(), WriteError> {
        let here = NumberRoute {
            through: Place::Url,
            sid: None,
            leads: Leads::Here,
        };
        let state = NumberState {
            sid: format!("PN{:032x}", 1).parse().unwrap(),
            account_sid: self.account.clone(),
            phone_number: number.to_owned(),
            friendly_name: None,
            capabilities: NumberCapabilities::ALL,
            is_connected: true,
            voice_route: Some(here.clone()),
            message_route: Some(here),
            warnings: Vec::new(),
            synced_at: self.world.clock.now(),
        };
        let harness = self.world.harness;
        let table = harness.variable("TENANTS_TABLE").to_owned();
        let items = PhoneNumberItems::new(harness.dynamodb(), table);
        let kept = items.keep_connected(&self.scope, &state, &self.world.admin);
        kept.await.map(drop)
    }

    /// Lets the first write come after the second one, which began when the first had looked at everything.
    async fn overtaken<A, B>(
        &self,
        slow: impl Future<Output = A>,
        fast: impl Future<Output = B>,
    ) -> (A, B) {
        let dynamodb = self.world.harness.stack.emulators().dynamodb();
        let partition = format!("{}#", self.scope.tenant_id());
        let writes = Matching::operations(["TransactWriteItems"]).partition(&partition);
        let delay = Effect::Delay(Duration::from_millis(500));
        dynamodb.faults().inject(writes, delay, Times::Next(1));
        let mark = dynamodb.wire().mark();
        let overtaking = async {
            let begun = dynamodb.wire().wait_until(mark, |calls| {
                let calls = calls.clone().operation("TransactWriteItems");
                calls.partition(&partition).count() > 0
            });
            begun.await;
            fast.await
        };
        tokio::join!(slow, overtaking)
    }

    /// The tenant's own number, and the one that its calls are forwarded to.
    async fn stored(&self) -> (Option<String>, Option<String>) {
        let settings = self.world.settings.read(&self.scope).await.unwrap();
        let twilio = self.world.integrations.read(&self.scope, Provider::Twilio);
        let own = twilio.await.unwrap();
        let own = own.and_then(|it| Some(it.summary.get("phone_number")?.as_str()?.to_owned()));
        let forwarded = settings.settings.forward_to;
        (own, forwarded.map(|number| number.as_str().to_owned()))
    }
}

#[tokio::test]
async fn a_number_that_calls_itself_is_refused_whichever_of_the_two_is_stored_second() {
    let numbers = Numbers::new().await;
    numbers.call_from(NUMBER).await.unwrap();
    let refused = numbers.forward_to(NUMBER).await;
    assert_eq!(conflict(refused), WriteConflict::ForwardsToItself);
    numbers.forward_to(OTHER).await.unwrap();
    let refused = numbers.call_from(OTHER).await;
    assert_eq!(conflict(refused), WriteConflict::ForwardedTo);
    let kept = (Some(NUMBER.to_owned()), Some(OTHER.to_owned()));
    assert_eq!(numbers.stored().await, kept);
}

#[tokio::test]
async fn of_two_who_make_a_number_call_itself_at_once_the_later_is_refused() {
    let numbers = Numbers::new().await;
    let (settings, twilio) = (numbers.forward_to(NUMBER), numbers.call_from(NUMBER));
    let (settings, twilio) = numbers.overtaken(settings, twilio).await;
    assert_eq!(conflict(settings), WriteConflict::ForwardsToItself);
    assert!(twilio.is_ok());
    assert_eq!(numbers.stored().await, (Some(NUMBER.to_owned()), None));

    let numbers = Numbers::new().await;
    let (twilio, settings) = (numbers.call_from(NUMBER), numbers.forward_to(NUMBER));
    let (twilio, settings) = numbers.overtaken(twilio, settings).await;
    assert_eq!(conflict(twilio), WriteConflict::ForwardedTo);
    assert!(settings.is_ok());
    assert_eq!(numbers.stored().await, (None, Some(NUMBER.to_owned())));
}

#[tokio::test]
async fn a_write_that_is_overtaken_by_one_that_does_it_no_harm_is_made_all_the_same() {
    let numbers = Numbers::new().await;
    let (settings, twilio) = (numbers.forward_to(OTHER), numbers.call_from(NUMBER));
    let (settings, twilio) = numbers.overtaken(settings, twilio).await;
    assert!(
        settings.is_ok() && twilio.is_ok(),
        "{settings:?} {twilio:?}"
    );
    let both = (Some(NUMBER.to_owned()), Some(OTHER.to_owned()));
    assert_eq!(numbers.stored().await, both);
}

#[tokio::test]
async fn of_two_who_connect_a_number_and_forward_calls_to_it_at_once_the_later_is_refused() {
    let numbers = Numbers::new().await;
    // Of whose account the numbers are is read with the credentials.
    numbers.call_from(OTHER).await.unwrap();
    let (settings, connected) = (numbers.forward_to(NUMBER), numbers.connect(NUMBER));
    let (settings, connected) = numbers.overtaken(settings, connected).await;
    assert_eq!(conflict(settings), WriteConflict::ForwardsToItself);
    assert!(connected.is_ok());

    let numbers = Numbers::new().await;
    numbers.call_from(OTHER).await.unwrap();
    let (connected, settings) = (numbers.connect(NUMBER), numbers.forward_to(NUMBER));
    let (connected, settings) = numbers.overtaken(connected, settings).await;
    assert_eq!(conflict(connected), WriteConflict::ForwardedTo);
    assert!(settings.is_ok());
}
