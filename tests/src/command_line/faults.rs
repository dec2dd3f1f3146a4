//! What goes wrong on a new user's machine: each a sentence that says what to do.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::program::{
    PATIENCE, Run, Up, command, finish, free_ports, holds_soon, run, run_with_input,
};
use crate::harness::workspace;

/// Tries to bring a stack up that cannot.
async fn fails(data: &Path, arguments: &[&str]) -> Run {
    let (data, base) = (data.to_str().unwrap(), free_ports().to_string());
    let place = ["up", "--data", data, "--port-base", &base];
    let shown = run(&[&place[..], arguments].concat()).await;
    assert_eq!(
        (shown.code, shown.output.as_str()),
        (Some(1), ""),
        "{shown:?}"
    );
    shown
}

/// A copy of the template with one line changed.
fn template(folder: &Path, line: &str, instead: &str) -> PathBuf {
    let template = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
    assert!(template.contains(line), "{line}");
    let path = folder.join("changed.yaml");
    std::fs::write(&path, template.replacen(line, instead, 1)).unwrap();
    path
}

#[tokio::test]
async fn a_second_stack_on_the_same_data_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    let shown = fails(folder.path(), &[]).await;
    let expected = format!(
        "error: a stack is running on {} already: stop it, or give this one a folder of its own with --data\n",
        up.data
    );
    assert_eq!(shown.errors, expected);
    // The first has not noticed.
    let shown = run(&["simulate", "sms", "--data", &up.data]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
}

/// Runs the program to its end with nobody who reads what it prints, as `| head` after its last line.
async fn unread(arguments: &[&str]) -> Run {
    let mut command = command(arguments).await;
    let tenants = workspace().join("local/demo/tenants.json");
    command.stdin(std::fs::File::open(tenants).unwrap());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    output.unwrap().unwrap().into()
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    for arguments in [
        &["invoke", "sms-webhook"][..],
        &["token", "--role", "operator"],
        &["seed"],
        &["simulate", "sms", "--tenant", "acme"],
    ] {
        let shown = unread(&[arguments, &["--data", &up.data]].concat()).await;
        assert_eq!(
            (shown.code, shown.errors.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
    }
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let base = free_ports();
    let data = folder.path().to_str().unwrap();
    // Of the Invoke API, of a function URL, of DynamoDB and of SQS.
    for offset in [0, 2, 90, 92] {
        let port = base + offset;
        let _taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let arguments = ["up", "--data", data, "--port-base", &base.to_string()];
        let shown = run(&arguments).await;
        assert_eq!((shown.code, shown.output.as_str()), (Some(1), ""));
        assert!(shown.errors.starts_with("error: "), "{}", shown.errors);
        assert!(
            shown.errors.contains(&format!("port {port}")),
            "{}",
            shown.errors
        );
        assert!(shown.errors.contains("--port-base"), "{}", shown.errors);
    }
}

#[tokio::test]
async fn a_broken_template_is_refused_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let line = "BillingMode: PAY_PER_REQUEST";
    let path = template(folder.path(), line, "BilingMode: PAY_PER_REQUEST");
    let text = std::fs::read_to_string(&path).unwrap();
    let number = 1 + text
        .lines()
        .position(|line| line.contains("BilingMode"))
        .unwrap();
    let path = path.to_str().unwrap();
    let shown = fails(&folder.path().join("data"), &["--template", path]).await;
    let fault = format!(
        ":{number}:7: the local stack does not understand `BilingMode` of an AWS::DynamoDB::Table"
    );
    assert!(shown.errors.contains(&fault), "{}", shown.errors);
    let shown = fails(
        &folder.path().join("data"),
        &["--template", "/nowhere.yaml"],
    )
    .await;
    assert!(
        shown
            .errors
            .starts_with("error: /nowhere.yaml cannot be read"),
        "{}",
        shown.errors
    );
    assert!(shown.errors.contains("--template"), "{}", shown.errors);
}

#[tokio::test]
async fn a_parameter_that_the_template_does_not_take_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for parameter in ["Nothing=1", "LogLevel=loud", "ActivityRetentionDays=-1"] {
        let shown = fails(folder.path(), &["--parameter", parameter]).await;
        let name = parameter.split('=').next().unwrap();
        assert!(shown.errors.contains(name), "{}", shown.errors);
    }
}

#[tokio::test]
async fn without_cargo_the_stack_says_where_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, base) = (folder.path().to_str().unwrap(), free_ports().to_string());
    let mut up = command(&["up", "--data", data, "--port-base", &base]).await;
    up.env_remove("CARGO").env("PATH", "/nowhere");
    let shown = finish(up).await;
    assert_eq!(shown.code, Some(1));
    assert_eq!(
        shown.errors,
        "error: cargo is not found: install Rust from https://rustup.rs, then run this again\n"
    );
}

#[tokio::test]
async fn a_binary_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = template(folder.path(), "Binary: sms-webhook", "Binary: fax-webhook");
    let path = path.to_str().unwrap();
    let shown = fails(&folder.path().join("data"), &["--template", path]).await;
    assert!(shown.errors.contains("fax-webhook"), "{}", shown.errors);
    assert!(
        shown
            .errors
            .contains("error: the functions do not build: `cargo build"),
        "{}",
        shown.errors
    );
}

#[tokio::test]
async fn a_function_that_ends_at_its_start_is_told_with_what_it_named_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let line = "          TENANTS_TABLE: !Ref TenantsTable\n";
    let path = template(folder.path(), line, "");
    let data = folder.path().join("data");
    let up = Up::start(&data, &["--template", path.to_str().unwrap()]).await;

    let shown = run(&["simulate", "sms", "--data", &up.data]).await;

    assert_eq!(shown.code, Some(1), "{shown:?}");
    assert!(shown.output.contains("→ 502"), "{shown:?}");
    assert!(
        shown.output.contains("Stored for acme:\n\nnothing"),
        "{shown:?}"
    );
    let sentence = "its variables come from SmsWebhookFunction in template.yaml";
    assert!(holds_soon(|| up.screen().contains(sentence)).await);
    assert!(up.screen().contains("TENANTS_TABLE is not set"));
    let shown = run(&["invoke", "sms-webhook", "--data", &up.data]).await;
    assert_eq!(shown.code, Some(1));
    assert!(
        shown.output.contains(r#""errorType": "Runtime.ExitError""#),
        "{shown:?}"
    );
    assert_eq!(
        shown.errors,
        "sms-webhook failed; the log of the stack says more\n"
    );
    // The others serve.
    let shown = run(&["simulate", "whatsapp", "--data", &up.data]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
}

#[tokio::test]
async fn a_forged_webhook_makes_the_command_fail_and_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    for forgery in ["--tamper", "--wrong-token", "--unsigned", "--wrong-account"] {
        let shown = run(&["simulate", "sms", forgery, "--data", &up.data]).await;
        assert_eq!(shown.code, Some(1), "{shown:?}");
        assert!(shown.output.contains("→ 403 empty"), "{shown:?}");
        assert!(
            shown.output.ends_with("Stored for acme:\n\nnothing\n"),
            "{shown:?}"
        );
    }
}

#[tokio::test]
async fn without_a_running_stack_the_commands_say_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = folder.path().join("nothing");
    let data = nothing.to_str().unwrap();
    let shown = run(&["simulate", "sms", "--data", data]).await;
    assert_eq!(shown.code, Some(1));
    assert_eq!(
        shown.errors,
        "error: no stack is running: start one with `cargo run` in another terminal\n"
    );
    let seed = command(&["seed", "--data", data]).await;
    let shown = run_with_input(seed, "[]").await;
    assert_eq!(shown.code, Some(1));
    assert!(
        shown
            .errors
            .starts_with("error: nothing to store into: start the local stack with `cargo run`"),
        "{shown:?}"
    );
    assert!(!nothing.exists());
}
