//! What an account used, and what Twilio asks for it.

use jiff::civil::Date;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::TwilioError;
use super::paging::take_page;
use super::{TwilioClient, fields};
use crate::outbound::{Call, Host};

/// Of how much time one record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// All of the time that is asked for.
    Total,
    /// A day.
    Daily,
    /// A month.
    Monthly,
    /// A year.
    Yearly,
}

/// Which usage is asked for: of the account alone, without its subaccounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// The first day, in GMT.
    pub start: Date,
    /// The last day.
    pub end: Date,
    /// One of Twilio's categories; all of them without.
    pub category: Option<String>,
    /// Of how much time one record is.
    pub granularity: Granularity,
}

/// What an account used of one category in some time. Numbers are decimal texts, as exact as Twilio tells them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// What was used, as Twilio names it: `sms-outbound`, `calls-inbound`. Categories overlap: `totalprice` is all.
    pub category: String,
    /// The same for people.
    #[serde(default, deserialize_with = "fields::text")]
    pub description: Option<String>,
    /// The first day, in GMT.
    pub start_date: Date,
    /// The last day.
    pub end_date: Date,
    /// How often.
    #[serde(default, deserialize_with = "decimal")]
    pub count: Option<String>,
    /// In what: `calls`, `messages`.
    #[serde(default, deserialize_with = "fields::text")]
    pub count_unit: Option<String>,
    /// How much.
    #[serde(default, deserialize_with = "decimal")]
    pub usage: Option<String>,
    /// In what: `minutes`, `messages`.
    #[serde(default, deserialize_with = "fields::text")]
    pub usage_unit: Option<String>,
    /// What Twilio asks for it.
    #[serde(default, deserialize_with = "decimal")]
    pub price: Option<String>,
    /// In which currency: `usd`.
    #[serde(default, deserialize_with = "fields::text")]
    pub price_unit: Option<String>,
    /// Up to when it is counted, as Twilio writes it.
    #[serde(default, deserialize_with = "fields::text")]
    pub as_of: Option<String>,
}

/// A number, which Twilio writes as one or as a text, or nothing.
fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    })
}

impl TwilioClient<'_> {
    /// A page of what the account used, and where the next one is: the first page, of `limit` records (1 to 1,000), or the one
    /// that a page before gave as its next.
    ///
    /// # Errors
    /// Why there is none; [`TwilioError::ForeignPage`] for a next page that is none of this list.
    pub async fn usage(
        &self,
        query: &UsageQuery,
        limit: usize,
        next: Option<&str>,
    ) -> Result<(Vec<UsageRecord>, Option<String>), TwilioError> {
        let list = match query.granularity {
            Granularity::Total => &["Usage", "Records.json"][..],
            Granularity::Daily => &["Usage", "Records", "Daily.json"],
            Granularity::Monthly => &["Usage", "Records", "Monthly.json"],
            Granularity::Yearly => &["Usage", "Records", "Yearly.json"],
        };
        let (host, operation) = (Host::TwilioApi, "usage.list");
        let path = self.account_path(list);
        let (start, end) = (query.start.to_string(), query.end.to_string());
        let limit = limit.to_string();
        let call = match next {
            Some(next) => {
                let own_path = format!("/{}", path.join("/"));
                let target = self.own_target(host, &own_path, next);
                let target = target.ok_or(TwilioError::ForeignPage)?;
                Call::get_written(host, operation, target, self.deadline)
            }
            None => {
                let call = Call::get(host, operation, &path, self.deadline)
                    .query("StartDate", &start)
                    .query("EndDate", &end)
                    // Twilio counts them in unless told otherwise.
                    .query("IncludeSubaccounts", "false")
                    .query("PageSize", &limit);
                match &query.category {
                    Some(category) => call.query("Category", category),
                    None => call,
                }
            }
        };
        let answer = self.send(call).await?;
        let mut records = Vec::new();
        let next = take_page(&answer, "usage_records", &mut records)?;
        Ok((records, next))
    }
}
