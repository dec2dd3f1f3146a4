//! The SAM events `Schedule` and `ScheduleV2`: the clock as what invokes a function.

mod cron;
mod expression;
#[cfg(test)]
mod tests;

pub use expression::ScheduleExpression;

use crate::template::expression::Expression;
use crate::template::fault::{Faults, Position};
use crate::template::properties::Properties;
use crate::template::{REGION, STACK_NAME};

/// When the clock invokes a function, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Which service of AWS looks at the clock.
    pub service: ScheduleService,
    /// When it does.
    pub expression: ScheduleExpression,
    /// The name that the template gives it, if any.
    pub name: Option<String>,
    /// The event, as JSON, in the place of the service's own.
    pub input: Option<String>,
    /// The logical id of the queue for events that cannot be delivered, of which there are none here.
    pub dead_letter_queue: Option<String>,
    /// Whether it runs at all.
    pub enabled: bool,
}

/// The services that invoke functions at their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScheduleService {
    /// A rule of EventBridge's default bus: SAM's `Schedule`.
    Rule,
    /// `EventBridge` Scheduler: SAM's `ScheduleV2`.
    Scheduler,
}

impl Schedule {
    /// SAM's `Schedule`.
    pub(super) fn read_rule(
        properties: Option<&Expression>,
        at: Position,
        faults: &Faults,
    ) -> Option<Self> {
        let mut properties = Properties::new("a Schedule event", properties, at, faults);
        let state_at = properties.place("State");
        let enabled = properties.boolean("Enabled");
        let state = state(&mut properties);
        if enabled.is_some() && state.is_some() {
            faults.add(
                state_at,
                "`State` and `Enabled` say the same: remove one of them",
            );
        }
        let schedule = Self::read(&mut properties, ScheduleService::Rule, "Schedule");
        properties.finish();
        Some(Self {
            enabled: state.or(enabled).unwrap_or(true),
            ..schedule?
        })
    }

    /// SAM's `ScheduleV2`.
    pub(super) fn read_scheduler(
        properties: Option<&Expression>,
        at: Position,
        faults: &Faults,
    ) -> Option<Self> {
        let mut properties = Properties::new("a ScheduleV2 event", properties, at, faults);
        let state = state(&mut properties);
        let zone = "ScheduleExpressionTimezone";
        properties.one_of(zone, &["UTC"]);
        if let Some(mut window) = properties.map("FlexibleTimeWindow") {
            window.require("Mode");
            window.one_of("Mode", &["OFF"]);
            window.finish();
        }
        let input_at = properties.place("Input");
        let service = ScheduleService::Scheduler;
        let schedule = Self::read(&mut properties, service, "ScheduleExpression");
        properties.finish();
        let schedule = schedule?;
        if schedule
            .input
            .as_ref()
            .is_some_and(|input| input.contains("<aws.scheduler."))
        {
            let message = "the local stack does not fill in `<aws.scheduler.…>`: leave `Input` out, whose place an event with the time takes";
            faults.add(input_at, message);
        }
        Some(Self {
            enabled: state.unwrap_or(true),
            ..schedule
        })
    }

    /// What the two have in common. `expression` is the name of the property that says when.
    fn read(
        properties: &mut Properties<'_>,
        service: ScheduleService,
        expression: &str,
    ) -> Option<Self> {
        let faults = properties.faults;
        let expression_at = properties.place(expression);
        let expression = properties
            .required_text(expression)
            .and_then(|text| accepted(ScheduleExpression::read(&text), expression_at, faults));
        let name = properties.text("Name");
        let input_at = properties.place("Input");
        let input = properties.text("Input").and_then(|text| {
            let json = serde_json::from_str::<serde::de::IgnoredAny>(&text);
            let json = json.map_err(|error| format!("`Input` must be JSON: {error}"));
            accepted(json, input_at, faults).map(|_| text)
        });
        // How often, and for how long, the service hands the event to Lambda, which always takes it here.
        if let Some(mut retries) = properties.map("RetryPolicy") {
            retries.number("MaximumRetryAttempts", 0..=185);
            retries.number("MaximumEventAgeInSeconds", 60..=86_400);
            retries.finish();
        }
        let dead_letter_queue = dead_letter_queue(properties);
        properties.accept(&["Description"]);
        Some(Self {
            service,
            expression: expression?,
            name,
            input,
            dead_letter_queue,
            enabled: true,
        })
    }

    /// Its name. `generated` is the logical id that SAM gives it.
    #[must_use]
    pub fn name(&self, generated: &str) -> String {
        match (&self.name, self.service) {
            (Some(name), _) => name.clone(),
            (None, ScheduleService::Rule) => format!("{STACK_NAME}-{generated}"),
            (None, ScheduleService::Scheduler) => generated.to_owned(),
        }
    }

    /// Its ARN. `generated` is the logical id that SAM gives it.
    #[must_use]
    pub fn arn(&self, generated: &str) -> String {
        let account = winterbaume_core::default_account_id();
        let name = self.name(generated);
        match self.service {
            ScheduleService::Rule => format!("arn:aws:events:{REGION}:{account}:rule/{name}"),
            ScheduleService::Scheduler => {
                format!("arn:aws:scheduler:{REGION}:{account}:schedule/default/{name}")
            }
        }
    }
}

/// What was understood; what was not becomes a fault.
fn accepted<T>(read: Result<T, String>, at: Position, faults: &Faults) -> Option<T> {
    read.map_err(|message| faults.add(at, message)).ok()
}

fn state(properties: &mut Properties<'_>) -> Option<bool> {
    let state = properties.one_of("State", &["ENABLED", "DISABLED"])?;
    Some(state == "ENABLED")
}

fn dead_letter_queue(properties: &mut Properties<'_>) -> Option<String> {
    let mut configuration = properties.map("DeadLetterConfig")?;
    let faults = configuration.faults;
    configuration.require("Arn");
    let arn = configuration.take("Arn");
    configuration.finish();
    let arn = arn?;
    let Some((queue, "Arn")) = arn.attribute() else {
        faults.add(
            arn.at,
            "`Arn` must be `!GetAtt Queue.Arn` of a queue of this template",
        );
        return None;
    };
    Some(queue.to_owned())
}
