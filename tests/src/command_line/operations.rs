//! `verify` and `re-encrypt`: what an operator asks of a running stack.

use std::path::Path;

use local::running::RunningStack;
use serde_json::Value;

use super::program::{Up, run};

#[tokio::test]
async fn a_tenants_connections_are_verified_when_somebody_types_so() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    let verify = ["verify", "--data", &up.data];
    let one = run(&[&verify[..], &["--tenant", "acme"]].concat()).await;
    assert_eq!(one.code, Some(0), "{one:?}");
    for line in ["tenant id  acme", "provider  twilio", "outcome   valid"] {
        assert!(one.output.contains(line), "{line}\n{}", one.output);
    }
    let all = run(&[&verify[..], &["--all"]].concat()).await;
    assert!(all.output.contains("started  true"), "{all:?}");
    let minute = run(&verify).await;
    assert_eq!(minute.code, Some(0), "{minute:?}");
    assert!(minute.output.contains("state"), "{minute:?}");

    let nobody = run(&[&verify[..], &["--tenant", "nobody"]].concat()).await;
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.errors.contains("nobody"), "{nobody:?}");
}

#[tokio::test]
async fn everything_is_sealed_under_the_first_key_and_one_in_use_is_not_retired() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    let re_encrypt = ["re-encrypt", "--data", &up.data];
    let done = run(&re_encrypt).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let report: Value = serde_json::from_str(&done.output).unwrap();
    assert_eq!(report["is_finished"], true, "{report}");
    let status = run(&[&re_encrypt[..], &["--status"]].concat()).await;
    let status: Value = serde_json::from_str(&status.output).unwrap();
    assert_eq!(status["progress"], report["progress"]);

    let stack = RunningStack::find(Path::new(&up.data)).unwrap();
    let key = &stack.environment["CREDENTIALS_KEY_ARN"];
    let retired = run(&[&re_encrypt[..], &["--retire", key]].concat()).await;
    assert_eq!(retired.code, Some(1), "{retired:?}");
    let told = "this is the key that credentials are sealed under";
    assert!(retired.errors.contains(told), "{retired:?}");
}
