"""Runs Schemathesis against a local stack's client API, once for each kind of caller, and sees to it that it got somewhere.

    schemathesis.py URL TRUNKLINE DATA

URL is the API's, TRUNKLINE the local stack's program, DATA the folder of the running stack. Fails when Schemathesis finds
something, and when a kind of caller did not get the answers that it has to get: a run that is refused everywhere, or that never
meets a stored credential, finds nothing and proves nothing.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import yaml

# The tenants that schemathesis.toml names. No request changes what the first one has, so that its credentials stay good.
KEPT, CHANGED, EMPTIED = "globex", "initech", "emptied"
# Its auth token is another one once it was rotated, so that its credentials are stored once.
ROTATED = "hooli"
OTHER_TENANTS = ["renamed"]

# For how long one kind of caller may ask, in seconds: several times what it takes on two cores.
ROLE_LIMIT = 300
# For how long one command or request of this step's own may take, in seconds.
STEP_LIMIT = 60

# Accounts and keys that the stack's doubles know (docs/local-stack.md).
TWILIO = {
    KEPT: {
        "account_sid": "AC" + "b" * 32,
        "auth_token": "bbbb2222" * 4,
        "api_key_sid": "SK" + "b" * 32,
        "api_key_secret": "bbbbKey2" * 4,
        "phone_number": "+15005550201",
    },
    CHANGED: {
        "account_sid": "AC" + "c" * 32,
        "auth_token": "cccc3333" * 4,
        "api_key_sid": "SK" + "c" * 32,
        "api_key_secret": "ccccKey3" * 4,
        "phone_number": "+15005550301",
    },
    ROTATED: {
        "account_sid": "AC" + "e" * 32,
        "auth_token": "eeee5555" * 4,
        "api_key_sid": "SK" + "e" * 32,
        "api_key_secret": "eeeeKey5" * 4,
    },
    # Nobody's: stored without a check.
    EMPTIED: {"account_sid": "AC" + "0" * 32, "auth_token": "0" * 32},
}
OTHER_PROVIDERS = {
    "vapi": {"api_key": "11111111-1111-4111-8111-111111111111", "webhook_secret": "a-secret-of-32-visible-characters"},
    "google_calendar": {
        "client_id": "demo.apps.googleusercontent.com",
        "client_secret": "GOCSPX-demo-client-secret",
        "refresh_token": "1//demo-refresh-full",
    },
    "resend": {"api_key": "re_demo_full_access"},
    "elevenlabs": {"api_key": "sk_demo_full_access"},
}

# What has to be among the answers besides 200, to those who may call the operation: no more than comes of the document's examples, of
# the edges of its schemas and of what this step stored before, whatever else is drawn. The end-to-end tests prove the rest.
MORE = {
    "issueToken": {422},
    "listTenants": {400},
    "createTenant": {201, 409, 422},
    "updateTenant": {422},
    "deleteTenant": {202},
    "replaceIntegration": {201, 422},
    "updateIntegration": {422},
    "deleteIntegration": {204},
    "listAudit": {400},
    "listMessages": {400},
    "listConversations": {400},
    "listConversationMessages": {400},
    "listContacts": {400},
    "listCalls": {400},
    "listRecordings": {400},
    "deleteRecording": {204},
    # Nothing ends it within a run: the old token is good for a quarter of an hour.
    "rotateAuthToken": {202},
    "listPhoneNumbers": {400},
    "readUsage": {400},
}
WITHOUT_200 = {"createTenant", "deleteTenant", "deleteIntegration", "deleteRecording", "rotateAuthToken"}


class Operator:
    """The client API, as an operator calls it."""

    def __init__(self, url: str, token: str):
        self.url = url
        self.token = token

    def send(self, method: str, path: str, body: dict | None = None, tenant: str | None = None) -> bytes:
        """One request that has to succeed: the body of its answer."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if tenant:
            headers["X-Tenant-Id"] = tenant
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=STEP_LIMIT) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path} for {tenant or 'nobody'}: {error.code} {error.read().decode()}")

    def store_credentials(self) -> None:
        """These tenants have credentials of all providers, whatever was made of them before, but for one to be stored anew."""
        for tenant, twilio in TWILIO.items():
            if tenant == ROTATED:
                continue
            query = "?verify=false" if tenant == EMPTIED else ""
            for provider, configuration in {"twilio": twilio, **OTHER_PROVIDERS}.items():
                self.send("PUT", f"/api/integrations/{provider}{query}", configuration, tenant)
        self.send("DELETE", "/api/integrations/elevenlabs", tenant=CHANGED)


    def sid(self, kind: str) -> str:
        """The SID of something that the first tenant has."""
        return json.loads(self.send("GET", f"/api/{kind}?limit=1", tenant=KEPT))["items"][0]["sid"]


def contract() -> list[tuple[str, str, re.Pattern, list[str]]]:
    """The operations of openapi.yaml: id, method, path as a pattern, and the roles that may call it."""
    paths = yaml.safe_load(pathlib.Path("openapi.yaml").read_text())["paths"]
    return [
        (operation["operationId"], method.upper(), re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), operation["x-roles"])
        for path, item in paths.items()
        for method, operation in item.items()
        if "operationId" in operation
    ]


def statuses(har: pathlib.Path, operations: list) -> dict[str, collections.Counter]:
    """How often each operation answered which status."""
    seen = {name: collections.Counter() for name, *_ in operations}
    for entry in json.loads(har.read_text())["log"]["entries"]:
        path = "/" + entry["request"]["url"].split("://", 1)[1].split("/", 1)[1].split("?")[0]
        for name, method, pattern, _ in operations:
            if method == entry["request"]["method"] and pattern.fullmatch(path):
                seen[name][entry["response"]["status"]] += 1
    return seen


def expected(role: str | None, name: str, roles: list[str]) -> set[int]:
    """What has to be among the answers of an operation to one with this role, or without a token."""
    if role is None:
        return {401}
    if role not in roles:
        return {403}
    return MORE.get(name, set()) | (set() if name in WITHOUT_200 else {200})


def main() -> int:
    """Prints what was answered; 1 if anything is wrong."""
    url, trunkline, data = sys.argv[1:]

    def token(role: str, *tenant: str) -> str:
        command = [trunkline, "token", "--data", data, "--role", role, *(f"--tenant={name}" for name in tenant)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=STEP_LIMIT).stdout.strip()

    operator = Operator(url, token("operator"))
    for tenant in [CHANGED, EMPTIED, ROTATED, *OTHER_TENANTS]:
        operator.send("POST", "/api/tenants", {"tenant_id": tenant, "name": "Asked by Schemathesis"})

    # Something to read: a message with a picture, and calls that nobody answers, with their voicemails, one of them to be deleted.
    def happen(*event: str) -> None:
        command = [trunkline, "simulate", *event, "--data", data, "--tenant", KEPT]
        subprocess.run(command, check=True, capture_output=True, timeout=STEP_LIMIT)

    happen("call", "--dial=no-answer")
    sids = {"DELETED_RECORDING_SID": operator.sid("recordings")}
    happen("sms", "--media=1")
    happen("call", "--dial=no-answer")
    sids |= {f"{kind.upper()}_SID": operator.sid(f"{kind}s") for kind in ("message", "call", "recording")}

    operations = contract()
    faults = []
    operator.store_credentials()
    operator.send("PUT", "/api/integrations/twilio", TWILIO[ROTATED], ROTATED)
    operator.send("POST", "/api/phone-numbers/sync", tenant=KEPT)
    sids["PHONE_NUMBER_SID"] = operator.sid("phone-numbers")
    for role in (None, "member", "admin", "operator"):
        operator.store_credentials()
        # The last of the phases is for those who may call more than one operation.
        phases = "examples,coverage,fuzzing" if role in ("admin", "operator") else "examples,coverage"
        tokens = {
            f"{name}_TOKEN": "none" if role is None else operator.token if role == "operator" else token(role, tenant)
            for name, tenant in {"KEPT": KEPT, "CHANGED": CHANGED, "EMPTIED": EMPTIED, "ROTATED": ROTATED}.items()
        }
        print(f"\nWith {'no valid token' if role is None else f'the role {role}'}:", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            har = pathlib.Path(folder) / "answers.har"
            command = ["schemathesis", "--config-file", ".ci/steps/schemathesis.toml", "run", "openapi.yaml", "--url", url]
            command += ["--no-color", "--phases", phases, "--report-har-path", str(har)]
            try:
                code = subprocess.run(command, env={**os.environ, **tokens, **sids}, timeout=ROLE_LIMIT).returncode
            except subprocess.TimeoutExpired:
                # The others would wait for the same.
                faults.append(f"{role}: Schemathesis was not done after {ROLE_LIMIT} seconds")
                break
            if code:
                faults.append(f"{role}: Schemathesis found something")
                continue
            seen = statuses(har, operations)
        for name, _, _, roles in operations:
            print(f"{name:20}", "  ".join(f"{status}: {count}" for status, count in sorted(seen[name].items())))
            missing = expected(role, name, roles) - set(seen[name])
            faults += [f"{role}: {name} never answered {status}" for status in sorted(missing)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
