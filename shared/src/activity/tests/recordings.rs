//! Recordings and voicemails, by whatever callback they are first heard of.

use super::*;

#[test]
fn a_voicemail_is_one_recording_whatever_names_it() {
    let url = format!("https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{RECORDING}");
    let history = History::new([
        fact(
            Route::VoiceVoicemail,
            &[("CallSid", CALL), ("RecordingUrl", &url)],
        ),
        fact(
            Route::VoiceRecording,
            &[
                ("CallSid", CALL),
                ("RecordingSid", RECORDING),
                ("RecordingUrl", &url),
                ("RecordingStatus", "completed"),
                ("RecordingDuration", "17"),
            ],
        ),
        fact(
            Route::VoiceTranscription,
            &[
                ("CallSid", CALL),
                ("RecordingSid", RECORDING),
                ("TranscriptionText", "Call me."),
            ],
        ),
    ]);
    let recording = Recording::of(&history).unwrap();
    assert_eq!(recording.sid.as_str(), RECORDING);
    assert_eq!(recording.kind, RecordingKind::Voicemail);
    assert_eq!(
        (recording.duration, recording.call_sid.as_str()),
        (Some(17), CALL)
    );
    assert_eq!(recording.transcription.as_deref(), Some("Call me."));
}

#[test]
fn a_voicemail_without_a_recording_is_about_the_call() {
    let nothing = fact(
        Route::VoiceVoicemail,
        &[("CallSid", CALL), ("CallStatus", "completed")],
    );
    assert_eq!(nothing.resource, Resource::Call(CALL.parse().unwrap()));
}

#[test]
fn a_recording_is_known_by_a_url_with_an_extension_or_at_another_host() {
    for url in [
        format!("https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{RECORDING}.wav"),
        format!("https://bucket.example/AC1/{RECORDING}.mp3?signature=a/b"),
        format!("https://bucket.example/{RECORDING}#t=1"),
    ] {
        let left = fact(
            Route::VoiceVoicemail,
            &[("CallSid", CALL), ("RecordingUrl", &url)],
        );
        assert_eq!(
            left.resource,
            Resource::Recording(RECORDING.parse().unwrap()),
            "{url}"
        );
    }
}

fn voicemail_facts() -> [Fact; 3] {
    let url = format!("https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/{RECORDING}");
    [
        fact(
            Route::VoiceVoicemail,
            &[
                ("CallSid", CALL),
                ("From", "+15005550010"),
                ("To", "+15005550006"),
                ("Direction", "inbound"),
                ("CallStatus", "completed"),
                ("Digits", "hangup"),
                ("RecordingUrl", &url),
                ("RecordingDuration", "17"),
            ],
        ),
        fact(
            Route::VoiceRecording,
            &[
                ("CallSid", CALL),
                ("RecordingSid", RECORDING),
                ("RecordingUrl", &url),
                ("RecordingStatus", "completed"),
                ("RecordingDuration", "17"),
                ("RecordingSource", "RecordVerb"),
            ],
        ),
        fact(
            Route::VoiceTranscription,
            &[
                ("CallSid", CALL),
                ("RecordingSid", RECORDING),
                ("TranscriptionStatus", "completed"),
                ("TranscriptionText", "Call me."),
            ],
        ),
    ]
}

#[test]
fn a_voicemail_is_one_after_its_first_callback_whichever_that_is() {
    for first in voicemail_facts() {
        let recording = Recording::of(&History::new([first])).unwrap();
        assert_eq!(recording.kind, RecordingKind::Voicemail);
        assert_eq!(
            (recording.sid.as_str(), recording.call_sid.as_str()),
            (RECORDING, CALL)
        );
    }
}

#[test]
fn a_voicemail_is_complete_in_whatever_order_its_callbacks_come() {
    let [left, recorded, transcribed] = voicemail_facts();
    let expected = Recording::of(&History::new(voicemail_facts())).unwrap();
    assert_eq!(expected.duration, Some(17));
    assert_eq!(expected.transcription.as_deref(), Some("Call me."));
    assert_eq!(expected.status.as_ref().unwrap().as_str(), "completed");
    for order in [
        [&transcribed, &recorded, &left],
        [&recorded, &left, &transcribed],
        [&left, &transcribed, &recorded],
    ] {
        let history = History::new(order.into_iter().cloned());
        assert_eq!(Recording::of(&history).as_ref(), Some(&expected));
    }
}

#[test]
fn a_recorded_call_is_no_voicemail_and_is_played_by_a_route_of_ours() {
    let recorded = fact(
        Route::VoiceRecording,
        &[
            ("CallSid", CALL),
            ("RecordingSid", RECORDING),
            ("RecordingUrl", "https://api.twilio.com/elsewhere"),
            ("RecordingStatus", "completed"),
            ("RecordingSource", "DialVerb"),
        ],
    );
    let recording = Recording::of(&History::new([recorded])).unwrap();
    assert_eq!(recording.kind, RecordingKind::Call);
    assert_eq!(recording.url, format!("/api/recordings/{RECORDING}/media"));
}
