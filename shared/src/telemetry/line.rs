//! One event as one line of flat JSON.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use super::directives::Directives;
use crate::clock::Clock;

/// Writes an event's own fields and those of every span around it side by side, so that `tenant_id` is one plain field to
/// search for. The stock formatter nests span fields. A line of a set of metrics carries what makes `CloudWatch` take them.
pub(super) struct JsonLine {
    function: String,
    directives: Directives,
    clock: Clock,
}

impl JsonLine {
    pub(super) fn new(function: &str, namespace: Option<&str>) -> Self {
        Self {
            function: serde_json::Value::from(function).to_string(),
            directives: Directives::of(namespace),
            clock: Clock::system(),
        }
    }
}

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (level, now) = (event.metadata().level(), self.clock.now());
        write!(
            writer,
            r#"{{"timestamp":"{:.3}","level":"{level}","function":{}"#,
            now, self.function
        )?;
        let mut fields = String::new();
        context
            .field_format()
            .format_fields(Writer::new(&mut fields), event)?;
        append(&mut writer, &fields)?;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<FormattedFields<JsonFields>>() {
                append(&mut writer, fields)?;
            }
        }
        self.directives
            .write(&mut writer, event, now.as_millisecond())?;
        writer.write_str("}\n")
    }
}

/// Appends the members of a formatted JSON object.
fn append(writer: &mut Writer<'_>, object: &str) -> fmt::Result {
    match object
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    {
        None | Some("") => Ok(()),
        Some(members) => write!(writer, ",{members}"),
    }
}
