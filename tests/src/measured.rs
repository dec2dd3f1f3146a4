//! What tests measure for people to read. Cargo swallows what a test prints that passes; this is kept in a file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// The file in `target/tmp/` that CI prints after the tests; every run adds to it.
const FILE: &str = "measured.txt";

/// Keeps a line of what a test measured, behind those of the tests before it.
pub(crate) fn report(test: &str, measured: &str) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(FILE);
    let file = OpenOptions::new().create(true).append(true).open(path);
    // In one write, since tests run side by side.
    let line = format!("{test}: {measured}\n");
    file.unwrap().write_all(line.as_bytes()).unwrap();
}
