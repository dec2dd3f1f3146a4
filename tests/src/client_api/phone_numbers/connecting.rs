//! Numbers that are pointed here: what is set at Twilio, once, whoever asks and whatever fails meanwhile.

use local::double::Misbehaviour;
use local::emulators::faults::{AwsError, Effect, Matching, Times};
use serde_json::{Value, json};

use super::{ELSEWHERE, NUMBERS};
use crate::client_api::onboarding::Newcomer;
use crate::harness::Harness;

/// What sets a number, as the wire log names it.
const UPDATE: &str = "POST /2010-04-01/Accounts/{AC}/IncomingPhoneNumbers/{PN}.json";

const CONNECTED: &str = "phone_number_connected";
const REPAIRED: &str = "phone_number_repaired";

impl Newcomer {
    /// How often Twilio was asked to set a number.
    fn updates(&self) -> usize {
        self.account.calls().operation(UPDATE).count()
    }
}

/// A number as Twilio has it once it leads here.
fn settings(harness: &Harness, newcomer: &Newcomer) -> Value {
    let target = newcomer.tenant(harness).target;
    let account = newcomer.account.sid();
    let urls = &target.urls;
    let webhook =
        |base: &str, path: &str| format!("{base}{path}?account={account}#rc=3&rp=5xx,ct,rt");
    let fallback = |base: &str, path: &str| format!("{base}{path}?account={account}");
    json!({
        "trunk_sid": null, "voice_application_sid": "", "sms_application_sid": "",
        "voice_url": webhook(&urls.voice, "voice"), "voice_method": "POST",
        "voice_fallback_url": fallback(&urls.sms, "voice/fallback"), "voice_fallback_method": "POST",
        "status_callback": webhook(&urls.voice, "voice/status"), "status_callback_method": "POST",
        "sms_url": webhook(&urls.sms, "sms"), "sms_method": "POST",
        "sms_fallback_url": fallback(&urls.whatsapp, "sms/fallback"), "sms_fallback_method": "POST",
    })
}

/// Asserts that a number leads here by everything that is set on it.
#[track_caller]
fn assert_leads_here(harness: &Harness, newcomer: &Newcomer, sid: &str) {
    let number = newcomer.number(sid);
    for (name, expected) in settings(harness, newcomer).as_object().unwrap() {
        assert_eq!(number[name], *expected, "{name}");
    }
}

#[tokio::test]
async fn a_connected_number_leads_here_whatever_led_it_elsewhere() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let other = newcomer
        .account
        .add_application("theirs", ELSEWHERE)
        .unwrap();
    let trunk = "TK00000000000000000000000000000001";
    let forms: [&[(&str, &str)]; 4] = [
        &[],
        &[("TrunkSid", trunk)],
        &[
            ("VoiceApplicationSid", &other),
            ("SmsApplicationSid", &other),
        ],
        &[
            ("VoiceUrl", ELSEWHERE),
            ("VoiceMethod", "GET"),
            ("SmsUrl", ELSEWHERE),
        ],
    ];
    for (form, number) in forms.into_iter().zip(100_u32..) {
        let sid = newcomer.account.add_number(&format!("+12125550{number}"));
        newcomer.configure(&sid, &[form, &[("FriendlyName", "Desk")]].concat());
        let connected = newcomer.connect(&sid).await.document(200);
        assert_leads_here(harness, &newcomer, &sid);
        assert_eq!(connected["connected"], true);
        assert_eq!(
            connected["voice_route"],
            json!({"through": "url", "leads": "here"})
        );
        assert_eq!(
            connected["message_route"],
            json!({"through": "url", "leads": "here"})
        );
        assert_eq!(connected["warnings"], json!([]));
        // Whatever else it has stays.
        assert_eq!(newcomer.number(&sid)["friendly_name"], "Desk");
        let listed = newcomer.numbers().await;
        assert!(listed.contains(&connected), "{listed:?}");
    }
}

#[tokio::test]
async fn a_number_that_leads_here_is_not_set_again_and_told_of_once() {
    let newcomer = Harness::shared().await.connected().await;
    let sid = newcomer.account.add_number("+12125550100");
    let first = newcomer.connect(&sid).await.document(200);
    let again = newcomer.connect(&sid).await.document(200);
    assert_eq!(first["connected_at"], again["connected_at"]);
    assert_eq!(newcomer.updates(), 1);
    assert_eq!(newcomer.logged(CONNECTED, &sid).await, 1);
}

#[tokio::test]
async fn many_who_connect_a_number_at_once_all_succeed_and_are_told_of_once() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let sid = newcomer.account.add_number("+12125550100");
    let (one, two, three) = tokio::join!(
        newcomer.connect(&sid),
        newcomer.connect(&sid),
        newcomer.connect(&sid)
    );
    let connected_at: Vec<_> = [one, two, three]
        .into_iter()
        .map(|answer| answer.document(200)["connected_at"].clone())
        .collect();
    assert_eq!(connected_at[0], connected_at[1]);
    assert_eq!(connected_at[0], connected_at[2]);
    assert_leads_here(harness, &newcomer, &sid);
    assert_eq!(newcomer.logged(CONNECTED, &sid).await, 1);
}

#[tokio::test]
async fn what_led_away_since_is_seen_by_a_sync_and_mended_by_connecting_again() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let sid = newcomer.account.add_number("+12125550100");
    let first = newcomer.connect(&sid).await.document(200);
    newcomer.configure(&sid, &[("VoiceUrl", ELSEWHERE)]);
    assert_eq!(newcomer.sync().await, [1, 0, 1, 0]);
    let seen = newcomer.numbers().await.remove(0);
    assert_eq!(seen["connected"], false);
    assert_eq!(seen["connected_at"], first["connected_at"]);
    let mended = newcomer.connect(&sid).await.document(200);
    assert_eq!(mended["connected"], true);
    assert_leads_here(harness, &newcomer, &sid);
    assert_eq!(newcomer.logged(CONNECTED, &sid).await, 1);
    assert_eq!(newcomer.logged(REPAIRED, &sid).await, 1);
}

#[tokio::test]
async fn a_messaging_service_is_left_as_it_is_and_warned_of() {
    let newcomer = Harness::shared().await.connected().await;
    let sid = newcomer.account.add_number("+12125550100");
    let service = newcomer
        .account
        .add_messaging_service("Marketing", Some(ELSEWHERE));
    newcomer.account.add_to_messaging_service(&service, &sid);
    let connected = newcomer.connect(&sid).await.document(200);
    let route = json!({"through": "messaging_service", "sid": service, "leads": "elsewhere"});
    assert_eq!(connected["message_route"], route);
    assert_eq!(connected["connected"], true);
    let warning = connected["warnings"][0].as_str().unwrap();
    assert!(warning.contains(&service), "{warning}");
    let changes = newcomer.account.calls();
    let changes = changes
        .iter()
        .filter(|call| call.operation.starts_with("POST"));
    assert_eq!(changes.count(), newcomer.updates());

    // Where it defers to its numbers, the number's own URL counts.
    let defers = "use_inbound_webhook_on_number";
    newcomer
        .account
        .configure_messaging_service(&service, defers, json!(true));
    newcomer.sync().await;
    let number = newcomer.numbers().await.remove(0);
    assert_eq!(
        number["message_route"],
        json!({"through": "url", "leads": "here"})
    );
    assert_eq!(number["warnings"], json!([]));
}

#[tokio::test]
async fn whoever_gets_no_answer_asks_again_and_the_log_tells_of_it_once() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let sid = newcomer.account.add_number("+12125550100");
    newcomer.connect(&sid).await.document(200);

    // Twilio set it, and the store took no note of it.
    newcomer.configure(&sid, &[("VoiceUrl", ELSEWHERE)]);
    let faults = harness.stack.emulators().dynamodb().faults();
    let log =
        Matching::operations(["TransactWriteItems"]).partition(format!("{}#audit", newcomer.id));
    let fault = faults.inject(log, Effect::Refuse(AwsError::internal()), Times::Always);
    let interrupted = newcomer.connect(&sid).await;
    assert_eq!(interrupted.refusal(), (503, "unavailable"));
    faults.remove(fault);
    assert_leads_here(harness, &newcomer, &sid);
    assert_eq!(newcomer.logged(REPAIRED, &sid).await, 0);
    let updates = newcomer.updates();
    newcomer.connect(&sid).await.document(200);
    assert_eq!(newcomer.updates(), updates);
    assert_eq!(newcomer.logged(REPAIRED, &sid).await, 1);
}

#[tokio::test]
async fn an_answer_of_twilio_that_is_lost_is_asked_for_again() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let sid = newcomer.account.add_number("+12125550100");
    let update = Matching::operations([UPDATE]).on(newcomer.account.sid().as_str());
    let faults = harness.stack.twilio().faults();
    faults.inject(update, Misbehaviour::LoseAnswer, Times::Next(1));
    newcomer.connect(&sid).await.document(200);
    assert_leads_here(harness, &newcomer, &sid);
    assert_eq!(newcomer.logged(CONNECTED, &sid).await, 1);
}

#[tokio::test]
async fn a_number_that_the_account_does_not_have_is_not_found_and_forgotten() {
    let newcomer = Harness::shared().await.connected().await;
    for sid in ["PN00112233445566778899aabbccddeeff", "+12125550100"] {
        let path = format!("{NUMBERS}/{sid}/connect");
        let answer = newcomer
            .admin
            .send_unjudged(reqwest::Method::POST, &path, |it| it)
            .await;
        assert_eq!(answer.refusal(), (404, "phone_number_not_found"), "{sid}");
    }
    let sid = newcomer.account.add_number("+12125550100");
    newcomer.sync().await;
    newcomer.account.release_number(&sid);
    let gone = newcomer.connect(&sid).await;
    assert_eq!(gone.refusal(), (404, "phone_number_not_found"));
    assert_eq!(newcomer.numbers().await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_twilio_does_not_do_is_not_told_as_done() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let sid = newcomer.account.add_number("+12125550100");
    newcomer.sync().await;
    let update = || Matching::operations([UPDATE]).on(newcomer.account.sid().as_str());
    let faults = harness.stack.twilio().faults();
    for (misbehaviour, refusal) in [
        (Misbehaviour::Unavailable, (503, "provider_unavailable")),
        (Misbehaviour::Unauthorized, (502, "provider_refused")),
    ] {
        let fault = faults.inject(update(), misbehaviour, Times::Always);
        let refused = newcomer.connect(&sid).await;
        assert_eq!(refused.refusal(), refusal);
        faults.remove(fault);
        let number = newcomer.numbers().await.remove(0);
        assert_eq!(
            (&number["connected"], &number["connected_at"]),
            (&json!(false), &Value::Null)
        );
        assert_eq!(newcomer.logged(CONNECTED, &sid).await, 0);
    }
    newcomer.connect(&sid).await.document(200);
    assert_eq!(newcomer.logged(CONNECTED, &sid).await, 1);
}
