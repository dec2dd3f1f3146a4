//! What the tenant used of Twilio, so that it can be billed for its own.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use shared::api::{Call, Code, Problem};
use shared::fault::FieldFault;
use shared::http::Reply;
use shared::tenant::TenantScope;
use shared::twilio::TwilioError;
use shared::twilio::rest::{Granularity, UsageQuery};

use crate::filters;
use crate::service::Messaging;

/// The longest name of a category; Twilio's longest has about 60 characters.
const LONGEST_CATEGORY: usize = 100;

pub(crate) async fn list(
    messaging: &Messaging,
    scope: &TenantScope,
    call: &Call,
) -> Result<Reply, Problem> {
    let granularities = [
        ("total", Granularity::Total),
        ("daily", Granularity::Daily),
        ("monthly", Granularity::Monthly),
        ("yearly", Granularity::Yearly),
    ];
    let mut query = call.query(&[
        "limit",
        "cursor",
        "start_date",
        "end_date",
        "category",
        "granularity",
    ])?;
    let (start, end) = (query.parsed::<Day>("start_date"), query.parsed("end_date"));
    let category = query.parsed::<Category>("category");
    let granularity = query.word("granularity", &granularities);
    let page = query.page();
    let context = filters::context(scope, "usage", &query.finish()?);
    let today = messaging.clock.now().to_zoned(TimeZone::UTC).date();
    let end = end.map_or(today, |Day(end)| end);
    let asked = UsageQuery {
        start: start.map_or(end.first_of_month(), |Day(start)| start),
        end,
        category: category.map(|Category(category)| category),
        granularity: granularity.unwrap_or(Granularity::Total),
    };
    if asked.start > asked.end {
        let fault = "it is after end_date, which is today where it is left out";
        return Err(Problem {
            errors: vec![FieldFault::new("start_date", fault)],
            ..Problem::new(Code::InvalidParameter, format!("start_date: {fault}."))
        });
    }
    let page = messaging.paging.position(&context, &page).await?;
    let tenant = messaging.connections.tenant(scope, call.deadline()).await?;
    let client = messaging.connections.client(&tenant, call.deadline());
    let (records, next) = match client.usage(&asked, page.limit(), page.after()).await {
        // The cursor is of another account, which was the tenant's when the list began.
        Err(TwilioError::ForeignPage) if page.after().is_some() => {
            let detail = "The tenant's Twilio account is another by now: begin without a cursor.";
            return Err(Problem::new(Code::InvalidCursor, detail));
        }
        listed => listed?,
    };
    messaging.paging.answer(&context, records, next).await
}

/// A day, written in full.
#[derive(Debug, Clone, Copy)]
struct Day(Date);

impl FromStr for Day {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Of all that jiff reads this alone is a day and nothing else.
        let is_written_in_full = text.len() == 10 && text.as_bytes().get(4) == Some(&b'-');
        let day = text.parse().ok().filter(|_| is_written_in_full);
        day.map(Self).ok_or("expected a day such as 2026-11-21")
    }
}

/// One of Twilio's names of categories: any, since Twilio adds new ones.
#[derive(Debug, Clone)]
struct Category(String);

impl FromStr for Category {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_of_names = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        let is_name = (1..=LONGEST_CATEGORY).contains(&text.len()) && text.bytes().all(is_of_names);
        is_name
            .then(|| Self(text.to_owned()))
            .ok_or("expected one of Twilio's categories: lower-case letters, digits, - and _")
    }
}
