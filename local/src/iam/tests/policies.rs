use super::super::{
    Effect, Policy, PrincipalPattern, Reason, Request, ResourcePolicy, Statement, Verdict, decide,
};
use super::{ACCOUNT, policy, session, statement};

const TABLE: &str = "arn:aws:dynamodb:us-east-1:123456789012:table/tenants";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1";

fn get(key: &str) -> Request {
    Request::new("dynamodb:GetItem", TABLE).with("dynamodb:LeadingKeys", [key])
}

/// Reads of tenants, and everything of limits.
fn reads() -> Policy {
    policy([
        statement(
            Effect::Allow,
            &["dynamodb:GetItem", "dynamodb:Query"],
            &[TABLE],
        )
        .named("ReadTenant")
        .given(
            "ForAllValues:StringLike",
            "dynamodb:LeadingKeys",
            &["*#tenant", "*#audit"],
        )
        .given("Null", "dynamodb:LeadingKeys", &["false"]),
        statement(Effect::Allow, &["dynamodb:*Item"], &[TABLE])
            .named("Count")
            .given(
                "ForAllValues:StringLike",
                "dynamodb:LeadingKeys",
                &["*#limit"],
            )
            .given("Null", "dynamodb:LeadingKeys", &["false"]),
    ])
}

#[test]
fn what_no_statement_allows_is_not_allowed() {
    let (policy, caller) = (reads(), session(&[]));
    let verdict = |request: &Request| policy.verdict(request, &caller);
    assert!(policy.allows(&get("acme#tenant"), &caller));
    assert!(policy.allows(&get("acme#limit"), &caller));
    assert_eq!(verdict(&get("acme#event")), Verdict::Silent);
    assert_eq!(
        verdict(&Request::new("dynamodb:GetItem", TABLE)),
        Verdict::Silent
    );
    let mut other = get("acme#tenant");
    other.action = "dynamodb:Scan".to_owned();
    assert_eq!(verdict(&other), Verdict::Silent);
    other.action = "DynamoDB:getitem".to_owned();
    assert!(policy.allows(&other, &caller));
    other.resource = format!("{TABLE}/index/by_time");
    assert_eq!(verdict(&other), Verdict::Silent);
}

#[test]
fn all_keys_of_a_call_must_be_one_statements() {
    let request = |keys: &[&str]| {
        let keys = keys.iter().copied();
        Request::new("dynamodb:GetItem", TABLE).with("dynamodb:LeadingKeys", keys)
    };
    let caller = session(&[]);
    assert!(reads().allows(&request(&["acme#tenant", "acme#audit"]), &caller));
    assert!(!reads().allows(&request(&["acme#tenant", "acme#limit"]), &caller));
}

#[test]
fn a_denial_wins_over_every_allowance() {
    let mut policy = reads();
    let no_audit = statement(Effect::Deny, &["*"], &["*"]).given(
        "ForAnyValue:StringLike",
        "dynamodb:LeadingKeys",
        &["*#audit"],
    );
    policy.statements.push(no_audit);
    let caller = session(&[]);
    assert!(policy.allows(&get("acme#tenant"), &caller));
    assert_eq!(policy.verdict(&get("acme#audit"), &caller), Verdict::Denied);
    let denied = decide(&policy, ResourcePolicy::None, &get("acme#audit"), &caller).unwrap_err();
    assert_eq!(denied.reason, Reason::DeniedByCaller);
}

#[test]
fn a_denial_is_worded_as_awss() {
    let request = get("acme#event");
    let denied = decide(&reads(), ResourcePolicy::None, &request, &session(&[])).unwrap_err();
    assert_eq!(
        denied.to_string(),
        format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/Web/web is not authorized to perform: dynamodb:GetItem \
             on resource: {TABLE} because no identity-based policy allows the dynamodb:GetItem action"
        )
    );
    assert_eq!(denied.nearly, ["ReadTenant", "Count"]);
}

fn of(principal: &str, statement: Statement) -> Statement {
    Statement {
        principals: vec![PrincipalPattern::read(principal).unwrap()],
        ..statement
    }
}

/// A key's policy as the template has it: the account's policies decide, and nobody may leave the tenant out.
fn key_policy() -> Policy {
    policy([
        of(ACCOUNT, statement(Effect::Allow, &["kms:*"], &["*"])),
        of(
            "*",
            statement(Effect::Deny, &["kms:Decrypt", "kms:ReEncrypt*"], &["*"]),
        )
        .given("Null", "kms:EncryptionContext:tenant_id", &["true"]),
    ])
}

fn decrypt() -> Request {
    Request::new("kms:Decrypt", KEY).with("kms:EncryptionContext:tenant_id", ["acme"])
}

#[test]
fn a_key_leaves_the_decision_to_the_accounts_policies() {
    let (caller, key) = (session(&[]), key_policy());
    let own = policy([statement(Effect::Allow, &["kms:Decrypt"], &[KEY])]);
    let key = ResourcePolicy::Key(&key);
    assert_eq!(decide(&own, key, &decrypt(), &caller), Ok(()));
    let denied = decide(&Policy::default(), key, &decrypt(), &caller).unwrap_err();
    assert_eq!(denied.reason, Reason::NotAllowed);
}

#[test]
fn what_a_key_denies_no_policy_allows() {
    let (caller, key) = (session(&[]), key_policy());
    let own = policy([statement(Effect::Allow, &["*"], &["*"])]);
    let request = Request::new("kms:Decrypt", KEY);
    let denied = decide(&own, ResourcePolicy::Key(&key), &request, &caller).unwrap_err();
    assert_eq!(denied.reason, Reason::DeniedByResource);
    assert!(
        denied
            .to_string()
            .ends_with("with an explicit deny in a resource-based policy")
    );
}

#[test]
fn a_key_that_names_the_caller_is_enough_and_one_that_names_others_is_not() {
    let caller = session(&[]);
    let role = format!("arn:aws:iam::{ACCOUNT}:role/Web");
    let named = policy([of(
        &role,
        statement(Effect::Allow, &["kms:Decrypt"], &["*"]),
    )]);
    let nothing = Policy::default();
    assert_eq!(
        decide(&nothing, ResourcePolicy::Key(&named), &decrypt(), &caller),
        Ok(())
    );
    let others = policy([of(
        &format!("arn:aws:iam::{ACCOUNT}:role/Writer"),
        statement(Effect::Allow, &["kms:*"], &["*"]),
    )]);
    let own = policy([statement(Effect::Allow, &["kms:*"], &["*"])]);
    let denied = decide(&own, ResourcePolicy::Key(&others), &decrypt(), &caller).unwrap_err();
    assert_eq!(denied.reason, Reason::NotAllowedByResource);
}

#[test]
fn a_role_is_assumed_only_if_both_ends_allow_it() {
    let caller = session(&[]);
    let role = "arn:aws:iam::123456789012:role/Tenant";
    let request = Request::new("sts:AssumeRole", role).with("aws:RequestTag/tenant", ["acme"]);
    let own = policy([statement(Effect::Allow, &["sts:AssumeRole"], &[role])]);
    let mut trusting = of(
        &format!("arn:aws:iam::{ACCOUNT}:role/Web"),
        statement(Effect::Allow, &["sts:AssumeRole"], &["*"]),
    );
    trusting.resources.clear();
    let trust = policy([trusting.given("StringLike", "aws:RequestTag/tenant", &["?*"])]);
    let decided = |own: &Policy, trust: &Policy, request: &Request| {
        let decided = decide(own, ResourcePolicy::Trust(trust), request, &caller);
        decided.map_err(|denied| denied.reason)
    };
    assert_eq!(decided(&own, &trust, &request), Ok(()));
    assert_eq!(
        decided(&Policy::default(), &trust, &request),
        Err(Reason::NotAllowed)
    );
    let nobody = Policy::default();
    assert_eq!(
        decided(&own, &nobody, &request),
        Err(Reason::NotAllowedByResource)
    );
    let untagged = Request::new("sts:AssumeRole", role);
    assert_eq!(
        decided(&own, &trust, &untagged),
        Err(Reason::NotAllowedByResource)
    );
}

#[test]
fn taking_away_a_part_denies_the_calls_that_needed_it_and_no_others() {
    let (policy, caller) = (reads(), session(&[]));
    let parts = policy.parts();
    let texts: Vec<String> = parts.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "ReadTenant: dynamodb:GetItem",
            "ReadTenant: dynamodb:GetItem, *#tenant",
            "ReadTenant: dynamodb:GetItem, *#audit",
            "ReadTenant: dynamodb:Query",
            "ReadTenant: dynamodb:Query, *#tenant",
            "ReadTenant: dynamodb:Query, *#audit",
            "Count: dynamodb:*Item",
        ]
    );
    let query = |key: &str| Request {
        action: "dynamodb:Query".to_owned(),
        ..get(key)
    };
    let calls = [
        get("acme#tenant"),
        get("acme#audit"),
        query("acme#tenant"),
        get("acme#limit"),
    ];
    let denied = |part: usize| -> Vec<usize> {
        let less = policy.without(&parts[part]);
        let calls = calls.iter().enumerate();
        let denied = calls.filter(|(_, call)| !less.allows(call, &caller));
        denied.map(|(index, _)| index).collect()
    };
    assert_eq!(denied(0), [0, 1]);
    assert_eq!(denied(1), [0]);
    assert_eq!(denied(2), [1]);
    assert_eq!(denied(3), [2]);
    assert_eq!(denied(5), [] as [usize; 0]);
    assert_eq!(denied(6), [3]);
}
