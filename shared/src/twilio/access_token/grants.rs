//! What an access token allows, product by product.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::sid::{ApplicationSid, PushCredentialSid, RoleSid, ServiceSid, WorkerSid, WorkspaceSid};

/// Calls in a browser or an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoiceGrant {
    /// Whether the identity can be called.
    pub incoming: bool,
    /// What the identity's own calls run through; without it, it can make none.
    pub outgoing: Option<OutgoingCalls>,
    /// What wakes a phone's app for a call.
    pub push_credential_sid: Option<PushCredentialSid>,
    /// The device, where one identity has several.
    pub endpoint_id: Option<String>,
}

/// The TwiML App of an identity's own calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutgoingCalls {
    /// The app, in the account and region of the token.
    pub application_sid: ApplicationSid,
    /// What its webhook is given with every call, and what the browser cannot change.
    #[serde(rename = "params", skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
}

impl OutgoingCalls {
    /// Calls through this app, without parameters.
    #[must_use]
    pub fn through(application_sid: ApplicationSid) -> Self {
        Self {
            application_sid,
            parameters: BTreeMap::new(),
        }
    }
}

#[derive(Serialize)]
struct Incoming {
    allow: bool,
}

impl Serialize for VoiceGrant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        // Not `{"allow":false}`: Twilio's own libraries leave the whole object out.
        if self.incoming {
            map.serialize_entry("incoming", &Incoming { allow: true })?;
        }
        if let Some(outgoing) = &self.outgoing {
            map.serialize_entry("outgoing", outgoing)?;
        }
        if let Some(sid) = &self.push_credential_sid {
            map.serialize_entry("push_credential_sid", sid)?;
        }
        if let Some(endpoint) = &self.endpoint_id {
            map.serialize_entry("endpoint_id", endpoint)?;
        }
        map.end()
    }
}

/// Conversations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ChatGrant {
    /// The service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_sid: Option<ServiceSid>,
    /// The device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// The role that the identity is given on the way in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_role_sid: Option<RoleSid>,
    /// What wakes a phone's app for a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_credential_sid: Option<PushCredentialSid>,
}

/// Video.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VideoGrant {
    /// The only room that may be entered, by name or SID; any, without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
}

/// Sync.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SyncGrant {
    /// The service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_sid: Option<ServiceSid>,
    /// The device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
}

/// TaskRouter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TaskRouterGrant {
    /// The workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace_sid: Option<WorkspaceSid>,
    /// The worker that the identity is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_sid: Option<WorkerSid>,
    /// `worker`, for example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// The `grants` of a token: whom it is for, and at most one grant a product.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Grants {
    pub(super) identity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) voice: Option<VoiceGrant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chat: Option<ChatGrant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) video: Option<VideoGrant>,
    #[serde(rename = "data_sync", skip_serializing_if = "Option::is_none")]
    pub(super) sync: Option<SyncGrant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task_router: Option<TaskRouterGrant>,
}
