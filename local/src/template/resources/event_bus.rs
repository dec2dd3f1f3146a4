//! `AWS::Events::EventBus`.

use crate::template::fault::Position;
use crate::template::properties::Properties;

/// A bus of EventBridge that takes the platform's own events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBus {
    /// Where it stands in the template.
    pub at: Position,
    /// The name that calls use.
    pub name: String,
}

impl EventBus {
    pub(super) fn read(at: Position, mut properties: Properties<'_>) -> Option<Self> {
        let name_at = properties.place("Name");
        let name = properties.required_text("Name");
        // A bus for the events of a partner's software has a source; nothing here sends such events.
        properties.accept(&[
            "DeadLetterConfig",
            "Description",
            "KmsKeyIdentifier",
            "LogConfig",
            "Policy",
            "Tags",
        ]);
        let faults = properties.faults;
        properties.finish();
        let name = name?;
        if !is_name(&name) {
            let message = format!(
                "`{name}` is no name for a bus: it takes up to 256 letters, digits, `.`, `-` and `_`, and is not `default`"
            );
            faults.add(name_at, message);
        }
        Some(Self { at, name })
    }
}

/// Whether a bus of one's own may be called so. Source: `CreateEventBus`, EventBridge API Reference.
fn is_name(name: &str) -> bool {
    (1..=256).contains(&name.len())
        && name != "default"
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}
