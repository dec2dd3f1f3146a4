//! `Globals.Function`, merged into each function as SAM does: maps are merged, lists joined, the rest overridden.

use super::fault::Faults;
use super::parameters::listed;
use super::yaml::{Entry, Node, Value};

/// What SAM lets `Globals.Function` hold.
/// Source: "Globals section of the AWS SAM template", AWS SAM Developer Guide.
const FUNCTION: [&str; 27] = [
    "Handler",
    "Runtime",
    "CodeUri",
    "DeadLetterQueue",
    "Description",
    "MemorySize",
    "Timeout",
    "VpcConfig",
    "Environment",
    "Tags",
    "Tracing",
    "KmsKeyArn",
    "Layers",
    "AutoPublishAlias",
    "DeploymentPreference",
    "RolePath",
    "PermissionsBoundary",
    "ReservedConcurrentExecutions",
    "ProvisionedConcurrencyConfig",
    "AssumeRolePolicyDocument",
    "EventInvokeConfig",
    "Architectures",
    "EphemeralStorage",
    "SnapStart",
    "RuntimeManagementConfig",
    "LoggingConfig",
    "PropagateTags",
];

/// The properties that every function starts with.
pub(super) fn function<'template>(
    section: Option<&'template Node>,
    faults: &Faults,
) -> Option<&'template Node> {
    let section = section?;
    let Some(entries) = section.entries() else {
        faults.add(
            section.at,
            "`Globals` must be a map: write `Function:` under it",
        );
        return None;
    };
    for entry in entries.iter().filter(|entry| entry.key != "Function") {
        let message = format!(
            "the local stack does not understand `Globals.{}`: move it to the resources",
            entry.key
        );
        faults.add(entry.at, message);
    }
    let function = section.get("Function")?;
    for entry in function.entries().unwrap_or_default() {
        if !FUNCTION.contains(&entry.key.as_str()) {
            let message = format!(
                "SAM allows no `{}` in Globals.Function: move it to the functions, or use one of {}",
                entry.key,
                listed(&FUNCTION)
            );
            faults.add(entry.at, message);
        }
    }
    Some(function)
}

/// `local` over `global`.
pub(super) fn merged(global: &Node, local: &Node) -> Node {
    let at = local.at;
    // An intrinsic is one value to SAM, not a map.
    let whole = global.intrinsic().is_some() || local.intrinsic().is_some();
    let value = match (&global.value, &local.value) {
        (Value::Mapping(global), Value::Mapping(local)) if !whole => {
            let mut entries: Vec<Entry> = global.clone();
            for entry in local {
                match entries.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) => {
                        known.node = merged(&known.node, &entry.node);
                        known.at = entry.at;
                    }
                    None => entries.push(entry.clone()),
                }
            }
            Value::Mapping(entries)
        }
        (Value::Sequence(global), Value::Sequence(local)) => {
            Value::Sequence(global.iter().chain(local).cloned().collect())
        }
        _ => local.value.clone(),
    };
    Node { at, value }
}
