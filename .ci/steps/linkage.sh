# One TLS stack and one crypto library in every function, for both processors: a second one costs start-up time, size
# and a second set of advisories. RustCrypto's `hmac` and `sha1` are there for Twilio's signature and are not TLS.
set -euo pipefail

tls='rustls|openssl|openssl-sys|native-tls|boring|boring-sys|s2n-tls|s2n-tls-sys|mbedtls|schannel'
crypto='aws-lc-rs|aws-lc-fips-sys|ring|graviola|rustls-rustcrypto|aes-gcm|chacha20poly1305|rsa|p256|p384|ed25519-dalek'
failed=0

# fault FUNCTION TARGET SENTENCE
fault() {
  echo "$1 ($2): $3" >&2
  failed=1
}

for folder in functions/*/; do
  name=$(basename "$folder")
  for target in x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu; do
    linked=$(cargo tree --locked --package "$name" --edges normal,no-proc-macro --target "$target" --prefix none \
      --format '{p}' | awk '{ print $1, $2 }' | sort --unique)
    stacks=$(grep --extended-regexp "^($tls) " <<<"$linked" || true)
    libraries=$(grep --extended-regexp "^($crypto) " <<<"$linked" || true)
    [[ "$stacks" =~ ^rustls\ v0\.[0-9.]+$ ]] \
      || fault "$name" "$target" "TLS should be one version of rustls, and is: ${stacks:-none}"
    [[ "$libraries" =~ ^aws-lc-rs\ v[0-9.]+$ ]] \
      || fault "$name" "$target" "cryptography should be one version of aws-lc-rs, and is: ${libraries:-none}"
    if grep --quiet '^hyper v0\.' <<<"$linked"; then
      fault "$name" "$target" "links hyper 0.x beside hyper 1: a crate's default features are on"
    fi
  done
  echo "$name: ${stacks/$'\n'/, }, ${libraries/$'\n'/, }"
done
exit "$failed"
