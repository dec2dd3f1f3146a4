//! What a test of this crate logs.
//!
//! One subscriber for all tests of the process, which writes into memory of the thread: a subscriber of one thread's own is now
//! and then not asked, when another thread without one is the first to come by a log line.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use serde_json::Value;
use tracing::level_filters::LevelFilter;

use super::subscriber;

thread_local! {
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The namespace of its metrics.
pub(crate) const NAMESPACE: &str = "Trunkline/captured";

struct OfThisThread;

impl Write for OfThisThread {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What this thread logs from now on, until [`lines`] are taken, as `sms-webhook` logs it at the level `INFO`.
pub(crate) fn begin() {
    static GLOBAL: Once = Once::new();
    GLOBAL.call_once(|| {
        let subscriber = subscriber("sms-webhook", Some(NAMESPACE), LevelFilter::INFO, || {
            OfThisThread
        });
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
    LOGGED.take();
}

/// The lines that this thread logged since [`begin`].
pub(crate) fn lines() -> Vec<Value> {
    let logged = String::from_utf8(LOGGED.take()).unwrap();
    let lines = logged.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
