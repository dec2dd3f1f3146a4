//! Lists that come in pages.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::TwilioClient;
use super::error::TwilioError;
use crate::outbound::{Answer, Call, Host};

/// How many items a page should have.
const PAGE_SIZE: &str = "100";

/// The most pages of one list that are read: 5,000 items.
const MOST_PAGES: usize = 50;

impl TwilioClient<'_> {
    /// A whole list: the `member` of every page, in Twilio's order.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        host: Host,
        operation: &'static str,
        path: &[&str],
        query: &[(&str, &str)],
        member: &str,
    ) -> Result<Vec<T>, TwilioError> {
        let mut first = Call::get(host, operation, path, self.deadline);
        for (name, value) in query {
            first = first.query(name, value);
        }
        let mut answer = self.send(first.query("PageSize", PAGE_SIZE)).await?;
        let own_path = format!("/{}", path.join("/"));
        let mut items = Vec::new();
        for _ in 1..MOST_PAGES {
            let Some(next) = take_page(&answer, member, &mut items)? else {
                return Ok(items);
            };
            let target = self.own_target(host, &own_path, &next);
            let target = target.ok_or(TwilioError::ForeignPage)?;
            let call = Call::get_written(host, operation, target, self.deadline);
            answer = self.send(call).await?;
        }
        match take_page(&answer, member, &mut items)? {
            None => Ok(items),
            Some(_) => Err(TwilioError::TooManyPages),
        }
    }

    /// The path and query of the next page, if it is one of the same list: another host would get the credentials, and
    /// another path could be another account's.
    pub(super) fn own_target<'n>(
        &self,
        host: Host,
        own_path: &str,
        next: &'n str,
    ) -> Option<&'n str> {
        let target = match next.starts_with('/') {
            true => next,
            false => self.outbound.target_of(host, next)?,
        };
        let path = target.split('?').next()?;
        (path == own_path && !target.contains('#')).then_some(target)
    }
}

/// Adds a page's items, and returns where the next page is: `next_page_uri`, relative to the host, in the core API,
/// `meta.next_page_url` in the newer ones.
pub(super) fn take_page<T: DeserializeOwned>(
    answer: &Answer,
    member: &str,
    items: &mut Vec<T>,
) -> Result<Option<String>, TwilioError> {
    let unintelligible = || TwilioError::unintelligible(answer);
    let mut page: Value = answer.json().map_err(|_| unintelligible())?;
    let members = page
        .get_mut(member)
        .map(Value::take)
        .ok_or_else(unintelligible)?;
    let members: Vec<T> = serde_json::from_value(members).map_err(|_| unintelligible())?;
    items.extend(members);
    let next = page
        .get("next_page_uri")
        .or_else(|| page.get("meta")?.get("next_page_url"))
        .and_then(Value::as_str)
        .filter(|next| !next.is_empty());
    Ok(next.map(str::to_owned))
}
