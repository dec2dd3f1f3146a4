//! The queues of the template that invoke functions.

use std::sync::Arc;

use crate::deployment::Deployment;
use crate::emulators::Emulators;
use crate::sources::{InvokeError, SqsSource, SqsSourceOptions};
use crate::template::{EventSource, Resource, Template};

/// Feeds the functions from the queues that the template connects them to.
pub(super) fn sources(
    template: &Template,
    emulators: &Emulators,
    deployment: &Deployment,
    redelivery_seconds: Option<u32>,
) -> Vec<SqsSource> {
    let mut sources = Vec::new();
    for (logical_id, declared) in template.functions() {
        let Some(function) = deployment.function(&declared.binary) else {
            continue;
        };
        for event in &declared.events {
            let EventSource::Queue(source) = &event.source else {
                continue;
            };
            let Some(Resource::Queue(queue)) = template.resource(&source.queue) else {
                continue;
            };
            if !source.enabled {
                continue;
            }
            let function = function.clone();
            let invoke = move |_: String, event| {
                let function = function.clone();
                async move {
                    function
                        .invoke(event)
                        .await
                        .map_err(|error| InvokeError(error.to_string()))
                }
            };
            let options = SqsSourceOptions {
                visibility_timeout: redelivery_seconds,
                ..source.into()
            };
            let handle = emulators.sqs().queue(queue.name.clone());
            sources.push(SqsSource::start(
                handle,
                logical_id,
                options,
                Arc::new(invoke),
            ));
        }
    }
    sources
}
