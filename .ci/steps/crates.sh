# The fences between the crates: see crates.py.
set -euo pipefail
cargo metadata --locked --no-deps --format-version 1 | python3 .ci/steps/crates.py
