# The workspace's lints (Cargo.toml, clippy.toml), as errors.
set -euo pipefail
cargo clippy --workspace --all-targets --locked -- -D warnings
