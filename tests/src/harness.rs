//! One stack for all tests of this binary, and a tenant of its own for each test.
//!
//! Tests run side by side on the stack: whatever they count, they count for their own tenant. A test that breaks something
//! for everybody starts a stack of its own with [`Harness::start`].

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use local::console::Console;
use local::emulators::{QueueHandle, StreamHandle};
use local::iam::Access;
use local::stack::{Stack, StackOptions};
use local::template::Resource;
use local::twilio::{FunctionUrls, Target, WebhookSender};
use serde_json::{Value, json};
use shared::aws::{Aws, Patience};
use shared::environment::Environment;
use shared::onboarding::NewTenant;
use shared::secret::Secret;
use shared::tenant::TenantId;
use tokio::runtime::{Handle, Runtime};

/// How long a test waits for what must come: as long as the slowest of them needs on a slow machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running stack, on a runtime of its own that outlives the tests' runtimes. A test on whose stack IAM denies a call fails,
/// unless it says that it expects so.
pub(crate) struct Harness {
    /// First, so that it looks before the stack goes.
    undenied: Undenied,
    pub(crate) stack: Stack,
    runtime: Handle,
}

/// A tenant that one test made for itself.
pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    /// Delivers webhooks as the tenant's Twilio account does.
    pub(crate) sender: WebhookSender,
    /// The tenant's numbers and where its webhooks go.
    pub(crate) target: Target,
    /// What was stored of it, to be changed and stored again.
    pub(crate) document: Value,
    /// The stores, for a look at what is there.
    pub(crate) console: Console,
    #[expect(dead_code, reason = "it looks when the tenant goes")]
    pub(crate) undenied: Undenied,
}

/// Fails the test that drops it if IAM denied a call of its stack in the meantime: a function's role lacks something, or it asks
/// for what is not its own. Where the function goes on without it, nothing else would tell.
pub(crate) struct Undenied {
    access: Access,
    before: usize,
    is_expected: Arc<AtomicBool>,
}

impl Undenied {
    fn from_now_on(stack: &Stack, is_expected: Arc<AtomicBool>) -> Self {
        let access = stack.emulators().access().clone();
        Self {
            before: access.denials().len(),
            access,
            is_expected,
        }
    }
}

impl Drop for Undenied {
    fn drop(&mut self) {
        if self.is_expected.load(Ordering::Relaxed) || std::thread::panicking() {
            return;
        }
        let denials = self.access.denials().split_off(self.before);
        assert!(denials.is_empty(), "denied: {denials:#?}");
    }
}

impl Tenant {
    /// What every partition key of the tenant's own data begins with.
    pub(crate) fn partition(&self) -> String {
        format!("{}#", self.id)
    }

    /// The token that signs its webhooks.
    pub(crate) fn token(&self) -> &Secret {
        &self.sender.account().auth_token
    }
}

impl Harness {
    /// The stack that all tests share, started by the first.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceLock<Harness> = OnceLock::new();
        Self::once(&SHARED, |_| {}).await
    }

    /// A stack that tests share who count calls or items, or keep contacts themselves: no stream feeds a function there, so that
    /// nothing happens but what they do.
    pub(crate) async fn quiet() -> &'static Self {
        static QUIET: OnceLock<Harness> = OnceLock::new();
        Self::once(&QUIET, |options| options.feeds_streams = false).await
    }

    /// The stack of `cell`, started by the first who asks for it.
    pub(crate) async fn once(
        cell: &'static OnceLock<Self>,
        change: impl FnOnce(&mut StackOptions) + Send + 'static,
    ) -> &'static Self {
        // Blocks a thread of the test's runtime, not the runtime: other tests wait at the same place.
        tokio::task::spawn_blocking(move || cell.get_or_init(|| Self::start(change)))
            .await
            .unwrap()
    }

    /// A stack of its own. It ends with the test's process.
    pub(crate) fn start(change: impl FnOnce(&mut StackOptions)) -> Self {
        let mut options = StackOptions::new(workspace().join("template.yaml"));
        change(&mut options);
        let runtime: &'static Runtime = Box::leak(Box::new(Runtime::new().unwrap()));
        // On a thread of its own, because a runtime cannot block inside another.
        let stack = std::thread::spawn(|| runtime.block_on(Stack::start(options)))
            .join()
            .unwrap();
        let stack = stack.unwrap_or_else(|error| panic!("{error}"));
        Self {
            undenied: Undenied::from_now_on(&stack, Arc::default()),
            stack,
            runtime: runtime.handle().clone(),
        }
    }

    /// Says that calls are denied on this stack, on purpose.
    pub(crate) fn expect_denials(&self) {
        self.undenied.is_expected.store(true, Ordering::Relaxed);
    }

    /// What a test holds that uses a stack together with others, so that it fails if a call is denied meanwhile: its own, or that
    /// of a test beside it.
    pub(crate) fn undenied(&self) -> Undenied {
        Undenied::from_now_on(&self.stack, Arc::clone(&self.undenied.is_expected))
    }

    /// Runs something on the stack's own runtime.
    pub(crate) async fn on_stack<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.runtime.spawn(work).await.unwrap()
    }

    /// A new tenant with a Twilio account of its own and these settings.
    pub(crate) async fn tenant(&self, settings: Value) -> Tenant {
        self.store(Self::document(settings)).await
    }

    /// A new tenant as `seed` reads it, to be changed before it is stored.
    pub(crate) fn document(settings: Value) -> Value {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        json!({
            "tenant_id": format!("tenant-{number}"),
            "name": format!("Tenant {number}"),
            "twilio": {
                "account_sid": format!("AC{number:032x}"),
                "auth_token": format!("{number:08x}-secret-auth-token"),
                "phone_number": format!("+1212555{:04}", number % 10_000),
                "whatsapp_sender": format!("+1312555{:04}", number % 10_000),
            },
            "settings": settings,
        })
    }

    /// The name of a table or the URL of a queue, from the variable that tells it to the functions.
    pub(crate) fn variable(&self, name: &str) -> &str {
        &self.stack.environment()[name]
    }

    /// Stores a tenant as `seed` does.
    pub(crate) async fn store(&self, document: Value) -> Tenant {
        let console = self.console();
        let tenant: NewTenant = serde_json::from_value(document.clone()).unwrap();
        console.store(&tenant).await.unwrap();
        let target = Target::new(tenant.twilio.as_ref().unwrap(), self.urls());
        Tenant {
            id: tenant.tenant_id,
            sender: WebhookSender::new(target.account.clone()),
            target,
            document,
            console,
            undenied: self.undenied(),
        }
    }

    /// A queue of the template, as its event source sees it.
    pub(crate) fn queue(&self, logical_id: &str) -> QueueHandle {
        match self.stack.template().resource(logical_id) {
            Some(Resource::Queue(queue)) => self.stack.emulators().sqs().queue(&queue.name),
            _ => panic!("the template has no queue {logical_id}"),
        }
    }

    /// Waits until a queue has so many messages, those in flight among them.
    pub(crate) async fn wait_for_len(&self, queue: &str, is_enough: impl Fn(usize) -> bool) {
        let handle = self.queue(queue);
        let waited = tokio::time::timeout(PATIENCE, handle.wait_for_len(is_enough)).await;
        assert!(waited.is_ok(), "the length of {queue} stays");
    }

    /// Waits until whoever reads a queue is done with everything that is in it.
    pub(crate) async fn drained(&self, queue: &str) {
        self.wait_for_len(queue, |length| length == 0).await;
    }

    /// The stream of the Activity table.
    pub(crate) fn stream(&self) -> StreamHandle {
        let emulators = self.stack.emulators();
        let arn = emulators.attributes().get("ActivityTable", "StreamArn");
        let table = self.variable("ACTIVITY_TABLE");
        emulators.dynamodb().stream(table, arn.unwrap())
    }

    /// Waits until the publisher is done with everything that is written now, and with what it wrote for that: contacts, and the
    /// marks of messages that are counted. The stream keeps an order of each item's records alone, so that what is told of one
    /// item says nothing of another. What it put aside is in the queue then.
    pub(crate) async fn published(&self) {
        for _ in 0..2 {
            let stream = self.stream();
            let handled = stream.handled_by("PublisherFunction/Activity");
            let handled = tokio::time::timeout(PATIENCE, handled).await;
            handled.expect("the publisher gets on").unwrap();
        }
    }

    /// The stores, opened on the runtime of the test that asks: connections live where they were opened.
    pub(crate) fn console(&self) -> Console {
        let environment = Environment::of(self.stack.environment().clone());
        Console::open(&environment).unwrap()
    }

    /// DynamoDB as it is below the stores, for a look at the items themselves.
    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let environment = Environment::of(self.stack.environment().clone());
        Aws::from_environment(&environment, Patience::BACKGROUND)
            .unwrap()
            .dynamodb()
    }

    /// Where the webhook functions are.
    pub(crate) fn urls(&self) -> FunctionUrls {
        let url = |binary| self.stack.url(binary).unwrap().to_owned();
        FunctionUrls {
            voice: url("voice-webhook"),
            sms: url("sms-webhook"),
            whatsapp: url("whatsapp-webhook"),
        }
    }
}

/// The root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    local::binaries::workspace().unwrap()
}
