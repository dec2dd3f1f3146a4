//! Which service a request is for.

use super::credential::Fingerprint;
use super::{Known, Service, elevenlabs, google, resend, vapi};
use crate::double::{Answer, Played, Refusal, Request};
use crate::emulators::wire::Target;

/// The service whose prefix a path has, and the rest of the path.
fn service(path: &str) -> Option<(Service, &str)> {
    let path = path.strip_prefix('/')?;
    Service::ALL.into_iter().find_map(|service| {
        let rest = path.strip_prefix(service.as_str())?;
        rest.starts_with('/').then_some((service, rest))
    })
}

impl Played for Known {
    const NAME: &'static str = "the providers' double";

    fn targets(&self, request: &Request) -> Vec<Target> {
        let Some((service, _)) = service(&request.path) else {
            return Vec::new();
        };
        let given = match service {
            Service::Vapi | Service::Resend => request.bearer().map(Fingerprint::of),
            Service::ElevenLabs => request.header(elevenlabs::HEADER).map(Fingerprint::of),
            Service::GoogleOauth => google::token_of(request).map(|token| Fingerprint::of(&token)),
            Service::GoogleApi => request.bearer().map(|token| {
                let token = Fingerprint::of(token);
                let state = self.lock();
                state.google.grant_behind(&token).cloned().unwrap_or(token)
            }),
        };
        vec![Target {
            resource: service.as_str().to_owned(),
            partition: given.map(|given| given.as_str().to_owned()),
            index: None,
            action: None,
        }]
    }

    fn answer(&self, request: &Request) -> Answer {
        let mut state = self.lock();
        match service(&request.path) {
            None => Answer::new(404, "text/plain", "no provider has this path\n"),
            Some((Service::Vapi, path)) => vapi::answer(&state.vapi, request, path),
            Some((Service::GoogleOauth, path)) => google::oauth(
                &mut state.google,
                request,
                path,
                self.clock.now(),
                &self.sids,
            ),
            Some((Service::GoogleApi, path)) => {
                google::api(&state.google, request, path, self.clock.now())
            }
            Some((Service::Resend, path)) => resend::answer(&state.resend, request, path),
            Some((Service::ElevenLabs, path)) => {
                elevenlabs::answer(&state.elevenlabs, request, path)
            }
        }
    }

    fn refusal(&self, request: &Request, refusal: Refusal) -> Answer {
        match service(&request.path) {
            None => Answer::new(404, "text/plain", "no provider has this path\n"),
            Some((Service::Vapi, _)) => vapi::refusal(refusal),
            Some((Service::GoogleOauth, _)) => google::oauth_refusal(refusal),
            Some((Service::GoogleApi, _)) => google::api_refusal(refusal),
            Some((Service::Resend, _)) => resend::refusal(refusal),
            Some((Service::ElevenLabs, _)) => elevenlabs::refusal(refusal),
        }
    }
}
