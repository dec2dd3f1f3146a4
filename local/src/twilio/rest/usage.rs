//! Usage records: what an account and, unless they are left out, its subaccounts used, by category and time.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::error::ApiError;
use super::paging::{Item, page};
use super::state::State;
use crate::double::{Answer, Request};

/// The list, the newest time first. `each` is the last part of the path: of how much time one record is.
pub(super) fn list(
    state: &State,
    sid: &str,
    each: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let date = |name: &str| {
        let refused = || ApiError::bad_request(20_001, format!("{name} is not a date"));
        let text = request.query(name);
        text.map(|text| text.parse::<Date>().map_err(|_| refused()))
            .transpose()
    };
    let (start, end) = (date("StartDate")?, date("EndDate")?);
    let category = request.query("Category");
    // Unless told otherwise an account is billed for its subaccounts too.
    let is_alone = request.query("IncludeSubaccounts") == Some("false");
    let accounts = state.0.iter();
    let accounts = accounts
        .filter(|(known, account)| known.as_str() == sid || (!is_alone && account.owner == sid));
    let used = accounts
        .flat_map(|(_, account)| &account.usage)
        .filter(|used| start.is_none_or(|start| used.date >= start))
        .filter(|used| end.is_none_or(|end| used.date <= end))
        .filter(|used| category.is_none_or(|category| used.category == category));
    let mut sums: BTreeMap<(Date, Date, &str), (u64, u64)> = BTreeMap::new();
    for used in used {
        let (first, last) = match each {
            "Daily" => (used.date, used.date),
            "Monthly" => (used.date.first_of_month(), used.date.last_of_month()),
            "Yearly" => (used.date.first_of_year(), used.date.last_of_year()),
            _ => (start.unwrap_or(Date::MIN), end.unwrap_or(Date::MAX)),
        };
        let sum = sums.entry((first, last, &used.category)).or_default();
        *sum = (
            sum.0.saturating_add(used.count),
            sum.1.saturating_add(used.price),
        );
    }
    let items: Vec<Item> = sums
        .iter()
        .rev()
        .map(|(key, sum)| (format!("{}{}", key.0, key.2), document(sid, key, *sum)))
        .collect();
    let filters = ["StartDate", "EndDate", "Category", "IncludeSubaccounts"];
    let page = page(request, &filters, items)?;
    Ok(Answer::json(200, &page.envelope("usage_records")))
}

fn document(
    account: &str,
    (first, last, category): &(Date, Date, &str),
    (count, price): (u64, u64),
) -> Value {
    // Exact: Twilio's prices have few digits.
    let price = format!("{}.{:06}", price / 1_000_000, price % 1_000_000);
    json!({
        "account_sid": account,
        "api_version": "2010-04-01",
        "as_of": format!("{last}T23:59:59+00:00"),
        "category": category,
        "count": count.to_string(),
        "count_unit": "messages",
        "description": format!("Usage of {category}"),
        "start_date": first.to_string(),
        "end_date": last.to_string(),
        "price": price.parse::<serde_json::Number>().ok(),
        "price_unit": "usd",
        "usage": count.to_string(),
        "usage_unit": "messages",
        "uri": format!("/2010-04-01/Accounts/{account}/Usage/Records.json?Category={category}"),
    })
}
