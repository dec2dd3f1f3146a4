//! Where numbers really lead, and lists of them.

use local::double::Misbehaviour;
use local::emulators::faults::{Matching, Times};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::{Check, ELSEWHERE, NUMBERS, Report, buy, healthy};
use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

#[tokio::test]
async fn of_a_numbers_settings_only_the_one_that_counts_is_judged() {
    let harness = Harness::shared().await;
    let (newcomer, target, number) = healthy(harness).await;
    let account = &newcomer.account;
    let app = account.applications()[0]["sid"].clone();
    let app = app.as_str().unwrap();
    let configure = |form: &[(&str, &str)]| assert!(account.configure_number(&number, form));

    // The App leads here, so the URL that does not is of no account.
    configure(&[("VoiceApplicationSid", app), ("VoiceUrl", ELSEWHERE)]);
    let check = Report::of(&newcomer).await.numbers();
    check.is("ok", "lead here", "");
    // A trunk counts before both, and takes the App away.
    let trunk = "TK00000000000000000000000000000001";
    configure(&[("TrunkSid", trunk), ("VoiceUrl", &target.voice_url())]);
    let check = Report::of(&newcomer).await.numbers();
    check.is("error", &format!("SIP trunk {trunk}"), "out of the trunk");
    // An App that leads elsewhere counts before the URL that leads here.
    let other = account.add_application("theirs", ELSEWHERE).unwrap();
    configure(&[("VoiceApplicationSid", &other)]);
    let check = Report::of(&newcomer).await.numbers();
    check.is("error", &format!("TwiML App {other}"), "Correct that App");
    assert!(account.delete_application(&other));
    let check = Report::of(&newcomer).await.numbers();
    check.is("error", "which does not exist", &target.voice_url());
    configure(&[("VoiceApplicationSid", ""), ("VoiceUrl", ELSEWHERE)]);
    let check = Report::of(&newcomer).await.numbers();
    let voice = target.voice_url();
    check.is("error", "a URL that is not of this deployment", &voice);
    configure(&[("VoiceUrl", &voice), ("VoiceMethod", "GET")]);
    let check = Report::of(&newcomer).await.numbers();
    check.is("error", "called by GET", "HTTP POST");
    configure(&[("VoiceMethod", "POST")]);
    Report::of(&newcomer)
        .await
        .numbers()
        .is("ok", "lead here", "");
}

#[tokio::test]
async fn a_messaging_service_counts_before_the_numbers_own_sms_url() {
    let harness = Harness::shared().await;
    let (newcomer, target, number) = healthy(harness).await;
    let account = &newcomer.account;
    let service = account.add_messaging_service("Marketing", Some(ELSEWHERE));
    // It does not matter before the number is in it.
    Report::of(&newcomer)
        .await
        .numbers()
        .is("ok", "lead here", "");
    account.add_to_messaging_service(&service, &number);
    let named = format!("messaging service {service}");
    let check = Report::of(&newcomer).await.numbers();
    check.is("error", &named, &target.sms_url());
    let configure = |property: &str, value: Value| {
        account.configure_messaging_service(&service, property, value);
    };
    configure("inbound_request_url", Value::Null);
    let check = Report::of(&newcomer).await.numbers();
    check.is("error", "that is not set", &service);
    configure("use_inbound_webhook_on_number", json!(true));
    Report::of(&newcomer)
        .await
        .numbers()
        .is("ok", "lead here", "");
    configure("use_inbound_webhook_on_number", json!(false));
    configure("inbound_request_url", json!(target.sms_url()));
    assert!(account.configure_number(&number, &[("SmsUrl", ELSEWHERE)]));
    Report::of(&newcomer)
        .await
        .numbers()
        .is("ok", "lead here", "");
}

#[tokio::test]
async fn every_page_of_many_numbers_is_looked_at() {
    let harness = Harness::shared().await;
    let (newcomer, target, first) = healthy(harness).await;
    for number in 0..120 {
        buy(&newcomer, &target, &format!("+1212556{number:04}"));
    }
    let check = Report::of(&newcomer).await.numbers();
    check.is("ok", "(121)", "");
    let pages = newcomer.account.calls().operation(NUMBERS).count();
    assert_eq!(pages, 2);
    // The oldest is listed last.
    let form = [("VoiceUrl", ELSEWHERE)];
    assert!(newcomer.account.configure_number(&first, &form));
    let check = Report::of(&newcomer).await.numbers();
    check.is("degraded", "1 of 121 phone numbers", "+12125550100");
}

/// Says in Twilio's name that the list of numbers goes on at `address`, and gives what the health check says of it.
async fn numbers_going_on_at(harness: &Harness, newcomer: &Newcomer, address: String) -> Check {
    harness.stack.twilio().faults().inject(
        Matching::operations([NUMBERS]).on(newcomer.account.sid().as_str()),
        Misbehaviour::NextPage(address),
        Times::Always,
    );
    let before = newcomer.account.calls().operation(NUMBERS).count();
    let check = Report::of(newcomer).await.numbers();
    let asked = newcomer.account.calls().operation(NUMBERS).count() - before;
    assert_eq!(asked, 1);
    check
}

#[tokio::test]
async fn a_list_that_goes_on_at_another_host_is_not_followed() {
    let harness = Harness::shared().await;
    let (newcomer, _, _) = healthy(harness).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sid = newcomer.account.sid();
    let path = format!("/2010-04-01/Accounts/{sid}/IncomingPhoneNumbers.json?Page=1");
    let address = format!("http://{}{path}", listener.local_addr().unwrap());
    let check = numbers_going_on_at(harness, &newcomer, address).await;
    check.is(
        "degraded",
        "an address that is not Twilio's own",
        "operator",
    );
    // The first to call is this test.
    let own = TcpStream::connect(listener.local_addr().unwrap()).await;
    let (_, caller) = listener.accept().await.unwrap();
    assert_eq!(caller, own.unwrap().local_addr().unwrap());
}

#[tokio::test]
async fn a_list_that_goes_on_in_another_account_is_not_followed() {
    let harness = Harness::shared().await;
    let (newcomer, _, _) = healthy(harness).await;
    let other = harness.newcomer().await.account;
    let sid = other.sid();
    let path = format!("/2010-04-01/Accounts/{sid}/IncomingPhoneNumbers.json?Page=1");
    let check = numbers_going_on_at(harness, &newcomer, path).await;
    check.is("degraded", "for this account", "operator");
    assert_eq!(other.calls().count(), 0);
}
