# Runs the test command of the README as it stands there, and fails if it ran no test.
set -euo pipefail

# The lines inside the README's fenced blocks.
fenced() {
  awk '/^```/ { inside = !inside; next } inside' README.md
}

if ! fenced | grep --quiet --line-regexp --fixed-strings 'cargo run'; then
  echo "README.md has no fenced line that is exactly 'cargo run'." >&2
  exit 1
fi
command=$(fenced | grep '^cargo test' || true)
if [[ "$command" != "cargo test --workspace"* || "$command" == *$'\n'* ]]; then
  echo "README.md should have one fenced line that begins with 'cargo test --workspace'; it has: ${command:-none}" >&2
  exit 1
fi

# The README's command may leave out --locked; a stale lock file is still a fault.
cargo metadata --locked --format-version 1 >/dev/null

# What tests measure, such as latencies, which cargo does not show of a test that passes.
measured=target/tmp/measured.txt
rm -f "$measured"
show_measured() {
  if [[ -s "$measured" ]]; then
    printf '\nMeasured:\n'
    cat "$measured"
  fi
}
trap show_measured EXIT

mkdir -p target
echo "$command"
bash -c "$command" 2>&1 | tee target/test.log
# One line for all test binaries, since the last one's own says nothing of the others.
total=$(awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
  END { printf "%d passed, %d failed, %d skipped", passed, failed, ignored }' target/test.log)
echo "$total"
if [[ "$total" == "0 passed"* ]]; then
  echo "'$command' ran no test." >&2
  exit 1
fi
