//! The ways that lead a new user through the client API: the first screen's, that of docs/api.md and that of events/. They are
//! typed as they stand there, but for the program, which is built already, its data folder and its ports.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::curl::{Answer, Curl, answers};
use super::program::{Up, program, run};
use crate::harness::workspace;

const CARGO: &str = "cargo run --quiet --";

fn file(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap()
}

/// The lines of the first screen.
fn lines_of_the_screen(screen: &str) -> String {
    let (_, rest) = screen.split_once("The client API, in another").unwrap();
    let (_, rest) = rest.split_once(":\n\n").unwrap();
    let (lines, _) = rest.split_once("\n\nNext, ").unwrap();
    lines.to_owned()
}

/// The block of docs/api.md, for the stack that is running.
fn lines_of_the_documentation(up: &Up) -> String {
    let document = file("docs/api.md");
    let (_, section) = document.split_once("\n## First use\n").unwrap();
    let (_, rest) = section.split_once("\n```sh\n").unwrap();
    let (lines, _) = rest.split_once("\n```\n").unwrap();
    let (usual, token) = ("127.0.0.1:9110", format!("{CARGO} token"));
    assert!(lines.contains(usual) && lines.contains(&token), "{lines}");
    lines
        .replace(usual, &format!("127.0.0.1:{}", up.port + 10))
        .replace(&token, &format!("{token} --data '{}'", up.data))
}

/// The demo account whose SID is in what was typed, and no other's.
fn account_in(lines: &str) -> Value {
    let accounts: Vec<Value> = serde_json::from_str(&file("local/demo/accounts.json")).unwrap();
    let is_typed = |account: &&Value| lines.contains(account["account_sid"].as_str().unwrap());
    let typed: Vec<_> = accounts.iter().filter(is_typed).collect();
    assert_eq!(typed.len(), 1, "{lines}");
    typed[0].clone()
}

/// A read of the credentials: they are in use, and their secrets are not told.
fn is_masked(answer: &Answer, account: &Value) {
    let (read, text) = (&answer.body, answer.body.to_string());
    assert_eq!(
        (&read["status"], &read["is_active"]),
        (&"valid".into(), &true.into())
    );
    assert_eq!(read["config"]["account_sid"], account["account_sid"]);
    for secret in ["auth_token", "api_key_secret"] {
        let whole = account[secret].as_str().unwrap();
        let (_, last) = whole.split_at(whole.len() - 4);
        assert_eq!(read["config"][secret], format!("••••{last}"));
        assert!(!text.contains(whole), "{text}");
    }
}

fn is_healthy(answer: &Answer) {
    let checks = answer.body["checks"].as_array().unwrap();
    for name in ["credentials", "twiml_app"] {
        let check = checks.iter().find(|check| check["name"] == name).unwrap();
        assert_eq!(check["status"], "ok", "{check}");
    }
}

/// A Voice token, as somebody takes it who knows the account's API key.
fn is_good(answer: &Answer, account: &Value) {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.validate_aud = false;
    let key = DecodingKey::from_secret(account["api_key_secret"].as_str().unwrap().as_bytes());
    let token = answer.body["token"].as_str().unwrap();
    let claims = jsonwebtoken::decode::<Value>(token, &key, &validation);
    let claims = claims.unwrap().claims;
    assert_eq!(claims["iss"], account["api_key_sid"]);
    assert_eq!(claims["sub"], account["account_sid"]);
    assert_eq!(claims["grants"]["identity"], answer.body["identity"]);
    let outgoing = &claims["grants"]["voice"]["outgoing"]["application_sid"];
    assert!(outgoing.as_str().unwrap().starts_with("AP"), "{claims}");
}

async fn typed(curl: Curl, lines: &str) -> Vec<Answer> {
    assert!(lines.contains(CARGO), "{lines}");
    let program = format!("'{}'", program().await.display());
    answers(&curl.typed(&lines.replace(CARGO, &program)).await)
}

async fn follow_the_screen(curl: Curl, up: &Up) {
    let lines = lines_of_the_screen(&up.screen());
    let account = account_in(&lines);
    let answers = typed(curl, &lines).await;
    let [created, stored, read, health, token] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(created.body["status"], "active", "{created:?}");
    assert_eq!(stored.body["status"], "valid", "{stored:?}");
    is_masked(read, &account);
    is_healthy(health);
    is_good(token, &account);
}

async fn follow_the_documentation(curl: Curl, up: &Up) {
    let lines = lines_of_the_documentation(up);
    let account = account_in(&lines);
    let answers = typed(curl, &lines).await;
    let [
        created,
        stored,
        read,
        settings,
        health,
        token,
        audit,
        deleted,
    ] = answers.as_slice()
    else {
        panic!("{answers:?}")
    };
    assert_eq!(created.body["tenant_id"], "example");
    assert_eq!(stored.body["status"], "valid", "{stored:?}");
    assert_eq!(
        read.status_line.as_deref().map(str::trim),
        Some("HTTP/1.1 200 OK")
    );
    is_masked(read, &account);
    assert_eq!(settings.body["inbound_route"], "forward", "{settings:?}");
    is_healthy(health);
    is_good(token, &account);
    let told = audit.body["items"].as_array().unwrap().iter();
    let told: Vec<_> = told
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(told.last(), Some(&"tenant_created"), "{told:?}");
    assert!(told.contains(&"settings_updated"), "{told:?}");
    let line = deleted.status_line.as_deref().map(str::trim);
    assert_eq!(line, Some("HTTP/1.1 202 Accepted"));
    assert_eq!(deleted.body["status"], "deleting");
}

/// The first steps of events/, which `events.rs` follows to the end.
async fn follow_the_samples(up: &Up) {
    for (function, sample) in [
        ("tenants", "create-tenant"),
        ("credentials", "replace-integration"),
    ] {
        let path = workspace().join(format!("events/{function}/{sample}.json"));
        let path = path.to_str().unwrap();
        let shown = run(&["invoke", function, path, "--data", &up.data]).await;
        let answer: Value = serde_json::from_str(&shown.output).unwrap();
        assert_eq!(answer["statusCode"], 201, "{answer}");
    }
}

/// All of them on one stack: none stands in another's way.
async fn follow_all(curl: Curl) {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(&folder.path().join("a folder"), &["--ephemeral"]).await;
    follow_the_screen(curl, &up).await;
    follow_the_documentation(curl, &up).await;
    follow_the_samples(&up).await;
}

#[tokio::test]
async fn the_walks_lead_one_after_the_other_to_tokens_with_curl() {
    if !Curl::Itself.is_there() {
        // The same lines are typed below, whatever the machine has.
        eprintln!("SKIPPED: there is no curl on this machine, only its stand-in was used");
        return;
    }
    follow_all(Curl::Itself).await;
}

#[tokio::test]
async fn the_walks_lead_one_after_the_other_to_tokens_where_there_is_no_curl() {
    follow_all(Curl::StandIn).await;
}
