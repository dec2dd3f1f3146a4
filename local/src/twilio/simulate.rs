//! From a command line to what happened.

use std::sync::Arc;

use shared::clock::Clock;

use super::arguments::{
    CallArguments, ChannelArgument, DialArgument, MisbehaviourArguments, OptOutArgument,
    PartyArgument, SimulateArguments, SimulatedEvent, SmsArguments, StatusArguments,
    WhatsappArguments,
};
use super::call::{
    CallOrigin, CallScript, DialOutcome, Party, RecordingEnd, Story, VoicemailOutcome,
    simulate_call,
};
use super::disorder::Disorder;
use super::exchange::Exchange;
use super::parameters::Parameters;
use super::payload::{
    CallStatus, Channel, InboundMessage, InboundWhatsapp, Media, MessageStatusCallback, OptOut,
    Referral, RepliedMessage, WhatsappContent, WhatsappUser,
};
use super::reply::reply_statuses;
use super::sender::WebhookSender;
use super::sids::SidSupply;
use super::target::Target;
use super::webhook::{Forgery, Purpose, Webhook};

/// Whom a browser calls unless told: a number that looks real, because no browser may call one that belongs to no country.
const BROWSER_CALLS: &str = "+12125550100";

/// What happened.
#[derive(Debug, Clone)]
pub enum Simulation {
    /// Webhooks were delivered.
    Deliveries(Vec<Exchange>),
    /// A call was made.
    Call(Box<Story>),
}

impl Simulation {
    /// Every webhook that was delivered, in order.
    #[must_use]
    pub fn exchanges(&self) -> Box<dyn Iterator<Item = &Exchange> + '_> {
        match self {
            Self::Deliveries(exchanges) => Box::new(exchanges.iter()),
            Self::Call(story) => Box::new(story.exchanges()),
        }
    }

    /// What the webhooks were about: the parameter that names it and its SID, each once, in the order of the webhooks.
    #[must_use]
    pub fn resources(&self) -> Vec<(&'static str, String)> {
        let mut resources = Vec::new();
        for exchange in self.exchanges() {
            for name in ["MessageSid", "CallSid", "RecordingSid"] {
                if let Some(sid) = exchange.request.parameters.get(name) {
                    let resource = (name, sid.to_owned());
                    if !resources.contains(&resource) {
                        resources.push(resource);
                    }
                }
            }
        }
        resources
    }
}

/// Does to `target` what the command line says.
pub async fn simulate(arguments: &SimulateArguments, target: &Target) -> Simulation {
    match &arguments.event {
        SimulatedEvent::Sms(arguments) => {
            let sender = sender(target, arguments.common.seed);
            let webhook = sms(arguments, target, sender.sids());
            Simulation::Deliveries(converse(&sender, webhook, &arguments.misbehaviour).await)
        }
        SimulatedEvent::Whatsapp(arguments) => {
            let sender = sender(target, arguments.common.seed);
            let webhook = whatsapp(arguments, target, sender.sids());
            Simulation::Deliveries(converse(&sender, webhook, &arguments.misbehaviour).await)
        }
        SimulatedEvent::Status(arguments) => {
            let sender = sender(target, arguments.common.seed);
            let webhooks = statuses(arguments, target);
            let exchanges = deliver(
                &sender,
                &webhooks,
                &arguments.misbehaviour,
                arguments.shuffle,
            )
            .await;
            Simulation::Deliveries(exchanges)
        }
        SimulatedEvent::Call(arguments) => call(arguments, target).await,
    }
}

fn sender(target: &Target, seed: Option<u64>) -> WebhookSender {
    let sids = seed.map_or_else(SidSupply::random, SidSupply::seeded);
    let sender = WebhookSender::new(target.account.clone()).with_sids(Arc::new(sids));
    match &target.rest_double {
        Some(base_url) => sender.with_rest_double(base_url),
        None => sender,
    }
}

/// Delivers an inbound message, then what becomes of the reply to it. Of several copies the last one's answer is sent.
async fn converse(
    sender: &WebhookSender,
    webhook: Webhook,
    misbehaviour: &MisbehaviourArguments,
) -> Vec<Exchange> {
    let mut exchanges = deliver(sender, &[webhook], misbehaviour, None).await;
    let replied = exchanges
        .last()
        .map(|exchange| reply_statuses(exchange, sender));
    for status in replied.unwrap_or_default() {
        exchanges.push(sender.deliver(&status).await);
    }
    exchanges
}

async fn deliver(
    sender: &WebhookSender,
    webhooks: &[Webhook],
    misbehaviour: &MisbehaviourArguments,
    shuffle: Option<u64>,
) -> Vec<Exchange> {
    let forgery = misbehaviour.forgery();
    if forgery != Forgery::None {
        let mut exchanges = Vec::new();
        for webhook in webhooks {
            exchanges.push(sender.deliver_forged(webhook, forgery).await);
        }
        return exchanges;
    }
    let mut disorder = shuffle.map_or(Disorder::none(), Disorder::seeded);
    disorder.delay = misbehaviour.delay();
    if misbehaviour.duplicate > 0 {
        (disorder.fewest_extra_copies, disorder.most_extra_copies) =
            (misbehaviour.duplicate, misbehaviour.duplicate);
    }
    sender.deliver_all(webhooks, &disorder).await
}

fn sms(arguments: &SmsArguments, target: &Target, sids: &SidSupply) -> Webhook {
    let to = arguments.to.as_ref().unwrap_or(&target.phone_number);
    let account = &target.account.sid;
    let sid = sids.message(arguments.media > 0);
    let mut message =
        InboundMessage::text(account.clone(), sid, &arguments.from, to, &arguments.body);
    message.media = (0..arguments.media)
        .map(|_| Media::of(account, &message.sid, "image/jpeg", sids))
        .collect();
    message
        .messaging_service
        .clone_from(&target.messaging_service);
    message.opt_out = arguments.opt_out.map(|opt_out| match opt_out {
        OptOutArgument::Stop => OptOut::Stop,
        OptOutArgument::Start => OptOut::Start,
        OptOutArgument::Help => OptOut::Help,
    });
    Webhook::new(
        Purpose::InboundMessage,
        target.sms_url(),
        message.parameters(),
    )
    .with_fallback(target.sms_fallback_url())
}

fn whatsapp(arguments: &WhatsappArguments, target: &Target, sids: &SidSupply) -> Webhook {
    let account = &target.account.sid;
    let sid = sids.message(arguments.content.media.is_some());
    let content = if let Some(content_type) = &arguments.content.media {
        let media = Media::of(account, &sid, content_type, sids);
        WhatsappContent::Media {
            media,
            caption: arguments.body.clone(),
        }
    } else if let Some(text) = &arguments.content.button {
        WhatsappContent::Button {
            text: text.clone(),
            payload: text.to_lowercase(),
        }
    } else if let Some(title) = &arguments.content.list {
        WhatsappContent::List {
            title: title.clone(),
            id: title.to_lowercase(),
        }
    } else if let Some((latitude, longitude)) = arguments.content.location {
        WhatsappContent::Location {
            latitude,
            longitude,
            address: None,
            label: None,
        }
    } else if let Some(emoji) = &arguments.content.reaction {
        WhatsappContent::Reaction(emoji.clone())
    } else {
        WhatsappContent::Text(arguments.body.clone())
    };
    let from = match arguments.hidden_user {
        true => WhatsappUser::Hidden(format!(
            "ID.{}",
            arguments.from.trim_start_matches(['+', 'I', 'D', '.'])
        )),
        false => WhatsappUser::Number(arguments.from.clone()),
    };
    let mut message =
        InboundWhatsapp::new(account.clone(), sid, from, &target.whatsapp_sender, content);
    message.profile_name.clone_from(&arguments.profile_name);
    let sender = format!("whatsapp:{}", target.whatsapp_sender);
    message.replied_to = arguments
        .reply_to
        .clone()
        .map(|sid| RepliedMessage { sid, sender });
    message.referral = arguments.advertisement.then(|| Referral {
        headline: "Summer sale".to_owned(),
        body: "Write to us for an offer".to_owned(),
        source_id: "120211000000000000".to_owned(),
        source_url: "https://fb.me/example".to_owned(),
        click_id: "ARAkLkA8rmlFeiCktEJQ".to_owned(),
        media: None,
    });
    Webhook::new(
        Purpose::InboundMessage,
        target.whatsapp_url(),
        message.parameters(),
    )
    .with_fallback(target.whatsapp_fallback_url())
}

fn statuses(arguments: &StatusArguments, target: &Target) -> Vec<Webhook> {
    let (channel, from, url) = match arguments.channel {
        ChannelArgument::Sms => (Channel::Sms, &target.phone_number, target.sms_status_url()),
        ChannelArgument::Whatsapp => (
            Channel::Whatsapp,
            &target.whatsapp_sender,
            target.whatsapp_status_url(),
        ),
    };
    let now = Clock::system().now();
    let webhook = |status: &String| {
        let (account, sid) = (target.account.sid.clone(), arguments.message.clone());
        let callback =
            MessageStatusCallback::new(account, sid, channel, from, &arguments.to, status);
        let callback = match arguments
            .error
            .filter(|_| status == "failed" || status == "undelivered")
        {
            Some(code) => callback.with_error(code, "The message could not be delivered"),
            None => callback,
        };
        Webhook::new(
            Purpose::MessageStatus,
            url.clone(),
            callback.parameters(now),
        )
    };
    arguments.status.iter().map(webhook).collect()
}

async fn call(arguments: &CallArguments, target: &Target) -> Simulation {
    let sender = sender(target, arguments.common.seed);
    let origin = match &arguments.browser_user {
        Some(identity) => CallOrigin::Browser {
            identity: identity.clone(),
            to: arguments
                .to
                .clone()
                .unwrap_or_else(|| BROWSER_CALLS.to_owned()),
            application: sender.sids().sid("AP"),
            custom: Parameters::new(),
        },
        None => CallOrigin::Phone {
            from: arguments.from.clone(),
            to: arguments
                .to
                .clone()
                .unwrap_or_else(|| target.phone_number.clone()),
        },
    };
    if arguments.misbehaviour.forgery() != Forgery::None || arguments.misbehaviour.duplicate > 0 {
        // A forged call does not get beyond its first request, and a doubled one is about the first request alone.
        let leg = origin.leg(target.account.sid.clone(), sender.sids().call());
        let webhook = Webhook::new(
            Purpose::IncomingCall,
            target.voice_url(),
            leg.parameters(CallStatus::Ringing),
        );
        return Simulation::Deliveries(
            deliver(&sender, &[webhook], &arguments.misbehaviour, None).await,
        );
    }
    let mut script = CallScript::new(origin, target.voice_url());
    script.fallback_url = Some(target.voice_fallback_url());
    script.status_url = Some(target.voice_status_url());
    script.dial = match arguments.dial {
        DialArgument::Completed => DialOutcome::Completed {
            seconds: arguments.talk,
            hung_up_by: match arguments.hung_up_by {
                PartyArgument::Caller => Party::Caller,
                PartyArgument::Callee => Party::Callee,
            },
        },
        DialArgument::Busy => DialOutcome::Busy,
        DialArgument::NoAnswer => DialOutcome::NoAnswer,
        DialArgument::Failed => DialOutcome::Failed,
        DialArgument::CallerHangsUp => DialOutcome::CallerHangsUp { after_seconds: 8 },
    };
    script.answered_by = arguments.answered_by;
    script.voicemail = match arguments.voicemail.0 {
        None => VoicemailOutcome::Silence,
        Some(seconds) => VoicemailOutcome::Message {
            seconds,
            end: RecordingEnd::Hangup,
            transcription: Some("Hello, please call me back.".to_owned()),
        },
    };
    script.keys.clone_from(&arguments.keys);
    let disorder = arguments.shuffle.map_or(Disorder::none(), Disorder::seeded);
    script.callbacks = Disorder {
        delay: arguments.misbehaviour.delay(),
        ..disorder
    };
    Simulation::Call(Box::new(simulate_call(&sender, &script).await))
}
