use clap::{CommandFactory, Parser};

use super::*;

#[derive(Debug, Parser)]
struct CommandLine {
    #[command(flatten)]
    simulate: SimulateArguments,
}

fn parse(line: &str) -> Result<SimulateArguments, clap::Error> {
    let words = std::iter::once("simulate").chain(line.split_whitespace());
    CommandLine::try_parse_from(words).map(|line| line.simulate)
}

#[test]
fn the_command_line_is_consistent() {
    CommandLine::command().debug_assert();
}

#[test]
fn every_event_has_a_tenant() {
    assert_eq!(parse("sms").unwrap().tenant(), "acme");
    assert_eq!(
        parse("whatsapp --tenant globex --location -33.9,18.4")
            .unwrap()
            .tenant(),
        "globex"
    );
    assert_eq!(
        parse("call --tenant globex --dial no-answer --voicemail none")
            .unwrap()
            .tenant(),
        "globex"
    );
    let status = format!(
        "status --message SM{} --status sent,delivered",
        "0".repeat(32)
    );
    assert_eq!(parse(&status).unwrap().tenant(), "acme");
}

#[test]
fn one_forgery_at_a_time() {
    let SimulatedEvent::Sms(arguments) = parse("sms --tamper --duplicate 2").unwrap().event else {
        panic!()
    };
    assert_eq!(arguments.misbehaviour.forgery(), Forgery::TamperedBody);
    assert_eq!(arguments.misbehaviour.duplicate, 2);
    assert!(parse("sms --tamper --unsigned").is_err());
}

#[test]
fn what_cannot_be_is_refused() {
    for line in [
        "status --message hello",
        "status",
        "call --voicemail soon",
        "call --hung-up-by somebody",
        "whatsapp --location somewhere",
        "whatsapp --location 91,0",
        "whatsapp --button Yes --list Red",
        "call --from +15005550010 --browser-user ann",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
