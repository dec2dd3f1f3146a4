//! What lists may be narrowed down to, as their queries word it.

use shared::activity::{Channel, Direction};
use shared::api::{Filters, Query};
use shared::platform::CursorContext;
use shared::store::Interval;
use shared::tenant::TenantScope;

pub(crate) fn channel(query: &mut Query<'_>) -> Option<Channel> {
    let channels = [("sms", Channel::Sms), ("whatsapp", Channel::WhatsApp)];
    query.word("channel", &channels)
}

pub(crate) fn direction(query: &mut Query<'_>) -> Option<Direction> {
    let directions = [
        ("inbound", Direction::Inbound),
        ("outbound", Direction::Outbound),
    ];
    query.word("direction", &directions)
}

pub(crate) fn interval(query: &mut Query<'_>) -> Interval {
    Interval {
        after: query.moment("after"),
        before: query.moment("before"),
    }
}

/// What a cursor of this list with these filters is good for.
pub(crate) fn context(scope: &TenantScope, list: &str, filters: &Filters) -> CursorContext {
    let filters: Vec<(&str, &str)> = filters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    CursorContext::of_tenant(scope, list, &filters)
}

/// Whether an item is what a filter asks for; every one is, where there is none.
pub(crate) fn is<T: PartialEq + ?Sized>(asked: Option<&T>, item: &T) -> bool {
    asked.is_none_or(|asked| asked == item)
}
