use super::super::Context;
use super::{condition, holds};

const KEYS: &str = "dynamodb:LeadingKeys";
const PROVIDER: &str = "kms:EncryptionContext:provider";

fn keys(keys: &[&str]) -> Context {
    Context::new().with(KEYS, keys.iter().copied())
}

#[test]
fn for_all_values_needs_every_value_and_holds_without_any() {
    let tenants = condition("ForAllValues:StringLike", KEYS, &["*#tenant", "*#audit"]).unwrap();
    assert!(holds(&tenants, &keys(&["acme#tenant"])));
    assert!(holds(&tenants, &keys(&["acme#tenant", "acme#audit"])));
    assert!(!holds(&tenants, &keys(&["acme#tenant", "acme#limit"])));
    // The trap: a scan has no leading keys.
    assert!(holds(&tenants, &keys(&[])));
    let exactly = condition("ForAllValues:StringEquals", KEYS, &["*#tenant"]).unwrap();
    assert!(!holds(&exactly, &keys(&["acme#tenant"])));
    assert!(holds(&exactly, &keys(&["*#tenant"])));
}

#[test]
fn for_any_value_needs_one_value() {
    let tenants = condition("ForAnyValue:StringLike", KEYS, &["*#tenant"]).unwrap();
    assert!(holds(&tenants, &keys(&["acme#limit", "acme#tenant"])));
    assert!(!holds(&tenants, &keys(&["acme#limit"])));
    assert!(!holds(&tenants, &keys(&[])));
}

#[test]
fn null_asks_whether_a_key_is_absent() {
    let absent = condition("Null", KEYS, &["true"]).unwrap();
    let present = condition("Null", KEYS, &["false"]).unwrap();
    for (context, is_present) in [(keys(&[]), false), (keys(&["acme#tenant"]), true)] {
        assert_eq!(holds(&absent, &context), !is_present);
        assert_eq!(holds(&present, &context), is_present);
    }
}

#[test]
fn a_key_with_one_value_is_compared_with_each_of_the_policys() {
    let twilio = Context::new().with(PROVIDER, ["twilio"]);
    let vapi = Context::new().with(PROVIDER, ["vapi"]);
    let one = condition("StringEquals", PROVIDER, &["twilio", "resend"]).unwrap();
    assert!(holds(&one, &twilio));
    assert!(!holds(&one, &vapi));
    assert!(!holds(&one, &Context::new()));
    let other = condition("StringNotEquals", PROVIDER, &["twilio", "resend"]).unwrap();
    assert!(!holds(&other, &twilio));
    assert!(holds(&other, &vapi));
    assert!(holds(&other, &Context::new()));
    let unlike = condition("StringNotLike", PROVIDER, &["tw*"]).unwrap();
    assert!(!holds(&unlike, &twilio));
    assert!(holds(&unlike, &vapi));
}

#[test]
fn values_may_name_tags_of_the_caller() {
    let own = "kms:EncryptionContext:tenant_id";
    let condition = condition("StringEquals", own, &["${aws:PrincipalTag/tenant}"]).unwrap();
    assert!(holds(&condition, &Context::new().with(own, ["acme"])));
    assert!(!holds(&condition, &Context::new().with(own, ["globex"])));
    assert!(!holds(&condition, &Context::new()));
}

#[test]
fn the_caller_has_keys_of_its_own() {
    let nothing = Context::new();
    for (operator, key, value, expected) in [
        (
            "ArnEquals",
            "aws:PrincipalArn",
            "arn:aws:iam::123456789012:role/Web",
            true,
        ),
        (
            "ArnLike",
            "aws:PrincipalArn",
            "arn:aws:iam::*:role/W*",
            true,
        ),
        (
            "ArnNotLike",
            "aws:PrincipalArn",
            "arn:aws:iam::*:role/W*",
            false,
        ),
        (
            "ArnEquals",
            "aws:PrincipalArn",
            "arn:aws:iam::123456789012:role/Writer",
            false,
        ),
        ("StringEquals", "aws:PrincipalAccount", "123456789012", true),
        ("StringEquals", "aws:PrincipalTag/tenant", "acme", true),
        ("StringEquals", "aws:PrincipalTag/project", "acme", false),
        ("Null", "aws:PrincipalTag/project", "true", true),
    ] {
        let condition = condition(operator, key, &[value]).unwrap();
        assert_eq!(
            holds(&condition, &nothing),
            expected,
            "{operator} {key} {value}"
        );
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    for (operator, key, values) in [
        ("StringEqualsIgnoreCase", PROVIDER, &["twilio"][..]),
        ("StringEqualsIfExists", PROVIDER, &["twilio"]),
        ("Bool", "aws:SecureTransport", &["true"]),
        ("ForAllValues:Null", KEYS, &["true"]),
        ("ForSomeValues:StringEquals", KEYS, &["a"]),
        ("Null", KEYS, &["maybe"]),
        ("Null", KEYS, &["true", "false"]),
        ("StringEquals", "aws:SourceIp", &["10.0.0.0/8"]),
        (
            "StringEquals",
            "kms:encryptioncontext:provider",
            &["twilio"],
        ),
        ("StringEquals", "aws:PrincipalTag/", &["acme"]),
        // Of several values nothing says which; of one, "all" would hold for none.
        ("StringLike", KEYS, &["*#tenant"]),
        ("ForAllValues:StringEquals", PROVIDER, &["twilio"]),
        ("ArnLike", "aws:PrincipalArn", &["Web"]),
        ("StringEquals", PROVIDER, &["${aws:username}"]),
    ] {
        assert!(
            condition(operator, key, values).is_err(),
            "{operator} {key}"
        );
    }
}
