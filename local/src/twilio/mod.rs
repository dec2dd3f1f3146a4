//! A double of Twilio's calling side: it signs and delivers webhooks, judges the answers, and executes TwiML.
//!
//! It keeps to what Twilio documents, and where Twilio is vague to what people saw; a test names what it relies on.
//! Nothing here uses the code that the functions verify and answer with: a fault there must not be mirrored here.

mod account;
pub mod arguments;
pub mod call;
mod connection;
mod disorder;
mod double;
mod exchange;
mod forgery;
mod judgement;
mod parameters;
pub mod payload;
pub mod render;
mod reply;
pub mod rest;
mod sender;
mod sids;
mod signature;
mod simulate;
mod target;
mod transport;
pub mod twiml;
mod webhook;

pub use account::Account;
pub use connection::{ConnectionOverrides, InvalidOverrides, RetryOn};
pub use disorder::Disorder;
pub use exchange::{Attempt, AttemptOutcome, Exchange, Fault, Judgement, Request, Response};
pub use judgement::{LARGEST_ANSWER, judge};
pub use parameters::Parameters;
pub use reply::reply_statuses;
pub use sender::WebhookSender;
pub use sids::SidSupply;
pub use signature::sign;
pub use simulate::{Simulation, simulate};
pub use target::{FunctionUrls, Target};
pub use webhook::{Expected, Forgery, Method, Purpose, Webhook};

/// The demo tenants, in the form that `seed` reads.
pub const DEMO_TENANTS: &str = include_str!("../../demo/tenants.json");
