//! Secrets that are marked, stored through every route, and looked for in everything that came out.

mod evidence;
mod misbehaviour;
mod traffic;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use shared::tenant::Provider;

use evidence::{Evidence, MARK, evidence, secret};
use misbehaviour::ECHOES;

/// The mark in every form that something printed it in. Secrets repeat it, so that any part of one holds it whole.
fn forms() -> Vec<String> {
    let bytes = MARK.as_bytes();
    let joined = |form: fn(&u8) -> String, between: &str| {
        let parts: Vec<_> = bytes.iter().map(form).collect();
        parts.join(between)
    };
    let mut forms = vec![
        MARK.to_owned(),
        MARK.to_uppercase(),
        MARK.chars().rev().collect(),
        joined(|byte| format!("{byte:02x}"), ""),
        joined(|byte| format!("{byte:02X}"), ""),
        joined(|byte| format!("%{byte:02x}"), ""),
        joined(|byte| format!("%{byte:02X}"), ""),
        joined(|byte| format!("\\x{byte:02x}"), ""),
        joined(|byte| format!("\\u{byte:04x}"), ""),
        joined(u8::to_string, ","),
        joined(u8::to_string, ", "),
    ];
    // Base64 takes three bytes at a time, wherever it begins.
    forms.extend((0..bytes.len()).map(|start| {
        let (before, after) = bytes.split_at(start);
        STANDARD.encode([after, before].concat())
    }));
    forms
}

/// The first text that holds a marked secret in any form, and the form.
fn found(among: impl IntoIterator<Item = impl AsRef<str>>) -> Option<(String, String)> {
    let forms = forms();
    among.into_iter().find_map(|text| {
        let text = text.as_ref();
        let form = forms.iter().find(|form| text.contains(form.as_str()))?;
        Some((form.clone(), text.to_owned()))
    })
}

fn lines(evidence: &Evidence) -> impl Iterator<Item = &str> {
    evidence.lines.iter().map(|line| line.text.as_str())
}

#[test]
fn a_secret_is_found_in_whatever_form_a_part_of_it_is_printed() {
    let secret = secret("xyz", 7);
    let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    for (number, start) in (0..6).enumerate() {
        let part = &secret[start..start + 18];
        for text in [
            format!("{{\"token\":\"{part}\"}}"),
            STANDARD.encode(format!("AC{number}:{part}")),
            hexadecimal[2 * start..2 * start + 36].to_owned(),
            format!("{:?}", part.as_bytes()),
        ] {
            assert!(found([&text]).is_some(), "{text}");
        }
    }
    assert_eq!(
        found([format!("••••{}", &secret[secret.len() - 4..])]),
        None
    );
}

#[tokio::test]
async fn no_answer_holds_a_secret_in_its_headers_or_its_body() {
    assert_eq!(found(&evidence().await.answers), None);
}

#[tokio::test]
async fn no_log_line_of_any_function_holds_a_secret() {
    assert_eq!(found(lines(evidence().await)), None);
}

#[tokio::test]
async fn no_log_line_holds_a_token_of_a_caller_or_one_that_was_issued() {
    let evidence = evidence().await;
    let token = lines(evidence).find(|line| line.contains("eyJ"));
    assert_eq!(token, None);
}

#[tokio::test]
async fn no_item_of_any_table_holds_a_secret() {
    assert_eq!(found([&evidence().await.items]), None);
}

#[tokio::test]
async fn no_path_and_no_query_that_a_provider_was_asked_for_holds_a_secret() {
    let asked = &evidence().await.asked;
    assert!(asked.iter().any(|asked| asked.contains('?')));
    assert_eq!(found(asked), None);
}

#[tokio::test]
async fn the_four_last_characters_are_shown_and_stored_so_that_more_would_be_found() {
    let evidence = evidence().await;
    let masks = evidence.answers.iter().filter(|text| text.contains("••••"));
    assert!(masks.count() > 30);
    assert!(evidence.items.contains("••••"));
    assert!(evidence.items.contains("aws-kms"));
}

#[tokio::test]
async fn the_traffic_met_every_outcome_and_every_provider_echoed_what_it_was_sent() {
    let evidence = evidence().await;
    let expected = [
        200, 201, 202, 204, 400, 401, 403, 404, 409, 412, 413, 415, 422, 500, 502, 503,
    ];
    let missing: Vec<_> = BTreeSet::from(expected)
        .difference(&evidence.statuses)
        .copied()
        .collect();
    assert_eq!(missing, [] as [u16; 0], "{:?}", evidence.statuses);
    for provider in Provider::ALL {
        for (status, media_type) in ECHOES {
            let echo = (provider.as_str(), status, media_type.to_owned());
            assert!(evidence.echoed.contains(&echo), "{echo:?}");
        }
    }
    for function in ["token", "credentials", "tenants", "sms-webhook"] {
        let own = evidence
            .lines
            .iter()
            .filter(|line| &*line.function == function);
        assert!(own.count() > 3, "{function}");
    }
}
