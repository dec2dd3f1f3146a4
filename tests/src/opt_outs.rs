//! Who does not want to be written to is not answered: per sender, in Twilio's word or in the message's own, until they say START.

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use local::twilio::payload::{InboundMessage, OptOut, WhatsappContent, WhatsappUser};
use serde_json::json;
use shared::activity::{History, Resource, ResourceChange};
use shared::clock::Clock;
use shared::contacts::Contacts;
use shared::sid::{MessageSid, MessagingServiceSid};
use shared::store::{ContactItems, ContactRecord};

use crate::contacts::in_time;
use crate::conversations::{CONTACT, EMPTY_RESPONSE, answer};
use crate::harness::{Harness, Tenant};

/// A tenant that answers by itself.
async fn answering(harness: &Harness) -> Tenant {
    harness.tenant(json!({"auto_reply": "Thank you"})).await
}

impl Tenant {
    /// Whether an SMS is answered.
    async fn answers(&self, message: &InboundMessage) -> bool {
        let text = answer(&self.receive_sms(message).await).2;
        assert!(text == EMPTY_RESPONSE || text.contains(">Thank you</Message>"));
        text != EMPTY_RESPONSE
    }

    /// Whether a WhatsApp text is answered.
    async fn answers_on_whatsapp(&self, text: &str) -> bool {
        let message = self.whatsapp(WhatsappContent::Text(text.to_owned()));
        let exchange = self.receive_whatsapp(&message).await;
        answer(&exchange).2 != EMPTY_RESPONSE
    }

    /// An SMS to a messaging service.
    fn sms_to_service(&self, service: &MessagingServiceSid, body: &str) -> InboundMessage {
        InboundMessage {
            messaging_service: Some(service.clone()),
            ..self.sms(body)
        }
    }

    fn service(&self) -> MessagingServiceSid {
        self.sender.sids().sid("MG").parse().unwrap()
    }

    /// What is kept of [`CONTACT`].
    async fn contact(&self, harness: &Harness) -> Option<ContactRecord> {
        let table = harness.variable("ACTIVITY_TABLE").to_owned();
        let items = ContactItems::new(harness.dynamodb(), table, 0);
        let scope = self.console.scope(&self.id);
        items.read(&scope, CONTACT).await.unwrap()
    }

    async fn opted_out_of(&self, harness: &Harness) -> Vec<String> {
        let contact = self.contact(harness).await.unwrap_or_default();
        contact.opted_out_of().map(str::to_owned).collect()
    }

    /// Applies what the stream tells of a message that is kept.
    async fn apply(&self, harness: &Harness, sid: &MessageSid) {
        let resource = Resource::Message(sid.clone());
        let change = ResourceChange {
            before: History::default(),
            after: History::new(self.facts(resource.clone()).await),
            resource,
        };
        let contacts = Contacts::new(
            &harness.dynamodb(),
            harness.variable("ACTIVITY_TABLE").to_owned(),
            harness.variable("TENANTS_TABLE").to_owned(),
            0,
            Clock::system(),
        );
        let scope = self.console.scope(&self.id);
        let changes = [change];
        let applied = contacts.apply(&scope, &changes, in_time());
        applied.await.unwrap();
    }
}

#[tokio::test]
async fn who_writes_stop_is_not_answered_until_they_write_start() {
    let harness = Harness::quiet().await;
    for (stop, start) in [("STOP", "START"), (" quit ", "yes"), ("Opt out", "UnStop")] {
        let tenant = answering(harness).await;
        assert!(!tenant.answers(&tenant.sms(stop)).await, "{stop}");
        assert!(!tenant.answers(&tenant.sms("Hello")).await, "{stop}");
        let number = tenant.target.phone_number.clone();
        assert_eq!(tenant.opted_out_of(harness).await, [number], "{stop}");
        assert!(!tenant.answers(&tenant.sms(start)).await, "{start}");
        assert!(tenant.answers(&tenant.sms("Hello again")).await, "{start}");
        assert!(tenant.opted_out_of(harness).await.is_empty(), "{start}");
    }
}

#[tokio::test]
async fn who_writes_stop_on_whatsapp_is_not_answered_until_they_write_start() {
    let harness = Harness::quiet().await;
    let tenant = answering(harness).await;
    assert!(!tenant.answers_on_whatsapp("Stop").await);
    // Nobody but us reads these there, and they do not say what they say on SMS.
    for text in ["Hello", "Yes", "HELP"] {
        assert!(!tenant.answers_on_whatsapp(text).await, "{text}");
    }
    assert!(tenant.answers_on_whatsapp("Start").await);
}

#[tokio::test]
async fn advanced_opt_out_counts_for_its_messaging_service_and_for_no_other_sender() {
    let harness = Harness::quiet().await;
    let tenant = answering(harness).await;
    let (service, other) = (tenant.service(), tenant.service());
    let mut stop = tenant.sms_to_service(&service, "no more of this");
    stop.opt_out = Some(OptOut::Stop);
    assert!(!tenant.answers(&stop).await);
    assert_eq!(tenant.opted_out_of(harness).await, [service.to_string()]);

    let hello = tenant.sms_to_service(&service, "Hello");
    assert!(!tenant.answers(&hello).await);
    let to_another = tenant.sms_to_service(&other, "Hello");
    assert!(tenant.answers(&to_another).await);
    assert!(tenant.answers(&tenant.sms("Hello")).await);

    let mut start = tenant.sms_to_service(&service, "more of this");
    start.opt_out = Some(OptOut::Start);
    assert!(!tenant.answers(&start).await);
    let again = tenant.sms_to_service(&service, "Hello again");
    assert!(tenant.answers(&again).await);
}

#[tokio::test]
async fn help_changes_nothing() {
    let harness = Harness::quiet().await;
    let tenant = answering(harness).await;
    assert!(!tenant.answers(&tenant.sms("HELP")).await);
    assert_eq!(tenant.contact(harness).await, None);
    assert!(!tenant.answers(&tenant.sms("STOP")).await);
    let mut help = tenant.sms("what is this");
    help.opt_out = Some(OptOut::Help);
    assert!(!tenant.answers(&help).await);
    assert!(!tenant.answers(&tenant.sms("Hello")).await);
}

#[tokio::test]
async fn a_stop_that_is_delivered_again_after_a_start_does_not_stop_again() {
    let harness = Harness::quiet().await;
    let tenant = answering(harness).await;
    let stop = tenant.sms("STOP");
    for message in [&stop, &tenant.sms("START"), &stop] {
        assert!(!tenant.answers(message).await);
    }
    assert!(tenant.answers(&tenant.sms("Hello")).await);
}

#[tokio::test]
async fn a_stop_that_is_delivered_again_with_more_in_it_does_not_stop_again_either() {
    let harness = Harness::quiet().await;
    let tenant = answering(harness).await;
    let (stop, start) = (tenant.sms("STOP"), tenant.sms("START"));
    for message in [&stop, &start] {
        assert!(!tenant.answers(message).await);
    }
    let mut again = tenant.sms_webhook(&stop);
    again
        .parameters
        .set("AddOns", "{\"status\":\"successful\"}");
    assert_eq!(
        answer(&tenant.sender.deliver(&again).await).2,
        EMPTY_RESPONSE
    );
    assert_eq!(tenant.facts(Resource::Message(stop.sid)).await.len(), 2);
    assert!(tenant.opted_out_of(harness).await.is_empty());
    assert!(tenant.answers(&tenant.sms("Hello")).await);
}

#[tokio::test]
async fn an_opt_out_that_the_webhook_could_not_write_is_kept_from_the_stream() {
    let harness = Harness::start(|options| {
        options.concurrency = 1;
        options.feeds_streams = false;
    });
    let tenant = answering(&harness).await;
    let writes = Matching::writes().partition(format!("{}#contact#", tenant.id));
    let faults = harness.stack.emulators().dynamodb().faults();
    let refused = Effect::Refuse(AwsError::access_denied());
    let fault = faults.inject(writes, refused, Times::Always);
    let (stop, start) = (tenant.sms("STOP"), tenant.sms("START"));
    assert!(!tenant.answers(&stop).await);
    faults.remove(fault);
    assert_eq!(tenant.contact(&harness).await, None);

    tenant.apply(&harness, &stop.sid).await;

    let number = tenant.target.phone_number.clone();
    assert_eq!(tenant.opted_out_of(&harness).await, [number]);
    assert!(!tenant.answers(&tenant.sms("Hello")).await);
    // What the webhook wrote since is newer than what the stream repeats.
    assert!(!tenant.answers(&start).await);
    tenant.apply(&harness, &stop.sid).await;
    assert!(tenant.opted_out_of(&harness).await.is_empty());
}

#[tokio::test]
async fn what_the_webhook_wrote_first_becomes_the_contact_that_the_stream_tells_of() {
    let harness = Harness::quiet().await;
    let tenant = answering(harness).await;
    let stop = tenant.sms("STOP");
    assert!(!tenant.answers(&stop).await);
    let before = tenant.contact(harness).await.unwrap();
    assert_eq!((before.since, before.message_count), (None, 0));

    tenant.apply(harness, &stop.sid).await;

    let after = tenant.contact(harness).await.unwrap();
    assert_eq!(after.opt_outs, before.opt_outs);
    assert_eq!(after.message_count, 1);
    let facts = tenant.facts(Resource::Message(stop.sid)).await;
    let since = after.since.unwrap().as_millisecond();
    assert_eq!(since, facts[0].received_at.as_millisecond());
}

#[tokio::test]
async fn a_whatsapp_user_of_whom_only_an_id_is_told_is_answered_until_they_stop() {
    let harness = Harness::quiet().await;
    let tenant = answering(harness).await;
    let user = |id: &str| WhatsappUser::Hidden(id.to_owned());
    let is_answered = async |from: WhatsappUser, text: &str| {
        let content = WhatsappContent::Text(text.to_owned());
        let message = tenant.whatsapp_from(from, content);
        let mut webhook = tenant.whatsapp_webhook(&message);
        webhook.parameters.set("From", "");
        answer(&tenant.sender.deliver(&webhook).await).2 != EMPTY_RESPONSE
    };
    assert!(is_answered(user("ID.4566123"), "Hello").await);
    assert!(!is_answered(user("ID.4566124"), "STOP").await);
    assert!(!is_answered(user("ID.4566124"), "Hello").await);
    assert!(is_answered(user("ID.4566125"), "Hello").await);
}
