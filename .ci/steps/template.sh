# template.yaml: the linters, then what the SAM transform makes of it (template.py).
set -euo pipefail
cfn-lint --template template.yaml
sam validate --lint
python3 .ci/steps/template.py
