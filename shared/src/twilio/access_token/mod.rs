//! Access tokens: what lets a browser or an app talk to Twilio by itself for a while.
//!
//! A JWT of the type `twilio-fpa;v=1`, signed with the secret of one of the account's API keys. Twilio cannot revoke a single
//! one; with its key, all tokens of the key end.

mod grants;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde::Serialize;

use self::grants::Grants;
pub use self::grants::{
    ChatGrant, OutgoingCalls, SyncGrant, TaskRouterGrant, VideoGrant, VoiceGrant,
};
use crate::secret::Secret;
use crate::sid::{AccountSid, ApiKeySid};

/// How long a token is good for: 60 to 86,400 seconds. Twilio refuses more (20104), and less is over before a call begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeToLive(u32);

/// A number of seconds that no token may live for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token lives for 60 to 86400 seconds")]
pub struct InvalidTimeToLive;

impl TimeToLive {
    /// So many seconds.
    ///
    /// # Errors
    /// When they are fewer than 60 or more than a day.
    pub fn seconds(seconds: u32) -> Result<Self, InvalidTimeToLive> {
        if (60..=86_400).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(InvalidTimeToLive)
        }
    }

    /// The seconds.
    #[must_use]
    pub const fn as_seconds(self) -> u32 {
        self.0
    }
}

impl Default for TimeToLive {
    /// An hour, as in Twilio's own libraries.
    fn default() -> Self {
        Self(3_600)
    }
}

/// Where Twilio processes what the token is used for, when it is not the default (United States). The API key must be of that
/// region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// `us1`.
    UnitedStates,
    /// `ie1`.
    Ireland,
    /// `au1`.
    Australia,
}

impl Region {
    /// Twilio's name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnitedStates => "us1",
            Self::Ireland => "ie1",
            Self::Australia => "au1",
        }
    }
}

/// A token that could not be signed; only a defect leads here. It holds nothing of token or key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an access token could not be signed")]
pub struct Unsigned;

/// A token before it is signed.
///
/// ```
/// use shared::twilio::access_token::{AccessToken, VoiceGrant};
///
/// let account = "AC00000000000000000000000000000101".parse()?;
/// let key = "SK00000000000000000000000000000111".parse()?;
/// let token = AccessToken::new(&account, &key, "agent_1", jiff::Timestamp::UNIX_EPOCH)
///     .voice(VoiceGrant { incoming: true, ..VoiceGrant::default() })
///     .sign(&"the key's secret".into())?;
/// assert_eq!(token.expose().split('.').count(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AccessToken {
    account_sid: AccountSid,
    api_key_sid: ApiKeySid,
    issued_at: i64,
    not_before: Option<i64>,
    ttl: TimeToLive,
    region: Option<Region>,
    grants: Grants,
}

#[derive(Serialize)]
struct Header {
    alg: &'static str,
    typ: &'static str,
    cty: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    twr: Option<&'static str>,
}

#[derive(Serialize)]
struct Claims<'t> {
    jti: &'t str,
    grants: &'t Grants,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    iat: i64,
    exp: i64,
    iss: &'t ApiKeySid,
    sub: &'t AccountSid,
}

impl AccessToken {
    /// A token for an identity, good for an hour from `issued_at` (whole seconds), that allows nothing yet.
    ///
    /// The identity is the caller's to bound: [`Identity`](crate::identity::Identity) is what Voice takes.
    #[must_use]
    pub fn new(
        account_sid: &AccountSid,
        api_key_sid: &ApiKeySid,
        identity: impl Into<String>,
        issued_at: Timestamp,
    ) -> Self {
        Self {
            account_sid: account_sid.clone(),
            api_key_sid: api_key_sid.clone(),
            issued_at: issued_at.as_second(),
            not_before: None,
            ttl: TimeToLive::default(),
            region: None,
            grants: Grants {
                identity: identity.into(),
                voice: None,
                chat: None,
                video: None,
                sync: None,
                task_router: None,
            },
        }
    }

    /// Good for so long instead of an hour.
    #[must_use]
    pub fn ttl(mut self, ttl: TimeToLive) -> Self {
        self.ttl = ttl;
        self
    }

    /// Not good before this time (whole seconds). Twilio compares with its own clock, so that a clock of ours that runs ahead
    /// would make tokens that are not good yet: leave it out unless it is far from now.
    #[must_use]
    pub fn not_before(mut self, time: Timestamp) -> Self {
        self.not_before = Some(time.as_second());
        self
    }

    /// For another region than the default.
    #[must_use]
    pub fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Allows calls. A second grant of a product replaces the first.
    #[must_use]
    pub fn voice(mut self, grant: VoiceGrant) -> Self {
        self.grants.voice = Some(grant);
        self
    }

    /// Allows Conversations.
    #[must_use]
    pub fn chat(mut self, grant: ChatGrant) -> Self {
        self.grants.chat = Some(grant);
        self
    }

    /// Allows Video.
    #[must_use]
    pub fn video(mut self, grant: VideoGrant) -> Self {
        self.grants.video = Some(grant);
        self
    }

    /// Allows Sync.
    #[must_use]
    pub fn sync(mut self, grant: SyncGrant) -> Self {
        self.grants.sync = Some(grant);
        self
    }

    /// Allows TaskRouter.
    #[must_use]
    pub fn task_router(mut self, grant: TaskRouterGrant) -> Self {
        self.grants.task_router = Some(grant);
        self
    }

    /// When it stops being good.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_second(self.expiry()).unwrap_or(Timestamp::MAX)
    }

    /// Signs it with the secret of the API key that it names. What comes out lets its holder act as the identity: it is a
    /// secret too.
    ///
    /// # Errors
    /// [`Unsigned`], which no input leads to.
    pub fn sign(&self, api_key_secret: &Secret) -> Result<Secret, Unsigned> {
        let header = Header {
            alg: "HS256",
            typ: "JWT",
            cty: "twilio-fpa;v=1",
            twr: self.region.map(Region::as_str),
        };
        // As Twilio's own libraries name tokens: two of one key in one second share the id. Twilio does not refuse that and
        // nothing here looks a token up by its id; who stores ids has to add something random.
        let jti = format!("{}-{}", self.api_key_sid, self.issued_at);
        let claims = Claims {
            jti: &jti,
            grants: &self.grants,
            nbf: self.not_before,
            iat: self.issued_at,
            exp: self.expiry(),
            iss: &self.api_key_sid,
            sub: &self.account_sid,
        };
        let mut token = format!("{}.{}", encoded(&header)?, encoded(&claims)?);
        let key = EncodingKey::from_secret(api_key_secret.expose().as_bytes());
        // AWS-LC by name: the default of the process is chosen by crate features, and panics once both backends are linked.
        // `jsonwebtoken::encode` would use that default, and a header whose members stand in another order than Twilio's.
        let signer = (DEFAULT_PROVIDER.signer_factory)(&Algorithm::HS256, &key);
        let signature = signer.map_err(|_| Unsigned)?.try_sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.map_err(|_| Unsigned)?, &mut token);
        Ok(Secret::new(token))
    }

    fn expiry(&self) -> i64 {
        self.issued_at.saturating_add(self.ttl.0.into())
    }
}

fn encoded(part: &impl Serialize) -> Result<String, Unsigned> {
    let json = serde_json::to_vec(part).map_err(|_| Unsigned)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}
