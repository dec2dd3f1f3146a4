# Rust sources as rustfmt writes them.
set -euo pipefail
cargo fmt --all --check
