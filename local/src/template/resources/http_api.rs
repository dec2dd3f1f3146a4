//! `AWS::Serverless::HttpApi`.

use crate::template::expression::{Expression, Kind};
use crate::template::fault::{Faults, Position};
use crate::template::properties::Properties;

/// An HTTP API of API Gateway. Its routes are events of the functions.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpApi {
    /// Where it stands in the template.
    pub at: Position,
    /// What stands for its id.
    pub id: String,
    /// Who may call the routes that do not say otherwise. Without one everybody may.
    pub authorizer: Option<JwtAuthorizer>,
    /// What it tells browsers, if it does.
    pub cors: Option<Cors>,
}

/// An authorizer that lets through whoever has a token of one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtAuthorizer {
    /// Its name in the template.
    pub name: String,
    /// The claim `iss`, which is also where the issuer's keys are found.
    pub issuer: String,
    /// What the claim `aud` (or else `client_id`) has to hold one of.
    pub audience: Vec<String>,
}

/// Cross-origin resource sharing: which pages of other origins may call, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors {
    /// Origins such as `https://app.example.com`, or `*`.
    pub allow_origins: Vec<String>,
    /// Methods in upper case, or `*`.
    pub allow_methods: Vec<String>,
    /// Headers in lower case, or `*`.
    pub allow_headers: Vec<String>,
    /// Headers that a page may read of an answer.
    pub expose_headers: Vec<String>,
    /// Seconds for which a browser may remember all this.
    pub max_age: Option<u32>,
}

impl HttpApi {
    pub(super) fn read(name: String, at: Position, mut properties: Properties<'_>) -> Self {
        properties.one_of("StageName", &["$default"]);
        let authorizer = properties.map("Auth").and_then(default_authorizer);
        let cors = properties.map("CorsConfiguration").map(Cors::read);
        if let Some(mut throttling) = properties.map("DefaultRouteSettings") {
            // Not enforced here: one developer does not reach them.
            throttling.number("ThrottlingBurstLimit", 0..=5_000);
            throttling.number("ThrottlingRateLimit", 0..=10_000);
            throttling.boolean("DetailedMetricsEnabled");
            throttling.finish();
        }
        if let Some(mut log) = properties.map("AccessLogSettings") {
            log.require("DestinationArn");
            log.require("Format");
            log.accept(&["DestinationArn", "Format"]);
            log.finish();
        }
        let api = Self {
            at,
            id: properties.text("Name").unwrap_or(name),
            authorizer,
            cors,
        };
        properties.accept(&["Description", "FailOnWarnings", "PropagateTags", "Tags"]);
        properties.finish();
        api
    }
}

/// The authorizer that `DefaultAuthorizer` names. Every one that is declared is read, and so refused where it is faulty.
fn default_authorizer(mut auth: Properties<'_>) -> Option<JwtAuthorizer> {
    let faults = auth.faults;
    auth.require("DefaultAuthorizer");
    let default_at = auth.place("DefaultAuthorizer");
    let default = auth.text("DefaultAuthorizer");
    let declared = auth.fields("Authorizers");
    auth.finish();
    let mut found = None;
    for field in declared {
        let authorizer = JwtAuthorizer::read(&field.name, &field.value, field.at, faults);
        if Some(&field.name) == default.as_ref() {
            found = Some(authorizer);
        }
    }
    if let Some(name) = default
        && found.is_none()
    {
        let message = format!("there is no authorizer `{name}`: declare it under `Authorizers`");
        faults.add(default_at, message);
    }
    found.flatten()
}

impl JwtAuthorizer {
    fn read(name: &str, value: &Expression, at: Position, faults: &Faults) -> Option<Self> {
        let mut authorizer =
            Properties::new(format!("the authorizer `{name}`"), Some(value), at, faults);
        authorizer.one_of("IdentitySource", &["$request.header.Authorization"]);
        authorizer.require("JwtConfiguration");
        let configuration = authorizer.map("JwtConfiguration");
        authorizer.finish();
        let mut configuration = configuration?;
        let issuer = configuration.required_text("issuer");
        configuration.require("audience");
        let audience_at = configuration.place("audience");
        let audience = texts(&mut configuration, "audience");
        configuration.finish();
        if audience.is_empty() {
            faults.add(audience_at, "an authorizer needs at least one audience");
        }
        Some(Self {
            name: name.to_owned(),
            issuer: issuer?,
            audience,
        })
    }
}

impl Cors {
    fn read(mut properties: Properties<'_>) -> Self {
        let lower = |values: Vec<String>| {
            values
                .iter()
                .map(|value| value.to_ascii_lowercase())
                .collect()
        };
        let cors = Self {
            allow_origins: texts(&mut properties, "AllowOrigins"),
            allow_methods: texts(&mut properties, "AllowMethods"),
            allow_headers: lower(texts(&mut properties, "AllowHeaders")),
            expose_headers: lower(texts(&mut properties, "ExposeHeaders")),
            max_age: properties.number("MaxAge", 0..=86_400),
        };
        properties.finish();
        cors
    }
}

/// The items of a list that is known before anything runs.
fn texts(properties: &mut Properties<'_>, name: &str) -> Vec<String> {
    let faults = properties.faults;
    let text = |item: &Expression| match &item.kind {
        Kind::Scalar { text, .. } if !text.is_empty() => Some(text.clone()),
        Kind::Faulty => None,
        _ => {
            let message = format!(
                "the items of `{name}` must be text that is known before anything runs: they may refer to parameters, not to resources"
            );
            faults.add(item.at, message);
            None
        }
    };
    properties.list(name).iter().filter_map(text).collect()
}
