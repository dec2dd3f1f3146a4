//! The answers, in XML.

use std::fmt::Write;

use bytes::Bytes;
use quick_xml::escape::escape;

use super::super::faults::AwsError;
use super::super::front::Answer;
use crate::iam::Caller;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// An id of a request that nobody asks for.
const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// A new session and its credentials.
pub(super) fn assumed(session: &Caller) -> Answer {
    let credentials = session.credentials();
    let expiration = session.expires_at();
    let expiration = expiration.map(|end| end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let mut body = String::new();
    for (name, members) in [
        (
            "AssumedRoleUser",
            [
                ("AssumedRoleId", session.id().to_owned()),
                ("Arn", session.principal().arn()),
            ]
            .as_slice(),
        ),
        (
            "Credentials",
            [
                ("AccessKeyId", credentials.access_key_id.clone()),
                ("SecretAccessKey", credentials.secret_access_key.clone()),
                ("SessionToken", credentials.session_token.clone()),
                ("Expiration", expiration.unwrap_or_default()),
            ]
            .as_slice(),
        ),
    ] {
        // Writing to a string cannot fail.
        let _ = write!(body, "<{name}>{}</{name}>", elements(members));
    }
    response("AssumeRole", &body)
}

/// Who calls.
pub(super) fn identity(caller: &Caller) -> Answer {
    let principal = caller.principal();
    let members = [
        ("Arn", principal.arn()),
        ("UserId", caller.id().to_owned()),
        ("Account", principal.account().cloned().unwrap_or_default()),
    ];
    response("GetCallerIdentity", &elements(&members))
}

/// An error in the form of the Query protocol.
pub(super) fn error(error: &AwsError) -> Answer {
    // Denials have this code and status in the Query protocol.
    let (status, code) = match error.code.as_str() {
        "AccessDeniedException" => (403, "AccessDenied"),
        code => (error.status, code),
    };
    let kind = if status < 500 { "Sender" } else { "Receiver" };
    let members = elements(&[
        ("Type", kind.to_owned()),
        ("Code", code.to_owned()),
        ("Message", error.message.clone()),
    ]);
    let body = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error>{members}</Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    );
    Answer {
        status,
        body: Bytes::from(body),
    }
}

fn response(operation: &str, result: &str) -> Answer {
    let body = format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{result}</{operation}Result>\
         <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{operation}Response>"
    );
    Answer {
        status: 200,
        body: Bytes::from(body),
    }
}

fn elements(members: &[(&str, String)]) -> String {
    let members = members.iter();
    members
        .map(|(name, text)| format!("<{name}>{}</{name}>", escape(text.as_str())))
        .collect()
}
