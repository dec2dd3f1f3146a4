//! STOP past the limit: kept at once all the same, once a minute, and not again for a mere repetition.

use local::emulators::faults::{AwsError, Effect, Matching, Times};
use shared::sid::MessageSid;

use super::Limited;
use crate::traffic::items_of;
use crate::webhook_process::WebhookProcess;

const CONTACT: &str = "+15005550010";

impl Limited {
    /// Hands an SMS of [`CONTACT`] over.
    async fn receive(&self, process: &WebhookProcess, sid: &MessageSid, body: &str) {
        let account = self.tenant.sender.account().sid.as_str();
        let token = self.tenant.token();
        let taken = process.receive_sms_again(account, token, CONTACT, sid, body);
        assert_eq!(taken.await, 200);
    }

    /// Whether [`CONTACT`] opted out of the tenant's number, by which message, and when that was received.
    async fn opt_out(&self) -> (bool, String, String) {
        let items = items_of(&self.harness, &self.tenant).await;
        let mut contacts = items
            .iter()
            .filter(|item| item["sk"].as_s().unwrap() == "contact");
        let opt_out = &contacts.next().unwrap()["opt_out:+15005550006"];
        let opt_out = opt_out.as_m().unwrap();
        let text = |name: &str| opt_out[name].as_s().unwrap().clone();
        let stopped = *opt_out["stopped"].as_bool().unwrap();
        (stopped, text("sid"), text("at"))
    }
}

/// Hands SMS of somebody over, each of which is taken, and gives how often the store was asked to write to their item.
async fn writes_of(
    limited: &Limited,
    process: &WebhookProcess,
    from: &str,
    bodies: &[&str],
) -> usize {
    let dynamodb = limited.harness.stack.emulators().dynamodb().wire();
    let mark = dynamodb.mark();
    let account = limited.tenant.sender.account().sid.as_str();
    for body in bodies {
        let token = limited.tenant.token();
        assert_eq!(process.receive_sms(account, token, from, body).await, 200);
    }
    let contact = format!("{}contact#{from}", limited.tenant.partition());
    dynamodb.since(mark).partition(&contact).count()
}

#[tokio::test]
async fn past_the_limit_a_contact_costs_one_write_a_minute_that_says_it_stopped() {
    let limited = Limited::start().await;
    let process = limited.process().await;
    let stops = ["STOP"; 20];
    for _ in 0..2 {
        limited.report(&process, 80).await;
        let put_aside = limited.put_aside();
        assert_eq!(
            writes_of(&limited, &process, "+15005550010", &stops).await,
            1
        );
        assert_eq!(limited.put_aside(), put_aside + stops.len());
        assert_eq!(
            writes_of(&limited, &process, "+15005550011", &stops).await,
            1
        );
        // Whoever wants to be written to again waits until the message is stored.
        let starts = ["START", "yes", "unstop", "Hello"];
        assert_eq!(
            writes_of(&limited, &process, "+15005550010", &starts).await,
            0
        );
        limited.clock.advance(60);
    }
    let items = items_of(&limited.harness, &limited.tenant).await;
    let contacts: Vec<_> = items
        .iter()
        .filter(|item| item["sk"].as_s().unwrap() == "contact")
        .collect();
    assert_eq!(contacts.len(), 2);
    for contact in contacts {
        let opt_out = contact["opt_out:+15005550006"].as_m().unwrap();
        assert_eq!(opt_out["stopped"].as_bool(), Ok(&true));
    }
}

#[tokio::test]
async fn past_the_limit_a_stop_that_was_not_kept_is_tried_with_the_next() {
    let limited = Limited::start().await;
    let process = limited.process().await;
    limited.report(&process, 80).await;
    let contact = format!("{}contact#+15005550010", limited.tenant.partition());
    let faults = limited.harness.stack.emulators().dynamodb().faults();
    let refused = Effect::Refuse(AwsError::access_denied());
    let on = Matching::writes().partition(contact);
    let fault = faults.inject(on, refused, Times::Always);
    let from = "+15005550010";
    assert_eq!(writes_of(&limited, &process, from, &["STOP"; 2]).await, 2);
    faults.remove(fault);
    assert_eq!(writes_of(&limited, &process, from, &["STOP"; 2]).await, 1);
}

#[tokio::test]
async fn a_stop_that_is_repeated_past_the_limit_does_not_undo_the_start_after_it() {
    let limited = Limited::start().await;
    let process = limited.process().await;
    let sids = limited.tenant.sender.sids();
    let (stop, start) = (sids.message(false), sids.message(false));
    limited.receive(&process, &stop, "STOP").await;
    limited.clock.advance(5);
    limited.receive(&process, &start, "START").await;
    limited.clock.advance(5);
    limited.report(&process, 80).await;
    limited.receive(&process, &stop, "STOP").await;
    let (stopped, by, _) = limited.opt_out().await;
    assert_eq!((stopped, &*by), (false, start.as_str()));
    // Who says it once more is heard; this process does not write twice a minute.
    let (other, again) = (limited.process().await, sids.message(false));
    limited.report(&other, 80).await;
    limited.receive(&other, &again, "STOP").await;
    let (stopped, by, _) = limited.opt_out().await;
    assert_eq!((stopped, &*by), (true, again.as_str()));
}

#[tokio::test]
async fn a_stop_that_was_put_aside_and_is_repeated_below_the_limit_does_not_undo_the_start_after_it()
 {
    let limited = Limited::start().await;
    let (one, other) = (limited.process().await, limited.process().await);
    limited.report(&one, 80).await;
    let sids = limited.tenant.sender.sids();
    let (stop, start) = (sids.message(false), sids.message(false));
    limited.receive(&one, &stop, "STOP").await;
    // The other process does not know of the limit yet.
    for (sid, body) in [(&start, "START"), (&stop, "STOP")] {
        limited.clock.advance(5);
        limited.receive(&other, sid, body).await;
    }
    let (stopped, by, _) = limited.opt_out().await;
    assert_eq!((stopped, &*by), (false, start.as_str()));
}

#[tokio::test]
async fn a_stop_that_is_repeated_past_the_limit_counts_from_when_it_first_came() {
    let limited = Limited::start().await;
    let (one, other) = (limited.process().await, limited.process().await);
    for process in [&one, &other] {
        limited.report(process, 80).await;
    }
    let stop = limited.tenant.sender.sids().message(false);
    limited.receive(&one, &stop, "STOP").await;
    let kept = limited.opt_out().await;
    limited.clock.advance(10);
    // A START that came in between, and is stored later, is still the newer one.
    limited.receive(&other, &stop, "STOP").await;
    assert_eq!(limited.opt_out().await, kept);
}
