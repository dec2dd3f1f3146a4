//! Versions: of two who change the same thing one is told, and nothing is lost in silence.

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};

use super::caller::{Answer, Caller};
use super::wire::Held;
use crate::client_api::TWILIO;
use crate::harness::Harness;

const UNCHECKED: &str = "/api/integrations/twilio?verify=false";
const SETTINGS: &str = "/api/settings";

/// A change under conditions.
async fn change(
    caller: &Caller,
    method: Method,
    path: &str,
    body: &Value,
    conditions: &[(HeaderName, &str)],
) -> Answer {
    let answer = caller.send(method, path, |request| {
        let request = request.header(CONTENT_TYPE, "application/json");
        let request = conditions.iter().fold(request, |request, (name, value)| {
            request.header(name.clone(), *value)
        });
        request.body(body.to_string())
    });
    answer.await
}

fn number(last: u8) -> Value {
    json!({"phone_number": format!("+1500555000{last}")})
}

#[tokio::test]
async fn a_condition_is_met_by_the_version_alone_and_a_change_that_is_refused_changes_nothing() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let (admin, whole) = (&newcomer.admin, &newcomer.credentials);
    let (put, patch, delete) = (Method::PUT, Method::PATCH, Method::DELETE);
    let refused = [
        // There is nothing yet.
        (put.clone(), whole, vec![(IF_MATCH, "*")]),
        (put.clone(), whole, vec![(IF_MATCH, "\"1\"")]),
        (put.clone(), whole, vec![(IF_MATCH, "\"0\"")]),
        (delete.clone(), &Value::Null, vec![(IF_MATCH, "*")]),
    ];
    for (method, body, conditions) in refused {
        let answer = change(admin, method, UNCHECKED, body, &conditions).await;
        assert_eq!(
            answer.refusal(),
            (412, "version_mismatch"),
            "{conditions:?}"
        );
    }
    let created = change(
        admin,
        put.clone(),
        UNCHECKED,
        whole,
        &[(IF_NONE_MATCH, "*")],
    )
    .await;
    assert_eq!(created.header("etag"), Some("\"1\""));
    let created = created.document(201);
    let refused = [
        (put.clone(), whole, vec![(IF_NONE_MATCH, "*")]),
        (put.clone(), whole, vec![(IF_MATCH, "\"2\"")]),
        (patch.clone(), &json!({}), vec![(IF_MATCH, "\"0\"")]),
        (patch.clone(), &json!({}), vec![(IF_NONE_MATCH, "*")]),
        (delete.clone(), &Value::Null, vec![(IF_MATCH, "\"2\"")]),
        (delete.clone(), &Value::Null, vec![(IF_MATCH, "W/\"2\"")]),
    ];
    for (method, body, conditions) in refused {
        let answer = change(admin, method, UNCHECKED, body, &conditions).await;
        assert_eq!(
            answer.refusal(),
            (412, "version_mismatch"),
            "{conditions:?}"
        );
    }
    assert_eq!(admin.get(TWILIO).await.document(200), created);
    for (version, condition) in [(2, "\"1\""), (3, "W/\"2\""), (4, "*")] {
        let conditions = [(IF_MATCH, condition)];
        let number = number(version);
        let answer = change(admin, patch.clone(), UNCHECKED, &number, &conditions).await;
        let changed = answer.document(200);
        assert_eq!(changed["version"], version, "{condition}");
    }
    let answer = change(admin, put, UNCHECKED, whole, &[(IF_MATCH, "\"4\"")]).await;
    assert_eq!(answer.header("etag"), Some("\"5\""));
    let stale = [(IF_MATCH, "\"4\"")];
    let answer = change(admin, delete.clone(), UNCHECKED, &Value::Null, &stale).await;
    assert_eq!(answer.refusal(), (412, "version_mismatch"));
    let answer = change(
        admin,
        delete,
        UNCHECKED,
        &Value::Null,
        &[(IF_MATCH, "\"5\"")],
    )
    .await;
    answer.document(204);
}

#[tokio::test]
async fn a_condition_that_is_none_is_refused() {
    let newcomer = Harness::shared().await.newcomer().await;
    for conditions in [
        vec![(IF_MATCH, "1")],
        vec![(IF_MATCH, "\"one\"")],
        vec![(IF_MATCH, "\"1\", \"2\"")],
        vec![(IF_MATCH, "\"-1\"")],
        vec![(IF_NONE_MATCH, "\"1\"")],
        vec![(IF_MATCH, "*"), (IF_NONE_MATCH, "*")],
    ] {
        for (method, path) in [
            (Method::PUT, UNCHECKED),
            (Method::PATCH, TWILIO),
            (Method::DELETE, TWILIO),
            (Method::PATCH, SETTINGS),
        ] {
            let body = match path {
                UNCHECKED => &newcomer.credentials,
                _ => &json!({}),
            };
            let answer = change(&newcomer.admin, method, path, body, &conditions).await;
            let refusal = answer.refusal();
            assert_eq!(refusal, (400, "invalid_parameter"), "{path} {conditions:?}");
        }
    }
}

#[tokio::test]
async fn settings_have_versions_too() {
    let newcomer = Harness::shared().await.newcomer().await;
    let admin = &newcomer.admin;
    let read = admin.get(SETTINGS).await;
    assert_eq!(read.header("etag"), Some("\"0\""));
    let voicemail = json!({"voicemail": false});
    for (condition, refusal) in [
        ("\"1\"", 412),
        ("\"0\"", 200),
        ("\"0\"", 412),
        ("W/\"1\"", 200),
        ("*", 200),
    ] {
        let answer = change(
            admin,
            Method::PATCH,
            SETTINGS,
            &voicemail,
            &[(IF_MATCH, condition)],
        )
        .await;
        assert_eq!(answer.status, refusal, "{condition}: {answer:?}");
    }
    assert_eq!(admin.get(SETTINGS).await.header("etag"), Some("\"3\""));
}

/// Two admins change credentials while the checks of both wait for Twilio: what one of them entered is stored, and the other is
/// told.
async fn two_at_once(conditions: &[(HeaderName, &str)]) {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let (ada, eve) = (harness.admin(&newcomer.id), harness.admin(&newcomer.id));
    let held = Held::at(harness, &newcomer);
    let (first, second) = (number(1), number(2));
    let (one, other, ()) = tokio::join!(
        change(&ada, Method::PATCH, TWILIO, &first, conditions),
        change(&eve, Method::PATCH, TWILIO, &second, conditions),
        held.both_at_once(),
    );
    let stored = newcomer.admin.get(TWILIO).await.document(200);
    assert_eq!(stored["version"], 2);
    let winner = match (one.status, other.status) {
        (200, 412) => &one,
        (412, 200) => &other,
        _ => panic!("{one:?} {other:?}"),
    };
    assert_eq!(winner.body, stored);
    let audit = newcomer.audit().await;
    let updates = audit
        .iter()
        .filter(|[action, ..]| action == "credential_updated");
    assert_eq!(updates.count(), 1);
}

#[tokio::test]
async fn of_two_admins_who_save_the_same_version_at_once_one_gets_412() {
    two_at_once(&[(IF_MATCH, "\"1\"")]).await;
}

#[tokio::test]
async fn of_two_admins_who_save_at_once_without_a_version_one_gets_412_too() {
    two_at_once(&[]).await;
}

#[tokio::test]
async fn of_two_admins_who_store_the_first_credentials_at_once_one_gets_412() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let (ada, eve) = (harness.admin(&newcomer.id), harness.admin(&newcomer.id));
    let held = Held::at(harness, &newcomer);
    let (one, other, ()) = tokio::join!(
        ada.put(TWILIO, &newcomer.credentials),
        eve.put(TWILIO, &newcomer.credentials),
        held.both_at_once(),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412]);
    let stored = newcomer.admin.get(TWILIO).await.document(200);
    assert_eq!(stored["version"], 1);
}

#[tokio::test]
async fn of_many_who_change_settings_at_once_each_is_either_refused_or_not_lost() {
    let harness = Harness::shared().await;
    let newcomer = harness.newcomer().await;
    let changes = [
        ("auto_record_calls", json!(true)),
        ("greeting", json!("Welcome")),
        ("voicemail", json!(false)),
        ("auto_reply", json!("Thank you")),
        ("default_sender", json!("Acme")),
        ("drift", json!("report")),
        ("allowed_countries", json!(["AT"])),
        ("browser_users", json!(["alice"])),
    ];
    let saves = changes.clone().map(|(field, value)| {
        let admin = harness.admin(&newcomer.id);
        tokio::spawn(async move { admin.patch(SETTINGS, &json!({field: value})).await })
    });
    let mut answers = Vec::new();
    for save in saves {
        answers.push(save.await.unwrap());
    }
    let stored = newcomer.admin.get(SETTINGS).await;
    let mut saved = 0;
    for ((field, value), answer) in changes.iter().zip(&answers) {
        match answer.status {
            200 => {
                saved += 1;
                assert_eq!(&stored.body[field], value, "{field} is lost");
            }
            _ => {
                assert_eq!(answer.refusal(), (412, "version_mismatch"));
                assert_ne!(&stored.body[field], value, "{field} was refused");
            }
        }
    }
    assert!(saved > 0);
    assert_eq!(stored.header("etag"), Some(format!("\"{saved}\"").as_str()));
}

#[tokio::test]
async fn a_check_in_between_does_not_cost_an_edit_its_version() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    let path = format!("{TWILIO}/verify");
    newcomer.account.set_auth_token("somebody-changed-it");
    let checked = newcomer.admin.post(&path, &json!({})).await.document(200);
    assert_eq!(checked["outcome"], "invalid");
    let read = newcomer.admin.get(TWILIO).await;
    assert_eq!(read.header("etag"), Some("\"1\""));
    assert_eq!(read.document(200)["status"], "invalid");
    let edit = json!({"auth_token": "somebody-changed-it"});
    let read = [(IF_MATCH, "\"1\"")];
    let edited = change(&newcomer.admin, Method::PATCH, TWILIO, &edit, &read).await;
    let edited = edited.document(200);
    assert_eq!(
        (&edited["version"], &edited["status"]),
        (&json!(2), &json!("valid"))
    );
}

#[tokio::test]
async fn a_check_of_credentials_that_are_replaced_meanwhile_says_nothing_about_the_new_ones() {
    let harness = Harness::shared().await;
    let newcomer = harness.connected().await;
    newcomer.account.set_auth_token("somebody-changed-it");
    let held = Held::at(harness, &newcomer);
    let checker = harness.admin(&newcomer.id);
    let checking = tokio::spawn(async move {
        let path = format!("{TWILIO}/verify");
        checker.post(&path, &json!({})).await
    });
    held.until_there_are(1).await;
    let edit = json!({"auth_token": "somebody-changed-it"});
    newcomer.admin.patch(UNCHECKED, &edit).await.document(200);
    held.release();
    assert_eq!(checking.await.unwrap().refusal(), (412, "version_mismatch"));
    let stored = newcomer.admin.get(TWILIO).await.document(200);
    assert_eq!(
        (&stored["status"], &stored["version"]),
        (&Value::Null, &json!(2))
    );
}
