//! The hosts of the providers, and where they are.

use std::net::IpAddr;

use reqwest::Url;

use crate::environment::Environment;

/// A host of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the addresses below say it")]
pub enum Host {
    TwilioApi,
    TwilioAccounts,
    TwilioMessaging,
    TwilioIam,
    Vapi,
    GoogleAccounts,
    GoogleOauth,
    GoogleApi,
    Resend,
    ElevenLabs,
}

impl Host {
    /// The provider's name in logs.
    #[must_use]
    pub const fn provider(self) -> &'static str {
        match self {
            Self::TwilioApi | Self::TwilioAccounts | Self::TwilioMessaging | Self::TwilioIam => {
                "twilio"
            }
            Self::Vapi => "vapi",
            Self::GoogleAccounts | Self::GoogleOauth | Self::GoogleApi => "google",
            Self::Resend => "resend",
            Self::ElevenLabs => "elevenlabs",
        }
    }

    /// Where it really is.
    const fn address(self) -> &'static str {
        match self {
            Self::TwilioApi => "https://api.twilio.com",
            Self::TwilioAccounts => "https://accounts.twilio.com",
            Self::TwilioMessaging => "https://messaging.twilio.com",
            Self::TwilioIam => "https://iam.twilio.com",
            Self::Vapi => "https://api.vapi.ai",
            Self::GoogleAccounts => "https://accounts.google.com",
            Self::GoogleOauth => "https://oauth2.googleapis.com",
            Self::GoogleApi => "https://www.googleapis.com",
            Self::Resend => "https://api.resend.com",
            Self::ElevenLabs => "https://api.elevenlabs.io",
        }
    }
}

/// Base URLs that stand for the real hosts, for those that were configured.
#[derive(Debug, Default)]
pub(super) struct BaseUrls {
    twilio: Option<Url>,
    vapi: Option<Url>,
    google_oauth: Option<Url>,
    google_api: Option<Url>,
    resend: Option<Url>,
    elevenlabs: Option<Url>,
}

impl BaseUrls {
    /// Reads the variables. Every malformed one is a fault that names it.
    pub(super) fn from_environment(environment: &Environment) -> Option<Self> {
        let read = |name: &str| match environment.optional(name) {
            None => Some(None),
            Some(text) => {
                let url = base_url(text);
                if url.is_none() {
                    environment.fault(format!(
                        "{name} must be an https URL without user, query and fragment; http only on this machine"
                    ));
                }
                url.map(Some)
            }
        };
        // All are read before any is given up, so that every fault is named.
        let (twilio, vapi) = (read("TWILIO_API_BASE_URL"), read("VAPI_API_BASE_URL"));
        let google_oauth = read("GOOGLE_OAUTH_BASE_URL");
        let google_api = read("GOOGLE_API_BASE_URL");
        let (resend, elevenlabs) = (read("RESEND_API_BASE_URL"), read("ELEVENLABS_API_BASE_URL"));
        Some(Self {
            twilio: twilio?,
            vapi: vapi?,
            google_oauth: google_oauth?,
            google_api: google_api?,
            resend: resend?,
            elevenlabs: elevenlabs?,
        })
    }

    fn configured(&self, host: Host) -> Option<&Url> {
        match host {
            Host::TwilioApi | Host::TwilioAccounts | Host::TwilioMessaging | Host::TwilioIam => {
                self.twilio.as_ref()
            }
            Host::Vapi => self.vapi.as_ref(),
            Host::GoogleAccounts | Host::GoogleOauth => self.google_oauth.as_ref(),
            Host::GoogleApi => self.google_api.as_ref(),
            Host::Resend => self.resend.as_ref(),
            Host::ElevenLabs => self.elevenlabs.as_ref(),
        }
    }

    /// Where calls to a host go.
    pub(super) fn url(&self, host: Host) -> Option<Url> {
        self.configured(host)
            .cloned()
            .or_else(|| host.address().parse().ok())
    }

    /// The path and query of an absolute URL on `host`, which may name it by its real address or the configured one.
    pub(super) fn target_of<'u>(&self, host: Host, url: &'u str) -> Option<&'u str> {
        let configured = self
            .configured(host)
            .map(|base| base.as_str().trim_end_matches('/'));
        [Some(host.address()), configured]
            .into_iter()
            .flatten()
            // What follows must begin the path: `https://api.twilio.com.example` is another host.
            .find_map(|base| {
                url.strip_prefix(base)
                    .filter(|target| target.starts_with('/'))
            })
    }
}

/// Where a redirect leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// The address. It may hold what opens it: nothing to be logged.
    pub(super) url: Url,
    /// Whether it is the very host that redirects, which may see the credentials again.
    pub(crate) is_same_origin: bool,
}

impl BaseUrls {
    /// Where a redirect of `host` leads, if files are kept there: at `host` itself, at Twilio or in S3, by `https` alone. Where
    /// a configured URL stands for Twilio, every port of its machine stands for where Twilio keeps files.
    pub(super) fn redirect(&self, host: Host, location: &str) -> Option<Redirect> {
        let base = self.url(host)?;
        let mut url = base.join(location).ok()?;
        url.set_fragment(None);
        let is_same_origin = url.origin() == base.origin();
        let is_bare = url.username().is_empty() && url.password().is_none();
        let is_of_configured = self.configured(host).is_some_and(|configured| {
            url.scheme() == configured.scheme() && url.host() == configured.host()
        });
        let is_allowed = is_same_origin || is_of_configured || is_storage(&url);
        (is_bare && is_allowed).then_some(Redirect {
            url,
            is_same_origin,
        })
    }
}

/// Whether a URL is one of a host at which Twilio, or a customer of it, keeps files.
///
/// Twilio's own: `api.twilio.com`, and `mms.twiliocdn.com` for what is attached to messages. S3: `s3-external-1.amazonaws.com`
/// for what was attached before an account enforced authentication, and any bucket, for recordings with external storage,
/// which Twilio takes S3 alone for.
/// Source: "Protect Media Access with HTTP Basic Authentication", support.twilio.com; "Voice Recording settings",
/// www.twilio.com/docs/voice/recording-settings.
fn is_storage(url: &Url) -> bool {
    let is_plain = url.scheme() == "https" && url.port().is_none();
    url.host_str().is_some_and(|host| {
        let is_twilios = host.ends_with(".twilio.com") || host.ends_with(".twiliocdn.com");
        is_plain && (is_twilios || is_s3(host))
    })
}

/// Whether a host is one of S3's endpoints, with a bucket before it or in the path: `s3.amazonaws.com`,
/// `s3-external-1.amazonaws.com`, `s3.<region>…`, `s3-<region>…` and `s3.dualstack.<region>.amazonaws.com`. Other services
/// have names of their customers' choice below `amazonaws.com` too, and never in these places.
/// Source: "Amazon Simple Storage Service endpoints and quotas", AWS General Reference.
fn is_s3(host: &str) -> bool {
    let Some(labels) = host.strip_suffix(".amazonaws.com") else {
        return false;
    };
    let mut labels: Vec<&str> = labels.split('.').collect();
    let last = labels.pop().unwrap_or_default();
    if is_region(last) {
        let service = labels.pop();
        let service = match service {
            Some("dualstack") => labels.pop(),
            service => service,
        };
        return service == Some("s3");
    }
    let region = last.strip_prefix("s3-");
    last == "s3" || region.is_some_and(|region| region == "external-1" || is_region(region))
}

/// Whether a label is the name of a region, such as `us-east-1` or `us-gov-west-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, words)) => {
            (2..=3).contains(&words.len())
                && words.iter().all(is_word)
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => false,
    }
}

/// A base URL: `https`, or `http` to the machine itself; no user, query or fragment; a path stays as a prefix.
fn base_url(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let host = url.host_str()?;
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    let is_loopback = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let is_encrypted = match url.scheme() {
        "https" => true,
        "http" => is_loopback,
        _ => false,
    };
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    (is_encrypted && is_bare).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_encrypted_or_on_this_machine() {
        for text in [
            "https://api.example.com",
            "https://api.example.com:8443/twilio/",
            "http://127.0.0.1:4010",
            "http://localhost:4010/",
            "http://[::1]:4010",
        ] {
            assert!(base_url(text).is_some(), "{text}");
        }
        for text in [
            "api.example.com",
            "http://api.example.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://user@api.example.com",
            "https://:word@api.example.com",
            "https://api.example.com?",
            "https://api.example.com?a=b",
            "https://api.example.com#a",
            "https://",
            "",
        ] {
            assert!(base_url(text).is_none(), "{text}");
        }
    }

    #[test]
    fn every_malformed_variable_is_named_and_no_value_repeated() {
        let environment = Environment::of([
            ("TWILIO_API_BASE_URL", "http://api.twilio.com/private"),
            ("VAPI_API_BASE_URL", "https://api.vapi.ai"),
            ("RESEND_API_BASE_URL", "https://user:private@api.resend.com"),
        ]);
        let bases = BaseUrls::from_environment(&environment);
        let error = environment.finish(bases.map(|_| ())).unwrap_err();
        let named: Vec<&str> = error
            .faults()
            .iter()
            .filter_map(|fault| fault.split(' ').next())
            .collect();
        assert_eq!(named, ["TWILIO_API_BASE_URL", "RESEND_API_BASE_URL"]);
        assert!(!error.to_string().contains("private"));
    }

    #[test]
    fn one_variable_stands_for_all_of_twilios_hosts() {
        let base = "http://127.0.0.1:4010";
        let bases =
            BaseUrls::from_environment(&Environment::of([("TWILIO_API_BASE_URL", base)])).unwrap();
        for host in [
            Host::TwilioApi,
            Host::TwilioAccounts,
            Host::TwilioMessaging,
            Host::TwilioIam,
        ] {
            assert_eq!(bases.url(host).unwrap().port(), Some(4010), "{host:?}");
        }
        assert_eq!(
            bases.url(Host::Vapi).unwrap().as_str(),
            "https://api.vapi.ai/"
        );
    }

    #[test]
    fn a_url_belongs_to_a_host_by_its_real_or_its_configured_address_only() {
        let base = "http://127.0.0.1:4010/double/";
        let bases =
            BaseUrls::from_environment(&Environment::of([("TWILIO_API_BASE_URL", base)])).unwrap();
        let target = |url| bases.target_of(Host::TwilioMessaging, url);
        assert_eq!(
            target("https://messaging.twilio.com/v1/a?b=c"),
            Some("/v1/a?b=c")
        );
        assert_eq!(target("http://127.0.0.1:4010/double/v1/a"), Some("/v1/a"));
        for url in [
            "https://messaging.twilio.com.example/v1/a",
            "https://messaging.twilio.com@example/v1/a",
            "https://messaging.twilio.com:8443/v1/a",
            "http://messaging.twilio.com/v1/a",
            "https://api.twilio.com/v1/a",
            "http://127.0.0.1:40100/double/v1/a",
            "/v1/a",
            "https://messaging.twilio.com",
        ] {
            assert_eq!(target(url), None, "{url}");
        }
    }

    fn bases(base: Option<&str>) -> BaseUrls {
        let variable = base.map(|base| ("TWILIO_API_BASE_URL", base));
        BaseUrls::from_environment(&Environment::of(variable)).unwrap()
    }

    #[test]
    fn a_redirect_leads_to_where_twilio_keeps_files_and_nowhere_else() {
        let bases = bases(None);
        for location in [
            "https://mms.twiliocdn.com/AC1/ME1?token=1",
            "https://media.twiliocdn.com/a",
            "https://s3-external-1.amazonaws.com/media.twiliocdn.com/AC1/ME1",
            "https://s3.amazonaws.com/bucket/a",
            "https://bucket.s3.amazonaws.com/a",
            "https://my.bucket.s3.eu-central-1.amazonaws.com/a",
            "https://bucket.s3-us-west-2.amazonaws.com/a",
            "https://bucket.s3.dualstack.us-gov-west-1.amazonaws.com/a",
        ] {
            let redirect = bases.redirect(Host::TwilioApi, location).unwrap();
            assert!(!redirect.is_same_origin, "{location}");
        }
        for location in [
            "http://mms.twiliocdn.com/a",
            "https://mms.twiliocdn.com:8443/a",
            "https://user:word@mms.twiliocdn.com/a",
            "https://twiliocdn.com.example/a",
            "https://eviltwiliocdn.com/a",
            "https://bucket.s3.amazonaws.com.example/a",
            "https://s3.execute-api.us-east-1.amazonaws.com/a",
            "https://id.execute-api.us-east-1.amazonaws.com/a",
            "https://s3.us-east-1.elb.amazonaws.com/a",
            "https://s3-1.us-east-1.elb.amazonaws.com/a",
            "https://s3x.us-east-1.amazonaws.com/a",
            "https://amazonaws.com/a",
            "https://169.254.169.254/latest/meta-data",
            "http://127.0.0.1:4010/a",
            "https://example.com/a",
            "file:///etc/passwd",
            "//example.com/a",
        ] {
            assert_eq!(
                bases.redirect(Host::TwilioApi, location),
                None,
                "{location}"
            );
        }
    }

    #[test]
    fn the_host_that_redirects_to_itself_is_told_from_others() {
        let bases = bases(None);
        let leads = |location| bases.redirect(Host::TwilioApi, location).unwrap();
        assert!(leads("/2010-04-01/other?a=b").is_same_origin);
        assert!(leads("https://api.twilio.com/other").is_same_origin);
        assert!(!leads("https://accounts.twilio.com/other").is_same_origin);
    }

    #[test]
    fn every_port_of_a_configured_machine_stands_for_where_twilio_keeps_files() {
        let bases = bases(Some("http://127.0.0.1:4010"));
        let leads = |location| bases.redirect(Host::TwilioApi, location);
        assert!(leads("http://127.0.0.1:4010/a").unwrap().is_same_origin);
        assert!(!leads("http://127.0.0.1:4011/a").unwrap().is_same_origin);
        assert!(leads("http://127.0.0.2:4011/a").is_none());
        assert!(leads("http://localhost:4011/a").is_none());
    }
}
