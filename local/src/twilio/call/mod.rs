//! Phone calls: executes the TwiML that the webhooks answer, and reports what happens, as Twilio does.

mod callbacks;
mod dial;
mod prompt;
mod record;
mod run;
mod script;
mod story;

pub(crate) use run::absolute;
pub use run::simulate_call;
pub use script::{CallOrigin, CallScript, DialOutcome, Party, RecordingEnd, VoicemailOutcome};
pub use story::{Ending, Step, Story};
