//! The queues, streams and schedules of the template that invoke functions.

use std::sync::Arc;

use bytes::Bytes;
use shared::clock::Clock;
use tokio::task::JoinSet;

use crate::deployment::Deployment;
use crate::emulators::{Emulators, QueueHandle};
use crate::iam::Delegate;
use crate::lambda::{ErrorKind, Function};
use crate::sources::{
    Invoke, InvokeError, ScheduleSource, ScheduleSourceOptions, ScheduledEvent, SqsSource,
    SqsSourceOptions, StreamFunction, StreamSource,
};
use crate::template::{self, Attributes, EventSource, Resource, Template};

/// The running event sources.
#[derive(Debug, Default)]
pub(super) struct Sources {
    queues: Vec<SqsSource>,
    streams: Vec<StreamSource>,
    schedules: Vec<ScheduleSource>,
}

/// What event sources run on.
pub(super) struct Ground<'a> {
    pub(super) template: &'a Template,
    pub(super) emulators: &'a Emulators,
    pub(super) deployment: &'a Deployment,
    pub(super) attributes: &'a Attributes,
    pub(super) clock: &'a Clock,
    /// Seconds until a queue's message that failed is tried again; by default what the queue says.
    pub(super) redelivery_seconds: Option<u32>,
    /// Whether streams feed functions at all.
    pub(super) feeds_streams: bool,
    /// Whether schedules invoke functions at their times.
    pub(super) runs_schedules: bool,
}

impl Sources {
    /// Feeds the functions from the queues, streams and schedules that the template connects them to.
    pub(super) fn start(ground: &Ground<'_>) -> Self {
        let mut sources = Self::default();
        for (logical_id, declared) in ground.template.functions() {
            let Some(function) = ground.deployment.function(&declared.binary) else {
                continue;
            };
            for event in &declared.events {
                match &event.source {
                    EventSource::Queue(source) if source.enabled => {
                        sources
                            .queues
                            .extend(ground.queue(source, logical_id, function));
                    }
                    EventSource::Stream(source) if source.enabled && ground.feeds_streams => {
                        let function_of_stream = StreamFunction {
                            source: format!("{logical_id}/{}", event.name),
                            function: logical_id.to_owned(),
                            arn: function.arn(),
                        };
                        let stream = ground.stream(source, function_of_stream, function);
                        sources.streams.extend(stream);
                    }
                    EventSource::Schedule(schedule)
                        if schedule.enabled && ground.runs_schedules =>
                    {
                        let options = ScheduleSourceOptions {
                            expression: schedule.expression.clone(),
                            asynchronous: declared.asynchronous,
                        };
                        let generated = format!("{logical_id}{}", event.name);
                        sources.schedules.push(ScheduleSource::start(
                            ScheduledEvent::new(schedule, &generated),
                            logical_id,
                            options,
                            ground.clock.clone(),
                            Arc::new(invoke(function)),
                        ));
                    }
                    EventSource::Queue(_)
                    | EventSource::Stream(_)
                    | EventSource::Schedule(_)
                    | EventSource::Api(_) => {}
                }
            }
        }
        sources
    }

    /// Takes nothing more, and waits for what is in work.
    pub(super) async fn stop(self) {
        let mut stopping = JoinSet::new();
        for queue in self.queues {
            stopping.spawn(queue.stop());
        }
        for stream in self.streams {
            stopping.spawn(stream.stop());
        }
        for schedule in self.schedules {
            stopping.spawn(schedule.stop());
        }
        while stopping.join_next().await.is_some() {}
    }
}

impl Ground<'_> {
    fn queue(
        &self,
        source: &template::QueueSource,
        logical_id: &str,
        function: &Function,
    ) -> Option<SqsSource> {
        let Some(Resource::Queue(queue)) = self.template.resource(&source.queue) else {
            return None;
        };
        let options = SqsSourceOptions {
            visibility_timeout: self.redelivery_seconds,
            ..source.into()
        };
        let handle = self.queue_under(logical_id, &queue.name)?;
        let invoke = Arc::new(invoke(function));
        Some(SqsSource::start(handle, logical_id, options, invoke))
    }

    /// A queue as it is used under a function's role.
    fn queue_under(&self, logical_id: &str, queue: &str) -> Option<QueueHandle> {
        let handle = self.emulators.sqs().queue(queue);
        Some(handle.under(self.delegate(logical_id)?))
    }

    /// What acts under a function's role.
    fn delegate(&self, logical_id: &str) -> Option<Delegate> {
        let caller = self.deployment.caller(logical_id)?.clone();
        Some(self.emulators.access().delegate(caller))
    }

    fn stream(
        &self,
        source: &template::StreamSource,
        name: StreamFunction,
        function: &Function,
    ) -> Option<StreamSource> {
        let Some(Resource::Table(table)) = self.template.resource(&source.table) else {
            return None;
        };
        let arn = self.attributes.get(&source.table, "StreamArn")?;
        let stream = self.emulators.dynamodb().stream(&table.name, arn);
        let stream = stream.under(self.delegate(&name.function)?);
        let on_failure = source.on_failure.as_ref();
        let on_failure = on_failure.and_then(|queue| match self.template.resource(queue) {
            Some(Resource::Queue(queue)) => self.queue_under(&name.function, &queue.name),
            _ => None,
        });
        Some(StreamSource::start(
            stream,
            name,
            source.into(),
            on_failure,
            self.clock.clone(),
            Arc::new(invoke(function)),
        ))
    }
}

/// Invokes a function for its event sources.
fn invoke(function: &Function) -> impl Invoke + use<> {
    let function = function.clone();
    move |_: String, event: Bytes| {
        let function = function.clone();
        async move {
            function
                .invoke(event)
                .await
                .map_err(|error| match error.kind() {
                    ErrorKind::Throttled | ErrorKind::Stopped => {
                        InvokeError::NotInvoked(error.to_string())
                    }
                    _ => InvokeError::Failed(error.to_string()),
                })
        }
    }
}
