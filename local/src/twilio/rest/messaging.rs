//! Messaging services (`messaging.twilio.com`), read only: people make them in Twilio's Console.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::ApiError;
use super::paging::{Item, page};
use super::property::Resource;
use super::state::{AccountState, Service};
use crate::double::{Answer, Request};

/// A new service, which drops what comes in unless it has a URL.
pub(super) fn created(
    sid: String,
    name: &str,
    inbound_request_url: Option<&str>,
    now: Timestamp,
) -> Service {
    let mut resource = Resource::new(sid, now, &[]);
    for (property, value) in [
        ("friendly_name", json!(name)),
        ("inbound_request_url", json!(inbound_request_url)),
        ("inbound_method", json!("POST")),
        ("fallback_url", Value::Null),
        ("fallback_method", json!("POST")),
        ("status_callback", Value::Null),
        ("use_inbound_webhook_on_number", json!(false)),
        ("sticky_sender", json!(true)),
        ("mms_converter", json!(true)),
        ("smart_encoding", json!(true)),
        ("scan_message_content", json!("inherit")),
        ("synchronous_validation", json!(false)),
        ("fallback_to_long_code", json!(false)),
        ("area_code_geomatch", json!(true)),
        ("validity_period", json!(36_000)),
        ("usecase", json!("undeclared")),
        ("us_app_to_person_registered", json!(false)),
    ] {
        resource.put(property, value);
    }
    Service {
        resource,
        numbers: Vec::new(),
    }
}

/// The document of a service.
pub(super) fn document(account: &str, service: &Service, base_url: &str) -> Value {
    let mut document = service.resource.document_v1(account);
    let url = format!("{base_url}/v1/Services/{}", service.resource.sid);
    let links = json!({
        "phone_numbers": format!("{url}/PhoneNumbers"),
        "short_codes": format!("{url}/ShortCodes"),
        "alpha_senders": format!("{url}/AlphaSenders"),
    });
    document.insert("links".to_owned(), links);
    document.insert("url".to_owned(), Value::from(url));
    Value::Object(document)
}

/// The list, the newest first.
pub(super) fn list(
    account: &AccountState,
    sid: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let found = account.services.iter().rev();
    let items: Vec<Item> = found
        .map(|service| {
            (
                service.resource.sid.clone(),
                document(sid, service, &request.base_url),
            )
        })
        .collect();
    let page = page(request, &[], items)?;
    Ok(Answer::json(200, &page.meta(&request.base_url, "services")))
}

/// The numbers of a service.
pub(super) fn numbers(
    account: &AccountState,
    sid: &str,
    service: &Service,
    request: &Request,
) -> Result<Answer, ApiError> {
    let members = account
        .numbers
        .iter()
        .rev()
        .filter(|number| service.numbers.contains(&number.sid));
    let items: Vec<Item> = members
        .map(|number| {
            let document = number_document(sid, service, number, &request.base_url);
            (number.sid.clone(), document)
        })
        .collect();
    let page = page(request, &[], items)?;
    Ok(Answer::json(
        200,
        &page.meta(&request.base_url, "phone_numbers"),
    ))
}

fn number_document(account: &str, service: &Service, number: &Resource, base_url: &str) -> Value {
    let service = &service.resource.sid;
    let phone_number = number.text("phone_number");
    let country = if phone_number.starts_with("+1") {
        "US"
    } else {
        ""
    };
    json!({
        "sid": number.sid,
        "account_sid": account,
        "service_sid": service,
        "date_created": super::property::iso8601(number.created),
        "date_updated": super::property::iso8601(number.updated),
        "phone_number": phone_number,
        "country_code": country,
        "capabilities": ["SMS", "MMS", "Voice"],
        "url": format!("{base_url}/v1/Services/{service}/PhoneNumbers/{}", number.sid),
    })
}
