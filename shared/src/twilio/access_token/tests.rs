//! The tokens of Twilio's official Node.js library, case by case, and what only a verifier of ours sees.

use std::collections::BTreeMap;

use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::sid::{ApplicationSid, PushCredentialSid, RoleSid, ServiceSid, WorkerSid, WorkspaceSid};

#[derive(Deserialize)]
struct Vectors {
    count: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    inputs: Inputs,
    header: Value,
    claims: Value,
    jwt: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inputs {
    account_sid: AccountSid,
    api_key_sid: ApiKeySid,
    api_key_secret: Secret,
    identity: Value,
    #[serde(default)]
    ttl: Option<u32>,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    region: Option<String>,
    now: i64,
    grants: Vec<GrantInput>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum GrantInput {
    Voice {
        #[serde(default)]
        incoming_allow: bool,
        outgoing_application_sid: Option<ApplicationSid>,
        #[serde(default)]
        outgoing_application_params: BTreeMap<String, String>,
        push_credential_sid: Option<PushCredentialSid>,
        endpoint_id: Option<String>,
    },
    Chat {
        service_sid: Option<ServiceSid>,
        endpoint_id: Option<String>,
        deployment_role_sid: Option<RoleSid>,
        push_credential_sid: Option<PushCredentialSid>,
    },
    Video {
        room: Option<String>,
    },
    Sync {
        service_sid: Option<ServiceSid>,
        endpoint_id: Option<String>,
    },
    TaskRouter {
        workspace_sid: Option<WorkspaceSid>,
        worker_sid: Option<WorkerSid>,
        role: Option<String>,
    },
}

fn vectors() -> Vec<Case> {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../../../vectors/access_tokens.json")).unwrap();
    assert_eq!((vectors.cases.len(), vectors.count), (10, 10));
    vectors.cases
}

impl Inputs {
    fn token(&self) -> AccessToken {
        let identity = match &self.identity {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let now = Timestamp::from_second(self.now).unwrap();
        let mut token = AccessToken::new(&self.account_sid, &self.api_key_sid, identity, now);
        if let Some(ttl) = self.ttl {
            token = token.ttl(TimeToLive::seconds(ttl).unwrap());
        }
        if let Some(nbf) = self.nbf {
            token = token.not_before(Timestamp::from_second(nbf).unwrap());
        }
        if let Some(region) = &self.region {
            let regions = [Region::UnitedStates, Region::Ireland, Region::Australia];
            token = token.region(regions.into_iter().find(|r| r.as_str() == region).unwrap());
        }
        self.grants
            .iter()
            .fold(token, |token, grant| grant.add_to(token))
    }
}

impl GrantInput {
    fn add_to(&self, token: AccessToken) -> AccessToken {
        match self {
            Self::Voice {
                incoming_allow,
                outgoing_application_sid,
                outgoing_application_params,
                push_credential_sid,
                endpoint_id,
            } => token.voice(VoiceGrant {
                incoming: *incoming_allow,
                outgoing: outgoing_application_sid
                    .clone()
                    .map(|application_sid| OutgoingCalls {
                        application_sid,
                        parameters: outgoing_application_params.clone(),
                    }),
                push_credential_sid: push_credential_sid.clone(),
                endpoint_id: endpoint_id.clone(),
            }),
            Self::Chat {
                service_sid,
                endpoint_id,
                deployment_role_sid,
                push_credential_sid,
            } => token.chat(ChatGrant {
                service_sid: service_sid.clone(),
                endpoint_id: endpoint_id.clone(),
                deployment_role_sid: deployment_role_sid.clone(),
                push_credential_sid: push_credential_sid.clone(),
            }),
            Self::Video { room } => token.video(VideoGrant { room: room.clone() }),
            Self::Sync {
                service_sid,
                endpoint_id,
            } => token.sync(SyncGrant {
                service_sid: service_sid.clone(),
                endpoint_id: endpoint_id.clone(),
            }),
            Self::TaskRouter {
                workspace_sid,
                worker_sid,
                role,
            } => token.task_router(TaskRouterGrant {
                workspace_sid: workspace_sid.clone(),
                worker_sid: worker_sid.clone(),
                role: role.clone(),
            }),
        }
    }
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A verifier that knows the secret and nothing else. The vectors' time is past: that is checked apart.
fn verified(token: &str, secret: &Secret) -> jsonwebtoken::errors::Result<Value> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_exp = false;
    let key = DecodingKey::from_secret(secret.expose().as_bytes());
    decode(token, &key, &validation).map(|token| token.claims)
}

#[test]
fn a_token_has_the_header_and_the_claims_of_twilios_library() {
    for case in vectors() {
        let token = case
            .inputs
            .token()
            .sign(&case.inputs.api_key_secret)
            .unwrap();
        assert_eq!(part(token.expose(), 0), case.header, "{}", case.name);
        assert_eq!(part(token.expose(), 1), case.claims, "{}", case.name);
    }
}

#[test]
fn a_token_is_accepted_by_a_verifier_that_knows_only_the_secret() {
    for case in vectors() {
        let secret = &case.inputs.api_key_secret;
        let token = case.inputs.token().sign(secret).unwrap();
        assert_eq!(
            verified(token.expose(), secret).unwrap(),
            case.claims,
            "{}",
            case.name
        );
        // The library's own token, by the same verifier: so the verifier is one.
        assert_eq!(
            verified(&case.jwt, secret).unwrap(),
            case.claims,
            "{}",
            case.name
        );
        let other = Secret::from("another secret");
        assert!(verified(token.expose(), &other).is_err(), "{}", case.name);
        let header = decode_header(token.expose()).unwrap();
        assert_eq!(
            header.cty.as_deref(),
            Some("twilio-fpa;v=1"),
            "{}",
            case.name
        );
    }
}

#[test]
fn a_token_is_the_librarys_byte_for_byte_where_no_map_of_its_own_order_is_in_it() {
    let mut differing = Vec::new();
    for case in vectors() {
        let token = case
            .inputs
            .token()
            .sign(&case.inputs.api_key_secret)
            .unwrap();
        if token.expose() != case.jwt {
            differing.push(case.name);
        }
    }
    // Its `params` are {"tenant", "queue"}, in the order in which they were given.
    assert_eq!(differing, ["voice-outgoing-params"]);
}

#[test]
fn a_second_grant_of_a_product_replaces_the_first() {
    let case = vectors().remove(0);
    let room = |name: &str| VideoGrant {
        room: Some(name.to_owned()),
    };
    let token = case.inputs.token().video(room("one")).video(room("two"));
    let token = token.sign(&case.inputs.api_key_secret).unwrap();
    let claims = part(token.expose(), 1);
    assert_eq!(
        claims["grants"]["video"],
        serde_json::json!({"room": "two"})
    );
}

#[test]
fn an_empty_grant_is_an_empty_object() {
    let case = vectors().remove(0);
    let token = case.inputs.token().voice(VoiceGrant::default());
    let token = token.sign(&case.inputs.api_key_secret).unwrap();
    assert_eq!(
        part(token.expose(), 1)["grants"]["voice"],
        serde_json::json!({})
    );
}

#[test]
fn a_token_lives_for_a_minute_to_a_day() {
    for seconds in [60, 3_600, 86_400] {
        assert_eq!(TimeToLive::seconds(seconds).unwrap().as_seconds(), seconds);
    }
    for seconds in [0, 59, 86_401, u32::MAX] {
        assert_eq!(TimeToLive::seconds(seconds), Err(InvalidTimeToLive));
    }
    let case = vectors().remove(1);
    assert_eq!(
        case.inputs.token().expires_at().as_second(),
        case.inputs.now + 600
    );
}
