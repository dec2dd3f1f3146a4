//! `AWS::Serverless::Function`.

use std::time::Duration;

use super::asynchronous::AsynchronousInvocation;
use super::event::Event;
use super::policy::{PolicyDocument, PolicyOf};
use crate::template::expression::{Expression, Field, Kind};
use crate::template::fault::{Faults, Position};
use crate::template::properties::Properties;
use crate::template::yaml::Node;

/// Variables that Lambda sets itself and refuses in a template.
/// Source: "Defined runtime environment variables", AWS Lambda Developer Guide.
const RESERVED: [&str; 8] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// A Lambda function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Where it stands in the template.
    pub at: Position,
    /// The name that Lambda knows it by.
    pub name: String,
    /// The binary of the workspace that it runs.
    pub binary: String,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// MiB of memory.
    pub memory: u32,
    /// `arm64` or `x86_64`.
    pub architecture: String,
    /// The most invocations at once, if it is limited.
    pub reserved_concurrency: Option<u32>,
    /// Where its URL is declared, if it has one (without authentication, answers buffered).
    pub url: Option<Position>,
    /// What else invokes it.
    pub events: Vec<Event>,
    /// What becomes of events that nobody waits for.
    pub asynchronous: AsynchronousInvocation,
    /// The logical id of the role that it runs under, if the template declares one.
    pub role: Option<String>,
    /// What it may do, if SAM makes its role.
    pub policies: Vec<PolicyDocument>,
    pub(in crate::template) environment: Vec<Field>,
}

impl Function {
    pub(super) fn read(
        name: String,
        at: Position,
        metadata: Option<&Node>,
        mut properties: Properties<'_>,
    ) -> Self {
        let faults = properties.faults;
        properties.require("Runtime");
        properties.one_of("Runtime", &["provided.al2023"]);
        properties.one_of("PackageType", &["Zip"]);
        let timeout = properties.number("Timeout", 1..=900).unwrap_or(3);
        let policies_at = properties.place("Policies");
        let policies = properties.take("Policies");
        let role = properties.take("Role");
        if policies.is_some() && role.is_some() {
            let message = "SAM ignores `Policies` beside `Role`: remove one of the two";
            faults.add(policies_at, message);
        }
        let function = Self {
            at,
            name: properties.text("FunctionName").unwrap_or(name),
            binary: binary(metadata, at, faults).unwrap_or_default(),
            timeout: Duration::from_secs(u64::from(timeout)),
            memory: properties.number("MemorySize", 128..=10_240).unwrap_or(128),
            architecture: architecture(&mut properties),
            reserved_concurrency: properties.number("ReservedConcurrentExecutions", 0..=10_000),
            url: url(&mut properties),
            events: properties
                .fields("Events")
                .iter()
                .filter_map(|event| Event::read(event, faults))
                .collect(),
            asynchronous: AsynchronousInvocation::read(&mut properties),
            role: role.and_then(|role| role_id(role, faults)),
            policies: policies
                .map(|policies| documents(policies, faults))
                .unwrap_or_default(),
            environment: environment(&mut properties),
        };
        properties.accept(&[
            "CodeUri",
            "Description",
            "EphemeralStorage",
            "Handler",
            "KmsKeyArn",
            "LoggingConfig",
            "PropagateTags",
            "RecursiveLoop",
            "RolePath",
            "RuntimeManagementConfig",
            "Tags",
            "Tracing",
        ]);
        properties.finish();
        function
    }
}

/// The documents of `Policies`. SAM's templates of policies and policies that AWS keeps are not known here.
fn documents(policies: &Expression, faults: &Faults) -> Vec<PolicyDocument> {
    let entries = match &policies.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(policies),
    };
    let is_document = |entry: &&Expression| match &entry.kind {
        Kind::Map(fields) => fields.iter().any(|field| field.name == "Statement"),
        _ => false,
    };
    let documents = entries.iter().filter_map(|entry| {
        if is_document(&entry) {
            return Some(PolicyDocument::read(entry, PolicyOf::Identity, faults));
        }
        if entry.kind != Kind::Faulty {
            let message = "the local stack knows policy documents alone: write the permissions out with `Statement`";
            faults.add(entry.at, message);
        }
        None
    });
    documents.collect()
}

fn role_id(role: &Expression, faults: &Faults) -> Option<String> {
    match role.attribute() {
        Some((logical_id, "Arn")) => Some(logical_id.to_owned()),
        _ => {
            faults.add(
                role.at,
                "`Role` must be `!GetAtt Role.Arn` of a role of this template",
            );
            None
        }
    }
}

/// The binary that `cargo lambda` builds for it.
fn binary(metadata: Option<&Node>, at: Position, faults: &Faults) -> Option<String> {
    let method = metadata.and_then(|metadata| metadata.get("BuildMethod"));
    let binary = metadata
        .and_then(|metadata| metadata.get("BuildProperties")?.get("Binary"))
        .and_then(Node::text)
        .filter(|binary| !binary.is_empty());
    if let Some(method) = method
        && method.text() != Some("rust-cargolambda")
    {
        faults.add(
            method.at,
            "the local stack runs Rust binaries: write BuildMethod: rust-cargolambda",
        );
    }
    if method.is_none() || binary.is_none() {
        let message = "a function needs `Metadata` with BuildMethod: rust-cargolambda and BuildProperties: Binary: <name>";
        faults.add(metadata.map_or(at, |metadata| metadata.at), message);
    }
    binary.map(str::to_owned)
}

fn architecture(properties: &mut Properties<'_>) -> String {
    let at = properties.place("Architectures");
    let architectures = properties.list("Architectures");
    let names: Vec<&str> = architectures
        .iter()
        .filter_map(Expression::known_text)
        .collect();
    match names.as_slice() {
        [] if architectures.is_empty() => "x86_64".to_owned(),
        [one @ ("arm64" | "x86_64")] => (*one).to_owned(),
        _ => {
            let message = "`Architectures` must hold one of arm64 and x86_64 (SAM joins the list with that of Globals)";
            properties.faults.add(at, message);
            "x86_64".to_owned()
        }
    }
}

fn url(properties: &mut Properties<'_>) -> Option<Position> {
    let at = properties.place("FunctionUrlConfig");
    let mut url = properties.map("FunctionUrlConfig")?;
    url.require("AuthType");
    url.one_of("AuthType", &["NONE"]);
    url.one_of("InvokeMode", &["BUFFERED"]);
    url.finish();
    Some(at)
}

fn environment(properties: &mut Properties<'_>) -> Vec<Field> {
    let Some(mut environment) = properties.map("Environment") else {
        return Vec::new();
    };
    let variables = environment.fields("Variables");
    environment.finish();
    for variable in variables {
        let name = variable.name.as_str();
        if RESERVED.contains(&name) || name.starts_with("AWS_LAMBDA_") {
            let message = format!("Lambda sets `{name}` itself: remove it");
            properties.faults.add(variable.at, message);
        }
        let mut characters = name.chars();
        let valid = characters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            && name.len() >= 2
            && characters.all(|rest| rest.is_ascii_alphanumeric() || rest == '_');
        if !valid {
            let message = format!(
                "`{name}` is no name for a variable: it takes a letter, then letters, digits and `_`"
            );
            properties.faults.add(variable.at, message);
        }
        if matches!(variable.value.kind, Kind::List(_) | Kind::Map(_)) {
            let message = format!("the variable `{name}` must be text: use !Join or !Sub");
            properties.faults.add(variable.at, message);
        }
    }
    variables.to_vec()
}
