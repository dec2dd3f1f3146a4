//! From a command line to what is sent and shown, with the demo tenants.

use clap::Parser;
use local::twilio::arguments::SimulateArguments;
use local::twilio::render::{Style, render_simulation};
use local::twilio::{DEMO_TENANTS, FunctionUrls, Simulation, Target, simulate};
use shared::tenant::{Settings, TenantId, TenantStatus};
use shared::twilio::TwilioCredentials;

use crate::server::{Answer, Server};

#[derive(Debug, Parser)]
struct CommandLine {
    #[command(flatten)]
    simulate: SimulateArguments,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct DemoTenant {
    tenant_id: TenantId,
    #[expect(dead_code, reason = "only its presence counts")]
    name: String,
    status: TenantStatus,
    twilio: TwilioCredentials,
    settings: Settings,
}

fn demo_tenants() -> Vec<DemoTenant> {
    serde_json::from_str(DEMO_TENANTS).unwrap()
}

fn target(tenant: &str, server: &Server) -> Target {
    let tenants = demo_tenants();
    let tenant = tenants
        .iter()
        .find(|candidate| candidate.tenant_id.as_str() == tenant)
        .unwrap();
    let base = format!("{}/", server.base);
    Target::new(
        &tenant.twilio,
        FunctionUrls {
            voice: base.clone(),
            sms: base.clone(),
            whatsapp: base,
        },
    )
}

async fn run(line: &str, server: &Server) -> (Simulation, String) {
    let words = std::iter::once("simulate").chain(line.split_whitespace());
    let arguments = CommandLine::try_parse_from(words).unwrap().simulate;
    let simulation = simulate(&arguments, &target(arguments.tenant(), server)).await;
    let shown = render_simulation(&simulation, Style::plain());
    (simulation, shown)
}

#[test]
fn the_demo_tenants_are_two_active_ones_that_behave_differently() {
    let tenants = demo_tenants();
    let ids: Vec<&str> = tenants
        .iter()
        .map(|tenant| tenant.tenant_id.as_str())
        .collect();
    assert_eq!(ids, ["acme", "globex"]);
    assert!(
        tenants
            .iter()
            .all(|tenant| tenant.status == TenantStatus::Active)
    );
    assert_ne!(tenants[0].twilio.account_sid, tenants[1].twilio.account_sid);
    assert!(tenants[0].settings.auto_reply.is_some() && tenants[1].settings.auto_reply.is_none());
    assert_eq!(tenants[1].settings.browser_users, ["alice", "bob"]);
}

#[tokio::test]
async fn an_sms_shows_the_signed_request_and_the_reply() {
    let server = Server::start([(
        "/sms",
        vec![Answer::twiml("<Message>Thanks &amp; bye</Message>")],
    )])
    .await;
    let (simulation, shown) = run(
        "sms --seed 1 --from +15005550010 --body Hello --media 1",
        &server,
    )
    .await;

    let Simulation::Deliveries(exchanges) = simulation else {
        panic!("deliveries")
    };
    let signature = exchanges[0].request.header("X-Twilio-Signature").unwrap();
    let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for expected in [
        format!(
            "POST {}/sms?account={account}  inbound message\n",
            server.base
        ),
        format!("  X-Twilio-Signature: {signature}\n"),
        "Body               Hello\n".to_owned(),
        "MediaContentType0  image/jpeg\n".to_owned(),
        "To                 +15005550101\n".to_owned(),
        "  → 200 text/xml; charset=utf-8 · ".to_owned(),
        "    <Response>\n      <Message>Thanks &amp; bye</Message>\n    </Response>\n".to_owned(),
        "    reply: Thanks & bye\n".to_owned(),
    ] {
        assert!(shown.contains(&expected), "{expected}\nin\n{shown}");
    }
}

#[tokio::test]
async fn the_auth_token_is_never_shown() {
    let server = Server::start([("/voice", vec![Answer::twiml("<Hangup/>")])]).await;
    for line in ["sms", "call", "whatsapp --wrong-token"] {
        let (simulation, shown) = run(line, &server).await;
        assert!(!shown.contains("aaaa1111"), "{line}");
        assert!(!format!("{simulation:?}").contains("aaaa1111"), "{line}");
    }
}

#[tokio::test]
async fn a_seed_sends_the_same_message_again() {
    let server = Server::start([("/sms", vec![Answer::twiml("")])]).await;
    run("sms --seed 5", &server).await;
    run("sms --seed 5", &server).await;
    run("sms", &server).await;
    let sids: Vec<String> = server
        .received()
        .iter()
        .map(|request| request.get("MessageSid").to_owned())
        .collect();
    assert_eq!(sids[0], sids[1]);
    assert_ne!(sids[0], sids[2]);
}

#[tokio::test]
async fn duplicates_are_the_same_webhook_again() {
    let server = Server::start([("/sms", vec![Answer::twiml("")])]).await;
    run("sms --duplicate 2", &server).await;
    let received = server.received();
    assert_eq!(received.len(), 3);
    assert!(
        received
            .iter()
            .all(|request| request.get("MessageSid") == received[0].get("MessageSid"))
    );
    let token = received[0].header("i-twilio-idempotency-token");
    assert!(
        received
            .iter()
            .all(|request| request.header("i-twilio-idempotency-token") == token)
    );
}

#[tokio::test]
async fn a_forgery_is_named_and_its_refusal_shown() {
    let server = Server::start([("/sms", vec![Answer::empty(403)])]).await;
    let (_, shown) = run("sms --tamper", &server).await;
    assert!(
        shown.contains("  forged: a parameter was changed after signing\n"),
        "{shown}"
    );
    assert!(shown.contains("  → 403 empty · "), "{shown}");
    assert!(
        shown.contains("    error 11200: the answer's status is 403\n"),
        "{shown}"
    );
}

#[tokio::test]
async fn whatsapp_messages_of_every_kind_are_sent() {
    let server = Server::start([("/whatsapp", vec![Answer::twiml("")])]).await;
    for (line, name, value) in [
        ("whatsapp", "MessageType", "text"),
        (
            "whatsapp --media application/pdf",
            "MessageType",
            "document",
        ),
        ("whatsapp --media", "MediaContentType0", "image/jpeg"),
        ("whatsapp --button Yes", "ButtonPayload", "yes"),
        ("whatsapp --list Red", "ListId", "red"),
        ("whatsapp --location -33.9,18.4", "Latitude", "-33.9"),
        (
            "whatsapp --reaction 👍 --reply-to SM00000000000000000000000000000001",
            "Body",
            "👍",
        ),
        (
            "whatsapp --hidden-user --from ID.4566123",
            "From",
            "whatsapp:ID.4566123",
        ),
        ("whatsapp --advertisement", "ReferralSourceType", "ad"),
    ] {
        run(line, &server).await;
        assert_eq!(server.received().last().unwrap().get(name), value, "{line}");
    }
    assert!(
        server
            .received()
            .iter()
            .all(|request| request.get("To") == "whatsapp:+15005550102")
    );
}

#[tokio::test]
async fn statuses_are_sent_in_turn_and_retried_as_their_url_says() {
    let answers = vec![Answer::empty(503), Answer::empty(204)];
    let server = Server::start([("/whatsapp/status", answers)]).await;
    let line = "status --message SM00000000000000000000000000000001 --status sent,failed --error 63016 --channel whatsapp";
    let (_, shown) = run(line, &server).await;

    let received = server.received();
    let statuses: Vec<&str> = received
        .iter()
        .map(|request| request.get("MessageStatus"))
        .collect();
    assert_eq!(statuses, ["sent", "sent", "failed"]);
    assert_eq!(
        (received[1].get("ErrorCode"), received[2].get("ErrorCode")),
        ("", "63016")
    );
    assert!(
        shown.contains("  attempt 1: answered 503 after "),
        "{shown}"
    );
}

#[tokio::test]
async fn a_call_is_told_step_by_step() {
    let dial = "<Say>Welcome</Say><Dial action=\"/voice/dial\"><Number statusCallback=\"/voice/status\">+15005550110</Number></Dial>";
    let record = "<Record action=\"/voice/voicemail\"/>";
    let server = Server::start([
        ("/voice", vec![Answer::twiml(dial)]),
        ("/voice/dial", vec![Answer::twiml(record)]),
    ])
    .await;
    let (simulation, shown) = run(
        "call --tenant globex --dial no-answer --voicemail 9 --seed 3",
        &server,
    )
    .await;

    let Simulation::Call(story) = simulation else {
        panic!("a call")
    };
    assert!(
        shown.starts_with(&format!("Call {}\n", story.call)),
        "{shown}"
    );
    for expected in [
        "☎ the call is ringing\n",
        "♪ “Welcome”\n",
        "☎ +15005550110 is no-answer CA",
        "    DialCallStatus  no-answer\n",
        "● recorded 9 s RE",
        "· the caller hung up\n",
        "completed after ",
    ] {
        assert!(shown.contains(expected), "{expected}\nin\n{shown}");
    }
}

#[tokio::test]
async fn a_forged_call_stops_at_its_first_request() {
    let server = Server::start([("/voice", vec![Answer::empty(403)])]).await;
    run(
        "call --unsigned --browser-user alice --to +15005550010",
        &server,
    )
    .await;
    let [request] = &server.received()[..] else {
        panic!("one request")
    };
    assert_eq!(request.get("From"), "client:alice");
    assert!(request.headers.get("x-twilio-signature").is_none());
}

#[tokio::test]
async fn what_becomes_of_a_reply_is_delivered_to_where_the_reply_says() {
    for (line, statuses) in [
        ("sms --duplicate 1", vec!["sent", "delivered"]),
        ("whatsapp", vec!["sent", "delivered", "read"]),
    ] {
        let reply = "<Message statusCallback=\"/status?a=1\">Thanks</Message>";
        let server = Server::start([
            ("/sms", vec![Answer::twiml(reply)]),
            ("/whatsapp", vec![Answer::twiml(reply)]),
            ("/status", vec![Answer::empty(204)]),
        ])
        .await;

        let (simulation, _) = run(line, &server).await;

        let received = server.received();
        let (reported, written): (Vec<_>, Vec<_>) = received
            .iter()
            .partition(|request| request.path == "/status");
        let told: Vec<&str> = reported
            .iter()
            .map(|one| one.get("MessageStatus"))
            .collect();
        assert_eq!(told, statuses);
        for report in &reported {
            assert_eq!(report.get("From"), written[0].get("To"));
            assert_eq!(report.get("To"), written[0].get("From"));
            assert_ne!(report.get("MessageSid"), written[0].get("MessageSid"));
        }
        // Both messages are shown as they are stored.
        assert_eq!(simulation.resources().len(), 2);
    }
}

#[tokio::test]
async fn a_browser_calls_a_number_of_a_country_unless_told() {
    let server = Server::start([("/voice", vec![Answer::twiml("<Hangup/>")])]).await;
    run("call --tenant globex --browser-user alice", &server).await;
    assert_eq!(server.received_at("/voice")[0].get("To"), "+12125550100");
}
