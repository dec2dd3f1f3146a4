use super::*;
use crate::twilio::rest::Format;
use reqwest::header::{CONTENT_RANGE, LOCATION};

const CALL: &str = "CA00000000000000000000000000000001";

impl World {
    /// Sends a request for a range, and follows no redirect.
    async fn ask_for(&self, url: &str, range: &str, as_account: bool) -> Response {
        let client = crate::http_client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let request = client.get(url).header("range", range);
        let request = match as_account {
            true => request.basic_auth(self.account.sid(), Some(TOKEN)),
            false => request,
        };
        request.send().await.unwrap()
    }

    fn url(&self, rest: &str) -> String {
        format!("{}{}", self.double.url(), self.path(rest))
    }
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_recording_has_the_properties_of_twilios_example() {
    let world = world().await;
    let sid = world.account.add_recording(CALL, 4);
    let (status, document) = answered(
        world
            .get(&world.path(&format!("Recordings/{sid}.json")))
            .await,
    )
    .await;
    assert_eq!(status, 200);
    // The example under `GET /2010-04-01/Accounts/{AccountSid}/Recordings/{Sid}.json` of Twilio's API description.
    assert_eq!(
        property_names(&document),
        [
            "account_sid",
            "api_version",
            "call_sid",
            "channels",
            "conference_sid",
            "date_created",
            "date_updated",
            "duration",
            "encryption_details",
            "error_code",
            "media_url",
            "price",
            "price_unit",
            "sid",
            "source",
            "start_time",
            "status",
            "subresource_uris",
            "uri",
        ]
    );
    assert_eq!(
        (&document["duration"], &document["channels"]),
        (&"4".into(), &1.into())
    );
}

#[tokio::test]
async fn recordings_are_listed_by_pages_and_by_call() {
    let world = world().await;
    let other = CALL.replace('1', "2");
    let made: Vec<String> = [CALL, &other, CALL, CALL]
        .iter()
        .map(|call| world.account.add_recording(call, 1))
        .collect();
    let mut listed = Vec::new();
    let mut next = Some(world.path(&format!("Recordings.json?CallSid={CALL}&PageSize=2")));
    while let Some(path) = next {
        let (status, page) = answered(world.get(&path).await).await;
        assert_eq!(status, 200);
        let sids = page["recordings"].as_array().unwrap().iter();
        listed.extend(sids.map(|one| one["sid"].as_str().unwrap().to_owned()));
        next = page["next_page_uri"].as_str().map(str::to_owned);
    }
    assert_eq!(listed, [&*made[3], &made[2], &made[0]]);
}

#[tokio::test]
async fn a_recording_is_a_wav_file_or_an_mp3_file_of_its_length() {
    let world = world().await;
    let sid = world.account.add_recording(CALL, 2);
    for (name, content_type, begins) in [
        ("", "audio/x-wav", &b"RIFF"[..]),
        (".wav", "audio/x-wav", b"RIFF"),
        (".mp3", "audio/mpeg", &[0xFF, 0xF3]),
    ] {
        let response = world
            .get(&world.path(&format!("Recordings/{sid}{name}")))
            .await;
        assert_eq!(response.status(), 200);
        assert_eq!(
            header(&response, reqwest::header::CONTENT_TYPE),
            content_type
        );
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.starts_with(begins));
        let expected = if begins == b"RIFF" {
            44 + 2 * 16_000
        } else {
            76 * 104
        };
        assert_eq!(bytes.len(), expected, "{name}");
    }
}

#[tokio::test]
async fn ranges_are_those_of_a_file_server() {
    let world = world().await;
    let sid = world.account.add_recording(CALL, 1);
    let whole = world.account.recorded(&sid, Format::Wav).unwrap();
    let (url, length) = (world.url(&format!("Recordings/{sid}")), whole.len());
    for (range, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=100-199", 100..200),
        ("bytes=16000-", 16_000..length),
        ("bytes=16000-99999999", 16_000..length),
        ("bytes=-44", length - 44..length),
    ] {
        let response = world.ask_for(&url, range, true).await;
        assert_eq!(response.status(), 206, "{range}");
        let (first, last) = (part.start, part.end - 1);
        assert_eq!(
            header(&response, CONTENT_RANGE),
            format!("bytes {first}-{last}/{length}")
        );
        assert_eq!(response.bytes().await.unwrap(), whole[part], "{range}");
    }
    for range in ["bytes=99999999-", "bytes=-0"] {
        let response = world.ask_for(&url, range, true).await;
        assert_eq!(response.status(), 416, "{range}");
        assert_eq!(
            header(&response, CONTENT_RANGE),
            format!("bytes */{length}")
        );
    }
    for range in ["bytes=5-2", "lines=1-2", "bytes=a-b"] {
        let response = world.ask_for(&url, range, true).await;
        assert_eq!(response.status(), 200, "{range}");
    }
    world.account.ignore_ranges(true);
    let response = world.ask_for(&url, "bytes=100-199", true).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.bytes().await.unwrap(), whole);
}

#[tokio::test]
async fn a_deleted_recording_is_gone_with_its_media() {
    let world = world().await;
    let sid = world.account.add_recording(CALL, 1);
    let path = world.path(&format!("Recordings/{sid}.json"));
    assert_eq!(world.ask(Method::DELETE, &path, &[]).await.status(), 204);
    assert_eq!(
        refused(world.ask(Method::DELETE, &path, &[]).await).await,
        (404, 20_404)
    );
    assert_eq!(refused(world.get(&path).await).await, (404, 20_404));
    let media = world
        .get(&world.path(&format!("Recordings/{sid}.mp3")))
        .await;
    assert_eq!(media.status(), 404);
    let words = media.text().await.unwrap();
    assert!(words.contains("<Code>20404</Code>"), "{words}");
}

#[tokio::test]
async fn what_was_transcribed_of_a_recording_is_listed_while_there_is_the_recording() {
    let world = world().await;
    let recording = world.account.add_recording(CALL, 1);
    let other = world.account.add_recording(CALL, 1);
    let path = world.path(&format!("Recordings/{recording}/Transcriptions.json"));
    let (_, page) = answered(world.get(&path).await).await;
    assert_eq!(page["transcriptions"], serde_json::json!([]));
    let sid = world.account.add_transcription(&recording);
    world.account.add_transcription(&other);
    let (_, page) = answered(world.get(&path).await).await;
    let [transcription] = &page["transcriptions"].as_array().unwrap()[..] else {
        panic!("one is of this recording: {page}")
    };
    assert_eq!(transcription["sid"], sid.as_str());
    // The example under `GET /2010-04-01/Accounts/{AccountSid}/Recordings/{RecordingSid}/Transcriptions.json` of Twilio's API
    // description.
    assert_eq!(
        property_names(transcription),
        [
            "account_sid",
            "api_version",
            "date_created",
            "date_updated",
            "duration",
            "price",
            "price_unit",
            "recording_sid",
            "sid",
            "status",
            "transcription_text",
            "type",
            "uri",
        ]
    );
    world.account.delete_recording(&recording);
    assert_eq!(refused(world.get(&path).await).await, (404, 20_404));
    assert_eq!(world.account.transcriptions().len(), 2);
    let uri = transcription["uri"].as_str().unwrap();
    assert_eq!(world.ask(Method::DELETE, uri, &[]).await.status(), 204);
    assert_eq!(world.account.transcriptions().len(), 1);
}

#[tokio::test]
async fn recordings_are_their_accounts_alone() {
    let world = world().await;
    let sid = world.account.add_recording(CALL, 1);
    let other = world.double.account(&super::sid(2));
    other.open(TOKEN);
    for name in [format!("{sid}.json"), sid.clone()] {
        let of_other = format!("/2010-04-01/Accounts/{}/Recordings/{name}", other.sid());
        let response = world
            .ask_as(other.sid().as_str(), TOKEN, Method::GET, &of_other, &[])
            .await;
        assert_eq!(response.status(), 404, "{of_other}");
        let own = world.path(&format!("Recordings/{name}"));
        let response = world
            .ask_as(other.sid().as_str(), TOKEN, Method::GET, &own, &[])
            .await;
        assert_eq!(response.status(), 404, "{own}");
    }
}

#[tokio::test]
async fn a_key_needs_the_permission_for_recordings() {
    let world = world().await;
    let sid = world.account.add_recording(CALL, 1);
    let reader = KeyKind::Restricted(vec![Permission::ReadRecordings]);
    let key = world.account.add_key(reader);
    let ask = async |method, name: String| {
        let path = world.path(&name);
        let asked = world.ask_as(&key.sid, &key.secret, method, &path, &[]);
        asked.await.status().as_u16()
    };
    assert_eq!(ask(Method::GET, format!("Recordings/{sid}.mp3")).await, 200);
    assert_eq!(
        ask(Method::DELETE, format!("Recordings/{sid}.json")).await,
        403
    );
}

#[tokio::test]
async fn what_is_attached_to_a_message_is_at_a_storage_that_takes_no_other_authentication() {
    let world = world().await;
    let message = "MM00000000000000000000000000000001".parse().unwrap();
    let url = world.account.attach(&message, "image/png", b"a picture");
    let (_, rest) = url.split_once("/Messages/").unwrap();
    let answer = world
        .ask_for(&world.url(&format!("Messages/{rest}")), "bytes=2-", true)
        .await;
    assert_eq!(answer.status(), 307);
    let stored_at = header(&answer, LOCATION);
    assert!(!stored_at.starts_with(&world.double.url()));
    assert_eq!(
        world.ask_for(&stored_at, "bytes=2-", true).await.status(),
        400
    );
    let (unsigned, _) = stored_at.split_once('?').unwrap();
    assert_eq!(
        world.ask_for(unsigned, "bytes=2-", false).await.status(),
        403
    );
    let stored = world.ask_for(&stored_at, "bytes=2-", false).await;
    assert_eq!(stored.status(), 206);
    assert_eq!(stored.bytes().await.unwrap(), &b"picture"[..]);
    let seen = world.double.storage_requests(world.account.sid());
    let seen: Vec<_> = seen
        .iter()
        .map(|one| (one.has_authorization, one.status))
        .collect();
    assert_eq!(seen, [(true, 400), (false, 403), (false, 206)]);
}

#[tokio::test]
async fn what_is_attached_to_a_message_is_listed_and_deleted() {
    let world = world().await;
    let message = "MM00000000000000000000000000000001".parse().unwrap();
    world.account.attach(&message, "image/png", b"a picture");
    let list = world.path(&format!("Messages/{message}/Media.json"));
    let (_, page) = answered(world.get(&list).await).await;
    let [media] = &page["media_list"].as_array().unwrap()[..] else {
        panic!("one file is attached: {page}")
    };
    assert_eq!(
        property_names(media),
        [
            "account_sid",
            "content_type",
            "date_created",
            "date_updated",
            "parent_sid",
            "sid",
            "uri",
        ]
    );
    let uri = media["uri"].as_str().unwrap();
    assert_eq!(world.ask(Method::DELETE, uri, &[]).await.status(), 204);
    assert_eq!(world.get(uri).await.status(), 404);
}

#[tokio::test]
async fn recordings_of_an_account_with_external_storage_are_redirected() {
    let world = world().await;
    let sid = world.account.add_recording(CALL, 1);
    world.account.use_external_storage();
    let answer = world
        .ask_for(
            &world.url(&format!("Recordings/{sid}.mp3")),
            "bytes=0-9",
            true,
        )
        .await;
    assert_eq!(answer.status(), 302);
    let stored = world
        .ask_for(&header(&answer, LOCATION), "bytes=0-9", false)
        .await;
    let whole = world.account.recorded(&sid, Format::Mp3).unwrap();
    assert_eq!(stored.bytes().await.unwrap(), whole[..10]);
}

#[tokio::test]
async fn what_a_webhook_tells_of_is_there_before_the_webhook_is() {
    use crate::twilio::{Account, Parameters, Purpose, Webhook, WebhookSender};
    let world = world().await;
    let account = Account::new(world.account.sid().clone(), TOKEN.into());
    let sender = WebhookSender::new(account).with_rest_double(world.double.url());
    let sid = sender.sids().recording();
    let parameters = Parameters::new()
        .with("RecordingSid", sid.as_str())
        .with("RecordingStatus", "completed")
        .with("RecordingChannels", "2")
        .with("RecordingDuration", "3")
        .with("CallSid", CALL);
    let nowhere = "http://127.0.0.1:1/voice/recording";
    let webhook = Webhook::new(Purpose::RecordingStatus, nowhere.to_owned(), parameters);
    sender.deliver(&webhook).await;
    let wav = world.account.recorded(sid.as_str(), Format::Wav).unwrap();
    assert_eq!(wav.len(), 44 + 3 * 2 * 16_000);
}
