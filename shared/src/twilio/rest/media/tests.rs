use super::*;
use crate::outbound::scripted::{Provider, Reaction, Received, soon};
use crate::twilio::TwilioCredentials;
use crate::twilio::rest::{RecordingFormat, account_of_url};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const RECORDING: &str = "RE00000000000000000000000000000001";

fn credentials() -> TwilioCredentials {
    let entered =
        serde_json::json!({"account_sid": ACCOUNT, "auth_token": "an-auth-token-of-theirs"});
    serde_json::from_value(entered).unwrap()
}

fn redirect(location: &str) -> Reaction {
    Reaction::Answer {
        status: 302,
        headers: Vec::new(),
        body: String::new(),
    }
    .with("location", location)
}

fn file() -> Reaction {
    Reaction::Answer {
        status: 200,
        headers: vec![("content-type", "audio/mpeg".to_owned())],
        body: "a song".to_owned(),
    }
}

/// What comes of fetching a recording.
async fn fetched(provider: &Provider) -> Result<Media, MediaError> {
    let (outbound, credentials) = (provider.outbound(), credentials());
    let client = TwilioClient::new(&outbound, &credentials, soon());
    let sid = RECORDING.parse().unwrap();
    let format = RecordingFormat::Mp3;
    client.recording_media(&sid, format, Wanted::Whole).await
}

fn authorised(received: &Received) -> bool {
    received.headers.contains_key("authorization")
}

#[tokio::test]
async fn a_recording_is_fetched_by_its_sid_with_the_credentials() {
    let provider = Provider::in_turn([file()]).await;
    let media = fetched(&provider).await.unwrap();
    assert_eq!(media.bytes, b"a song");
    let received = &provider.received()[0];
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings/{RECORDING}.mp3");
    assert_eq!(received.path(), path);
    assert_eq!(received.basic().0, ACCOUNT);
}

#[tokio::test]
async fn another_host_is_asked_without_the_credentials() {
    let storage = Provider::in_turn([file()]).await;
    let provider = Provider::in_turn([redirect(&format!("{}/file?signed=1", storage.url))]).await;
    assert_eq!(fetched(&provider).await.unwrap().bytes, b"a song");
    let received = storage.received();
    assert_eq!(received[0].target, "/file?signed=1");
    assert!(!authorised(&received[0]));
}

#[tokio::test]
async fn the_same_host_gets_the_credentials_again() {
    let moved = Provider::start(|received| match received.path() {
        "/moved" => file(),
        _ => redirect("/moved"),
    })
    .await;
    assert_eq!(fetched(&moved).await.unwrap().bytes, b"a song");
    assert!(moved.received().iter().all(authorised));
}

#[tokio::test]
async fn a_second_redirect_and_one_to_anybody_are_not_followed() {
    let storage = Provider::in_turn([redirect("/again")]).await;
    for location in [
        format!("{}/file", storage.url),
        "https://example.com/".to_owned(),
    ] {
        let provider = Provider::in_turn([redirect(&location)]).await;
        let refused = fetched(&provider).await.unwrap_err();
        assert_eq!(refused, MediaError::ForeignRedirect);
        assert_eq!(provider.received().len(), 1);
    }
    assert_eq!(storage.received().len(), 1);
}

#[tokio::test]
async fn twilios_words_are_taken_in_xml_too_and_those_of_nobody_else() {
    let xml = |status, code| Reaction::Answer {
        status,
        headers: Vec::new(),
        body: format!(
            "<?xml version='1.0'?><TwilioResponse><RestException><Code>{code}</Code><Message>m</Message>\
             <Status>{status}</Status></RestException></TwilioResponse>"
        ),
    };
    let kind = async |reaction| match fetched(&Provider::in_turn([reaction]).await).await {
        Err(MediaError::Missing) => ErrorKind::NotFound,
        Err(MediaError::Twilio(error)) => error.kind(),
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(xml(404, 20404)).await, ErrorKind::NotFound);
    assert_eq!(kind(xml(401, 20003)).await, ErrorKind::Authentication);
    assert_eq!(kind(Reaction::html(404)).await, ErrorKind::Unavailable);
    assert_eq!(kind(Reaction::html(401)).await, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_storage_is_judged_by_its_status() {
    for (status, expected) in [
        (404, MediaError::Missing),
        (410, MediaError::Missing),
        (403, MediaError::Storage { status: 403 }),
    ] {
        let storage = Provider::in_turn([Reaction::html(status)]).await;
        let provider = Provider::in_turn([redirect(&storage.url)]).await;
        assert_eq!(fetched(&provider).await.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn the_end_of_no_bytes_is_not_asked_for() {
    let provider = Provider::in_turn([file()]).await;
    let (outbound, credentials) = (provider.outbound(), credentials());
    let client = TwilioClient::new(&outbound, &credentials, soon());
    let sid = RECORDING.parse().unwrap();
    let format = RecordingFormat::Wav;
    let refused = client.recording_media(&sid, format, Wanted::Last(0)).await;
    let nothing = MediaFault::Unsatisfiable { total: None };
    assert_eq!(refused.unwrap_err(), MediaError::Fault(nothing));
    assert_eq!(provider.received().len(), 0);
}

#[test]
fn a_url_names_its_account_and_file_only_where_it_is_twilios_of_that_message() {
    let message: MessageSid = "MM00000000000000000000000000000001".parse().unwrap();
    let file = "ME00000000000000000000000000000001";
    let base = format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}");
    let named = |url: String| media_of_url(&url, &message);
    let expected = (ACCOUNT.parse().unwrap(), file.parse().unwrap());
    let url = format!("{base}/Messages/{message}/Media/{file}");
    assert_eq!(named(url.clone()), Some(expected));
    let other = message.as_str().replace('1', "2");
    for url in [
        format!("{base}/Messages/{other}/Media/{file}"),
        format!("{base}/Messages/{message}/Media/{file}/more"),
        format!("{base}/Messages/{message}/Media/"),
        "https://example.com/picture.png".to_owned(),
        String::new(),
    ] {
        assert_eq!(named(url.clone()), None, "{url}");
    }
    assert_eq!(
        account_of_url(&format!("{base}/Recordings/{RECORDING}")),
        Some(ACCOUNT.parse().unwrap())
    );
    assert_eq!(
        account_of_url("https://bucket.s3.amazonaws.com/RE1.wav"),
        None
    );
}
