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

cargo build --locked --quiet
trunkline=target/debug/trunkline
# What a minute's limits refuse would not be tested.
"$trunkline" up --data "$folder/data" --ephemeral --port-base 29300 \
  --parameter UserRateLimit=100000 --parameter TenantRateLimit=100000 >"$folder/up.log" 2>&1 &
stack=$!
for _ in $(seq 240); do
  if grep --quiet --fixed-strings "Trunkline is up." "$folder/up.log"; then break; fi
  sleep 0.5
done
if ! grep --quiet --fixed-strings "Trunkline is up." "$folder/up.log"; then
  echo "The local stack did not start within two minutes:" >&2
  cat "$folder/up.log" >&2
  exit 1
fi

api=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["api"]["url"])' "$folder/data/stack.json")
if ! python3 .ci/steps/schemathesis.py "$api" "$trunkline" "$folder/data"; then
  echo "The last lines of the stack:" >&2
  tail --lines 40 "$folder/up.log" >&2
  exit 1
fi
