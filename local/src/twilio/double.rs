//! What the calling side makes, and the REST API then shows: recordings, and what is attached to messages.

use super::account::Account;
use super::parameters::Parameters;

/// The double of the REST API that hears of what webhooks tell of. Twilio has one inside; here they may be two processes.
#[derive(Debug, Clone)]
pub(super) struct RestDouble {
    base_url: String,
}

/// Something that a webhook tells of: where the double keeps it, and as what.
type Made = (String, Vec<(&'static str, String)>);

impl RestDouble {
    pub(super) fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
        }
    }

    /// Tells it what a webhook is about to tell of, so that it can be fetched as soon as anybody hears of it. An account that the
    /// double does not know has nothing there.
    pub(super) async fn hear(&self, account: &Account, parameters: &Parameters) {
        let made = recording(parameters).into_iter().chain(media(parameters));
        for (path, form) in made {
            let url = format!("{}/double/Accounts/{}/{path}", self.base_url, account.sid);
            let told = crate::http_client::client()
                .put(url)
                .basic_auth(&account.sid, Some(account.auth_token.expose()))
                .form(&form)
                .send()
                .await;
            if let Err(error) = told {
                tracing::warn!(error = %error.without_url(), "the double of the REST API did not hear of a file");
            }
        }
    }
}

/// A recording that is complete.
fn recording(parameters: &Parameters) -> Option<Made> {
    if parameters.get("RecordingStatus") != Some("completed") {
        return None;
    }
    let path = format!("Recordings/{}", parameters.get("RecordingSid")?);
    let form = [
        "CallSid",
        "RecordingSource",
        "RecordingChannels",
        "RecordingDuration",
    ];
    let form = form
        .into_iter()
        .filter_map(|name| Some((name, parameters.get(name)?.to_owned())));
    Some((path, form.collect()))
}

/// What is attached to a message.
fn media(parameters: &Parameters) -> Vec<Made> {
    let attached = (0..10).filter_map(|number| {
        let url = parameters.get(&format!("MediaUrl{number}"))?;
        let (_, path) = url.split_once("/Messages/")?;
        let content_type = parameters.get(&format!("MediaContentType{number}"))?;
        let form = vec![("ContentType", content_type.to_owned())];
        Some((format!("Messages/{path}"), form))
    });
    attached.collect()
}
