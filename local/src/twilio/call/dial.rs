//! `<Dial>`: rings parties, bridges the caller with one, and asks how to go on.

use super::callbacks::ChildLeg;
use super::run::{Fetch, Next, Run};
use super::script::{DialOutcome, Party};
use super::story::{Ending, Step};
use crate::twilio::payload::{CallStatus, DialResult, Recording, RecordingSource, RecordingStatus};
use crate::twilio::twiml::{Dial, Noun, NounKind, StatusCallback, Warning};
use crate::twilio::webhook::Purpose;

/// How long a phone rings before somebody answers or the network says no, in seconds.
const RINGS_FOR: u32 = 4;

impl Run<'_> {
    /// Rings as the document says, with the outcome that the script says.
    pub(super) async fn dial(&mut self, dial: Dial) -> Next {
        let conference = dial.nouns.iter().find_map(|noun| match &noun.kind {
            NounKind::Conference {
                recorded,
                recording_status_callback,
            } => Some((noun, recorded.then_some(recording_status_callback.clone()))),
            _ => None,
        });
        let (result, hung_up) = match conference {
            Some((noun, recorded)) => self.confer(noun, recorded).await,
            None => self.ring(&dial).await,
        };
        let Some(link) = dial.action else {
            return match hung_up {
                Some(party) => Next::End(Ending::HungUp(party)),
                None => Next::Verb,
            };
        };
        let extra = result.parameters();
        Next::Document(Fetch {
            purpose: Purpose::DialAction,
            link,
            extra,
            after_hangup: hung_up,
        })
    }

    async fn confer(
        &mut self,
        noun: &Noun,
        recorded: Option<Option<StatusCallback>>,
    ) -> (DialResult, Option<Party>) {
        self.answer();
        self.steps.push(Step::Conference(noun.target.clone()));
        if noun.status_callback.is_some() {
            self.steps
                .push(Step::NotSimulated("events of a conference".to_owned()));
        }
        let (seconds, hung_up) = match self.script.dial {
            DialOutcome::Completed {
                seconds,
                hung_up_by,
            } => (seconds, hung_up_by),
            DialOutcome::CallerHangsUp { after_seconds } => (after_seconds, Party::Caller),
            // Nobody else comes: the caller waits for a moment and is sent on.
            DialOutcome::Busy | DialOutcome::NoAnswer | DialOutcome::Failed => {
                (RINGS_FOR, Party::Callee)
            }
        };
        let mut recording = self.recording(RecordingSource::Conference, 1);
        self.pass(seconds);
        let result = DialResult {
            status: "answered".to_owned(),
            child: None,
            seconds: None,
            bridged: true,
            recording: None,
        };
        if let Some(callback) = recorded {
            recording.seconds = seconds;
            self.recorded(&recording, callback.as_ref()).await;
        }
        (result, (hung_up == Party::Caller).then_some(Party::Caller))
    }

    async fn ring(&mut self, dial: &Dial) -> (DialResult, Option<Party>) {
        let caller_id = dial
            .caller_id
            .clone()
            .unwrap_or_else(|| self.call.from.clone());
        let mut legs = Vec::new();
        for noun in &dial.nouns {
            if let NounKind::NotSimulated(name) = &noun.kind {
                self.steps
                    .push(Step::NotSimulated(format!("<{name}> in <Dial>")));
                continue;
            }
            if noun.whisper.is_some() {
                self.steps.push(Step::NotSimulated(
                    "the document of a dialled leg".to_owned(),
                ));
            }
            let is_client = noun.kind == NounKind::Client;
            let to = if is_client {
                format!("client:{}", noun.target)
            } else {
                noun.target.clone()
            };
            let leg = self.call.child(self.sender.sids().call(), &caller_id, &to);
            let callback = noun.status_callback.clone();
            legs.push((
                is_client,
                ChildLeg {
                    leg,
                    target: to,
                    callback,
                    sequence: 0,
                },
            ));
        }
        // Somebody in a browser, or who withholds the number, has none to show to the public network.
        let has_number = caller_id.starts_with('+');
        if legs.iter().any(|(is_client, _)| !is_client) && !has_number {
            let message = format!("`{caller_id}` is no caller ID for a phone number");
            self.steps.push(Step::Warning(Warning {
                code: 13_214,
                message,
            }));
            return self
                .unanswered(legs.pop().map(|(_, child)| child), CallStatus::Failed)
                .await;
        }
        let mut legs: Vec<ChildLeg> = legs.into_iter().map(|(_, child)| child).collect();
        if legs.is_empty() {
            return self.unanswered(None, CallStatus::Failed).await;
        }
        if dial.sequential {
            self.ring_in_turn(dial, legs).await
        } else {
            self.ring_group(dial, &mut legs).await
        }
    }

    /// One party after another, until one answers.
    async fn ring_in_turn(
        &mut self,
        dial: &Dial,
        legs: Vec<ChildLeg>,
    ) -> (DialResult, Option<Party>) {
        let answering = self.script.answered_by.min(legs.len().saturating_sub(1));
        let mut outcome = self.unanswered(None, CallStatus::NoAnswer).await;
        for (index, leg) in legs.into_iter().enumerate() {
            let is_answered = matches!(self.script.dial, DialOutcome::Completed { .. });
            let mut group = [leg];
            if is_answered && index < answering {
                outcome = self
                    .ring_group_with(dial, &mut group, DialOutcome::NoAnswer)
                    .await;
            } else {
                outcome = self.ring_group(dial, &mut group).await;
                if is_answered || outcome.1.is_some() {
                    break;
                }
            }
        }
        outcome
    }

    async fn ring_group(
        &mut self,
        dial: &Dial,
        legs: &mut [ChildLeg],
    ) -> (DialResult, Option<Party>) {
        self.ring_group_with(dial, legs, self.script.dial).await
    }

    /// All parties at once; the first to answer has the call.
    async fn ring_group_with(
        &mut self,
        dial: &Dial,
        legs: &mut [ChildLeg],
        outcome: DialOutcome,
    ) -> (DialResult, Option<Party>) {
        for leg in legs.iter_mut() {
            self.leg_is(leg, CallStatus::Initiated, None).await;
        }
        if outcome != DialOutcome::Failed {
            for leg in legs.iter_mut() {
                self.leg_is(leg, CallStatus::Ringing, None).await;
            }
        }
        let (status, rings_for, hung_up) = match outcome {
            DialOutcome::Completed {
                seconds,
                hung_up_by,
            } => {
                self.pass(RINGS_FOR.min(dial.timeout));
                return self.bridge(dial, legs, seconds, hung_up_by).await;
            }
            DialOutcome::Busy => (CallStatus::Busy, RINGS_FOR, None),
            DialOutcome::NoAnswer => (CallStatus::NoAnswer, dial.timeout, None),
            DialOutcome::Failed => (CallStatus::Failed, 0, None),
            DialOutcome::CallerHangsUp { after_seconds } => {
                (CallStatus::Canceled, after_seconds, Some(Party::Caller))
            }
        };
        self.pass(rings_for.min(dial.timeout));
        for leg in legs.iter_mut() {
            self.leg_is(leg, status, Some(0)).await;
        }
        let child = legs.last().map(|leg| leg.leg.sid.clone());
        let status = status.as_str().to_owned();
        (
            DialResult {
                status,
                child,
                seconds: None,
                bridged: false,
                recording: None,
            },
            hung_up,
        )
    }

    async fn bridge(
        &mut self,
        dial: &Dial,
        legs: &mut [ChildLeg],
        seconds: u32,
        hung_up_by: Party,
    ) -> (DialResult, Option<Party>) {
        let answering = self.script.answered_by.min(legs.len().saturating_sub(1));
        for (index, leg) in legs.iter_mut().enumerate() {
            if index == answering {
                self.leg_is(leg, CallStatus::InProgress, None).await;
            } else {
                self.leg_is(leg, CallStatus::NoAnswer, Some(0)).await;
            }
        }
        self.answer();
        let seconds = seconds.min(dial.time_limit);
        let mut recording = None;
        if let Some(mode) = dial.record {
            let mut begun =
                self.recording(RecordingSource::DialVerb, if mode.dual { 2 } else { 1 });
            let callback = dial.recording_status_callback.as_ref();
            self.report_recording(callback, &begun, RecordingStatus::InProgress)
                .await;
            begun.seconds = if mode.from_ringing {
                seconds.saturating_add(RINGS_FOR)
            } else {
                seconds
            };
            recording = Some(begun);
        }
        self.pass(seconds);
        let mut child = None;
        if let Some(leg) = legs.get_mut(answering) {
            self.leg_is(leg, CallStatus::Completed, Some(seconds)).await;
            child = Some(leg.leg.sid.clone());
        }
        if let Some(recording) = &recording {
            self.dial_recording = Some(recording.clone());
            self.recorded(recording, dial.recording_status_callback.as_ref())
                .await;
        }
        let status = CallStatus::Completed.as_str().to_owned();
        let result = DialResult {
            status,
            child,
            seconds: Some(seconds),
            bridged: true,
            recording,
        };
        (
            result,
            (hung_up_by == Party::Caller).then_some(Party::Caller),
        )
    }

    async fn recorded(&mut self, recording: &Recording, callback: Option<&StatusCallback>) {
        self.steps.push(Step::Recorded {
            recording: recording.sid.clone(),
            seconds: recording.seconds,
        });
        self.report_recording(callback, recording, RecordingStatus::Completed)
            .await;
    }

    /// A result without anybody having been reached.
    async fn unanswered(
        &mut self,
        child: Option<ChildLeg>,
        status: CallStatus,
    ) -> (DialResult, Option<Party>) {
        let mut sid = None;
        if let Some(mut child) = child {
            self.leg_is(&mut child, status, Some(0)).await;
            sid = Some(child.leg.sid);
        }
        let status = status.as_str().to_owned();
        (
            DialResult {
                status,
                child: sid,
                seconds: None,
                bridged: false,
                recording: None,
            },
            None,
        )
    }
}
