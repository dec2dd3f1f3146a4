use super::*;
use crate::twilio::DEMO_TENANTS;

async fn kept_in(folder: &tempfile::TempDir) -> TwilioDouble {
    let storage = Storage::Directory(folder.path().to_owned());
    TwilioDouble::start(&storage, 0, 0, Clock::system())
        .await
        .unwrap()
}

#[tokio::test]
async fn accounts_and_what_they_have_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let double = kept_in(&folder).await;
    double.register_demo_accounts().unwrap();
    let demo: AccountSid = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    let account = double.account(&demo);
    account.add_application("x", "https://hooks.example.com/voice");
    account.set_auth_token("changed");
    let before = account.applications();
    let recording = account.add_recording("CA00000000000000000000000000000001", 1);
    let recorded = account.recorded(&recording, Format::Wav);
    assert!(recorded.is_some());
    double.stop().await;
    drop(account);
    let double = kept_in(&folder).await;
    // What is there already stays as it is.
    double.register_demo_accounts().unwrap();
    let account = double.account(&demo);
    assert_eq!(account.applications(), before);
    assert_eq!(account.recorded(&recording, Format::Wav), recorded);
    assert_eq!(account.auth_token().as_deref(), Some("changed"));
}

#[tokio::test]
async fn only_the_owner_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let double = kept_in(&folder).await;
    double.register_demo_accounts().unwrap();
    let file = folder.path().join("twilio/accounts.json");
    let mode = std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[tokio::test]
async fn the_demo_tenants_have_their_accounts() {
    let world = world().await;
    world.double.register_demo_accounts().unwrap();
    let tenants: Vec<Value> = serde_json::from_str(DEMO_TENANTS).unwrap();
    assert!(!tenants.is_empty());
    for tenant in tenants {
        let twilio = &tenant["twilio"];
        let sid: AccountSid = twilio["account_sid"].as_str().unwrap().parse().unwrap();
        let account = world.double.account(&sid);
        assert_eq!(
            account.auth_token().as_deref(),
            twilio["auth_token"].as_str()
        );
        let numbers = account.numbers();
        assert_eq!(numbers[0]["phone_number"], twilio["phone_number"]);
    }
}
