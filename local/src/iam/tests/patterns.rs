use super::super::{ActionPattern, ArnPattern, Context, Pattern, PrincipalPattern, Subject};
use super::session;

fn is_like(pattern: &str, text: &str) -> bool {
    let principal = session(&[("tenant", "acme"), ("odd", "a*")]);
    let pattern = Pattern::like(pattern).unwrap();
    pattern.matches(
        text,
        &Subject {
            principal: &principal,
            context: &Context::new().with("kms:EncryptionContext:provider", ["twilio"]),
        },
    )
}

#[test]
fn a_pattern_with_wildcards_stands_for_whole_texts() {
    for (pattern, text, expected) in [
        ("*#tenant", "acme#tenant", true),
        ("*#tenant", "acme#tenants", false),
        ("*#call#*", "acme#call#CA1", true),
        ("*#call#*", "acme#call", false),
        ("*#call#*", "a#call#b#call#", true),
        ("platform#tenants", "platform#tenants", true),
        ("platform#tenant", "platform#tenants", false),
        ("", "", true),
        ("*", "", true),
        ("a?c", "abc", true),
        ("a?c", "aüc", true),
        ("a?c", "ac", false),
        ("**", "anything", true),
        ("*#tenant", "ACME#TENANT", false),
    ] {
        assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn a_policy_variable_stands_for_its_value_and_nothing_else() {
    for (pattern, text, expected) in [
        ("${aws:PrincipalTag/tenant}#tenant", "acme#tenant", true),
        ("${aws:PrincipalTag/tenant}#tenant", "acmeco#tenant", false),
        ("${aws:PrincipalTag/tenant}#*", "acme#call#CA1", true),
        ("${aws:PrincipalTag/tenant}#*", "globex#call#CA1", false),
        ("${aws:PrincipalTag/other}#tenant", "#tenant", false),
        (
            "${aws:PrincipalTag/other}#tenant",
            "${aws:PrincipalTag/other}#tenant",
            false,
        ),
        // A wildcard in a value is none.
        ("${aws:PrincipalTag/odd}", "a*", true),
        ("${aws:PrincipalTag/odd}", "abc", false),
        ("${kms:EncryptionContext:provider}", "twilio", true),
        ("a${*}c${?}${$}", "a*c?$", true),
        ("a${*}c", "abc", false),
    ] {
        assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn a_policy_variable_that_is_not_understood_is_refused() {
    for pattern in [
        "${aws:username}",
        "${aws:PrincipalTag/}",
        "${aws:PrincipalTag/tenant, 'nobody'}",
        "${dynamodb:LeadingKeys}",
        "${aws:PrincipalTag/tenant",
    ] {
        assert!(Pattern::like(pattern).is_err(), "{pattern}");
        assert!(Pattern::exact(pattern).is_err(), "{pattern}");
    }
}

fn names(pattern: &str, arn: &str) -> bool {
    let principal = session(&[("tenant", "acme")]);
    ArnPattern::read(pattern).unwrap().matches(
        arn,
        &Subject {
            principal: &principal,
            context: &Context::new(),
        },
    )
}

#[test]
fn wildcards_of_an_arn_stay_within_its_parts() {
    let table = "arn:aws:dynamodb:us-east-1:123456789012:table/tenants";
    for (pattern, expected) in [
        ("*", true),
        (table, true),
        ("arn:aws:dynamodb:*:*:table/tenants", true),
        ("arn:aws:dynamodb:us-east-1:123456789012:table/*", true),
        ("arn:aws:dynamodb:us-east-1:123456789012:*", true),
        ("arn:aws:dynamodb:*:table/tenants:x:y", false),
        (
            "arn:aws:dynamodb:us-east-1:123456789012:table/tenant",
            false,
        ),
        (
            "arn:aws:dynamodb:us-east-1:123456789012:table/tenants/index/*",
            false,
        ),
        ("arn:aws:*:us-east-1:123456789012:table/tenants", true),
    ] {
        assert_eq!(names(pattern, table), expected, "{pattern}");
    }
    assert!(names(
        "arn:aws:sqs:us-east-1:123456789012:${aws:PrincipalTag/tenant}-jobs",
        "arn:aws:sqs:us-east-1:123456789012:acme-jobs"
    ));
    // A call about no resource in particular.
    assert!(names("*", "*"));
    assert!(!names(table, "*"));
}

#[test]
fn what_is_no_arn_and_no_action_is_refused() {
    for text in [
        "",
        "tenants",
        "arn:aws:dynamodb",
        "arn:aws:dynamodb:*",
        "a*",
    ] {
        assert!(ArnPattern::read(text).is_err(), "{text}");
    }
    for text in [
        "",
        "GetItem",
        "dynamodb:",
        ":GetItem",
        "dynamodb:Get Item",
        "dynamo*:GetItem",
        "s3:Get${x}",
    ] {
        assert!(ActionPattern::read(text).is_err(), "{text}");
    }
}

#[test]
fn a_principal_is_an_account_a_role_a_session_or_everybody() {
    for text in [
        "*",
        "123456789012",
        "arn:aws:iam::123456789012:root",
        "arn:aws:iam::123456789012:role/Web",
        "arn:aws:sts::123456789012:assumed-role/Web/web",
    ] {
        let whom = PrincipalPattern::read(text).unwrap();
        assert!(whom.reach(&session(&[])).is_some(), "{text}");
    }
    for text in [
        "arn:aws:iam::123456789012:role/*",
        "arn:aws:iam::123456789012:user/Anna",
        "root",
        "",
    ] {
        assert!(PrincipalPattern::read(text).is_err(), "{text}");
    }
    let other = PrincipalPattern::read("arn:aws:iam::123456789012:role/Writer").unwrap();
    assert_eq!(other.reach(&session(&[])), None);
}
