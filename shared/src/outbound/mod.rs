//! The one way out to the providers: Twilio, Vapi, Google, Resend, `ElevenLabs`.
//!
//! Hosts are fixed or configured by the operator; none comes from a tenant. A [`Call`] says what is asked, [`Outbound::send`]
//! asks it within the caller's deadline, again where that is safe, and writes one log line about it.

mod answer;
mod call;
mod connections;
mod error;
mod host;
mod log;
mod media;
mod retry;
#[cfg(test)]
pub(crate) mod scripted;
mod tally;
#[cfg(test)]
mod tests;

use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use tokio::time::{Instant, sleep_until, timeout_at};
use zeroize::Zeroizing;

pub use self::tally::Tally;
use crate::clock::Clock;
use crate::environment::Environment;
pub use answer::Answer;
pub use call::Call;
use connections::Connections;
pub use error::CallError;
use host::BaseUrls;
pub use host::Host;
pub(crate) use host::Redirect;
pub use media::{Media, MediaFault, PIECE_LIMIT, SKIP_LIMIT, Wanted};

/// How long one attempt may take, answer and all. Three of them fit into the 21 seconds that an API function has for its calls
/// to providers, and a fourth that is cut short.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(6);

/// What has to be left for an attempt to be worth waiting for: a connection, TLS and an answer from another continent.
const LEAST_ATTEMPT: Duration = Duration::from_secs(1);

/// The most bytes of an answer that are read. The largest that are asked for, pages of 100 phone numbers, have about 200 kB.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// The HTTP client of a process, for all providers and all tenants. Credentials are part of each call.
pub struct Outbound {
    bases: BaseUrls,
    connections: Connections,
    clock: Clock,
}

impl Outbound {
    /// Reads where the providers are (`TWILIO_API_BASE_URL`, `VAPI_API_BASE_URL`, `GOOGLE_OAUTH_BASE_URL`,
    /// `GOOGLE_API_BASE_URL`, `RESEND_API_BASE_URL`, `ELEVENLABS_API_BASE_URL`; the real hosts where one is not set) and
    /// builds the client. No connection is opened.
    /// `None` when a variable is malformed, which is then a fault of the environment.
    #[must_use]
    pub fn from_environment(environment: &Environment) -> Option<Self> {
        Self::with_clock(environment, Clock::system())
    }

    fn with_clock(environment: &Environment, clock: Clock) -> Option<Self> {
        let bases = BaseUrls::from_environment(environment);
        let connections = Connections::new(clock.clone());
        if connections.is_none() {
            environment.fault("the TLS client could not be built".to_owned());
        }
        Some(Self {
            bases: bases?,
            connections: connections?,
            clock,
        })
    }

    /// Makes a call. An answer of any status but 429 is returned as it came: the caller knows the provider's words.
    ///
    /// It is made at most four times, with growing random pauses: any call after a 429 or when no connection came about,
    /// and a call that is safe to repeat ([`Call::repeatable`]) also after a 5xx, a broken connection or a silence.
    /// `Retry-After` is kept when it ends before the deadline; otherwise nothing is waited for.
    ///
    /// # Errors
    /// Why there is no answer; after several attempts, why the last one failed.
    pub async fn send(&self, call: Call<'_>) -> Result<Answer, CallError> {
        let (started, mut attempts) = (Instant::now(), 0);
        let result = self.attempts(&call, &mut attempts).await;
        log::write(&call, &result, attempts, started.elapsed());
        result
    }

    /// The address that a call would go to, when it was given one by the provider ("the next page is there"): the path and
    /// query, if the address belongs to `host`.
    pub(crate) fn target_of<'u>(&self, host: Host, url: &'u str) -> Option<&'u str> {
        self.bases.target_of(host, url)
    }

    /// Where a redirect of `host` leads, if files are kept there.
    pub(crate) fn redirect(&self, host: Host, location: &str) -> Option<Redirect> {
        self.bases.redirect(host, location)
    }

    async fn attempts(&self, call: &Call<'_>, attempts: &mut u32) -> Result<Answer, CallError> {
        let mut before = None;
        // What must not be sent twice never goes out on a connection that may be dead: nobody could tell whether it arrived.
        let mut is_pooled = call.is_repeatable();
        loop {
            *attempts += 1;
            let client = match is_pooled {
                true => self.connections.pooled(),
                false => self.connections.fresh(),
            };
            let outcome = self.attempt(call, &client).await;
            Tally::take(&outcome);
            let outcome = match (outcome, before.take()) {
                // The call's time was over in the middle: what the provider said before says more than that.
                (Err(CallError::TimedOut), Some(before)) if call.deadline() <= Instant::now() => {
                    return before;
                }
                (outcome, _) => outcome,
            };
            let pause = retry::pause(call.is_repeatable(), is_pooled, &outcome, *attempts);
            let resume = pause.and_then(|pause| Instant::now().checked_add(pause));
            let is_in_time = |resume: &Instant| *resume + LEAST_ATTEMPT <= call.deadline();
            let Some(resume) = resume.filter(is_in_time) else {
                return outcome;
            };
            sleep_until(resume).await;
            // Where one pooled connection is dead, the others likely are too.
            is_pooled &= !matches!(outcome, Err(CallError::Interrupted { .. }));
            before = Some(outcome);
        }
    }

    async fn attempt(&self, call: &Call<'_>, client: &Client) -> Result<Answer, CallError> {
        let now = Instant::now();
        if call.deadline() <= now {
            return Err(CallError::TimedOut);
        }
        let request = call
            .request(client, &self.bases)
            .ok_or(CallError::Unsendable)?;
        let until = call.deadline().min(now + ATTEMPT_TIMEOUT);
        let sent = timeout_at(until, request.send()).await;
        let response = sent.map_err(|_| CallError::TimedOut)?;
        let response = response.map_err(CallError::of)?;
        let wanted = call.wanted().filter(|_| media::is_media(response.status()));
        let answer = match wanted {
            // A piece of a file may take long; that it is on its way is known by then.
            Some(wanted) => timeout_at(call.deadline(), self.read_media(response, wanted)).await,
            None => timeout_at(until, self.read(response)).await,
        };
        let answer = answer.unwrap_or(Err(CallError::TimedOut))?.to(call);
        if answer.status() == StatusCode::TOO_MANY_REQUESTS.as_u16() {
            let retry_after = answer.retry_after();
            return Err(CallError::RateLimited {
                retry_after,
                answer,
            });
        }
        Ok(answer)
    }

    /// Reads an answer piece by piece, so that a huge one is given up and never held.
    async fn read(&self, mut response: Response) -> Result<Answer, CallError> {
        let limit = u64::try_from(ANSWER_LIMIT).unwrap_or(u64::MAX);
        let length = response.content_length().unwrap_or_default();
        if length > limit {
            return Err(CallError::TooLarge);
        }
        // As long as it becomes, where that is said, so that nothing of it stays behind where it grew.
        let length = usize::try_from(length).unwrap_or_default();
        let mut body = Zeroizing::new(Vec::with_capacity(length));
        while let Some(piece) = response.chunk().await.map_err(CallError::of)? {
            if body.len() + piece.len() > ANSWER_LIMIT {
                return Err(CallError::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer::new(
            response.status().as_u16(),
            response.headers(),
            body,
            self.clock.now(),
        ))
    }

    /// Reads the wanted piece of a file instead.
    async fn read_media(&self, response: Response, wanted: Wanted) -> Result<Answer, CallError> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let media = media::read(response, wanted).await?;
        let nothing = Zeroizing::default();
        Ok(Answer::new(status, &headers, nothing, self.clock.now()).with_media(media))
    }
}
