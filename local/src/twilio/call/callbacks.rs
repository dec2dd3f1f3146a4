//! The callbacks of a call: delivered at once, or kept and upset.

use super::run::Run;
use super::story::Step;
use crate::twilio::disorder::Disorder;
use crate::twilio::parameters::Parameters;
use crate::twilio::payload::{CallLeg, CallProgress, CallStatus, Recording, RecordingStatus};
use crate::twilio::twiml::{Link, StatusCallback};
use crate::twilio::webhook::{Purpose, Webhook};

impl Run<'_> {
    /// Delivers a callback, or keeps it until the call has ended when callbacks are upset.
    pub(super) async fn report(&mut self, webhook: Webhook) {
        if self.script.callbacks == Disorder::none() {
            let exchange = self.sender.deliver(&webhook).await;
            self.steps.push(Step::Webhook(Box::new(exchange)));
        } else {
            self.kept_callbacks.push(webhook);
        }
    }

    /// Delivers a callback after the next document was fetched, or after the call: a recording takes a while to be ready.
    pub(super) fn report_later(&mut self, webhook: Webhook) {
        self.late_callbacks.push(webhook);
    }

    /// Delivers what is late.
    pub(super) async fn report_late(&mut self) {
        for webhook in std::mem::take(&mut self.late_callbacks) {
            self.report(webhook).await;
        }
    }

    /// Delivers what was kept, as the script's disorder says.
    pub(super) async fn report_kept(&mut self) {
        let callbacks = std::mem::take(&mut self.kept_callbacks);
        let disorder = &self.script.callbacks;
        let arrived = disorder.arrange(callbacks.len());
        for (index, webhook) in callbacks.iter().enumerate() {
            if !arrived.contains(&index) {
                self.steps.push(Step::Lost(webhook.purpose));
            }
        }
        for exchange in self.sender.deliver_all(&callbacks, disorder).await {
            self.steps.push(Step::Webhook(Box::new(exchange)));
        }
    }

    /// A callback to a URL that the current document names.
    pub(super) fn callback(
        &mut self,
        link: &Link,
        purpose: Purpose,
        parameters: Parameters,
    ) -> Option<Webhook> {
        let mut webhook = Webhook::new(purpose, self.resolve(&link.url)?, parameters);
        webhook.method = link.method;
        Some(webhook)
    }

    /// A recording's new status, if it is wanted. That it runs is told at once, how it ended later.
    pub(super) async fn report_recording(
        &mut self,
        callback: Option<&StatusCallback>,
        recording: &Recording,
        status: RecordingStatus,
    ) {
        let Some(callback) = callback.filter(|callback| callback.wants(status.as_str())) else {
            return;
        };
        let parameters = recording.parameters(status);
        let Some(webhook) = self.callback(&callback.link, Purpose::RecordingStatus, parameters)
        else {
            return;
        };
        match status {
            RecordingStatus::InProgress => self.report(webhook).await,
            _ => self.report_later(webhook),
        }
    }
}

/// A leg that a `<Dial>` rings.
#[derive(Debug)]
pub(super) struct ChildLeg {
    pub(super) leg: CallLeg,
    pub(super) target: String,
    pub(super) callback: Option<StatusCallback>,
    pub(super) sequence: u32,
}

impl Run<'_> {
    /// The leg is somewhere else now: a step of the story, and a callback if it is wanted. `seconds` is how long it was
    /// answered.
    pub(super) async fn leg_is(
        &mut self,
        child: &mut ChildLeg,
        status: CallStatus,
        seconds: Option<u32>,
    ) {
        let target = Some(child.target.clone());
        self.steps.push(Step::Status {
            leg: child.leg.sid.clone(),
            target,
            status,
        });
        if let Some(callback) = child
            .callback
            .clone()
            .filter(|callback| callback.wants(status.event()))
        {
            let sequence = child.sequence;
            child.sequence = sequence.saturating_add(1);
            let progress = CallProgress {
                status,
                time: self.now(),
                sequence,
                seconds,
                recording: None,
            };
            let parameters = progress.parameters(&child.leg);
            if let Some(webhook) = self.callback(&callback.link, Purpose::CallStatus, parameters) {
                self.report(webhook).await;
            }
        }
    }
}
