# deny.toml: which crates, licences and sources are allowed. The advisories need a database that is downloaded:
# `cargo deny check advisories` is for the scheduled run and before a release (docs/deploy.md).
set -euo pipefail
# Duplicates are warnings, for whoever runs cargo-deny by hand; they would bury what fails.
cargo deny --locked check --allow duplicate --hide-inclusion-graph bans licenses sources
