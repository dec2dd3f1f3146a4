//! How properties are run: how many cases are drawn, and where those that failed are kept.

use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tokio::runtime::Runtime;

/// Cases that are drawn unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 500;

/// Checks a property of the values that `strategy` draws: of one in `one_in` of 500 cases, or of `PROPTEST_CASES`.
///
/// `source` is the test's `file!()`. A case that failed is kept in `tests/proptest-regressions/`, to be committed, and is
/// tried again before any other.
pub(crate) fn check<S, Property, Checked>(
    source: &'static str,
    one_in: u32,
    strategy: &S,
    property: Property,
) where
    S: Strategy<Value: Debug>,
    Property: Fn(S::Value) -> Checked,
    Checked: Future<Output = Result<(), TestCaseError>>,
{
    // The default has read the variable already, and has a default of its own.
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => Config::default().cases,
        None => CASES,
    };
    let mut runner = TestRunner::new(Config {
        cases: cases.div_ceil(one_in),
        source_file: Some(source),
        // Each step of a search costs calls to the stores: an account of the fault is soon short enough.
        max_shrink_iters: 500,
        ..Config::default()
    });
    let runtime = Runtime::new().unwrap();
    let outcome = runner.run(&strategy, |value| runtime.block_on(property(value)));
    if let Err(failure) = outcome {
        panic!("{failure}\n{runner}");
    }
}
