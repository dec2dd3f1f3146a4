//! What each function cannot be without, and what is none of it.

/// A variable, and a value that is none of it.
type Malformed = (&'static str, &'static str);

const OF_ALL: [&str; 6] = [
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
];

const NOT_OF_ALL: [Malformed; 4] = [
    ("LOG_LEVEL", "loudly"),
    ("METRICS_NAMESPACE", "no namespace"),
    ("AWS_LAMBDA_MAX_CONCURRENCY", "many"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much"),
];

/// Where webhooks arrive, for functions that register it at Twilio.
const URLS: [Malformed; 3] = [
    ("VOICE_WEBHOOK_URL", "hooks.example.com"),
    ("SMS_WEBHOOK_URL", "hooks.example.com"),
    ("WHATSAPP_WEBHOOK_URL", "hooks.example.com"),
];

const OF_VAULT: [Malformed; 2] = [
    ("TENANTS_TABLE", "no table"),
    ("CREDENTIALS_KEY_ARN", "alias/credentials"),
];

const OF_STORE: [Malformed; 3] = [OF_VAULT[0], OF_VAULT[1], OF_ACTIVITY];

const OF_ACTIVITY: Malformed = ("ACTIVITY_TABLE", "activity/table");

const OF_ROUTES: [Malformed; 1] = [("ROUTES_TABLE", "??")];

const OF_TENANT_ROLE: [Malformed; 1] = [(
    "TENANT_ROLE_ARN",
    "arn:aws:iam::123456789012:user/of-a-tenant",
)];

const OF_TAKE_OVER_ROLE: [Malformed; 1] = [("TAKE_OVER_ROLE_ARN", "TakeOverRole")];

const OF_DEFERRAL: [Malformed; 1] = [("DEFERRED_QUEUE_URL", "DeferredQueue")];

const OF_RETENTION: [Malformed; 1] = [("ACTIVITY_RETENTION_DAYS", "a while")];

/// What a function has to have, besides what all have: each with a value that is none.
fn own(binary: &str) -> Vec<Malformed> {
    match binary {
        "deferred-writer" => [
            &[("TENANTS_TABLE", "no table"), OF_ACTIVITY][..],
            &OF_DEFERRAL,
            &[("DEAD_LETTER_QUEUE_URL", "DeadLetters")],
        ]
        .concat(),
        "token" | "messaging" => [&OF_STORE[..], &OF_ROUTES, &OF_TENANT_ROLE, &URLS].concat(),
        "tenants" => [
            &OF_STORE[..],
            &OF_ROUTES,
            &OF_TENANT_ROLE,
            &OF_TAKE_OVER_ROLE,
        ]
        .concat(),
        "credentials" => [
            &OF_STORE[..],
            &OF_ROUTES,
            &OF_TENANT_ROLE,
            &OF_TAKE_OVER_ROLE,
            &URLS,
        ]
        .concat(),
        "verifier" => [
            &OF_STORE[..],
            &OF_ROUTES,
            &URLS,
            &[("VERIFICATION_QUEUE_URL", "VerificationQueue")],
        ]
        .concat(),
        "re-encryptor" => OF_VAULT.to_vec(),
        _ => [&OF_STORE[..], &OF_ROUTES, &OF_DEFERRAL].concat(),
    }
}

/// What a function cannot be without: the template's own, then Lambda's.
pub(super) fn required(binary: &str) -> Vec<&'static str> {
    let own = own(binary).into_iter().map(|(name, _)| name);
    own.chain(OF_ALL).collect()
}

/// Values that are none, each of its variable; also of those that have a default.
pub(super) fn malformed(binary: &str) -> Vec<Malformed> {
    let with_default: &[Malformed] = match binary {
        "deferred-writer" => &[("DEFERRED_WRITE_PACE", "at leisure")],
        "token" | "messaging" | "tenants" => &[("USER_RATE_LIMIT", "unbounded")],
        "credentials" => &[
            ("USER_RATE_LIMIT", "unbounded"),
            ("AUTH_TOKEN_GRACE_SECONDS", "a while"),
        ],
        "verifier" => &[
            ("VERIFICATION_TIMEOUT_SECONDS", "a while"),
            ("AUTH_TOKEN_GRACE_SECONDS", "a while"),
        ],
        "re-encryptor" => &[("RE_ENCRYPTION_PACE", "at leisure")],
        _ => &[
            ("PUBLIC_WEBHOOK_BASE_URL", "hooks.example.com"),
            ("WEBHOOK_RATE_LIMIT", "unbounded"),
        ],
    };
    let keeps_activity = binary == "deferred-writer" || binary.ends_with("-webhook");
    let retention: &[Malformed] = if keeps_activity { &OF_RETENTION } else { &[] };
    [&own(binary)[..], with_default, retention, &NOT_OF_ALL].concat()
}
