# openapi.yaml is an OpenAPI 3.1 document. What it says is compared with the code by the end-to-end tests (tests/src/openapi.rs).
set -euo pipefail
openapi-spec-validator openapi.yaml
