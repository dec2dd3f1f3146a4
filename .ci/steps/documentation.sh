# Rust documentation without a broken link or an ill-formed block, private items included.
set -euo pipefail
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items --locked
