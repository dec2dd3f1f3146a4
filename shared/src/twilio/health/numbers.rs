//! The phone numbers: where calls and messages to each of them really lead.

use std::fmt::Write;

use super::account::{Account, learn};
use super::judge::{Complaint, Judge};
use super::{CheckName, HealthCheck, HealthStatus, reason, unknown};
use crate::twilio::WebhookUrls;
use crate::twilio::rest::TwilioClient;

/// The most numbers that are told of one by one.
const MOST_TOLD: usize = 10;

/// Looks at every number.
pub(super) async fn check(client: &TwilioClient<'_>, urls: &WebhookUrls) -> HealthCheck {
    match learn(client).await {
        Ok(account) => judge(client, urls, &account),
        Err(error) => unknown(CheckName::PhoneNumbers, "The phone numbers", &error),
    }
}

fn judge(client: &TwilioClient<'_>, urls: &WebhookUrls, account: &Account) -> HealthCheck {
    let judge = Judge::new(&client.credentials().account_sid, urls, account);
    let mut complaints = Vec::new();
    let mut wrong = 0;
    for number in &account.numbers {
        let found = judge.number(number);
        let before = complaints.len();
        complaints.extend(found.complaints);
        wrong += usize::from(complaints.len() > before);
    }
    complaints.extend(senders(client, account));
    let all = account.numbers.len();
    let mut status = match (all, wrong, complaints.is_empty()) {
        (_, 0, true) => HealthStatus::Ok,
        (all, wrong, _) if all > 0 && wrong == all => HealthStatus::Error,
        _ => HealthStatus::Degraded,
    };
    let mut message = match (all, wrong) {
        (0, _) => "The account has no phone number.".to_owned(),
        (all, 0) => format!(
            "All calls and messages to the account's numbers ({all}) lead here, as far as they can be received."
        ),
        (all, wrong) => {
            format!("{wrong} of {all} phone numbers do not lead here, or not as they should.")
        }
    };
    let mut hint = String::new();
    if all == 0 {
        status = status.max(HealthStatus::Degraded);
        hint.push_str("Buy a number in Twilio's console.");
    }
    for Complaint { what, remedy } in complaints.iter().take(MOST_TOLD) {
        // Writing to a text does not fail.
        let _ = write!(message, " {what}");
        let _ = write!(hint, "{}{remedy}", if hint.is_empty() { "" } else { " " });
    }
    let untold = complaints.len().saturating_sub(MOST_TOLD);
    if untold > 0 {
        let _ = write!(message, " And {untold} more.");
    }
    if let Some(error) = &account.gap {
        let (worse, why, remedy) = reason(error);
        status = status.max(worse.min(HealthStatus::Degraded));
        let _ = write!(
            message,
            " Not everything that decides could be looked at: {why}."
        );
        let _ = write!(hint, "{}{remedy}", if hint.is_empty() { "" } else { " " });
    }
    HealthCheck {
        name: CheckName::PhoneNumbers,
        status,
        message,
        hint: (!hint.is_empty()).then_some(hint),
    }
}

/// What the credentials name and the account does not have.
fn senders(client: &TwilioClient<'_>, account: &Account) -> Vec<Complaint> {
    let credentials = client.credentials();
    let (numbers, services) = (&account.numbers, &account.services);
    let number = credentials.phone_number.as_ref().filter(|number| {
        !numbers
            .iter()
            .any(|owned| owned.phone_number == number.as_str())
    });
    let number = number.map(|number| Complaint {
        what: format!(
            "{number}, which calls and texts come from, is none of the account's numbers."
        ),
        remedy:
            "Enter one of them as phone_number, or make sure that this one is a verified caller ID."
                .to_owned(),
    });
    let service = credentials.messaging_service_sid.as_ref().filter(|sid| {
        account.gap.is_none() && !services.iter().any(|service| service.sid == **sid)
    });
    let service = service.map(|sid| Complaint {
        what: format!("The account has no messaging service {sid}."),
        remedy: "Enter one of its services as messaging_service_sid, or none.".to_owned(),
    });
    number.into_iter().chain(service).collect()
}
