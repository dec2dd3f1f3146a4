//! The program as a new user meets it: it comes up, says what to type next, keeps what it stored, and when something is
//! wrong says what, in a sentence.

mod curl;
mod demo_tenants;
mod events;
mod faults;
mod operations;
mod program;
mod seeding;
mod walks;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use self::program::{Run, Up, finish, holds_soon, program, run, runs};
use crate::harness::workspace;

/// Runs a command as the screen or the documentation has it, except that the program is built already.
async fn type_in(line: &str) -> Run {
    let program = format!("'{}'", program().await.display());
    let line = line.replace("cargo run --", &program);
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", &line]);
    finish(shell).await
}

#[tokio::test]
async fn the_first_screen_ends_with_a_command_that_shows_request_answer_and_stored_message() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(&folder.path().join("a folder"), &[]).await;
    let next = up.next_command();

    let shown = type_in(&next).await;

    assert_eq!((shown.code, shown.errors.as_str()), (Some(0), ""));
    let url = format!("POST http://127.0.0.1:{}/sms?account=AC", up.port + 1);
    for part in [
        url.as_str(),
        "X-Twilio-Signature: ",
        "Body           Hello\n",
        "→ 200 text/xml",
        ">Thank you for your message. A plumber will get back to you.</Message>",
        "Stored for acme:",
        r#""body": "Hello""#,
    ] {
        assert!(shown.output.contains(part), "{part}\n{}", shown.output);
    }
    assert!(holds_soon(|| up.screen().contains("sms-webhook      INFO  acme /sms 200")).await);
}

#[tokio::test]
async fn the_readmes_commands_are_those_of_the_program() {
    let readme = std::fs::read_to_string(workspace().join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    let next = up.next_command();
    let (next, _) = next.split_once(" --data").unwrap();
    assert!(readme.contains(&format!("```sh\n{next}\n```")), "{next}");
    let help = run(&["help"]).await.output;
    for command in [
        "up",
        "invoke",
        "simulate",
        "events",
        "verify",
        "re-encrypt",
        "token",
        "seed",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
    }
    let help = run(&["simulate", "--help"]).await.output;
    for event in ["sms", "whatsapp", "call", "status"] {
        assert!(help.contains(&format!("\n  {event} ")), "{help}");
        let shown = run(&["simulate", event, "--help"]).await;
        assert_eq!(shown.code, Some(0));
    }
}

#[tokio::test]
async fn an_interrupted_stack_ends_every_process_and_finds_its_data_again() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &[]).await;
    let data = ["--data", &up.data.clone()];
    let shown = run(&[&["simulate", "sms", "--body", "Remember me"], &data[..]].concat()).await;
    let sid = message_sid(&shown.output);
    let children = up.children();
    assert!(!children.is_empty());

    let (status, said) = up.interrupt().await;

    assert!(status.success(), "{said}");
    // The function that took the message, and publishers, if they have been told of it: one for each lane of the stream at most.
    let ended = said.rsplit_once("Stopped; processes of functions ended: ");
    let ended = ended.and_then(|(_, ended)| ended.strip_suffix(".\n"));
    let ended = ended.and_then(|ended| ended.parse().ok());
    assert!(matches!(ended, Some(1..=5)), "{said}");
    let left: Vec<_> = children.into_iter().filter(|id| runs(*id)).collect();
    assert_eq!(left, Vec::<u32>::new());

    let up = Up::start(folder.path(), &[]).await;
    // It is signed with what the vault opens, so that the key must be the same; what is shown has the text of before.
    let shown = run(&[&["simulate", "status", "--message", &sid], &data[..]].concat()).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(
        shown.output.contains(r#""body": "Remember me""#),
        "{shown:?}"
    );
    up.interrupt().await;
}

/// The SID in what is stored.
fn message_sid(output: &str) -> String {
    let (_, rest) = output.split_once(r#""sid": ""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn nobody_else_can_read_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let up = Up::start(&data, &[]).await;
    run(&["simulate", "sms", "--data", &up.data]).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let check = || {
        assert_eq!(mode(&data), 0o700);
        let files = std::fs::read_dir(&data).unwrap().flatten();
        let files = files.map(|file| file.path());
        let open: Vec<_> = files.filter(|file| mode(file) & 0o077 != 0).collect();
        assert_eq!(open, Vec::<&Path>::new());
    };
    check();
    up.interrupt().await;
    check();
}

#[tokio::test]
async fn invoke_prints_the_answer_of_the_running_stacks_function() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    let event = r#"{"rawPath": "/sms/fallback", "requestContext": {"domainName": "localhost",
        "http": {"method": "POST"}}}"#;
    let file = folder.path().join("event.json");
    std::fs::write(&file, event).unwrap();
    let file = file.to_str().unwrap();
    for function in ["sms-webhook", "SmsWebhookFunction"] {
        let shown = run(&["invoke", function, file, "--data", &up.data]).await;
        assert_eq!(shown.code, Some(0), "{shown:?}");
        let answer: serde_json::Value = serde_json::from_str(&shown.output).unwrap();
        assert_eq!(answer["statusCode"], 200);
        assert!(answer["body"].as_str().unwrap().contains("<Response"));
    }
    let shown = run(&["invoke", "other", "--data", &up.data]).await;
    assert_eq!(shown.code, Some(1));
    assert!(
        shown
            .errors
            .starts_with("error: there is no function other: choose one of sms-webhook"),
        "{shown:?}"
    );
}

#[tokio::test]
async fn a_token_is_all_that_the_command_prints_and_the_api_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    let shown = run(&["token", "--role", "operator", "--data", &up.data]).await;
    assert_eq!((shown.code, shown.errors.as_str()), (Some(0), ""));
    let token = shown.output.strip_suffix('\n').unwrap();
    assert_eq!(token.split('.').count(), 3);
    assert!(!token.contains(char::is_whitespace));

    let url = format!("http://127.0.0.1:{}/api/tenants", up.port + 10);
    assert!(
        up.screen()
            .contains(&format!("http://127.0.0.1:{}\n", up.port + 10))
    );
    let asked = async |url: &str, token: &str| {
        let request = local::http_client::client().get(url).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(asked(&url, token).await, 200);
    assert_eq!(asked(&url, &format!("{token}x")).await, 401);

    let admin = ["token", "--role", "admin", "--tenant", "acme"];
    let shown = run(&[&admin[..], &["--data", &up.data]].concat()).await;
    let settings = format!("http://127.0.0.1:{}/api/settings", up.port + 10);
    assert_eq!(asked(&settings, shown.output.trim_end()).await, 200);
    // An admin is no operator, and an operator has to say which tenant is meant.
    assert_eq!(asked(&url, shown.output.trim_end()).await, 403);
    assert_eq!(asked(&settings, token).await, 400);

    let shown = run(&["token", "--role", "admin", "--data", &up.data]).await;
    assert_eq!(shown.code, Some(1));
    assert!(shown.errors.contains("--tenant"), "{shown:?}");
    up.interrupt().await;
    let shown = run(&[
        "token",
        "--role",
        "operator",
        "--data",
        folder.path().to_str().unwrap(),
    ])
    .await;
    assert!(
        shown.errors.starts_with("error: no stack is running"),
        "{shown:?}"
    );
}
