//! The client API: who may call it, and what stands between a caller and a function.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::deferred::Pace;
use shared::environment::Environment;
use shared::rate_limit::Rates;

use super::document::{binary, list, of_type, template};

/// The routes of one function: `GET /api/settings` and so on.
pub(super) fn routes(template: &Value, name: &str) -> BTreeSet<String> {
    let functions = of_type(template, "AWS::Serverless::Function");
    let (_, function) = functions
        .iter()
        .find(|(_, function)| binary(function) == name)
        .unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let events = function["Properties"]["Events"].as_object().into_iter();
    events
        .flat_map(|events| events.values())
        .filter(|event| event["Type"] == "HttpApi")
        .map(|event| {
            let event = &event["Properties"];
            format!("{} {}", text(&event["Method"]), text(&event["Path"]))
        })
        .collect()
}

#[test]
fn every_route_is_behind_the_authorizer() {
    let template = template();
    let apis = of_type(&template, "AWS::Serverless::HttpApi");
    assert_eq!(apis.len(), 1);
    let (api, declared) = apis[0];
    let auth = &declared["Properties"]["Auth"];
    assert_eq!(auth["DefaultAuthorizer"], "Jwt");
    let jwt = &auth["Authorizers"]["Jwt"];
    assert_eq!(jwt["IdentitySource"], "$request.header.Authorization");
    let configuration = &jwt["JwtConfiguration"];
    assert_eq!(configuration["issuer"], json!({"Ref": "JwtIssuer"}));
    assert_eq!(
        configuration["audience"],
        json!({"Fn::Split": [",", {"Ref": "JwtAudience"}]})
    );
    for (name, function) in of_type(&template, "AWS::Serverless::Function") {
        let Some(events) = function["Properties"]["Events"].as_object() else {
            continue;
        };
        for event in events.values().filter(|event| event["Type"] == "HttpApi") {
            let event = &event["Properties"];
            assert_eq!(event["ApiId"], json!({"Ref": api}), "{name}");
            assert!(event["Auth"].is_null(), "{name}: {event}");
        }
    }
}

#[test]
fn who_trusts_an_issuer_says_which_and_nothing_is_assumed() {
    let template = template();
    for name in ["JwtIssuer", "JwtAudience"] {
        assert!(template["Parameters"][name]["Default"].is_null(), "{name}");
    }
    for name in ["TenantClaim", "RolesClaim"] {
        let description = template["Parameters"][name]["Description"]
            .as_str()
            .unwrap();
        assert!(
            description.contains("Users must not be able to write it"),
            "{description}"
        );
    }
}

#[test]
fn browsers_are_told_of_the_headers_that_the_api_reads_and_writes() {
    let template = template();
    let (_, api) = of_type(&template, "AWS::Serverless::HttpApi")[0];
    let properties = &api["Properties"];
    let choice = list(&properties["CorsConfiguration"]["Fn::If"]);
    assert_eq!(*choice[0], "AllowsOrigins");
    assert_eq!(*choice[2], json!({"Ref": "AWS::NoValue"}));
    let cors = choice[1];
    let texts = |name: &str| -> BTreeSet<_> {
        let items = list(&cors[name]).into_iter();
        items
            .map(|item| item.as_str().unwrap().to_owned())
            .collect()
    };
    let set =
        |texts: &[&str]| -> BTreeSet<_> { texts.iter().map(|text| (*text).to_owned()).collect() };
    assert_eq!(
        texts("AllowHeaders"),
        set(&[
            "authorization",
            "content-type",
            "idempotency-key",
            "if-match",
            "if-none-match",
            "if-range",
            "range",
            "x-tenant-id",
        ])
    );
    assert_eq!(
        texts("ExposeHeaders"),
        set(&[
            "accept-ranges",
            "content-range",
            "etag",
            "location",
            "ratelimit",
            "ratelimit-policy",
            "retry-after"
        ])
    );
    let functions = ["token", "credentials", "messaging", "tenants"];
    let methods: BTreeSet<_> = functions
        .iter()
        .flat_map(|name| routes(&template, name))
        .map(|route| route.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(texts("AllowMethods"), methods);
}

#[test]
fn the_api_logs_no_token_and_no_claim_and_is_throttled() {
    let template = template();
    let (_, api) = of_type(&template, "AWS::Serverless::HttpApi")[0];
    let properties = &api["Properties"];
    let log = &properties["AccessLogSettings"];
    assert_eq!(
        log["DestinationArn"],
        json!({"Fn::GetAtt": "ClientApiLogGroup.Arn"})
    );
    let format = log["Format"].as_str().unwrap();
    serde_json::from_str::<Value>(format).unwrap();
    for private in [
        "claims",
        "header",
        "sourceIp",
        "$context.path",
        "querystring",
    ] {
        assert!(!format.contains(private), "{private}");
    }
    let retention = &template["Resources"]["ClientApiLogGroup"]["Properties"]["RetentionInDays"];
    assert_eq!(*retention, json!({"Ref": "LogRetentionDays"}));
    let throttling = &properties["DefaultRouteSettings"];
    for name in ["ThrottlingRateLimit", "ThrottlingBurstLimit"] {
        assert!(throttling[name].as_str().unwrap().parse::<u32>().unwrap() > 0);
    }
}

#[test]
fn a_function_of_the_api_ends_before_the_gateway_gives_up() {
    let template = template();
    for (name, function) in of_type(&template, "AWS::Serverless::Function") {
        if routes(&template, binary(function)).is_empty() {
            continue;
        }
        let timeout = function["Properties"]["Timeout"].as_str().unwrap();
        assert!(timeout.parse::<u32>().unwrap() < 30, "{name}");
    }
}

#[test]
fn the_functions_take_every_rate_that_the_template_allows() {
    let template = template();
    for bound in ["MinValue", "MaxValue"] {
        let rate = |name: &str| {
            template["Parameters"][name][bound]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let environment = Environment::of([
            ("USER_RATE_LIMIT", rate("UserRateLimit")),
            ("TENANT_RATE_LIMIT", rate("TenantRateLimit")),
        ]);
        let rates = Rates::from_environment(&environment);
        assert!(environment.finish(rates).is_ok(), "{bound}");
        let pace = [("DEFERRED_WRITE_PACE", rate("TenantDeferredPace"))];
        let environment = Environment::of(pace);
        let interval = Pace::interval(&environment);
        assert!(environment.finish(interval).is_ok(), "{bound}");
    }
}
