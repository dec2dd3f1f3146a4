//! `seed`: tenants from standard input into the running stack, or into whatever the variables name.

use serde_json::{Value, json};

use super::program::{Run, Up, command, run, run_with_input};

fn tenant(id: &str, account: u8) -> Value {
    json!({
        "tenant_id": id,
        "name": format!("The tenant {id}"),
        "status": "active",
        "twilio": {"account_sid": sid(account), "auth_token": format!("token-of-the-tenant-{id}")},
        "settings": {"auto_reply": format!("This is {id}")},
    })
}

fn sid(account: u8) -> String {
    format!("AC{account:032x}")
}

async fn seed(data: &str, tenants: &Value) -> Run {
    let seed = command(&["seed", "--data", data]).await;
    run_with_input(seed, &tenants.to_string()).await
}

#[tokio::test]
async fn seed_stores_the_tenants_of_standard_input_and_prints_a_line_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    let mut sleeping = tenant("sleeping", 2);
    sleeping["status"] = json!("suspended");
    let bare = json!({"tenant_id": "bare", "name": "Without Twilio"});
    let tenants = json!([tenant("first", 1), sleeping, bare]);

    let shown = seed(&up.data, &tenants).await;

    let expected = format!(
        "first  active  {}  The tenant first\n\
         sleeping  suspended  {}  The tenant sleeping\n\
         bare  active  no Twilio account  Without Twilio\n",
        sid(1),
        sid(2)
    );
    assert_eq!((shown.code, shown.output), (Some(0), expected));
    let again = seed(&up.data, &tenants).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    let simulate = async |id| run(&["simulate", "sms", "--tenant", id, "--data", &up.data]).await;
    let shown = simulate("first").await;
    assert!(shown.output.contains("This is first"), "{shown:?}");
    assert_eq!(simulate("sleeping").await.code, Some(1));
    let shown = simulate("bare").await;
    assert_eq!(
        shown.errors,
        "error: the tenant bare has no Twilio credentials: store it with a `twilio` object\n"
    );
    let shown = simulate("nobody").await;
    assert_eq!(
        shown.errors,
        "error: there is no tenant nobody: `cargo run -- seed` stores one\n"
    );
}

/// As with a deployment on AWS: what a running stack announces is not looked for.
#[tokio::test]
async fn seed_stores_into_what_the_functions_own_variables_name() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(&folder.path().join("running"), &["--ephemeral"]).await;
    let announced = std::fs::read(folder.path().join("running/stack.json")).unwrap();
    let announced: Value = serde_json::from_slice(&announced).unwrap();
    let variables = announced["environment"].as_object().unwrap().iter();
    let variables = variables.map(|(name, value)| (name, value.as_str().unwrap()));
    let nothing = folder.path().join("nothing").display().to_string();
    let mut seed = command(&["seed", "--data", &nothing]).await;
    seed.envs(variables);
    let shown = run_with_input(seed, &json!([tenant("remote", 3)]).to_string()).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.output.starts_with("remote  active  "));
    assert!(!folder.path().join("nothing").exists());
    let shown = run(&["simulate", "sms", "--tenant", "remote", "--data", &up.data]).await;
    assert!(shown.output.contains("This is remote"), "{shown:?}");
}

#[tokio::test]
async fn an_account_of_another_tenant_is_not_stored_and_what_came_before_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let up = Up::start(folder.path(), &["--ephemeral"]).await;
    let tenants = json!([tenant("first", 1), tenant("second", 1), tenant("third", 3)]);
    let shown = seed(&up.data, &tenants).await;
    assert_eq!(shown.code, Some(1));
    assert!(shown.output.starts_with("first  active  "), "{shown:?}");
    assert_eq!(shown.output.lines().count(), 1);
    assert!(
        shown
            .errors
            .starts_with("error: second: store a tenant: the Twilio account belongs to another"),
        "{shown:?}"
    );
    assert!(!shown.errors.contains("token-of"), "{shown:?}");
}

#[tokio::test]
async fn input_that_is_no_list_of_tenants_is_refused_with_its_fault() {
    let with = |member: &str, value: Value| {
        let mut tenant = tenant("faulty", 1);
        *tenant.pointer_mut(member).unwrap() = value;
        json!([tenant]).to_string()
    };
    let mut unknown = tenant("faulty", 1);
    unknown["colour"] = json!("red");
    let mut unknown_setting = tenant("faulty", 1);
    unknown_setting["settings"]["colour"] = json!("red");
    let cases = [
        (
            "[{".to_owned(),
            "is not a list of tenants (EOF while parsing",
        ),
        (
            "{}".to_owned(),
            "is not a list of tenants (invalid type: map",
        ),
        (
            with("/tenant_id", json!("Not a slug")),
            "a tenant id is 2 to 63 characters of a-z, 0-9 and -",
        ),
        (
            with("/twilio/account_sid", json!("AC12")),
            "expected AC followed by 32 hexadecimal digits",
        ),
        (with("/status", json!("asleep")), "unknown variant `asleep`"),
        (json!([unknown]).to_string(), "unknown field `colour`"),
        (
            json!([unknown_setting]).to_string(),
            "faulty: settings: colour: there is no such field; there are",
        ),
        (
            with("/settings", json!({"inbound_route": "forward"})),
            "faulty: settings: forward_to: needed because inbound_route is forward",
        ),
    ];
    for (input, fault) in cases {
        let mut seed = command(&["seed"]).await;
        // Nothing is called: none of it is right enough to be stored.
        seed.envs([
            ("TENANTS_TABLE", "tenants"),
            ("ROUTES_TABLE", "routes"),
            (
                "CREDENTIALS_KEY_ARN",
                "arn:aws:kms:us-east-1:123456789012:key/1",
            ),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ]);
        let shown = run_with_input(seed, &input).await;
        assert_eq!(
            (shown.code, shown.output.as_str()),
            (Some(1), ""),
            "{input}"
        );
        assert!(shown.errors.starts_with("error: "), "{shown:?}");
        assert!(shown.errors.contains(fault), "{fault}\n{}", shown.errors);
        assert_eq!(shown.errors.lines().count(), 1, "{}", shown.errors);
    }
}

#[tokio::test]
async fn a_deployment_that_is_named_in_part_is_told_what_is_missing() {
    let mut seed = command(&["seed"]).await;
    seed.env("TENANTS_TABLE", "tenants");
    let shown = run_with_input(seed, "[]").await;
    assert_eq!(shown.code, Some(1));
    for name in ["ROUTES_TABLE", "CREDENTIALS_KEY_ARN", "AWS_REGION"] {
        let fault = format!("{name} is not set");
        assert!(shown.errors.contains(&fault), "{}", shown.errors);
    }
}
