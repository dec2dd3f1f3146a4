# `cargo lambda watch` serves the same signed request as the local stack, as docs/local-stack.md says to start it.
set -euo pipefail

folder=$(mktemp --directory)
jobs=()
finish() {
  for job in "${jobs[@]}"; do
    kill -INT -- "-$job" 2>/dev/null || kill -INT "$job" 2>/dev/null || true
  done
  # What does not heed that must not hold the run up.
  for _ in $(seq 20); do
    if [[ -z "$(jobs -rp)" ]]; then break; fi
    sleep 0.5
  done
  for job in "${jobs[@]}"; do
    kill -KILL -- "-$job" 2>/dev/null || kill -KILL "$job" 2>/dev/null || true
  done
  wait
  rm -rf "$folder"
}
trap finish EXIT

# wait_for FILE TEXT: until a log says it, for two minutes at most; then the log is shown.
wait_for() {
  for _ in $(seq 240); do
    if grep --quiet --fixed-strings "$2" "$1" 2>/dev/null; then return; fi
    sleep 0.5
  done
  echo "'$2' did not come within two minutes:" >&2
  cat "$1" >&2
  exit 1
}

cargo build --locked --quiet
trunkline=target/debug/trunkline
"$trunkline" up --data "$folder/data" --port-base 29100 >"$folder/up.log" 2>&1 &
jobs+=($!)
wait_for "$folder/up.log" "Trunkline is up."

base=http://127.0.0.1:29000/lambda-url/sms-webhook
setsid cargo lambda watch --ignore-changes --invoke-address 127.0.0.1 --invoke-port 29000 \
  --env-file "$folder/data/functions.env" --env-var PUBLIC_WEBHOOK_BASE_URL=$base >"$folder/watch.log" 2>&1 &
jobs+=($!)
wait_for "$folder/watch.log" "127.0.0.1:29000"

if ! "$trunkline" simulate sms --data "$folder/data" --url "$base" --body "under cargo lambda watch" >"$folder/simulate.log" 2>&1 \
  || ! grep --quiet '"body": "under cargo lambda watch"' "$folder/simulate.log"; then
  cat "$folder/simulate.log" "$folder/watch.log" >&2
  exit 1
fi
echo "sms-webhook under cargo lambda watch: answered and stored"
