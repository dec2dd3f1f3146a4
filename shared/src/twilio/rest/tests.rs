//! The client over the wire, against a scripted Twilio.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::outbound::scripted::{Provider, Reaction, soon};

pub(in crate::twilio) const ACCOUNT: &str = "AC00112233445566778899aabbccddeeff";
pub(in crate::twilio) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const KEY: &str = "SK00112233445566778899aabbccddeeff";
const SERVICE: &str = "MG00112233445566778899aabbccddeeff";

fn credentials(more: Value) -> TwilioCredentials {
    let mut document = json!({"account_sid": ACCOUNT, "auth_token": TOKEN});
    document
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    TwilioCredentials::from_input(&document).unwrap()
}

fn with_key() -> TwilioCredentials {
    credentials(json!({"api_key_sid": KEY, "api_key_secret": "fedcba9876543210fedcba9876543210"}))
}

fn application(number: u32, name: &str) -> Value {
    json!({"sid": format!("AP{number:032x}"), "friendly_name": name, "voice_url": "",
        "date_created": "Fri, 21 Aug 2015 00:07:25 +0000", "unknown": {"new": 1}})
}

fn page(applications: &[Value], next: Option<&str>) -> Reaction {
    Reaction::json(
        200,
        &json!({"applications": applications, "next_page_uri": next}),
    )
}

#[tokio::test]
async fn the_api_key_is_preferred_and_the_auth_token_on_demand() {
    let account = json!({"sid": ACCOUNT, "status": "active", "friendly_name": "Acme"});
    let provider = Provider::in_turn([page(&[], None), Reaction::json(200, &account)]).await;
    let (outbound, credentials) = (provider.outbound(), with_key());
    let client = TwilioClient::new(&outbound, &credentials, soon());
    client.applications_named("x").await.unwrap();
    client.as_auth_token().account().await.unwrap();
    let received = provider.received();
    assert_eq!(received[0].basic().0, KEY);
    assert_eq!(received[1].basic(), (ACCOUNT.to_owned(), TOKEN.to_owned()));
    assert_eq!(
        received[1].target,
        format!("/2010-04-01/Accounts/{ACCOUNT}.json")
    );
}

#[tokio::test]
async fn without_an_api_key_the_auth_token_is_used() {
    let provider = Provider::in_turn([page(&[], None)]).await;
    let (outbound, credentials) = (provider.outbound(), credentials(json!({})));
    let client = TwilioClient::new(&outbound, &credentials, soon());
    client.applications_named("x").await.unwrap();
    assert_eq!(provider.received()[0].basic().0, ACCOUNT);
}

#[tokio::test]
async fn every_page_of_a_list_is_read_and_names_are_compared_exactly() {
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Applications.json");
    let next = format!("{path}?FriendlyName=a+b&PageSize=100&Page=1&PageToken=PAx%2F1");
    let provider = Provider::in_turn([
        page(
            &[application(1, "a b"), application(2, "a b c")],
            Some(&next),
        ),
        page(&[application(3, "A b"), application(4, "a b")], None),
    ])
    .await;
    let (outbound, credentials) = (provider.outbound(), credentials(json!({})));
    let client = TwilioClient::new(&outbound, &credentials, soon());
    let found = client.applications_named("a b").await.unwrap();
    let sids: Vec<&str> = found.iter().map(|it| &it.sid.as_str()[33..]).collect();
    assert_eq!(sids, ["1", "4"]);
    assert_eq!(found[0].voice_url, None);
    assert_eq!(found[0].date_created.unwrap().as_second(), 1_440_115_645);
    let targets: Vec<String> = provider
        .received()
        .into_iter()
        .map(|it| it.target)
        .collect();
    assert_eq!(
        targets,
        [format!("{path}?FriendlyName=a+b&PageSize=100"), next]
    );
}

#[tokio::test]
async fn a_next_page_elsewhere_gets_no_call() {
    let other_account = "/2010-04-01/Accounts/AC99999999999999999999999999999999/Applications.json";
    let own = format!("/2010-04-01/Accounts/{ACCOUNT}/Applications.json");
    for next in [
        format!("{other_account}?Page=1"),
        format!("https://api.twilio.com{other_account}?Page=1"),
        format!("https://evil.example{own}?Page=1"),
        format!("https://api.twilio.com.evil.example{own}?Page=1"),
        format!("//evil.example{own}?Page=1"),
        format!("/2010-04-01/Accounts/{ACCOUNT}/../AC9/Applications.json?Page=1"),
        format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Page=1"),
        "Applications.json?Page=1".to_owned(),
    ] {
        let provider = Provider::in_turn([page(&[], Some(&next)), page(&[], None)]).await;
        let (outbound, credentials) = (provider.outbound(), credentials(json!({})));
        let client = TwilioClient::new(&outbound, &credentials, soon());
        let refused = client.applications_named("x").await;
        assert_eq!(refused, Err(TwilioError::ForeignPage), "{next}");
        assert_eq!(provider.received().len(), 1);
    }
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let next = format!("/2010-04-01/Accounts/{ACCOUNT}/Applications.json?Page=1");
    let provider = Provider::in_turn([page(&[], Some(&next))]).await;
    let (outbound, credentials) = (provider.outbound(), credentials(json!({})));
    let client = TwilioClient::new(&outbound, &credentials, soon());
    let refused = client.applications_named("x").await;
    assert_eq!(refused, Err(TwilioError::TooManyPages));
    assert_eq!(provider.received().len(), 50);
}

#[tokio::test]
async fn messaging_services_page_by_absolute_urls_of_their_own_host() {
    let next = format!("https://messaging.twilio.com/v1/Services/{SERVICE}/PhoneNumbers?Page=1");
    let number =
        |digit: u32| json!({"sid": format!("PN{digit:032x}"), "phone_number": "+15005550006"});
    let provider = Provider::in_turn([
        Reaction::json(
            200,
            &json!({"phone_numbers": [number(1)], "meta": {"next_page_url": next}}),
        ),
        Reaction::json(
            200,
            &json!({"phone_numbers": [number(2)], "meta": {"next_page_url": null}}),
        ),
    ])
    .await;
    let (outbound, credentials) = (provider.outbound(), credentials(json!({})));
    let client = TwilioClient::new(&outbound, &credentials, soon());
    let numbers = client
        .messaging_service_numbers(&SERVICE.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(numbers.len(), 2);
    let target = &provider.received()[1].target;
    assert_eq!(
        *target,
        format!("/v1/Services/{SERVICE}/PhoneNumbers?Page=1")
    );
}

#[tokio::test]
async fn numbers_are_read_with_nothing_as_null_or_as_an_empty_text() {
    let number = json!({"sid": "PN00000000000000000000000000000001", "phone_number": "+15005550006",
        "trunk_sid": null, "voice_application_sid": "", "voice_url": "https://a.example/#x",
        "sms_application_sid": "AP00000000000000000000000000000001", "capabilities": {"voice": false}});
    let list = json!({"incoming_phone_numbers": [number], "next_page_uri": null});
    let provider = Provider::in_turn([Reaction::json(200, &list)]).await;
    let (outbound, credentials) = (provider.outbound(), credentials(json!({})));
    let client = TwilioClient::new(&outbound, &credentials, soon());
    let numbers = client.incoming_phone_numbers().await.unwrap();
    let number = &numbers[0];
    assert_eq!(
        (&number.trunk_sid, &number.voice_application_sid),
        (&None, &None)
    );
    assert_eq!(number.voice_url.as_deref(), Some("https://a.example/#x"));
    assert!(number.sms_application_sid.is_some());
    let voice = NumberCapabilities {
        voice: false,
        sms: true,
        mms: true,
    };
    assert_eq!(number.capabilities, Some(voice));
}

#[tokio::test]
async fn an_account_in_a_status_that_is_new_is_read() {
    let account = json!({"sid": ACCOUNT, "status": "resting", "auth_token": TOKEN});
    let provider = Provider::in_turn([Reaction::json(200, &account)]).await;
    let (outbound, credentials) = (provider.outbound(), credentials(json!({})));
    let account = TwilioClient::new(&outbound, &credentials, soon())
        .account()
        .await
        .unwrap();
    assert_eq!(account.status, AccountStatus::Other("resting".to_owned()));
    assert!(!format!("{account:?}").contains(TOKEN));
}

async fn kind_of(reaction: Reaction) -> ErrorKind {
    let provider = Provider::in_turn([reaction]).await;
    let (outbound, credentials) = (provider.outbound(), credentials(json!({})));
    let client = TwilioClient::new(&outbound, &credentials, soon());
    client.key(&KEY.parse().unwrap()).await.unwrap_err().kind()
}

#[tokio::test]
async fn an_error_is_judged_by_its_code_before_its_status() {
    let limited = ErrorKind::RateLimited { retry_after: None };
    for (status, code, kind) in [
        (401, 20003, ErrorKind::Authentication),
        (403, 20003, ErrorKind::Authentication),
        (403, 20008, ErrorKind::TestCredentials),
        (401, 20005, ErrorKind::AccountNotActive),
        (401, 10001, ErrorKind::AccountNotActive),
        (403, 20403, ErrorKind::AccountNotActive),
        (401, 70051, ErrorKind::NotPermitted),
        (403, 70051, ErrorKind::NotPermitted),
        (404, 20404, ErrorKind::NotFound),
        (400, 20404, ErrorKind::NotFound),
        (400, 20429, limited),
        (429, 99999, limited),
        (400, 20500, ErrorKind::Unavailable),
        (401, 99999, ErrorKind::Authentication),
        (403, 99999, ErrorKind::NotPermitted),
        (404, 99999, ErrorKind::NotFound),
        (400, 21211, ErrorKind::Rejected),
        (500, 99999, ErrorKind::Unavailable),
    ] {
        assert_eq!(
            kind_of(Reaction::error(status, code)).await,
            kind,
            "{status} {code}"
        );
    }
}

#[tokio::test]
async fn what_is_not_in_twilios_words_says_nothing() {
    for status in [200, 302, 401, 403, 404, 502] {
        assert_eq!(
            kind_of(Reaction::html(status)).await,
            ErrorKind::Unavailable,
            "{status}"
        );
    }
    assert_eq!(
        kind_of(Reaction::json(401, &json!({}))).await,
        ErrorKind::Unavailable
    );
    assert_eq!(
        kind_of(Reaction::json(200, &json!({}))).await,
        ErrorKind::Unavailable
    );
}

#[tokio::test]
async fn problem_details_of_the_newer_apis_are_read() {
    let problem =
        json!({"type": "https://x", "title": "Unauthorized", "status": 401, "code": "20003"});
    assert_eq!(
        kind_of(Reaction::json(401, &problem)).await,
        ErrorKind::Authentication
    );
}

#[tokio::test]
async fn a_refusal_keeps_twilios_words_bounded_and_the_requests_name() {
    let message = "é\u{1b}[31m\r\n".repeat(200);
    let words = json!({"code": 21211, "message": message, "status": 400});
    let reaction = Reaction::json(400, &words).with("twilio-request-id", "RQ7");
    let provider = Provider::in_turn([reaction]).await;
    let (outbound, credentials) = (provider.outbound(), credentials(json!({})));
    let client = TwilioClient::new(&outbound, &credentials, soon());
    let Err(TwilioError::Refused(refusal)) = client.account().await else {
        panic!("not a refusal")
    };
    assert_eq!((refusal.status, refusal.code), (400, Some(21211)));
    assert_eq!(refusal.request_id.as_deref(), Some("RQ7"));
    assert_eq!(refusal.message.chars().count(), 300);
    assert!(!refusal.message.chars().any(char::is_control));
}

#[tokio::test]
async fn a_refusal_that_repeats_a_secret_is_judged_and_its_words_are_withheld() {
    let credentials = credentials(json!({}));
    let token = credentials.auth_token.expose();
    let basic = STANDARD.encode(format!("{}:{token}", credentials.account_sid));
    for repeated in [token, &token[4..], &basic, &basic[20..]] {
        let words =
            json!({"code": 20003, "message": format!("no: {repeated}."), "more_info": repeated});
        let answer = Reaction::json(401, &words).with("twilio-request-id", repeated);
        let provider = Provider::in_turn([answer]).await;
        let outbound = provider.outbound();
        let client = TwilioClient::new(&outbound, &credentials, soon());
        let error = client.account().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication);
        let told = format!("{error} {error:?}");
        assert!(!told.contains(repeated), "{told}");
    }
    let words =
        json!({"code": 20404, "message": format!("{} was not found", credentials.account_sid)});
    let provider = Provider::in_turn([Reaction::json(404, &words)]).await;
    let outbound = provider.outbound();
    let client = TwilioClient::new(&outbound, &credentials, soon());
    let error = client.account().await.unwrap_err().to_string();
    assert!(error.contains("was not found"), "{error}");
}

#[tokio::test]
async fn an_app_is_made_and_changed_by_posting_its_urls() {
    let provider = Provider::in_turn([
        Reaction::json(201, &application(1, "App")),
        Reaction::json(200, &application(1, "App")),
    ])
    .await;
    let (outbound, credentials) = (provider.outbound(), credentials(json!({})));
    let client = TwilioClient::new(&outbound, &credentials, soon());
    let config = ApplicationConfig {
        friendly_name: "App".to_owned(),
        voice_url: "https://a.example/voice?account=AC1#rc=3&rp=5xx".to_owned(),
        voice_fallback_url: "https://b.example/voice/fallback".to_owned(),
        status_callback: "https://a.example/voice/status".to_owned(),
    };
    let made = client.create_application(&config).await.unwrap();
    client.update_application(&made.sid, &config).await.unwrap();
    let received = provider.received();
    let (create, update) = (received[0].form(), received[1].form());
    assert_eq!(create["FriendlyName"], "App");
    assert_eq!(create["VoiceUrl"], config.voice_url);
    assert_eq!(create["VoiceFallbackUrl"], config.voice_fallback_url);
    assert_eq!(
        (
            create["VoiceMethod"].as_str(),
            create["StatusCallbackMethod"].as_str()
        ),
        ("POST", "POST")
    );
    assert!(!update.contains_key("FriendlyName"));
    let path = format!(
        "/2010-04-01/Accounts/{ACCOUNT}/Applications/{}.json",
        made.sid
    );
    assert_eq!(
        (received[1].method.as_str(), received[1].path()),
        ("POST", path.as_str())
    );
}
