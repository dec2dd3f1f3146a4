//! What Twilio sends to a test's tenant, and what is stored of it afterwards.

use local::twilio::call::{CallOrigin, CallScript, Step, Story, simulate_call};
use local::twilio::payload::{
    Channel, InboundMessage, InboundWhatsapp, MessageStatusCallback, WhatsappContent, WhatsappUser,
};
use local::twilio::{Disorder, Exchange, Parameters, Purpose, Request, Webhook, reply_statuses};
use shared::activity::{Call, Fact, Message, Recording, Resource};
use shared::clock::Clock;
use shared::sid::{CallSid, MessageSid, RecordingSid};

use crate::harness::Tenant;

/// Somebody who writes to a tenant, calls it, and is written to.
pub(crate) const CONTACT: &str = "+15005550010";

/// The TwiML that answers nothing.
pub(crate) const EMPTY_RESPONSE: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;

/// Messages.
impl Tenant {
    /// An SMS from [`CONTACT`] that is not sent yet.
    pub(crate) fn sms(&self, body: &str) -> InboundMessage {
        let sid = self.sender.sids().message(false);
        let account = self.sender.account().sid.clone();
        InboundMessage::text(account, sid, CONTACT, &self.target.phone_number, body)
    }

    /// What tells of an SMS or MMS.
    pub(crate) fn sms_webhook(&self, message: &InboundMessage) -> Webhook {
        let parameters = message.parameters();
        Webhook::new(Purpose::InboundMessage, self.target.sms_url(), parameters)
    }

    /// Delivers an SMS or MMS.
    pub(crate) async fn receive_sms(&self, message: &InboundMessage) -> Exchange {
        self.sender.deliver(&self.sms_webhook(message)).await
    }

    /// A WhatsApp message from [`CONTACT`] that is not sent yet.
    pub(crate) fn whatsapp(&self, content: WhatsappContent) -> InboundWhatsapp {
        let from = WhatsappUser::Number(CONTACT.to_owned());
        self.whatsapp_from(from, content)
    }

    /// A WhatsApp message that is not sent yet.
    pub(crate) fn whatsapp_from(
        &self,
        from: WhatsappUser,
        content: WhatsappContent,
    ) -> InboundWhatsapp {
        let has_media = matches!(content, WhatsappContent::Media { .. });
        let sid = self.sender.sids().message(has_media);
        let account = self.sender.account().sid.clone();
        InboundWhatsapp::new(account, sid, from, &self.target.whatsapp_sender, content)
    }

    /// What tells of a WhatsApp message.
    pub(crate) fn whatsapp_webhook(&self, message: &InboundWhatsapp) -> Webhook {
        let (url, parameters) = (self.target.whatsapp_url(), message.parameters());
        Webhook::new(Purpose::InboundMessage, url, parameters)
    }

    /// Delivers a WhatsApp message.
    pub(crate) async fn receive_whatsapp(&self, message: &InboundWhatsapp) -> Exchange {
        self.sender.deliver(&self.whatsapp_webhook(message)).await
    }

    /// A new status of a message to [`CONTACT`].
    pub(crate) fn status(
        &self,
        channel: Channel,
        sid: &MessageSid,
        status: &str,
    ) -> MessageStatusCallback {
        let account = self.sender.account().sid.clone();
        let from = match channel {
            Channel::Sms => &self.target.phone_number,
            Channel::Whatsapp => &self.target.whatsapp_sender,
        };
        MessageStatusCallback::new(account, sid.clone(), channel, from, CONTACT, status)
    }

    /// What tells of a new status.
    pub(crate) fn status_webhook(&self, status: &MessageStatusCallback) -> Webhook {
        let url = match status.channel {
            Channel::Sms => self.target.sms_status_url(),
            Channel::Whatsapp => self.target.whatsapp_status_url(),
        };
        let parameters = status.parameters(Clock::system().now());
        Webhook::new(Purpose::MessageStatus, url, parameters)
    }

    /// Delivers a new status.
    pub(crate) async fn receive_status(&self, status: &MessageStatusCallback) -> Exchange {
        self.sender.deliver(&self.status_webhook(status)).await
    }

    /// Delivers what becomes of the one reply in an answer, and gives its SID.
    pub(crate) async fn deliver_reply(&self, answered: &Exchange) -> MessageSid {
        let statuses = reply_statuses(answered, &self.sender);
        for status in &statuses {
            assert_eq!(self.sender.deliver(status).await.status(), Some(204));
        }
        let first = statuses.first().expect("a reply that reports its status");
        let sid = first.parameters.get("MessageSid").unwrap();
        sid.parse().unwrap()
    }

    /// A message as it is stored.
    pub(crate) async fn message(&self, sid: &MessageSid) -> Message {
        let stored = self.console.message(&self.id, sid).await.unwrap();
        stored.unwrap_or_else(|| panic!("no {sid} is stored"))
    }
}

/// Calls.
impl Tenant {
    /// [`CONTACT`] calls the tenant's number.
    pub(crate) fn phone_call(&self) -> CallScript {
        self.script(CallOrigin::Phone {
            from: CONTACT.to_owned(),
            to: self.target.phone_number.clone(),
        })
    }

    /// A user of the tenant calls from a browser, and sends this as `To`.
    pub(crate) fn browser_call(&self, identity: &str, to: &str) -> CallScript {
        self.script(CallOrigin::Browser {
            identity: identity.to_owned(),
            to: to.to_owned(),
            application: self.sender.sids().sid("AP"),
            custom: Parameters::new(),
        })
    }

    fn script(&self, origin: CallOrigin) -> CallScript {
        let mut script = CallScript::new(origin, self.target.voice_url());
        script.fallback_url = Some(self.target.voice_fallback_url());
        script.status_url = Some(self.target.voice_status_url());
        script
    }

    /// Makes a call. Every delivery must have gone well, and Twilio must have nothing to warn of.
    pub(crate) async fn make(&self, script: &CallScript) -> Story {
        let story = simulate_call(&self.sender, script).await;
        if let Some((exchange, fault)) = story.faults().next() {
            panic!("{} failed: {fault}", exchange.request.url);
        }
        assert_eq!(story.warnings(), Vec::<String>::new());
        story
    }

    /// A call leg as it is stored.
    pub(crate) async fn leg(&self, sid: &CallSid) -> Call {
        let stored = self.console.call(&self.id, sid).await.unwrap();
        stored.unwrap_or_else(|| panic!("no {sid} is stored"))
    }

    /// A recording as it is stored.
    pub(crate) async fn recording(&self, sid: &RecordingSid) -> Recording {
        let stored = self.console.recording(&self.id, sid).await.unwrap();
        stored.unwrap_or_else(|| panic!("no {sid} is stored"))
    }
}

/// Whatever it is.
impl Tenant {
    /// Delivers a webhook so many times.
    pub(crate) async fn receive_repeatedly(&self, webhook: &Webhook, times: usize) {
        let copies = times - 1;
        let disorder = Disorder {
            fewest_extra_copies: copies,
            most_extra_copies: copies,
            ..Disorder::none()
        };
        let webhooks = std::slice::from_ref(webhook);
        let exchanges = self.sender.deliver_all(webhooks, &disorder).await;
        assert_eq!(exchanges.len(), times);
        for exchange in exchanges {
            assert_eq!(exchange.fault(), None);
        }
    }

    /// The facts that are stored about something, in order.
    pub(crate) async fn facts(&self, resource: Resource) -> Vec<Fact> {
        let scope = self.console.scope(&self.id);
        let activity = self.console.activity();
        let history = activity.history(&scope, &resource).await.unwrap();
        history.iter().cloned().collect()
    }
}

/// The answer's type and text.
pub(crate) fn answer(exchange: &Exchange) -> (u16, Option<&str>, String) {
    let response = exchange.response.as_ref().expect("an answer");
    let content_type = response.header("content-type");
    (response.status, content_type, response.text())
}

/// The path that a request asked for.
pub(crate) fn path(request: &Request) -> String {
    reqwest::Url::parse(&request.url).unwrap().path().to_owned()
}

/// The paths of a call's deliveries, in order.
pub(crate) fn paths(story: &Story) -> Vec<String> {
    story
        .exchanges()
        .map(|exchange| path(&exchange.request))
        .collect()
}

/// The legs that a call dialled, with whom each rang, in order.
pub(crate) fn dialled(story: &Story) -> Vec<(CallSid, String)> {
    let mut legs = Vec::new();
    for step in &story.steps {
        if let Step::Status {
            leg,
            target: Some(target),
            ..
        } = step
        {
            let dialled = (leg.clone(), target.clone());
            if !legs.contains(&dialled) {
                legs.push(dialled);
            }
        }
    }
    legs
}

/// What a call recorded, in order.
pub(crate) fn recorded(story: &Story) -> Vec<RecordingSid> {
    let recorded = story.steps.iter().filter_map(|step| match step {
        Step::Recorded { recording, .. } => Some(recording.clone()),
        _ => None,
    });
    recorded.collect()
}
