use super::*;

const TRUNK: &str = "TK00000000000000000000000000000001";
const APPLICATION: &str = "AP00000000000000000000000000000001";

#[tokio::test]
async fn a_number_is_found_by_a_part_with_wildcards() {
    let world = world().await;
    world.account.add_number("+15005550101");
    world.account.add_number("+15005550202");
    for (pattern, found) in [
        ("%2B15005550101", 1),
        ("5005550", 2),
        ("55502*2", 1),
        ("999", 0),
    ] {
        let path = world.path(&format!("IncomingPhoneNumbers.json?PhoneNumber={pattern}"));
        let (status, body) = answered(world.get(&path).await).await;
        assert_eq!(status, 200);
        let numbers = body["incoming_phone_numbers"].as_array().unwrap();
        assert_eq!(numbers.len(), found, "{pattern}");
    }
}

#[tokio::test]
async fn a_number_has_the_properties_of_twilios_description() {
    let world = world().await;
    let sid = world.account.add_number("+15005550101");
    let path = world.path(&format!("IncomingPhoneNumbers/{sid}.json"));
    let (status, body) = answered(world.get(&path).await).await;
    assert_eq!(status, 200);
    assert_eq!(
        property_names(&body),
        [
            "account_sid",
            "address_requirements",
            "address_sid",
            "api_version",
            "beta",
            "bundle_sid",
            "capabilities",
            "date_created",
            "date_updated",
            "emergency_address_sid",
            "emergency_address_status",
            "emergency_status",
            "friendly_name",
            "identity_sid",
            "origin",
            "phone_number",
            "sid",
            "sms_application_sid",
            "sms_fallback_method",
            "sms_fallback_url",
            "sms_method",
            "sms_url",
            "status",
            "status_callback",
            "status_callback_method",
            "trunk_sid",
            "type",
            "uri",
            "voice_application_sid",
            "voice_caller_id_lookup",
            "voice_fallback_method",
            "voice_fallback_url",
            "voice_method",
            "voice_receive_mode",
            "voice_url"
        ]
    );
}

#[tokio::test]
async fn a_trunk_and_an_application_replace_each_other() {
    let world = world().await;
    let sid = world.account.add_number("+15005550101");
    let path = world.path(&format!("IncomingPhoneNumbers/{sid}.json"));
    let url = [("VoiceUrl", "https://hooks.example.com/voice")];
    assert_eq!(world.post(&path, &url).await.status(), 200);
    let application = [("VoiceApplicationSid", APPLICATION)];
    let (_, body) = answered(world.post(&path, &application).await).await;
    assert_eq!(body["voice_application_sid"], APPLICATION);
    // The URL stays to be seen, although calls no longer go there.
    assert_eq!(body["voice_url"], "https://hooks.example.com/voice");
    let (_, body) = answered(world.post(&path, &[("TrunkSid", TRUNK)]).await).await;
    assert_eq!(
        (&body["trunk_sid"], &body["voice_application_sid"]),
        (&Value::from(TRUNK), &Value::from(""))
    );
    let (_, body) = answered(world.post(&path, &application).await).await;
    assert_eq!(body["trunk_sid"], Value::Null);
    assert_eq!(body["voice_application_sid"], APPLICATION);
    let (_, body) = answered(world.post(&path, &[("VoiceApplicationSid", "")]).await).await;
    assert_eq!(body["voice_application_sid"], "");
}

#[tokio::test]
async fn a_sid_of_another_kind_is_refused() {
    let world = world().await;
    let sid = world.account.add_number("+15005550101");
    let path = world.path(&format!("IncomingPhoneNumbers/{sid}.json"));
    let response = world.post(&path, &[("VoiceApplicationSid", TRUNK)]).await;
    assert_eq!(refused(response).await, (400, 21_218));
}
