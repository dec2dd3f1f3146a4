use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;
use shared::tenant::TenantId;

use super::Failure;
use super::output::print;
use crate::control::{EVENTS_PATH, EventsPage, PagedEvent};
use crate::running::RunningStack;

/// Seconds that the stack may take to say that nothing has come.
const WAIT: u64 = 20;

/// Characters of a line's data.
const DATA: usize = 100;

/// `events --tenant acme --follow`
#[derive(Debug, Args)]
pub(super) struct Events {
    /// Go on with what comes, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Print whole events, as a target of the bus gets them: one JSON document a line
    #[arg(long)]
    json: bool,
    /// Only events of this tenant
    #[arg(long, value_name = "TENANT")]
    tenant: Option<TenantId>,
    /// Only events of this type, such as message.received; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// At most so many of the events that are there already; the stack keeps 10,000
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    last: usize,
}

impl Events {
    /// Prints the events of the running stack's buses, the newest last.
    pub(super) async fn run(self, folder: &Path) -> Result<ExitCode, Failure> {
        let url = RunningStack::find(folder)?.control_url;
        let page = page(&url, 0, 0).await?;
        let mut last = VecDeque::new();
        for event in page.events.iter().filter(|event| self.wants(event)) {
            if last.len() == self.last {
                last.pop_front();
            }
            last.push_back(event);
        }
        for event in last.into_iter().take(self.last) {
            print(self.text(event))?;
        }
        if !self.follow {
            return Ok(ExitCode::SUCCESS);
        }
        let mut next = page.next;
        loop {
            let page = page_to_come(&url, next).await?;
            next = page.next;
            for event in page.events.iter().filter(|event| self.wants(event)) {
                print(self.text(event))?;
            }
        }
    }

    fn wants(&self, PagedEvent { event, .. }: &PagedEvent) -> bool {
        let kind = event["detail-type"].as_str();
        let tenant = event.pointer("/detail/tenant_id").and_then(Value::as_str);
        let of_tenant = |wanted: &TenantId| tenant == Some(wanted.as_str());
        let of_type = |wanted: &String| kind == Some(wanted);
        self.tenant.as_ref().is_none_or(of_tenant)
            && (self.types.is_empty() || self.types.iter().any(of_type))
    }

    fn text(&self, event: &PagedEvent) -> String {
        if self.json {
            return event.event.to_string();
        }
        line(&event.event)
    }
}

/// One event on one line: time, type, tenant, id, and the beginning of its data.
fn line(event: &Value) -> String {
    let detail = &event["detail"];
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let time = match &detail["time"] {
        Value::String(time) => time.clone(),
        _ => text(&event["time"]),
    };
    let data = match &detail["data"] {
        Value::Null => detail.to_string(),
        data => data.to_string(),
    };
    let mut short: String = data.chars().take(DATA).collect();
    if short.len() < data.len() {
        short.push('…');
    }
    format!(
        "{time}  {:<20}  {:<12}  {}  {short}",
        text(&event["detail-type"]),
        text(&detail["tenant_id"]),
        text(&detail["id"]),
    )
}

async fn page_to_come(url: &str, since: u64) -> Result<EventsPage, Failure> {
    page(url, since, WAIT)
        .await
        .map_err(|error| format!("the stack does not answer any more: {error}").into())
}

async fn page(url: &str, since: u64, wait: u64) -> Result<EventsPage, Failure> {
    let response = crate::http_client::client()
        .get(format!("{url}{EVENTS_PATH}?since={since}&wait={wait}"))
        .send()
        .await?
        .error_for_status()?;
    Ok(serde_json::from_slice(&response.bytes().await?)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        events: Events,
    }

    fn parsed(arguments: &[&str]) -> Events {
        Line::try_parse_from([&["events"], arguments].concat())
            .unwrap()
            .events
    }

    fn event(detail_type: &str, tenant: &str) -> PagedEvent {
        let detail = json!({
            "id": "e1", "type": detail_type, "version": 1, "tenant_id": tenant,
            "time": "2026-07-01T10:00:00.123Z", "data": {"sid": "SM1"},
        });
        PagedEvent {
            bus: "trunkline".to_owned(),
            event: json!({"detail-type": detail_type, "time": "2026-07-01T10:00:00Z", "detail": detail}),
        }
    }

    #[test]
    fn an_event_is_a_line() {
        let shown = parsed(&[]).text(&event("message.received", "acme"));
        assert_eq!(
            shown,
            r#"2026-07-01T10:00:00.123Z  message.received      acme          e1  {"sid":"SM1"}"#
        );
    }

    #[test]
    fn an_event_of_another_form_is_a_line_too_and_a_long_one_is_cut() {
        let event = json!({"detail-type": "other", "time": "2026-07-01T10:00:00Z", "detail": {"x": "é".repeat(200)}});
        let shown = line(&event);
        assert!(shown.starts_with("2026-07-01T10:00:00Z  other "), "{shown}");
        assert!(shown.ends_with("é…"), "{shown}");
    }

    #[test]
    fn a_whole_event_is_its_document() {
        let event = event("call.ended", "acme");
        let shown = parsed(&["--json"]).text(&event);
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), event.event);
    }

    #[test]
    fn tenant_and_types_choose() {
        let received = event("message.received", "acme");
        for (arguments, wanted) in [
            (&[][..], true),
            (&["--tenant", "acme"], true),
            (&["--tenant", "acmeco"], false),
            (&["--type", "message.received"], true),
            (
                &["--type", "call.ended", "--type", "message.received"],
                true,
            ),
            (&["--type", "call.ended"], false),
            (&["--tenant", "globex", "--type", "message.received"], false),
        ] {
            assert_eq!(parsed(arguments).wants(&received), wanted, "{arguments:?}");
        }
    }
}
