//! The command line of the local stack.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::cli::run()
}
