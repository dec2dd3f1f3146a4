# Schemathesis asks the client API, on a local stack of its own, what openapi.yaml allows and what it does not; every answer has to be
# one that the document describes, and none a server error. schemathesis.toml says which cases and checks.
set -euo pipefail

folder=$(mktemp --directory)
stack=""
finish() {
  if [[ -n "$stack" ]]; then
    kill -INT "$stack" 2>/dev/null || true
    # What does not heed that must not hold the run up.
    for _ in $(seq 20); do
      if [[ -z "$(jobs -rp)" ]]; then break; fi
      sleep 0.5
    done
    kill -KILL "$stack" 2>/dev/null || true
    wait
  fi
  rm -rf "$folder"
}
trap finish EXIT

is_running() { [[ -n "$(jobs -rp)" ]]; }
is_up() { grep --quiet --fixed-strings "Trunkline is up." "$folder/up.log"; }
refuse() {
  echo "$1" >&2
  cat "$folder/up.log" >&2
  exit 1
}

# The stack builds the functions itself: here they are not counted as time of its start.
cargo build --locked --quiet --workspace --bins
trunkline=target/debug/trunkline
# What a minute's limits refuse would not be tested.
"$trunkline" up --data "$folder/data" --ephemeral --port-base 0 \
  --parameter UserRateLimit=100000 --parameter TenantRateLimit=100000 >"$folder/up.log" 2>&1 &
stack=$!
deadline=$((SECONDS + 120))
until is_up; do
  if ! is_running; then refuse "The local stack ended before it was up:"; fi
  if ((SECONDS >= deadline)); then refuse "The local stack was not up within two minutes:"; fi
  sleep 0.2
done

api=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["api"]["url"])' "$folder/data/stack.json")
if ! python3 .ci/steps/schemathesis.py "$api" "$trunkline" "$folder/data"; then
  if ! is_running; then echo "The local stack ended meanwhile." >&2; fi
  echo "The last lines of the stack:" >&2
  tail --lines 40 "$folder/up.log" >&2
  exit 1
fi
