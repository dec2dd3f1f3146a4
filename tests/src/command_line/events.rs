//! `events`: what is on the buses of a running stack.

use std::path::Path;
use std::process::Stdio;

use local::iam::Credentials;
use local::running::RunningStack;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::program::{PATIENCE, Up, command, run};

/// Puts events on the bus that every account has: the id of each, with its tenant and type.
async fn put(up: &Up, events: &[(&str, &str, &str)]) {
    let entries = events.iter().map(|(id, tenant, kind)| {
        let time = "2026-07-01T10:00:00Z";
        let detail = json!({"id": id, "type": kind, "tenant_id": tenant, "time": time, "data": {"sid": "SM1"}});
        json!({"Source": "trunkline", "DetailType": kind, "Detail": detail.to_string()})
    });
    let entries: Vec<Value> = entries.collect();
    let stack = RunningStack::find(Path::new(&up.data)).unwrap();
    let credentials = Credentials::of(&stack.environment).unwrap();
    let url = format!("http://127.0.0.1:{}", up.port + 95);
    let body = json!({ "Entries": entries }).to_string();
    let request = local::http_client::signed(&url, "events", &credentials, body)
        .header("x-amz-target", "AWSEvents.PutEvents");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn events_are_listed_chosen_and_shown_whole_and_followed() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    let data = ["events", "--data", &up.data];
    let ended = ("e2", "globex", "call.ended");
    put(&up, &[("e1", "acme", "message.received"), ended]).await;

    let shown = run(&data).await;
    assert_eq!(
        shown.output,
        "2026-07-01T10:00:00Z  message.received      acme          e1  {\"sid\":\"SM1\"}
2026-07-01T10:00:00Z  call.ended            globex        e2  {\"sid\":\"SM1\"}\n"
    );
    let chosen = run(&[&data[..], &["--tenant", "globex", "--json"]].concat()).await;
    let document: Value = serde_json::from_str(&chosen.output).unwrap();
    assert_eq!(document["detail"]["id"], "e2");
    let last = run(&[&data[..], &["--last", "1"]].concat()).await;
    assert!(last.output.contains(" e2 ") && !last.output.contains(" e1 "));

    let mut following = command(&[&data[..], &["--follow", "--type", "call.ended"]].concat()).await;
    let mut child = following.stderr(Stdio::inherit()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = async || {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        line.unwrap().unwrap().unwrap()
    };
    assert!(next().await.contains(" e2 "));
    let ended = ("e4", "acme", "call.ended");
    put(&up, &[("e3", "acme", "message.received"), ended]).await;
    assert!(next().await.contains(" e4 "));
    child.kill().await.unwrap();
}

#[tokio::test]
async fn without_a_stack_events_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    let shown = run(&["events", "--data", folder.path().to_str().unwrap()]).await;
    assert_eq!(shown.code, Some(1));
    assert!(shown.errors.contains("no stack is running"), "{shown:?}");
}
