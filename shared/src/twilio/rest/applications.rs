//! TwiML Apps.

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;

use super::error::{ErrorKind, TwilioError};
use super::{TwilioClient, fields};
use crate::outbound::{Call, Host};
use crate::sid::ApplicationSid;

/// A TwiML App: where calls and messages that name it go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Application {
    /// Its SID.
    pub sid: ApplicationSid,
    /// Its name, which several may have.
    #[serde(default)]
    pub friendly_name: Option<String>,
    /// When it was made.
    #[serde(default, deserialize_with = "fields::time")]
    pub date_created: Option<Timestamp>,
    /// Where a call is sent.
    #[serde(default, deserialize_with = "fields::text")]
    pub voice_url: Option<String>,
    /// How: `GET` or `POST`.
    #[serde(default, deserialize_with = "fields::text")]
    pub voice_method: Option<String>,
    /// Where a call is sent when that fails.
    #[serde(default, deserialize_with = "fields::text")]
    pub voice_fallback_url: Option<String>,
    /// How.
    #[serde(default, deserialize_with = "fields::text")]
    pub voice_fallback_method: Option<String>,
    /// Where the end of a call is reported.
    #[serde(default, deserialize_with = "fields::text")]
    pub status_callback: Option<String>,
    /// How.
    #[serde(default, deserialize_with = "fields::text")]
    pub status_callback_method: Option<String>,
    /// Where a message is sent.
    #[serde(default, deserialize_with = "fields::text")]
    pub sms_url: Option<String>,
    /// How.
    #[serde(default, deserialize_with = "fields::text")]
    pub sms_method: Option<String>,
}

/// What a TwiML App should be. Every URL is called by POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationConfig {
    /// Its name, at most 64 characters.
    pub friendly_name: String,
    /// Where a call is sent.
    pub voice_url: String,
    /// Where a call is sent when that fails.
    pub voice_fallback_url: String,
    /// Where the end of a call is reported.
    pub status_callback: String,
}

impl ApplicationConfig {
    /// The names of what an App has differently, as Twilio names them; none when it is right. URLs are compared as texts,
    /// with their fragments. The App's name is not compared: people may rename it.
    #[must_use]
    pub fn differences(&self, application: &Application) -> Vec<&'static str> {
        let is_post = |method: &Option<String>| {
            // POST is the default.
            method.as_deref().is_none_or(|method| method == "POST")
        };
        [
            (
                "voice_url",
                application.voice_url.as_deref() == Some(&self.voice_url),
            ),
            ("voice_method", is_post(&application.voice_method)),
            (
                "voice_fallback_url",
                application.voice_fallback_url.as_deref() == Some(&self.voice_fallback_url),
            ),
            (
                "voice_fallback_method",
                is_post(&application.voice_fallback_method),
            ),
            (
                "status_callback",
                application.status_callback.as_deref() == Some(&self.status_callback),
            ),
            (
                "status_callback_method",
                is_post(&application.status_callback_method),
            ),
        ]
        .into_iter()
        .filter_map(|(name, is_right)| (!is_right).then_some(name))
        .collect()
    }

    fn form(&self) -> [(&str, &str); 6] {
        [
            ("VoiceUrl", &self.voice_url),
            ("VoiceMethod", "POST"),
            ("VoiceFallbackUrl", &self.voice_fallback_url),
            ("VoiceFallbackMethod", "POST"),
            ("StatusCallback", &self.status_callback),
            ("StatusCallbackMethod", "POST"),
        ]
    }
}

impl TwilioClient<'_> {
    /// The Apps of exactly this name. Twilio promises neither that its filter is exact nor that there is only one.
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn applications_named(&self, name: &str) -> Result<Vec<Application>, TwilioError> {
        let path = self.account_path(&["Applications.json"]);
        let query = [("FriendlyName", name)];
        let mut found: Vec<Application> = self
            .list(
                Host::TwilioApi,
                "applications.list",
                &path,
                &query,
                "applications",
            )
            .await?;
        found.retain(|application| application.friendly_name.as_deref() == Some(name));
        Ok(found)
    }

    /// Asks for one App of the account, whichever, as the cheapest call that a Standard API key may make.
    ///
    /// # Errors
    /// Why it may not.
    pub(in crate::twilio) async fn try_applications(&self) -> Result<(), TwilioError> {
        let path = self.account_path(&["Applications.json"]);
        let call = Call::get(Host::TwilioApi, "applications.try", &path, self.deadline)
            .query("PageSize", "1");
        let page: serde_json::Value = self.fetch(call).await?;
        match page.get("applications") {
            Some(_) => Ok(()),
            None => Err(TwilioError::Unintelligible {
                status: 200,
                request_id: None,
            }),
        }
    }

    /// Fetches an App.
    ///
    /// # Errors
    /// Why there is none; of the kind `NotFound` when it was deleted.
    pub async fn application(&self, sid: &ApplicationSid) -> Result<Application, TwilioError> {
        let document = format!("{sid}.json");
        let path = application_path(self, &document);
        let call = Call::get(Host::TwilioApi, "applications.fetch", &path, self.deadline);
        self.fetch(call).await
    }

    /// Makes an App. It is not made twice, but may have been made although an error is returned.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn create_application(
        &self,
        config: &ApplicationConfig,
    ) -> Result<Application, TwilioError> {
        let mut form = config.form().to_vec();
        form.push(("FriendlyName", &config.friendly_name));
        let path = self.account_path(&["Applications.json"]);
        let call = Call::post(Host::TwilioApi, "applications.create", &path, self.deadline);
        self.fetch(call.form(&form)).await
    }

    /// Gives an App its URLs. Its name and whatever else it has stay.
    ///
    /// # Errors
    /// Why it was not changed.
    pub async fn update_application(
        &self,
        sid: &ApplicationSid,
        config: &ApplicationConfig,
    ) -> Result<Application, TwilioError> {
        let document = format!("{sid}.json");
        let path = application_path(self, &document);
        let call = Call::post(Host::TwilioApi, "applications.update", &path, self.deadline);
        // The same values twice are the same App.
        self.fetch(call.form(&config.form()).repeatable()).await
    }

    /// Deletes an App. Numbers and tokens that name it work no more. Nothing, when it was deleted before.
    ///
    /// # Errors
    /// Why it was not deleted.
    pub async fn delete_application(&self, sid: &ApplicationSid) -> Result<(), TwilioError> {
        let document = format!("{sid}.json");
        let path = application_path(self, &document);
        let (method, operation) = (Method::DELETE, "applications.delete");
        let call = Call::new(Host::TwilioApi, operation, method, &path, self.deadline);
        match self.send(call).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            sent => sent.map(drop),
        }
    }
}

fn application_path<'p>(client: &TwilioClient<'p>, document: &'p str) -> Vec<&'p str> {
    client.account_path(&["Applications", document])
}
