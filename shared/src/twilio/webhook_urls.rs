//! The URLs that Twilio is given: where this deployment takes what.

use super::signature::BaseUrl;
use crate::activity::Route;
use crate::environment::Environment;
use crate::sid::AccountSid;

/// What Twilio does when a webhook fails: three more attempts, after a failed connection, a silence or a 5xx. Without it a
/// status callback that met a 5xx is lost. A fragment, which Twilio neither sends nor signs.
const CONNECTION_OVERRIDES: &str = "#rc=3&rp=5xx,ct,rt";

/// Where the webhook functions of this deployment are.
#[derive(Debug, Clone)]
pub struct WebhookUrls {
    voice: BaseUrl,
    sms: BaseUrl,
    whatsapp: BaseUrl,
    public: Option<BaseUrl>,
}

/// Where a URL that is configured at Twilio leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// Where it should, for this account.
    Here,
    /// To this deployment, for another account: the webhook would be refused.
    OtherAccount,
    /// To another system, another route, or nowhere.
    Elsewhere,
}

impl WebhookUrls {
    /// Reads `VOICE_WEBHOOK_URL`, `SMS_WEBHOOK_URL` and `WHATSAPP_WEBHOOK_URL`, the functions' own URLs, and
    /// `PUBLIC_WEBHOOK_BASE_URL`, what stands in front of them all, if anything.
    /// `None` when one is missing or malformed, which is then a fault of the environment.
    #[must_use]
    pub fn from_environment(environment: &Environment) -> Option<Self> {
        let read = |name: &str, text: &str| {
            let url = text.parse::<BaseUrl>();
            url.map_err(|form| environment.fault(format!("{name}: {form}")))
                .ok()
        };
        let required = |name| environment.required(name).and_then(|text| read(name, text));
        let (voice, sms) = (required("VOICE_WEBHOOK_URL"), required("SMS_WEBHOOK_URL"));
        let whatsapp = required("WHATSAPP_WEBHOOK_URL");
        let public = match environment.optional("PUBLIC_WEBHOOK_BASE_URL") {
            Some(text) => read("PUBLIC_WEBHOOK_BASE_URL", text).map(Some),
            None => Some(None),
        };
        Some(Self {
            voice: voice?,
            sms: sms?,
            whatsapp: whatsapp?,
            public: public?,
        })
    }

    /// The URL of a route for an account, with connection overrides, as it is registered at Twilio.
    #[must_use]
    pub fn webhook(&self, route: Route, account: &AccountSid) -> String {
        let base = self.public.as_ref().unwrap_or(self.function(route));
        format!(
            "{base}{}?account={account}{CONNECTION_OVERRIDES}",
            route.path()
        )
    }

    /// The URL that Twilio calls when that of a voice route failed: of another function, so that one that fails as a whole is
    /// no matter.
    #[must_use]
    pub fn voice_fallback(&self, account: &AccountSid) -> String {
        self.fallback(&self.sms, "/voice/fallback", account)
    }

    /// The same for messages.
    #[must_use]
    pub fn sms_fallback(&self, account: &AccountSid) -> String {
        self.fallback(&self.whatsapp, "/sms/fallback", account)
    }

    /// The same for WhatsApp.
    #[must_use]
    pub fn whatsapp_fallback(&self, account: &AccountSid) -> String {
        self.fallback(&self.sms, "/whatsapp/fallback", account)
    }

    fn fallback(&self, function: &BaseUrl, path: &str, account: &AccountSid) -> String {
        let base = self.public.as_ref().unwrap_or(function);
        format!("{base}{path}?account={account}")
    }

    /// Where a URL leads that should lead to `route`. People may enter it by hand: overrides do not count, `account` may be
    /// left out, and behind a public base URL the function's own stays right.
    #[must_use]
    pub fn lead(&self, url: &str, route: Route, account: &AccountSid) -> Lead {
        let url = url.split('#').next().unwrap_or_default();
        let (address, query) = match url.split_once('?') {
            Some((address, query)) => (address, Some(query)),
            None => (url, None),
        };
        let bases = [Some(self.function(route)), self.public.as_ref()];
        let is_here = bases
            .into_iter()
            .flatten()
            .any(|base| format!("{base}{}", route.path()) == address);
        let named = query.into_iter().flat_map(|query| query.split('&'));
        let mut named = named.filter_map(|pair| pair.strip_prefix("account="));
        match (is_here, named.all(|named| named == account.as_str())) {
            (true, true) => Lead::Here,
            (true, false) => Lead::OtherAccount,
            (false, _) => Lead::Elsewhere,
        }
    }

    fn function(&self, route: Route) -> &BaseUrl {
        match route {
            Route::Sms | Route::SmsStatus => &self.sms,
            Route::Whatsapp | Route::WhatsappStatus => &self.whatsapp,
            Route::Voice
            | Route::VoiceDial
            | Route::VoiceStatus
            | Route::VoiceRecording
            | Route::VoiceVoicemail
            | Route::VoiceTranscription => &self.voice,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const ACCOUNT: &str = "AC00112233445566778899aabbccddeeff";

    /// A deployment of three functions.
    pub(in crate::twilio) fn deployment(public: &str) -> WebhookUrls {
        let environment = Environment::of([
            ("VOICE_WEBHOOK_URL", "https://voice.example/"),
            ("SMS_WEBHOOK_URL", "https://sms.example/"),
            ("WHATSAPP_WEBHOOK_URL", "https://whatsapp.example/"),
            ("PUBLIC_WEBHOOK_BASE_URL", public),
        ]);
        let urls = WebhookUrls::from_environment(&environment);
        environment.finish(urls).unwrap()
    }

    #[test]
    fn every_url_names_its_account_and_fallbacks_are_another_functions() {
        let (urls, account) = (deployment(""), ACCOUNT.parse().unwrap());
        let rest = format!("?account={ACCOUNT}#rc=3&rp=5xx,ct,rt");
        for (route, url) in [
            (Route::Voice, "https://voice.example/voice"),
            (Route::VoiceStatus, "https://voice.example/voice/status"),
            (Route::SmsStatus, "https://sms.example/sms/status"),
            (Route::Whatsapp, "https://whatsapp.example/whatsapp"),
        ] {
            assert_eq!(urls.webhook(route, &account), format!("{url}{rest}"));
        }
        let fallback = format!("https://sms.example/voice/fallback?account={ACCOUNT}");
        assert_eq!(urls.voice_fallback(&account), fallback);
        let fallback = format!("https://whatsapp.example/sms/fallback?account={ACCOUNT}");
        assert_eq!(urls.sms_fallback(&account), fallback);
        let fallback = format!("https://sms.example/whatsapp/fallback?account={ACCOUNT}");
        assert_eq!(urls.whatsapp_fallback(&account), fallback);
    }

    #[test]
    fn a_public_base_url_stands_in_front_of_all() {
        let (urls, account) = (
            deployment("https://hooks.example/t"),
            ACCOUNT.parse().unwrap(),
        );
        let url = urls.webhook(Route::Sms, &account);
        assert!(
            url.starts_with("https://hooks.example/t/sms?account=AC"),
            "{url}"
        );
        let fallback = format!("https://hooks.example/t/voice/fallback?account={ACCOUNT}");
        assert_eq!(urls.voice_fallback(&account), fallback);
    }

    #[test]
    fn every_missing_or_malformed_variable_is_named() {
        let environment = Environment::of([
            ("SMS_WEBHOOK_URL", "sms.example"),
            ("VOICE_WEBHOOK_URL", ""),
        ]);
        let urls = WebhookUrls::from_environment(&environment);
        let error = environment.finish(urls.map(|_| ())).unwrap_err();
        assert_eq!(error.faults().len(), 3, "{error}");
    }

    #[test]
    fn where_a_url_leads_is_told_whoever_entered_it() {
        let (urls, account) = (
            deployment("https://hooks.example"),
            ACCOUNT.parse().unwrap(),
        );
        let lead = |url: &str| urls.lead(url, Route::Voice, &account);
        for url in [
            urls.webhook(Route::Voice, &account),
            format!("https://voice.example/voice?account={ACCOUNT}"),
            "https://hooks.example/voice".to_owned(),
            format!("https://voice.example/voice?x=1&account={ACCOUNT}#rc=1"),
        ] {
            assert_eq!(lead(&url), Lead::Here, "{url}");
        }
        let other = "https://voice.example/voice?account=AC99999999999999999999999999999999";
        assert_eq!(lead(other), Lead::OtherAccount);
        for url in [
            "https://sms.example/voice",
            "https://voice.example/voice/",
            "https://voice.example/sms",
            "http://voice.example/voice",
            "https://demo.twilio.com/welcome/voice/",
            "",
        ] {
            assert_eq!(lead(url), Lead::Elsewhere, "{url}");
        }
    }
}
