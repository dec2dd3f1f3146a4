//! Whole histories of calls and messages as Twilio tells them, and the disorder in which they may arrive.

use local::twilio::payload::{
    CallLeg, CallProgress, CallStatus, Channel, DialResult, InboundMessage, InboundWhatsapp, Media,
    MessageStatusCallback, Recording, RecordingSource, RecordingStatus, Transcription,
    WhatsappContent, WhatsappUser,
};
use local::twilio::{Parameters, SidSupply};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use shared::activity::Route;
use shared::sid::AccountSid;

/// The caller, or who writes.
const PERSON: &str = "+15005550010";
/// The tenant's number.
const NUMBER: &str = "+15005550006";
/// Whom the tenant's calls are forwarded to.
const STAFF: &str = "+15005550011";

/// One callback: the route that it comes by, and what Twilio says.
#[derive(Debug, Clone)]
pub(super) struct Callback {
    pub(super) route: Route,
    pub(super) parameters: Parameters,
}

/// What happened at Twilio. All SIDs are drawn from `seed`, so that two accounts can tell the same story.
#[derive(Debug, Clone)]
pub(super) struct Story {
    seed: u64,
    events: Events,
}

#[derive(Debug, Clone)]
enum Events {
    Call(CallEvents),
    Inbound {
        channel: Channel,
        body: String,
        has_media: bool,
    },
    /// The statuses of a message that was sent, and the error of the last.
    Outbound {
        channel: Channel,
        statuses: &'static [&'static str],
        error: Option<u32>,
    },
}

#[derive(Debug, Clone)]
struct CallEvents {
    from_browser: bool,
    /// How the dialled leg ends, if one is dialled.
    dialled: Option<CallStatus>,
    /// How the recording of both legs ends, if they talk and are recorded.
    recorded: Option<RecordingStatus>,
    /// What the caller leaves, if nobody answers: a text, or one that nobody understood.
    voicemail: Option<Option<String>>,
    seconds: u32,
}

/// Stories of calls.
pub(super) fn calls() -> impl Strategy<Value = Story> {
    use CallStatus::{Busy, Canceled, Completed, Failed, NoAnswer};
    let ends = select(vec![Completed, Completed, Busy, NoAnswer, Failed, Canceled]);
    let recorded = select(vec![
        RecordingStatus::Completed,
        RecordingStatus::Failed,
        RecordingStatus::Absent,
    ]);
    let call = (
        any::<bool>(),
        option::weighted(0.8, ends),
        option::of(recorded),
        option::of(option::of(".{1,12}")),
        1..200_u32,
    );
    let call = call.prop_map(|(from_browser, dialled, recorded, voicemail, seconds)| {
        Events::Call(CallEvents {
            from_browser,
            dialled,
            recorded,
            voicemail,
            seconds,
        })
    });
    stories(call)
}

/// Stories of messages.
pub(super) fn messages() -> impl Strategy<Value = Story> {
    let channel = || select(vec![Channel::Sms, Channel::Whatsapp]);
    let says = select(vec!["STOP", "start", "Yes"]).prop_map(str::to_owned);
    let body = prop_oneof![2 => ".{0,12}", 1 => says];
    let inbound =
        (channel(), body, any::<bool>()).prop_map(|(channel, body, has_media)| Events::Inbound {
            channel,
            body,
            has_media,
        });
    let outbound = select(vec![
        (Channel::Sms, &["queued", "sent", "delivered"][..], None),
        (
            Channel::Sms,
            &["sending", "sent", "undelivered"],
            Some(30_003),
        ),
        (Channel::Sms, &["queued", "failed"], Some(21_610)),
        (Channel::Sms, &["accepted", "scheduled", "canceled"], None),
        (
            Channel::Sms,
            &["sent", "partially_delivered", "delivered"],
            None,
        ),
        (Channel::Whatsapp, &["sent", "delivered", "read"], None),
        // The closed window shows itself after `sent` only.
        (
            Channel::Whatsapp,
            &["queued", "sent", "failed"],
            Some(63_016),
        ),
        // A status that nobody knows yet.
        (Channel::Whatsapp, &["sent", "pondered", "read"], None),
    ]);
    let outbound = outbound.prop_map(|(channel, statuses, error)| Events::Outbound {
        channel,
        statuses,
        error,
    });
    stories(prop_oneof![1 => inbound, 2 => outbound])
}

/// Stories of messages that say whether their writer wants any.
pub(super) fn opt_outs() -> impl Strategy<Value = Story> {
    let channel = select(vec![Channel::Sms, Channel::Whatsapp]);
    let words = select(vec!["STOP", "start", "Yes"]);
    stories(
        (channel, words).prop_map(|(channel, words)| Events::Inbound {
            channel,
            body: words.to_owned(),
            has_media: false,
        }),
    )
}

fn stories(events: impl Strategy<Value = Events>) -> impl Strategy<Value = Story> {
    (any::<u64>(), events).prop_map(|(seed, events)| Story { seed, events })
}

/// What is stored at one moment: one callback, or two side by side.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The callbacks by number.
    pub(super) callbacks: Vec<usize>,
    /// The second in which they were received. A step takes one; what was put aside was received some steps before.
    pub(super) received: i64,
}

/// How many seconds before it is stored a callback was received: none, unless it was put aside.
pub(super) fn put_aside_for() -> impl Strategy<Value = i64> {
    prop_oneof![2 => Just(0_i64), 1 => 1..20_i64]
}

/// The numbers of so many callbacks in any order, each as often as `copies` draws.
pub(super) fn in_any_order(
    callbacks: usize,
    copies: impl Strategy<Value = usize>,
) -> impl Strategy<Value = Vec<usize>> {
    let arrivals = vec(copies, callbacks).prop_map(|copies| {
        let each = copies.into_iter().enumerate();
        each.flat_map(|(number, copies)| std::iter::repeat_n(number, copies))
            .collect::<Vec<_>>()
    });
    arrivals.prop_shuffle()
}

/// Callbacks in any order, each up to three times.
pub(super) fn deliveries(callbacks: usize) -> impl Strategy<Value = Vec<Step>> {
    let copies = prop_oneof![3 => Just(1_usize), 2 => Just(2), 1 => Just(3)];
    in_any_order(callbacks, copies).prop_flat_map(|order| {
        let drawn = vec((any::<bool>(), put_aside_for()), order.len());
        (Just(order), drawn).prop_map(|(order, drawn)| {
            let mut steps: Vec<Step> = Vec::new();
            for (number, (is_together, delay)) in order.into_iter().zip(drawn) {
                let now = i64::try_from(steps.len()).unwrap();
                match steps.last_mut() {
                    Some(step) if is_together && step.callbacks.len() < 2 => {
                        step.callbacks.push(number);
                    }
                    _ => steps.push(Step {
                        callbacks: vec![number],
                        received: now - delay,
                    }),
                }
            }
            steps
        })
    })
}

impl Story {
    /// The callbacks in the order of what happened.
    pub(super) fn callbacks(&self, account: &AccountSid) -> Vec<Callback> {
        let sids = SidSupply::seeded(self.seed);
        match &self.events {
            Events::Call(events) => events.callbacks(account, &sids),
            Events::Inbound {
                channel,
                body,
                has_media,
            } => vec![inbound(account, &sids, *channel, body, *has_media)],
            Events::Outbound {
                channel,
                statuses,
                error,
            } => {
                let sid = sids.message(false);
                let route = match channel {
                    Channel::Sms => Route::SmsStatus,
                    Channel::Whatsapp => Route::WhatsappStatus,
                };
                let last = statuses.len() - 1;
                let callback = |(number, status): (usize, &&str)| {
                    let (account, sid) = (account.clone(), sid.clone());
                    let mut callback =
                        MessageStatusCallback::new(account, sid, *channel, NUMBER, PERSON, status);
                    if let Some(code) = error.filter(|_| number == last) {
                        callback = callback.with_error(code, "Why it failed");
                    }
                    Callback {
                        route,
                        parameters: callback.parameters(moment(0)),
                    }
                };
                statuses.iter().enumerate().map(callback).collect()
            }
        }
    }
}

/// A message that came in.
fn inbound(
    account: &AccountSid,
    sids: &SidSupply,
    channel: Channel,
    body: &str,
    has_media: bool,
) -> Callback {
    let sid = sids.message(has_media);
    let media = has_media.then(|| Media::of(account, &sid, "image/jpeg", sids));
    match channel {
        Channel::Sms => {
            let mut message = InboundMessage::text(account.clone(), sid, PERSON, NUMBER, body);
            message.media.extend(media);
            Callback {
                route: Route::Sms,
                parameters: message.parameters(),
            }
        }
        Channel::Whatsapp => {
            let content = match media {
                None => WhatsappContent::Text(body.to_owned()),
                Some(media) => WhatsappContent::Media {
                    media,
                    caption: body.to_owned(),
                },
            };
            let user = WhatsappUser::Number(PERSON.to_owned());
            let message = InboundWhatsapp::new(account.clone(), sid, user, NUMBER, content);
            Callback {
                route: Route::Whatsapp,
                parameters: message.parameters(),
            }
        }
    }
}

impl CallEvents {
    fn callbacks(&self, account: &AccountSid, sids: &SidSupply) -> Vec<Callback> {
        let parent = if self.from_browser {
            CallLeg::from_browser(
                account.clone(),
                sids.call(),
                "agent_1",
                STAFF,
                &sids.sid("AP"),
            )
        } else {
            CallLeg::inbound(account.clone(), sids.call(), PERSON, NUMBER)
        };
        let mut callbacks = Vec::new();
        let mut tell = |route, parameters| callbacks.push(Callback { route, parameters });
        tell(Route::Voice, parent.parameters(CallStatus::Ringing));
        let talk = (self.dialled == Some(CallStatus::Completed)).then_some(self.seconds);
        if let Some(end) = self.dialled {
            let child = parent.child(sids.call(), NUMBER, STAFF);
            let recording = self.recorded.filter(|_| talk.is_some()).map(|end| {
                (
                    recording(&parent, sids, RecordingSource::DialVerb, self.seconds),
                    end,
                )
            });
            let answered = talk.map(|_| CallStatus::InProgress);
            let statuses = [CallStatus::Initiated, CallStatus::Ringing];
            let statuses = statuses.into_iter().chain(answered).chain([end]);
            for (sequence, status) in (0..).zip(statuses) {
                tell(
                    Route::VoiceStatus,
                    progress(status, sequence, talk).parameters(&child),
                );
            }
            if let Some((recording, end)) = &recording {
                for status in [RecordingStatus::InProgress, *end] {
                    tell(Route::VoiceRecording, recording.parameters(status));
                }
            }
            let result = DialResult {
                status: end.as_str().to_owned(),
                child: Some(child.sid.clone()),
                seconds: talk,
                bridged: talk.is_some(),
                recording: recording.map(|(recording, _)| recording),
            };
            let parameters = parent.parameters(CallStatus::InProgress);
            tell(Route::VoiceDial, parameters.and(&result.parameters()));
        }
        if let Some(text) = self.voicemail.as_ref().filter(|_| talk.is_none()) {
            let recording = recording(&parent, sids, RecordingSource::RecordVerb, 7);
            let parameters = parent.parameters(CallStatus::Completed);
            tell(
                Route::VoiceVoicemail,
                parameters.and(&recording.action_parameters(Some("hangup"))),
            );
            tell(
                Route::VoiceRecording,
                recording.parameters(RecordingStatus::Completed),
            );
            let transcription = Transcription {
                sid: sids.sid("TR"),
                text: text.clone(),
            };
            tell(
                Route::VoiceTranscription,
                transcription.parameters(&parent, CallStatus::Completed, &recording),
            );
        }
        tell(
            Route::VoiceStatus,
            progress(CallStatus::Completed, 0, Some(self.seconds)).parameters(&parent),
        );
        callbacks
    }
}

fn recording(leg: &CallLeg, sids: &SidSupply, source: RecordingSource, seconds: u32) -> Recording {
    Recording {
        account: leg.account.clone(),
        sid: sids.recording(),
        call: leg.sid.clone(),
        source,
        channels: 1,
        started: moment(0),
        seconds,
    }
}

fn progress(status: CallStatus, sequence: u32, seconds: Option<u32>) -> CallProgress {
    CallProgress {
        status,
        time: moment(i64::from(sequence)),
        sequence,
        seconds,
        recording: None,
    }
}

/// Some seconds after everything began.
pub(super) fn moment(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_760_000_000 + seconds).unwrap()
}
