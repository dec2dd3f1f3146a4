# Builds every function the way it is deployed. x86_64 is named because the template's default, arm64, needs a standard
# library that not every machine's toolchain has (`rustup target add aarch64-unknown-linux-gnu`).
set -euo pipefail
sam build --parameter-overrides Architecture=x86_64
