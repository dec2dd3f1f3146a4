//! Credentials that a fresh stack knows, so that a person can see each outcome. `docs/local-stack.md` lists them.

use super::{Domain, ElevenLabsKey, Grant, GrantState, ProviderDoubles, ResendKey, VapiKey};

pub(super) const VAPI_PRIVATE: &str = "11111111-1111-4111-8111-111111111111";
pub(super) const VAPI_PUBLIC: &str = "22222222-2222-4222-8222-222222222222";
pub(super) const VAPI_FORBIDDEN: &str = "33333333-3333-4333-8333-333333333333";

pub(super) const GOOGLE_CLIENT: &str = "demo.apps.googleusercontent.com";
pub(super) const GOOGLE_CLIENT_DISABLED: &str = "demo-disabled.apps.googleusercontent.com";
pub(super) const GOOGLE_SECRET: &str = "GOCSPX-demo-client-secret";
pub(super) const GOOGLE_FULL: &str = "1//demo-refresh-full";
pub(super) const GOOGLE_EVENTS: &str = "1//demo-refresh-events";
pub(super) const GOOGLE_READ_ONLY: &str = "1//demo-refresh-readonly";
pub(super) const GOOGLE_FREE_BUSY: &str = "1//demo-refresh-freebusy";
pub(super) const GOOGLE_DEAD: &str = "1//demo-refresh-expired";
pub(super) const GOOGLE_SESSION_ENDED: &str = "1//demo-refresh-session-ended";
pub(super) const GOOGLE_DISABLED: &str = "1//demo-refresh-disabled";

pub(super) const RESEND_FULL: &str = "re_demo_full_access";
pub(super) const RESEND_SENDING: &str = "re_demo_sending_only";
pub(super) const RESEND_INVALID_400: &str = "re_demo_invalid_400";
pub(super) const RESEND_INVALID_401: &str = "re_demo_invalid_401";

pub(super) const ELEVENLABS_FULL: &str = "sk_demo_full_access";
pub(super) const ELEVENLABS_RESTRICTED: &str = "sk_demo_restricted";
pub(super) const ELEVENLABS_QUOTA: &str = "sk_demo_quota_exceeded";
pub(super) const ELEVENLABS_UNUSUAL: &str = "sk_demo_unusual_activity";

pub(super) fn register(providers: &ProviderDoubles) {
    let organisation = Some("44444444-4444-4444-8444-444444444444".to_owned());
    providers.add_vapi_key(VAPI_PRIVATE, VapiKey::Private { organisation });
    providers.add_vapi_key(VAPI_PUBLIC, VapiKey::Public);
    providers.add_vapi_key(VAPI_FORBIDDEN, VapiKey::Forbidden);

    providers.add_google_client(GOOGLE_CLIENT, GOOGLE_SECRET, true);
    providers.add_google_client(GOOGLE_CLIENT_DISABLED, GOOGLE_SECRET, false);
    for (token, client, scopes, state) in [
        (GOOGLE_FULL, GOOGLE_CLIENT, "calendar", GrantState::Live),
        (
            GOOGLE_EVENTS,
            GOOGLE_CLIENT,
            "calendar.events",
            GrantState::Live,
        ),
        (
            GOOGLE_READ_ONLY,
            GOOGLE_CLIENT,
            "calendar.readonly",
            GrantState::Live,
        ),
        (
            GOOGLE_FREE_BUSY,
            GOOGLE_CLIENT,
            "calendar.freebusy",
            GrantState::Live,
        ),
        (GOOGLE_DEAD, GOOGLE_CLIENT, "calendar", GrantState::Dead),
        (
            GOOGLE_SESSION_ENDED,
            GOOGLE_CLIENT,
            "calendar",
            GrantState::SessionEnded,
        ),
        (
            GOOGLE_DISABLED,
            GOOGLE_CLIENT_DISABLED,
            "calendar",
            GrantState::Live,
        ),
    ] {
        let grant = Grant {
            state,
            ..Grant::live(client, &[scopes])
        };
        providers.add_google_grant(token, grant);
    }

    let domains = vec![Domain {
        name: "example.com".to_owned(),
        status: "verified".to_owned(),
    }];
    providers.add_resend_key(RESEND_FULL, ResendKey::Full { domains });
    providers.add_resend_key(RESEND_SENDING, ResendKey::SendingOnly);
    providers.add_resend_key(RESEND_INVALID_400, ResendKey::Invalid { status: 400 });
    providers.add_resend_key(RESEND_INVALID_401, ResendKey::Invalid { status: 401 });

    providers.add_elevenlabs_key(ELEVENLABS_FULL, ElevenLabsKey::Full);
    let permissions = vec!["models_read".to_owned(), "text_to_speech".to_owned()];
    providers.add_elevenlabs_key(
        ELEVENLABS_RESTRICTED,
        ElevenLabsKey::Restricted(permissions),
    );
    providers.add_elevenlabs_key(ELEVENLABS_QUOTA, ElevenLabsKey::QuotaExceeded);
    providers.add_elevenlabs_key(ELEVENLABS_UNUSUAL, ElevenLabsKey::UnusualActivity);
}

/// Every demo credential, for the test that the documentation names it.
#[cfg(test)]
pub(super) const ALL: [&str; 21] = [
    VAPI_PRIVATE,
    VAPI_PUBLIC,
    VAPI_FORBIDDEN,
    GOOGLE_CLIENT,
    GOOGLE_CLIENT_DISABLED,
    GOOGLE_SECRET,
    GOOGLE_FULL,
    GOOGLE_EVENTS,
    GOOGLE_READ_ONLY,
    GOOGLE_FREE_BUSY,
    GOOGLE_DEAD,
    GOOGLE_SESSION_ENDED,
    GOOGLE_DISABLED,
    RESEND_FULL,
    RESEND_SENDING,
    RESEND_INVALID_400,
    RESEND_INVALID_401,
    ELEVENLABS_FULL,
    ELEVENLABS_RESTRICTED,
    ELEVENLABS_QUOTA,
    ELEVENLABS_UNUSUAL,
];
