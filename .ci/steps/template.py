"""Checks what the SAM transform makes of template.yaml, with the translator that comes with the SAM command line.

The transform writes the permissions of function URLs, and everything else that a deployment has beyond the lines of the
file. So what must not be lost is looked up in its result: both permissions of each public URL, the authorizer before each
route of the API and the permission to call its function, no role that it made up, no managed policy, and no "*" as a
resource outside of X-Ray.
"""

import pathlib
import sys

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator


def translated() -> dict:
    """The template as CloudFormation gets it, with the parameters' defaults."""
    template = yaml_parse(pathlib.Path("template.yaml").read_text())
    # The transform wants an uploaded archive where the file has a folder.
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    parameters = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}
    return Translator(managed_policy_map={}, sam_parser=Parser()).translate(template, parameters)


def of_type(resources: dict, kind: str) -> dict:
    """The properties of every resource of one type, by logical id."""
    return {name: r.get("Properties", {}) for name, r in resources.items() if r["Type"] == kind}


def url_faults(resources: dict) -> list[str]:
    """Public function URLs that lack one of the two permissions, or are not public."""
    permissions = of_type(resources, "AWS::Lambda::Permission").values()
    faults = []
    for name, url in of_type(resources, "AWS::Lambda::Url").items():
        mine = [p for p in permissions if p["FunctionName"] == url["TargetFunctionArn"] and p["Principal"] == "*"]
        by_url = [p for p in mine if p["Action"] == "lambda:InvokeFunctionUrl" and p.get("FunctionUrlAuthType") == "NONE"]
        direct = [p for p in mine if p["Action"] == "lambda:InvokeFunction"]
        if url["AuthType"] != "NONE":
            faults.append(f"{name} has AuthType {url['AuthType']}: Twilio signs requests its own way, not AWS's")
        if len(by_url) != 1:
            faults.append(f"{name} should have one lambda:InvokeFunctionUrl permission, and has {len(by_url)}")
        if len(direct) != 1 or direct[0].get("InvokedViaFunctionUrl") is not True:
            faults.append(f"{name} should have one lambda:InvokeFunction permission, only by way of its URL")
    return faults


def statements(role: dict) -> list[dict]:
    """Every statement of a role's inline policies, those too that there are on a condition."""
    inline = [s for policy in role.get("Policies", []) for s in policy["PolicyDocument"]["Statement"]]
    return [s["Fn::If"][1] if "Fn::If" in s else s for s in inline]


def as_list(value: object) -> list:
    """IAM writes a list of one as its only element."""
    return value if isinstance(value, list) else [value]


def role_faults(resources: dict) -> list[str]:
    """Roles that allow more than named actions on named resources."""
    roles = of_type(resources, "AWS::IAM::Role")
    besides = of_type(resources, "AWS::IAM::RolePolicy")
    faults = []
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        role = function["Role"].get("Fn::GetAtt", [None])[0]
        if role != name.removesuffix("Function") + "Role":
            faults.append(f"{name} does not run under a role of its own, but under {role}")
    for name, role in roles.items():
        if role.get("ManagedPolicyArns"):
            faults.append(f"{name} uses a managed policy")
    allowed = {name: statements(role) for name, role in roles.items()}
    allowed |= {name: policy["PolicyDocument"]["Statement"] for name, policy in besides.items()}
    for name, inline in allowed.items():
        for statement in inline:
            actions = as_list(statement["Action"])
            if any(action.endswith("*") for action in actions):
                faults.append(f"{name} allows a whole family of actions: {actions}")
            tracing = all(action.startswith("xray:Put") for action in actions)
            if "*" in as_list(statement["Resource"]) and not tracing:
                faults.append(f'{name} allows {actions} on "*"')
    return faults


def route_faults(resources: dict) -> list[str]:
    """Routes of the HTTP API that anybody may call, that wait too short, or whose function the API may not call."""
    permissions = of_type(resources, "AWS::Lambda::Permission").values()
    sources = [
        p["SourceArn"]["Fn::Sub"][0] for p in permissions if p["Principal"] == "apigateway.amazonaws.com"
    ]
    faults = []
    for name, api in of_type(resources, "AWS::ApiGatewayV2::Api").items():
        for path, operations in api["Body"]["paths"].items():
            for method, operation in operations.items():
                route = f"{method.upper()} {path}"
                integration = operation["x-amazon-apigateway-integration"]
                arn = f"{method.upper()}{'/'.join('*' if part.startswith('{') else part for part in path.split('/'))}"
                if not operation.get("security"):
                    faults.append(f"{name}: {route} is open to everybody")
                if integration["payloadFormatVersion"] != "2.0":
                    faults.append(f"{name}: {route} has another payload format than 2.0")
                if "timeoutInMillis" in integration:
                    faults.append(f"{name}: {route} has a time limit of its own")
                if sum(source.endswith(f"/{arn}") for source in sources) != 1:
                    faults.append(f"{name}: {route} should have one permission to call its function")
    return faults


def cors_faults(resources: dict) -> list[str]:
    """What the transform has been seen to lose of CORS: all but the origins, when these are an intrinsic function."""
    faults = []
    for name, api in of_type(resources, "AWS::ApiGatewayV2::Api").items():
        condition, cors, otherwise = api["Body"]["x-amazon-apigateway-cors"]["Fn::If"]
        expected = {"allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge"}
        if condition != "AllowsOrigins" or set(cors) != expected or otherwise != {"Ref": "AWS::NoValue"}:
            faults.append(f"{name} has another CORS configuration than the file: {sorted(cors)}")
    return faults


def main() -> int:
    """Prints every fault, or what was checked."""
    resources = translated()["Resources"]
    faults = url_faults(resources) + route_faults(resources) + cors_faults(resources) + role_faults(resources)
    for fault in faults:
        print(f"template.yaml: {fault}", file=sys.stderr)
    if not faults:
        urls = len(of_type(resources, "AWS::Lambda::Url"))
        roles = len(of_type(resources, "AWS::IAM::Role"))
        apis = of_type(resources, "AWS::ApiGatewayV2::Api").values()
        routes = sum(len(operations) for api in apis for operations in api["Body"]["paths"].values())
        print(
            f"template.yaml becomes {len(resources)} resources: {urls} public URLs, {routes} routes behind an authorizer, "
            f"{roles} roles, all as they should be"
        )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
