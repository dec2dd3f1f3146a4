//! The command line of `simulate`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use shared::sid::MessageSid;

use super::webhook::Forgery;

/// Plays Twilio: sends a signed webhook to the functions and shows the answer.
#[derive(Debug, Clone, Args)]
pub struct SimulateArguments {
    /// What happens at Twilio.
    #[command(subcommand)]
    pub event: SimulatedEvent,
}

impl SimulateArguments {
    /// The slug of the tenant it happens to.
    #[must_use]
    pub fn tenant(&self) -> &str {
        match &self.event {
            SimulatedEvent::Sms(arguments) => &arguments.common.tenant,
            SimulatedEvent::Whatsapp(arguments) => &arguments.common.tenant,
            SimulatedEvent::Call(arguments) => &arguments.common.tenant,
            SimulatedEvent::Status(arguments) => &arguments.common.tenant,
        }
    }
}

/// What happens at Twilio.
#[derive(Debug, Clone, Subcommand)]
pub enum SimulatedEvent {
    /// Somebody sends an SMS or MMS.
    Sms(SmsArguments),
    /// Somebody sends a WhatsApp message.
    Whatsapp(WhatsappArguments),
    /// Somebody calls; the TwiML that comes back is executed.
    Call(CallArguments),
    /// A sent message changes its status.
    Status(StatusArguments),
}

/// What every event has.
#[derive(Debug, Clone, Args)]
pub struct CommonArguments {
    /// The tenant it happens to.
    #[arg(long, default_value = "acme")]
    pub tenant: String,
    /// Makes the SIDs the same every time, drawn from this number.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// What goes wrong on the way.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Misbehaviour")]
pub struct MisbehaviourArguments {
    /// Delivers this many more copies, as Twilio may.
    #[arg(long, value_name = "COPIES", default_value_t = 0)]
    pub duplicate: usize,
    /// Waits so many milliseconds before each delivery.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub delay: u64,
    #[command(flatten)]
    forgery: ForgeryArguments,
}

#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
struct ForgeryArguments {
    /// Changes a parameter after signing.
    #[arg(long)]
    tamper: bool,
    /// Signs with somebody else's token.
    #[arg(long)]
    wrong_token: bool,
    /// Sends no signature.
    #[arg(long)]
    unsigned: bool,
    /// Names another account in the URL.
    #[arg(long)]
    wrong_account: bool,
}

impl MisbehaviourArguments {
    /// What is wrong about the request.
    #[must_use]
    pub fn forgery(&self) -> Forgery {
        match &self.forgery {
            ForgeryArguments { tamper: true, .. } => Forgery::TamperedBody,
            ForgeryArguments {
                wrong_token: true, ..
            } => Forgery::WrongToken,
            ForgeryArguments { unsigned: true, .. } => Forgery::MissingSignature,
            ForgeryArguments {
                wrong_account: true,
                ..
            } => Forgery::OtherAccount,
            _ => Forgery::None,
        }
    }

    /// What passes before each delivery.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay)
    }
}

/// `simulate sms`.
#[derive(Debug, Clone, Args)]
pub struct SmsArguments {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub common: CommonArguments,
    /// Who writes.
    #[arg(long, default_value = "+15005550010")]
    pub from: String,
    /// To which number; the tenant's own unless given.
    #[arg(long)]
    pub to: Option<String>,
    /// The text.
    #[arg(long, default_value = "Hello from the local stack")]
    pub body: String,
    /// Attaches this many pictures.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub media: usize,
    /// What Advanced Opt-Out makes of it.
    #[arg(long, value_enum)]
    pub opt_out: Option<OptOutArgument>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub misbehaviour: MisbehaviourArguments,
}

/// A value of `OptOutType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OptOutArgument {
    /// Wants no more messages.
    Stop,
    /// Wants messages again.
    Start,
    /// Asks for help.
    Help,
}

/// `simulate whatsapp`.
#[derive(Debug, Clone, Args)]
pub struct WhatsappArguments {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub common: CommonArguments,
    /// Who writes: a number, or with `--hidden-user` an id.
    #[arg(long, default_value = "+15005550010")]
    pub from: String,
    /// The writer has a user name and no visible number.
    #[arg(long)]
    pub hidden_user: bool,
    /// What the writer is called.
    #[arg(long, default_value = "Ana María")]
    pub profile_name: String,
    /// The text, or what is written below a file.
    #[arg(long, default_value = "Hello from the local stack")]
    pub body: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub content: WhatsappContentArguments,
    /// The message that is replied or reacted to.
    #[arg(long, value_name = "SID")]
    pub reply_to: Option<MessageSid>,
    /// The writer came through an advertisement.
    #[arg(long)]
    pub advertisement: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub misbehaviour: MisbehaviourArguments,
}

/// What a WhatsApp message is, if not text.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub struct WhatsappContentArguments {
    /// Attaches a file of this type.
    #[arg(long, value_name = "TYPE", num_args = 0..=1, default_missing_value = "image/jpeg")]
    pub media: Option<String>,
    /// Taps a quick reply with this text.
    #[arg(long, value_name = "TEXT")]
    pub button: Option<String>,
    /// Chooses the list entry with this title.
    #[arg(long, value_name = "TITLE")]
    pub list: Option<String>,
    /// Sends a place, as latitude and longitude in degrees.
    #[arg(long, value_name = "LATITUDE,LONGITUDE", value_parser = location, allow_hyphen_values = true)]
    pub location: Option<(f64, f64)>,
    /// Reacts with an emoji.
    #[arg(long, value_name = "EMOJI")]
    pub reaction: Option<String>,
}

fn location(text: &str) -> Result<(f64, f64), String> {
    let degrees = |part: &str, most: f64| {
        part.trim()
            .parse::<f64>()
            .ok()
            .filter(|degrees| degrees.abs() <= most)
    };
    text.split_once(',')
        .and_then(|(latitude, longitude)| {
            Some((degrees(latitude, 90.0)?, degrees(longitude, 180.0)?))
        })
        .ok_or_else(|| {
            "expected latitude and longitude in degrees, for instance 48.2,16.37".to_owned()
        })
}

/// `simulate call`.
#[derive(Debug, Clone, Args)]
pub struct CallArguments {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub common: CommonArguments,
    /// Who calls.
    #[arg(long, default_value = "+15005550010", conflicts_with = "browser_user")]
    pub from: String,
    /// This user calls from a browser, through the TwiML App.
    #[arg(long, value_name = "IDENTITY")]
    pub browser_user: Option<String>,
    /// Who is called: the tenant's number unless given, or what a browser sends as `To`, +12125550100 unless given.
    #[arg(long)]
    pub to: Option<String>,
    /// What comes of dialling.
    #[arg(long, value_enum, default_value_t = DialArgument::Completed)]
    pub dial: DialArgument,
    /// Which of several who are rung answers, counted from 0.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub answered_by: usize,
    /// How long both talk, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 42)]
    pub talk: u32,
    /// Who hangs up then.
    #[arg(long, value_enum, default_value_t = PartyArgument::Callee)]
    pub hung_up_by: PartyArgument,
    /// How long the caller's voicemail is, in seconds; `none` for silence.
    #[arg(long, value_name = "SECONDS|none", default_value = "7", value_parser = voicemail)]
    pub voicemail: VoicemailArgument,
    /// The keys that the caller presses, once for every menu.
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    pub keys: Vec<String>,
    /// Delivers the callbacks after the call, in an order and number drawn from this number.
    #[arg(long, value_name = "NUMBER")]
    pub shuffle: Option<u64>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub misbehaviour: MisbehaviourArguments,
}

/// What comes of dialling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DialArgument {
    /// Somebody answers, talks and hangs up.
    Completed,
    /// Everybody is busy.
    Busy,
    /// Nobody answers.
    NoAnswer,
    /// The call cannot be made.
    Failed,
    /// The caller hangs up while it rings.
    CallerHangsUp,
}

/// Somebody in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PartyArgument {
    /// Who called.
    Caller,
    /// Who was dialled.
    Callee,
}

/// A caller's voicemail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoicemailArgument(pub Option<u32>);

fn voicemail(text: &str) -> Result<VoicemailArgument, String> {
    match text {
        "none" => Ok(VoicemailArgument(None)),
        _ => text
            .parse()
            .map(|seconds| VoicemailArgument(Some(seconds)))
            .map_err(|_| "expected a number of seconds, or none".to_owned()),
    }
}

/// `simulate status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArguments {
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub common: CommonArguments,
    /// The message whose status changes.
    #[arg(long, value_name = "SID")]
    pub message: MessageSid,
    /// Its statuses in turn, for instance `sent,delivered`.
    #[arg(long, value_delimiter = ',', default_value = "delivered")]
    pub status: Vec<String>,
    /// How it travels.
    #[arg(long, value_enum, default_value_t = ChannelArgument::Sms)]
    pub channel: ChannelArgument,
    /// Who the message was sent to.
    #[arg(long, default_value = "+15005550010")]
    pub to: String,
    /// The error code of a status `failed` or `undelivered`, for instance 30003, or 63016 on WhatsApp.
    #[arg(long, value_name = "CODE")]
    pub error: Option<u32>,
    /// Delivers the statuses in an order and number drawn from this number.
    #[arg(long, value_name = "NUMBER")]
    pub shuffle: Option<u64>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would show it as help")]
    pub misbehaviour: MisbehaviourArguments,
}

/// How a message travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChannelArgument {
    /// SMS or MMS.
    Sms,
    /// WhatsApp.
    Whatsapp,
}

#[cfg(test)]
mod tests;
