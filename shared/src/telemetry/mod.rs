//! Logs: JSON, one line an event, with the tenant on every line of its request, and the metrics on the lines that end something.

#[cfg(test)]
pub(crate) mod captured;
mod directives;
mod line;
pub mod metrics;
mod tally;

use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use crate::environment::Environment;
pub(crate) use tally::TALLY;
pub use tally::{AwsCalls, aws_calls};

/// The crates whose lines `LOG_LEVEL` is for: this one and the functions.
const OURS: [&str; 12] = [
    "credentials",
    "deferred_writer",
    "messaging",
    "publisher",
    "re_encryptor",
    "shared",
    "sms_webhook",
    "tenants",
    "token",
    "verifier",
    "voice_webhook",
    "whatsapp_webhook",
];

/// Sends all events of this process to standard output, and panics with them.
///
/// `LOG_LEVEL` (`error`, `warn`, `info`, `debug`, `trace`; default `info`) applies to this crate and its functions. Other
/// crates are never let below `warn`: HTTP clients log headers and bodies at `trace`. Lines with metrics are written at any level.
/// They are metrics of the namespace `METRICS_NAMESPACE`, and plain lines where it is not set.
pub fn start(environment: &Environment) {
    let level = environment.parsed(
        "LOG_LEVEL",
        "error, warn, info, debug or trace",
        LevelFilter::INFO,
    );
    let function = environment
        .optional("AWS_LAMBDA_FUNCTION_NAME")
        .unwrap_or("unknown");
    let subscriber = subscriber(
        function,
        namespace(environment),
        level.unwrap_or(LevelFilter::INFO),
        std::io::stdout,
    );
    // Fails only when a subscriber is already there, as in tests that share a process.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// Reads `METRICS_NAMESPACE`, in which `CloudWatch` takes only these characters.
fn namespace(environment: &Environment) -> Option<&str> {
    let variable = "METRICS_NAMESPACE";
    let name = environment.optional(variable)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._/#:-".contains(&byte);
    if name.len() <= 255 && name.bytes().all(is_allowed) {
        return Some(name);
    }
    environment.fault(format!(
        "{variable} must be a namespace of CloudWatch: 255 letters, digits and ._/#:- at most"
    ));
    None
}

fn subscriber<W>(
    function: &str,
    namespace: Option<&str>,
    level: LevelFilter,
    writer: W,
) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let of_ours = |targets: Targets, level: LevelFilter| {
        let names = OURS.into_iter();
        names.fold(targets, |targets, name| targets.with_target(name, level))
    };
    let others = Targets::new().with_default(level.min(LevelFilter::WARN));
    let events = of_ours(others, level).with_target(metrics::TARGETS, LevelFilter::INFO);
    // Whatever is logged says of which invocation and of which tenant.
    let are_spans = filter_fn(|metadata: &Metadata<'_>| metadata.is_span());
    let spans = of_ours(Targets::new(), LevelFilter::INFO).and(are_spans);
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(JsonFields::new())
        .event_format(line::JsonLine::new(function, namespace))
        .with_writer(writer);
    Registry::default().with(lines.with_filter(events.or(spans)))
}

/// Logs where a panic happened. Its text is left out unless it is a literal: a formatted one may hold what was parsed.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let text = panic
        .payload()
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("(formatted text left out)");
    let location = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    tracing::error!(
        panic.location = location,
        panic.text = text,
        "a panic was caught: this is a defect, please report it"
    );
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tracing::{info, info_span};

    use super::captured;

    fn lines_of(body: impl FnOnce()) -> Vec<Value> {
        captured::begin();
        body();
        captured::lines()
    }

    #[test]
    fn every_line_inside_a_tenants_span_names_the_tenant() {
        let lines = lines_of(|| {
            let request = info_span!("request", request_id = "r-1").entered();
            let tenant = info_span!("tenant", tenant_id = "acme").entered();
            info!(status = 200, "answered \"it\"");
            drop((tenant, request));
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], "answered \"it\"");
        assert_eq!(lines[0]["tenant_id"], "acme");
        assert_eq!(lines[0]["request_id"], "r-1");
        assert_eq!(lines[0]["status"], 200);
        assert_eq!(lines[0]["function"], "sms-webhook");
        assert_eq!(lines[0]["level"], "INFO");
    }

    #[test]
    fn every_function_has_its_lines_logged() {
        let functions = concat!(env!("CARGO_MANIFEST_DIR"), "/../functions");
        let functions = std::fs::read_dir(functions).unwrap();
        let names = functions.map(|function| {
            let name = function.unwrap().file_name().into_string().unwrap();
            name.replace('-', "_")
        });
        let mut expected: Vec<String> = names.chain(["shared".to_owned()]).collect();
        expected.sort_unstable();
        assert_eq!(expected, super::OURS);
    }

    #[test]
    fn other_crates_are_silent_below_warn() {
        let lines = lines_of(|| {
            tracing::trace!(target: "hyper::proto", "a header with a secret");
            tracing::info!(target: "aws_smithy_runtime", "a request");
            tracing::warn!(target: "aws_smithy_runtime", "a warning");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["message"], "a warning");
    }
}
