//! Doubles of services that are not AWS: a listener on loopback that records requests, misbehaves when told to, and
//! answers as the service does.

mod listener;
mod misbehaviour;
mod request;
mod set;

pub use misbehaviour::Misbehaviour;
pub use set::Doubles;

pub(crate) use listener::Listener;
pub(crate) use misbehaviour::Refusal;
pub(crate) use request::{Answer, Request, first, sid_kind, without_extension};

use crate::emulators::wire::Target;

/// A service that is played.
pub(crate) trait Played: Send + Sync + 'static {
    /// Its name in sentences.
    const NAME: &'static str;

    /// What a request is about: the account that it names or authenticates as, and what else it names.
    fn targets(&self, request: &Request) -> Vec<Target>;

    /// The answer.
    fn answer(&self, request: &Request) -> Answer;

    /// How the service words a refusal that has nothing to do with the request.
    fn refusal(&self, request: &Request, refusal: Refusal) -> Answer;
}

/// Whether two secrets are the same, in constant time.
pub(crate) fn same_secret(one: &str, other: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}
