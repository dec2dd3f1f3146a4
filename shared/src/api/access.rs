//! Which role may call which route: the one table of it.

use lambda_http::http::Method;

use super::Role;
use crate::rate_limit::Class;

/// What a route of the client API does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it, and the table the rest")]
pub enum Operation {
    IssueToken,
    ListTenants,
    CreateTenant,
    ReadTenant,
    UpdateTenant,
    DeleteTenant,
    ListIntegrations,
    ReadIntegration,
    ReplaceIntegration,
    UpdateIntegration,
    DeleteIntegration,
    VerifyIntegration,
    RotateAuthToken,
    ReadSettings,
    UpdateSettings,
    CheckHealth,
    ListAudit,
    ListMessages,
    ReadMessage,
    ListConversations,
    ListConversationMessages,
    ListContacts,
    ListCalls,
    ReadCall,
    ListRecordings,
    ReadRecording,
    DeleteRecording,
    PlayRecording,
    ReadMessageMedia,
    ListPhoneNumbers,
    SyncPhoneNumbers,
    ConnectPhoneNumber,
    ReadUsage,
}

impl Operation {
    /// Whose data it is about.
    pub(super) fn subject(self) -> Subject {
        match self {
            Self::ListTenants | Self::CreateTenant => Subject::Platform,
            Self::ReadTenant | Self::UpdateTenant | Self::DeleteTenant => Subject::TenantOfPath,
            _ => Subject::TenantOfCaller,
        }
    }
}

/// Whose data an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// No tenant's, or one's that is yet to be made.
    Platform,
    /// The tenant's that the path names.
    TenantOfPath,
    /// The tenant's that the caller may act for.
    TenantOfCaller,
}

/// A route, and who may call it.
#[derive(Debug)]
pub struct Access {
    /// What it does.
    pub operation: Operation,
    /// Its method.
    pub method: Method,
    /// Its path, as `template.yaml` and `openapi.yaml` write it.
    pub path: &'static str,
    /// The least role that may call it.
    pub role: Role,
    /// What it is counted under, if its calls are limited.
    pub limit: Option<Class>,
}

/// Every route of the client API. What is not in it answers 404.
pub const ROUTES: &[Access] = {
    use Operation as O;
    use Role::{Admin, Member, Operator};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    const PUT: Method = Method::PUT;
    const PATCH: Method = Method::PATCH;
    const DELETE: Method = Method::DELETE;
    const TENANT: &str = "/api/tenants/{tenant_id}";
    const INTEGRATION: &str = "/api/integrations/{provider}";
    const ROTATE: &str = "/api/integrations/twilio/rotate";
    const VERIFY: &str = "/api/integrations/{provider}/verify";
    const RECORDING: &str = "/api/recordings/{sid}";
    const RECORDING_MEDIA: &str = "/api/recordings/{sid}/media";
    const MESSAGE_MEDIA: &str = "/api/messages/{sid}/media/{index}";
    let (token, credentials) = (Some(Class::Token), Some(Class::Credentials));
    let media = Some(Class::Media);
    &[
        route(O::IssueToken, POST, "/api/token", Member, token),
        route(O::ListTenants, GET, "/api/tenants", Operator, None),
        route(O::CreateTenant, POST, "/api/tenants", Operator, None),
        route(O::ReadTenant, GET, TENANT, Operator, None),
        route(O::UpdateTenant, PATCH, TENANT, Operator, None),
        route(O::DeleteTenant, DELETE, TENANT, Operator, None),
        route(
            O::ListIntegrations,
            GET,
            "/api/integrations",
            Admin,
            credentials,
        ),
        route(O::ReadIntegration, GET, INTEGRATION, Admin, credentials),
        route(O::ReplaceIntegration, PUT, INTEGRATION, Admin, credentials),
        route(O::UpdateIntegration, PATCH, INTEGRATION, Admin, credentials),
        route(
            O::DeleteIntegration,
            DELETE,
            INTEGRATION,
            Admin,
            credentials,
        ),
        route(O::VerifyIntegration, POST, VERIFY, Admin, credentials),
        route(O::RotateAuthToken, POST, ROTATE, Admin, credentials),
        route(O::ReadSettings, GET, "/api/settings", Admin, credentials),
        route(
            O::UpdateSettings,
            PATCH,
            "/api/settings",
            Admin,
            credentials,
        ),
        route(
            O::CheckHealth,
            GET,
            "/api/health/twilio",
            Admin,
            credentials,
        ),
        route(O::ListAudit, GET, "/api/audit", Admin, credentials),
        route(O::ListMessages, GET, "/api/messages", Member, None),
        route(O::ReadMessage, GET, "/api/messages/{sid}", Member, None),
        route(
            O::ListConversations,
            GET,
            "/api/conversations",
            Member,
            None,
        ),
        route(
            O::ListConversationMessages,
            GET,
            "/api/conversations/{contact}/messages",
            Member,
            None,
        ),
        route(O::ListContacts, GET, "/api/contacts", Member, None),
        route(O::ListCalls, GET, "/api/calls", Member, None),
        route(O::ReadCall, GET, "/api/calls/{sid}", Member, None),
        route(O::ListRecordings, GET, "/api/recordings", Member, None),
        route(O::ReadRecording, GET, RECORDING, Member, None),
        route(O::DeleteRecording, DELETE, RECORDING, Admin, None),
        route(O::PlayRecording, GET, RECORDING_MEDIA, Member, media),
        route(O::ReadMessageMedia, GET, MESSAGE_MEDIA, Member, media),
        route(O::ListPhoneNumbers, GET, "/api/phone-numbers", Member, None),
        route(
            O::SyncPhoneNumbers,
            POST,
            "/api/phone-numbers/sync",
            Admin,
            None,
        ),
        route(
            O::ConnectPhoneNumber,
            POST,
            "/api/phone-numbers/{sid}/connect",
            Admin,
            None,
        ),
        route(O::ReadUsage, GET, "/api/usage", Admin, None),
    ]
};

const fn route(
    operation: Operation,
    method: Method,
    path: &'static str,
    role: Role,
    limit: Option<Class>,
) -> Access {
    Access {
        operation,
        method,
        path,
        role,
        limit,
    }
}

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found<'p> {
    /// A route, with the parts of the path that its `{…}` stand for.
    Route(&'static Access, Vec<&'p str>),
    /// A path that has other methods only.
    OtherMethods(Vec<&'static Method>),
    /// Nothing.
    Nothing,
}

/// Looks a path up. Nothing of it is decoded: no route needs an escape, and only the handler knows whether a parameter does.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let on_path = ROUTES
        .iter()
        .filter_map(|access| Some((access, matches(access.path, path)?)));
    let mut methods = Vec::new();
    for (access, parameters) in on_path {
        if access.method == method {
            return Found::Route(access, parameters);
        }
        methods.push(&access.method);
    }
    if methods.is_empty() {
        Found::Nothing
    } else {
        Found::OtherMethods(methods)
    }
}

/// Whether a path is one of a template, and what stands for the template's parameters.
fn matches<'p>(template: &str, path: &'p str) -> Option<Vec<&'p str>> {
    let mut parameters = Vec::new();
    let mut segments = path.split('/');
    for expected in template.split('/') {
        let segment = segments.next()?;
        if expected.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            parameters.push(segment);
        } else if segment != expected {
            return None;
        }
    }
    segments.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'p>(method: &Method, path: &'p str) -> Option<(Operation, Vec<&'p str>)> {
        match find(method, path) {
            Found::Route(access, parameters) => Some((access.operation, parameters)),
            _ => None,
        }
    }

    #[test]
    fn a_route_is_found_by_method_and_path() {
        assert_eq!(
            found(&Method::DELETE, "/api/tenants/acme"),
            Some((Operation::DeleteTenant, vec!["acme"]))
        );
        assert_eq!(
            found(&Method::POST, "/api/integrations/vapi/verify"),
            Some((Operation::VerifyIntegration, vec!["vapi"]))
        );
        assert_eq!(
            found(&Method::GET, "/api/tenants"),
            Some((Operation::ListTenants, Vec::new()))
        );
        assert_eq!(
            found(&Method::GET, "/api/messages/MM1/media/0"),
            Some((Operation::ReadMessageMedia, vec!["MM1", "0"]))
        );
    }

    #[test]
    fn what_is_not_in_the_table_is_not_found() {
        for path in [
            "/",
            "/api",
            "/api/tenants/",
            "/api/tenants/acme/",
            "/api/tenants/acme/more",
            "//api/tenants",
            "/API/tenants",
            "/api/integrations//verify",
            "/api/../api/tenants",
        ] {
            assert!(matches!(find(&Method::GET, path), Found::Nothing), "{path}");
        }
    }

    #[test]
    fn a_path_with_other_methods_names_them() {
        let Found::OtherMethods(methods) = find(&Method::PUT, "/api/settings") else {
            panic!("PUT is no method of /api/settings");
        };
        assert_eq!(methods, [&Method::GET, &Method::PATCH]);
    }
}
