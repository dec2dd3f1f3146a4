//! `AWS::SQS::Queue`.

use crate::template::expression::Expression;
use crate::template::fault::Position;
use crate::template::properties::Properties;

/// A standard SQS queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Queue {
    /// Where it stands in the template.
    pub at: Position,
    /// The last part of its URL.
    pub name: String,
    /// Seconds for which a received message is hidden from others.
    pub visibility_timeout: u32,
    /// Seconds after which a message is dropped.
    pub retention: u32,
    /// Seconds for which a new message is hidden.
    pub delay: u32,
    /// Bytes of the largest message.
    pub maximum_message_size: u32,
    /// Seconds that a receive call waits for a message if it does not say.
    pub receive_wait: u32,
    /// Where messages go that nobody could handle.
    pub redrive: Option<Redrive>,
}

/// When and where to a queue's messages are moved.
#[derive(Debug, Clone, PartialEq)]
pub struct Redrive {
    /// The logical id of the dead-letter queue.
    pub dead_letter_queue: String,
    /// A message received this often and still there is moved.
    pub max_receive_count: u32,
    pub(super) at: Position,
}

impl Queue {
    pub(super) fn read(name: String, at: Position, mut properties: Properties<'_>) -> Self {
        let name = properties.text("QueueName").unwrap_or(name);
        let fifo_at = properties.place("FifoQueue");
        if properties.boolean("FifoQueue") == Some(true) {
            properties.faults.add(
                fifo_at,
                "the local stack has standard queues only: remove `FifoQueue`",
            );
        }
        let redrive = properties.map("RedrivePolicy").and_then(Redrive::read);
        let queue = Self {
            at,
            name,
            visibility_timeout: properties
                .number("VisibilityTimeout", 0..=43_200)
                .unwrap_or(30),
            retention: properties
                .number("MessageRetentionPeriod", 60..=1_209_600)
                .unwrap_or(345_600),
            delay: properties.number("DelaySeconds", 0..=900).unwrap_or(0),
            maximum_message_size: properties
                .number("MaximumMessageSize", 1_024..=1_048_576)
                .unwrap_or(1_048_576),
            receive_wait: properties
                .number("ReceiveMessageWaitTimeSeconds", 0..=20)
                .unwrap_or(0),
            redrive,
        };
        properties.boolean("SqsManagedSseEnabled");
        properties.accept(&[
            "KmsDataKeyReusePeriodSeconds",
            "KmsMasterKeyId",
            "RedriveAllowPolicy",
            "Tags",
        ]);
        properties.finish();
        queue
    }
}

impl Redrive {
    fn read(mut properties: Properties<'_>) -> Option<Self> {
        properties.require("deadLetterTargetArn");
        properties.require("maxReceiveCount");
        let at = properties.place("deadLetterTargetArn");
        let target = properties
            .take("deadLetterTargetArn")
            .and_then(Expression::attribute);
        let max_receive_count = properties.number("maxReceiveCount", 1..=1_000);
        let faults = properties.faults;
        properties.finish();
        let Some((dead_letter_queue, "Arn")) = target else {
            faults.add(
                at,
                "`deadLetterTargetArn` must be `!GetAtt Queue.Arn` of a queue of this template",
            );
            return None;
        };
        let dead_letter_queue = dead_letter_queue.to_owned();
        Some(Self {
            dead_letter_queue,
            max_receive_count: max_receive_count?,
            at,
        })
    }
}
