//! Recordings as the client API plays them: fetched from Twilio, a part at a time.

mod attachments;
mod deletion;
mod ownership;
mod refusals;
mod transcriptions;

use local::twilio::payload::{Recording, RecordingSource, RecordingStatus};
use local::twilio::rest::Format;
use local::twilio::{Parameters, Purpose, Webhook};
use reqwest::Method;
use serde_json::json;
use shared::activity::Route;
use shared::clock::Clock;
use shared::outbound::{PIECE_LIMIT, SKIP_LIMIT};

use super::caller::{Answer, Caller};
use super::onboarding::Newcomer;
use crate::conversations::recorded;
use crate::harness::{Harness, Tenant};
use crate::traffic::{url, with_retries};

/// How many bytes a second of WAV has, and how many come before the first.
const WAV_SECOND: usize = 16_000;
const WAV_HEADER: usize = 44;

/// A tenant with a Twilio account whose calls are recorded.
struct World {
    harness: &'static Harness,
    newcomer: Newcomer,
    tenant: Tenant,
    member: Caller,
}

impl World {
    async fn new() -> Self {
        Self::on(Harness::shared().await).await
    }

    async fn on(harness: &'static Harness) -> Self {
        let newcomer = harness.connected().await;
        Self {
            tenant: newcomer.tenant(harness),
            member: harness.user(&newcomer.id, "member"),
            harness,
            newcomer,
        }
    }

    /// A recording of so many seconds at Twilio, of which the function heard.
    async fn record(&self, seconds: u32) -> Recording {
        let recording = self.recording(seconds);
        self.tell(&recording).await;
        recording
    }

    /// A recording of so many seconds at Twilio, of which nobody heard yet.
    fn recording(&self, seconds: u32) -> Recording {
        let call = self.tenant.sender.sids().call();
        let sid = self.newcomer.account.add_recording(call.as_str(), seconds);
        Recording {
            account: self.newcomer.account.sid().clone(),
            sid: sid.parse().unwrap(),
            call,
            source: RecordingSource::RecordVerb,
            channels: 1,
            started: Clock::system().now(),
            seconds,
        }
    }

    /// Has Twilio tell the function of a recording.
    async fn tell(&self, recording: &Recording) {
        self.tell_of(recording.parameters(RecordingStatus::Completed))
            .await;
    }

    async fn tell_of(&self, parameters: Parameters) {
        let url = url(&self.tenant, Route::VoiceRecording);
        let webhook = Webhook::new(Purpose::RecordingStatus, url, parameters);
        let told = self.tenant.sender.deliver(&with_retries(webhook)).await;
        assert_eq!(told.status(), Some(204));
    }

    /// What a recording holds at Twilio.
    fn bytes(&self, recording: &Recording, format: Format) -> Vec<u8> {
        let account = &self.newcomer.account;
        account.recorded(recording.sid.as_str(), format).unwrap()
    }

    /// Asks for a part of something.
    async fn ask(&self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        self.member
            .send(Method::GET, path, |request| {
                headers.iter().fold(request, |request, (name, value)| {
                    request.header(*name, *value)
                })
            })
            .await
    }

    /// How often files were asked for at Twilio itself.
    fn asked(&self) -> usize {
        let calls = self.newcomer.account.calls();
        let media = calls.filter(|call| call.operation.contains("/Recordings/{RE}"));
        media.count()
    }
}

fn path(recording: &Recording) -> String {
    format!("/api/recordings/{}", recording.sid)
}

fn media(recording: &Recording) -> String {
    format!("/api/recordings/{}/media", recording.sid)
}

fn wav(recording: &Recording) -> String {
    format!("/api/recordings/{}/media?format=wav", recording.sid)
}

#[tokio::test]
async fn a_recording_is_played_whole_as_it_is_at_twilio() {
    let world = World::new().await;
    let recording = world.record(3).await;
    for (query, format, media_type, name) in [
        ("", Format::Mp3, "audio/mpeg", "mp3"),
        ("?format=mp3", Format::Mp3, "audio/mpeg", "mp3"),
        ("?format=wav", Format::Wav, "audio/x-wav", "wav"),
    ] {
        let played = world.ask(&(media(&recording) + query), &[]).await;
        assert_eq!(played.status, 200);
        assert_eq!(played.bytes, world.bytes(&recording, format), "{query}");
        assert_eq!(played.header("content-type"), Some(media_type));
        assert_eq!(played.header("cache-control"), Some("private"));
        assert_eq!(played.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(played.header("accept-ranges"), Some("bytes"));
        let disposition = format!("inline; filename=\"{}.{name}\"", recording.sid);
        assert_eq!(played.header("content-disposition"), Some(&*disposition));
    }
}

#[tokio::test]
async fn a_part_of_a_recording_is_that_part() {
    let world = World::new().await;
    let recording = world.record(2).await;
    let whole = world.bytes(&recording, Format::Wav);
    let length = whole.len();
    for (range, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=100-1099", 100..1_100),
        ("bytes=20000-", 20_000..length),
        ("bytes=0-", 0..length),
        ("bytes=-500", length - 500..length),
    ] {
        let played = world.ask(&wav(&recording), &[("range", range)]).await;
        assert_eq!(played.status, 206, "{range}");
        let said = format!("bytes {}-{}/{length}", part.start, part.end - 1);
        assert_eq!(played.header("content-range"), Some(&*said));
        assert_eq!(played.bytes, whole[part], "{range}");
    }
    // What is no single range of bytes is as good as none.
    for range in ["bytes=0-1,5-6", "bytes=9-5", "lines=0-1"] {
        let played = world.ask(&wav(&recording), &[("range", range)]).await;
        assert_eq!(
            (played.status, played.bytes),
            (200, whole.clone()),
            "{range}"
        );
    }
}

#[tokio::test]
async fn a_range_behind_the_end_is_told_how_long_the_recording_is() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let length = WAV_HEADER + WAV_SECOND;
    let behind = format!("bytes={length}-");
    let refused = world.ask(&wav(&recording), &[("range", &behind)]).await;
    assert_eq!(refused.refusal(), (416, "range_not_satisfiable"));
    let said = format!("bytes */{length}");
    assert_eq!(refused.header("content-range"), Some(&*said));
    let empty = world.ask(&wav(&recording), &[("range", "bytes=-0")]).await;
    assert_eq!(empty.refusal(), (416, "range_not_satisfiable"));
}

/// Plays a recording from its beginning to its end, a part after another, and gives it with the lengths of the parts.
async fn in_pieces(world: &World, path: &str) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut lengths) = (Vec::new(), Vec::new());
    loop {
        let range = format!("bytes={}-", bytes.len());
        let piece = world.ask(path, &[("range", &range)]).await;
        assert_eq!(piece.status, 206);
        let said = piece.header("content-range").unwrap().to_owned();
        let total: usize = said.split_once('/').unwrap().1.parse().unwrap();
        lengths.push(piece.bytes.len());
        bytes.extend(piece.bytes);
        if bytes.len() == total {
            return (bytes, lengths);
        }
    }
}

#[tokio::test]
async fn a_recording_of_more_than_4_mib_is_played_in_parts_alone() {
    let world = World::new().await;
    let recording = world.record(600).await;
    let whole = world.bytes(&recording, Format::Wav);
    let refused = world.ask(&wav(&recording), &[]).await;
    assert_eq!(refused.refusal(), (413, "media_too_large"));
    let detail = refused.body["detail"].as_str().unwrap();
    assert!(detail.contains("bytes=0-4194303"), "{detail}");
    let (played, lengths) = in_pieces(&world, &wav(&recording)).await;
    let most = usize::try_from(PIECE_LIMIT).unwrap();
    assert_eq!(lengths, [most, most, whole.len() - 2 * most]);
    assert!(played == whole, "the parts are not the whole");
    // The end of more than 4 MiB is cut to the last 4 MiB.
    let end = world
        .ask(&wav(&recording), &[("range", "bytes=-9000000")])
        .await;
    assert_eq!(end.status, 206);
    assert!(end.bytes == whole[whole.len() - most..], "not the end");
}

#[tokio::test]
async fn ranges_are_cut_here_where_twilio_ignores_them() {
    let world = World::new().await;
    let recording = world.record(600).await;
    world.newcomer.account.ignore_ranges(true);
    let whole = world.bytes(&recording, Format::Wav);
    for (range, part) in [
        ("bytes=0-99", 0..100),
        ("bytes=5000000-5000999", 5_000_000..5_001_000),
        ("bytes=-1000", whole.len() - 1_000..whole.len()),
    ] {
        let played = world.ask(&wav(&recording), &[("range", range)]).await;
        assert_eq!(played.status, 206, "{range}");
        assert!(played.bytes == whole[part], "{range}");
    }
    let (played, _) = in_pieces(&world, &wav(&recording)).await;
    assert!(played == whole, "the parts are not the whole");
    let behind = format!("bytes={}-", whole.len());
    let refused = world.ask(&wav(&recording), &[("range", &behind)]).await;
    assert_eq!(refused.refusal(), (416, "range_not_satisfiable"));
}

#[tokio::test]
async fn what_would_have_to_be_skipped_for_too_long_is_refused() {
    let world = World::new().await;
    let recording = world.record(1_100).await;
    world.newcomer.account.ignore_ranges(true);
    let last = format!("bytes={SKIP_LIMIT}-{SKIP_LIMIT}");
    let played = world.ask(&wav(&recording), &[("range", &last)]).await;
    assert_eq!(played.status, 206);
    let place = usize::try_from(SKIP_LIMIT).unwrap();
    assert_eq!(played.bytes, [world.bytes(&recording, Format::Wav)[place]]);
    let behind = format!("bytes={}-", SKIP_LIMIT + 1);
    let refused = world.ask(&wav(&recording), &[("range", &behind)]).await;
    assert_eq!(refused.refusal(), (502, "range_out_of_reach"));
    // A server that knows ranges has no such limit.
    world.newcomer.account.ignore_ranges(false);
    let played = world.ask(&wav(&recording), &[("range", &behind)]).await;
    assert_eq!(played.status, 206);
}

#[tokio::test]
async fn a_range_of_what_has_changed_is_answered_whole() {
    let world = World::new().await;
    let recording = world.record(1).await;
    let whole = world.bytes(&recording, Format::Mp3);
    let first = world
        .ask(&media(&recording), &[("range", "bytes=0-9")])
        .await;
    let tag = first.header("etag").unwrap().to_owned();
    let next = [("range", "bytes=10-19"), ("if-range", &*tag)];
    let played = world.ask(&media(&recording), &next).await;
    assert_eq!((played.status, &*played.bytes), (206, &whole[10..20]));
    let shorter = tag.replace(&format!("-{}\"", whole.len()), "-9\"");
    for other in [&*shorter, "\"another\"", "Fri, 20 Aug 2021 01:13:42 GMT"] {
        let headers = [("range", "bytes=10-19"), ("if-range", other)];
        let played = world.ask(&media(&recording), &headers).await;
        assert_eq!((played.status, &*played.bytes), (200, &*whole), "{other}");
    }
}

#[tokio::test]
async fn a_recording_that_is_kept_elsewhere_is_fetched_there_without_the_credentials() {
    let world = World::new().await;
    let recording = world.record(2).await;
    world.newcomer.account.use_external_storage();
    let whole = world.bytes(&recording, Format::Mp3);
    let played = world.ask(&media(&recording), &[]).await;
    assert_eq!((played.status, &*played.bytes), (200, &*whole));
    let range = [("range", "bytes=100-199")];
    let part = world.ask(&media(&recording), &range).await;
    assert_eq!((part.status, &*part.bytes), (206, &whole[100..200]));
    let twilio = world.harness.stack.twilio();
    let seen = twilio.storage_requests(world.newcomer.account.sid());
    let seen: Vec<_> = seen
        .iter()
        .map(|one| (one.has_authorization, one.range.as_deref(), one.status))
        .collect();
    assert_eq!(
        seen,
        [(false, None, 200), (false, Some("bytes=100-199"), 206)]
    );
}

#[tokio::test]
async fn no_answer_tells_where_twilio_keeps_a_recording() {
    let world = World::new().await;
    let recording = world.record(1).await;
    world.newcomer.account.use_external_storage();
    let mut answers = vec![
        world.ask(&media(&recording), &[]).await,
        world
            .ask(&media(&recording), &[("range", "bytes=0-9")])
            .await,
        world.member.get(&path(&recording)).await,
        world.member.get("/api/recordings").await,
        world
            .member
            .get(&format!("/api/calls/{}", recording.call))
            .await,
    ];
    world
        .newcomer
        .account
        .delete_recording(recording.sid.as_str());
    answers.push(world.ask(&media(&recording), &[]).await);
    let secrets = ["twilio.com", "X-Amz-Signature", "127.0.0.1", "/2010-04-01/"];
    for answer in answers {
        let shown = format!(
            "{:?} {}",
            answer.headers,
            String::from_utf8_lossy(&answer.bytes)
        );
        for secret in secrets {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_voicemail_that_somebody_leaves_can_be_played() {
    let mut world = World::new().await;
    let double = world.harness.stack.twilio().url();
    world.tenant.sender = world.tenant.sender.clone().with_rest_double(double);
    let story = world.tenant.make(&world.tenant.phone_call()).await;
    let sid = recorded(&story).remove(0);
    let call = world
        .member
        .get(&format!("/api/calls/{}", story.call))
        .await;
    let call = call.document(200);
    assert_eq!(call["recordings"][0]["sid"], json!(sid), "{call}");
    let played = world
        .ask(&format!("/api/recordings/{sid}/media"), &[])
        .await;
    assert_eq!(played.status, 200);
    let whole = world.newcomer.account.recorded(sid.as_str(), Format::Mp3);
    assert_eq!(played.bytes, whole.unwrap());
}
