//! The names and ARNs that follow from the template alone.

use winterbaume_core::default_account_id;

use super::{EventSource, Resource};
use crate::template::attributes::{Attributes, REF};
use crate::template::{REGION, STACK_NAME};

/// Adds what is known of `resource` before anything runs. Ports, queue URLs and key ids are not.
pub(in crate::template) fn known(logical_id: &str, resource: &Resource, known: &mut Attributes) {
    let account = default_account_id();
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:{REGION}:{account}:{rest}");
    match resource {
        Resource::Function(function) => {
            let function_arn = arn("lambda", &format!("function:{}", function.name));
            known.set(logical_id, REF, &function.name);
            known.set(logical_id, "Arn", &function_arn);
            if function.role.is_none() {
                let role = format!("{logical_id}Role");
                let name = format!("{STACK_NAME}-{role}");
                known.set(&role, "Arn", format!("arn:aws:iam::{account}:role/{name}"));
                known.set(&role, REF, name);
            }
            if function.url.is_some() {
                let url = format!("{logical_id}Url");
                known.set(&url, REF, &function_arn);
                known.set(&url, "FunctionArn", function_arn);
            }
            for event in &function.events {
                if let EventSource::Schedule(schedule) = &event.source {
                    let generated = format!("{logical_id}{}", event.name);
                    known.set(&generated, REF, schedule.name(&generated));
                    known.set(&generated, "Arn", schedule.arn(&generated));
                }
            }
        }
        Resource::Table(table) => {
            known.set(logical_id, REF, &table.name);
            known.set(
                logical_id,
                "Arn",
                arn("dynamodb", &format!("table/{}", table.name)),
            );
        }
        Resource::Queue(queue) => {
            known.set(logical_id, "QueueName", &queue.name);
            known.set(logical_id, "Arn", arn("sqs", &queue.name));
        }
        Resource::EventBus(bus) => {
            known.set(logical_id, REF, &bus.name);
            known.set(logical_id, "Name", &bus.name);
            let name = format!("event-bus/{}", bus.name);
            known.set(logical_id, "Arn", arn("events", &name));
        }
        Resource::Key(_) | Resource::RolePolicy(_) => {}
        Resource::HttpApi(api) => {
            known.set(logical_id, REF, &api.id);
            known.set(logical_id, "ApiId", &api.id);
        }
        Resource::Role(role) => {
            let arn = format!("arn:aws:iam::{account}:role/{}", role.name);
            known.set(logical_id, "Arn", arn);
            known.set(logical_id, REF, &role.name);
        }
        Resource::Alias(alias) => known.set(logical_id, REF, &alias.name),
        Resource::WithoutEffect { kind, name } => {
            let name = name
                .clone()
                .unwrap_or_else(|| format!("{STACK_NAME}-{logical_id}"));
            match kind.as_str() {
                "AWS::Logs::LogGroup" => {
                    known.set(
                        logical_id,
                        "Arn",
                        arn("logs", &format!("log-group:{name}:*")),
                    );
                }
                "AWS::Events::Archive" => {
                    known.set(logical_id, "ArchiveName", &name);
                    known.set(logical_id, "Arn", arn("events", &format!("archive/{name}")));
                }
                "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm" => {
                    known.set(
                        logical_id,
                        "Arn",
                        arn("cloudwatch", &format!("alarm:{name}")),
                    );
                }
                _ => {}
            }
            known.set(logical_id, REF, name);
        }
    }
}
