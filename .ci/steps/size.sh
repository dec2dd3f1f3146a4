# What `sam build` made: each function's binary at most 8 MB, or 10 MB with an HTTP client, stripped, and content with the
# glibc of Amazon Linux 2023.
set -euo pipefail

limit=8000000
# These call Twilio and the other providers: reqwest and a second set of roots come with them.
clients=" TokenFunction CredentialsFunction MessagingFunction TenantsFunction VerifierFunction "
client_limit=10000000
glibc=2.34
failed=0
expected=$(find functions -mindepth 2 -maxdepth 2 -name Cargo.toml | wc -l)
built=(.aws-sam/build/*/bootstrap)

# fault BINARY SENTENCE
fault() {
  echo "$1 $2" >&2
  failed=1
}

printf '%-26s %10s %10s %8s\n' function bytes 'gzip -9' glibc
for binary in "${built[@]}"; do
  name=$(basename "$(dirname "$binary")")
  bytes=$(stat --format %s "$binary")
  needs=$(objdump --dynamic-syms "$binary" | grep --only-matching 'GLIBC_[0-9.]*' | cut -d _ -f 2 | sort --version-sort | tail -1)
  printf '%-26s %10d %10d %8s\n' "$name" "$bytes" "$(gzip -9 --stdout "$binary" | wc -c)" "$needs"
  allowed=$limit
  [[ "$clients" == *" $name "* ]] && allowed=$client_limit
  ((bytes <= allowed)) || fault "$name" "is larger than $allowed bytes"
  [[ "$(printf '%s\n' "$needs" "$glibc" | sort --version-sort | tail -1)" == "$glibc" ]] \
    || fault "$name" "needs a newer glibc than $glibc"
  if readelf --section-headers --wide "$binary" | grep --quiet ' \.symtab '; then
    fault "$name" "is not stripped"
  fi
done
((${#built[@]} == expected)) || fault "sam build" "made ${#built[@]} functions of the $expected under functions/"
exit "$failed"
