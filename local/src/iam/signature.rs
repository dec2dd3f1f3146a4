//! Signature Version 4: that a request was made by somebody who knows the secret.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, hmac};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use jiff::Timestamp;

use super::credentials::Credentials;
use crate::template::REGION;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A request as it came.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The service that it came to, as scopes of credentials name it: `dynamodb`.
    pub service: &'a str,
    /// The method.
    pub method: &'a Method,
    /// Path and query.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

/// Signs a POST to the root of a service, for programs without the SDK: the headers to be sent, besides those of its own.
#[must_use]
pub fn sign(
    credentials: &Credentials,
    service: &str,
    host: &str,
    body: &[u8],
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    const SIGNED: &str = "host;x-amz-date;x-amz-security-token";
    let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{REGION}/{service}/aws4_request");
    let token = &credentials.session_token;
    let hash = hex(digest::digest(&digest::SHA256, body).as_ref());
    let canonical = format!(
        "POST\n/\n\nhost:{host}\nx-amz-date:{date}\nx-amz-security-token:{token}\n\n{SIGNED}\n{hash}"
    );
    let signature = signature(&credentials.secret_access_key, &date, &scope, &canonical);
    let key = &credentials.access_key_id;
    let authorization = format!(
        "{ALGORITHM} Credential={key}/{scope}, SignedHeaders={SIGNED}, Signature={signature}"
    );
    vec![
        ("x-amz-date", date),
        ("x-amz-security-token", token.clone()),
        ("authorization", authorization),
    ]
}

/// What the header `Authorization` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    /// The access key.
    pub(super) access_key_id: &'a str,
    /// Date, region, service and `aws4_request`.
    scope: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    /// Reads the header, if it is one of this algorithm.
    #[must_use]
    pub(super) fn read(headers: &'a HeaderMap) -> Option<Self> {
        let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let fields = header.strip_prefix(ALGORITHM)?;
        let field = |name: &str| {
            let mut fields = fields.split(',').map(str::trim);
            fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let (access_key_id, scope) = field("Credential")?.split_once('/')?;
        Some(Self {
            access_key_id,
            scope,
            signed_headers: field("SignedHeaders")?,
            signature: field("Signature")?,
        })
    }

    /// Whether `request` was signed with this secret, for its service, this region and the day that it names. How long ago is not
    /// looked at: who can listen on loopback needs no old requests.
    #[must_use]
    pub(super) fn is_made_with(
        &self,
        secret_access_key: &str,
        request: &SignedRequest<'_>,
    ) -> bool {
        self.expected(secret_access_key, request)
            .is_some_and(|expected| {
                verify_slices_are_equal(expected.as_bytes(), self.signature.as_bytes()).is_ok()
            })
    }

    fn expected(&self, secret_access_key: &str, request: &SignedRequest<'_>) -> Option<String> {
        let date = request.headers.get("x-amz-date")?.to_str().ok()?;
        let (day, _) = date.split_once('T')?;
        if self.scope != format!("{day}/{REGION}/{}/aws4_request", request.service) {
            return None;
        }
        // A request that does not sign these could be another one.
        let mut signed = self.signed_headers.split(';');
        if !signed.clone().any(|name| name == "host") || !signed.any(|name| name == "x-amz-date") {
            return None;
        }
        let canonical = self.canonical(request)?;
        Some(signature(secret_access_key, date, self.scope, &canonical))
    }

    fn canonical(&self, request: &SignedRequest<'_>) -> Option<String> {
        let mut canonical = format!(
            "{}\n{}\n{}\n",
            request.method,
            encoded(request.uri.path()),
            query(request.uri.query().unwrap_or_default()),
        );
        for name in self.signed_headers.split(';') {
            let mut values = Vec::new();
            for value in request.headers.get_all(name) {
                let value = value.to_str().ok()?;
                values.push(value.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            if values.is_empty() {
                return None;
            }
            canonical.push_str(&format!("{name}:{}\n", values.join(",")));
        }
        let hash = hex(digest::digest(&digest::SHA256, request.body).as_ref());
        canonical.push_str(&format!("\n{}\n{hash}", self.signed_headers));
        Some(canonical)
    }
}

fn signature(secret_access_key: &str, date: &str, scope: &str, canonical: &str) -> String {
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("{ALGORITHM}\n{date}\n{scope}\n{hash}");
    let mut key = format!("AWS4{secret_access_key}").into_bytes();
    for part in scope.split('/') {
        key = keyed(&key, part.as_bytes());
    }
    hex(&keyed(&key, text.as_bytes()))
}

fn keyed(key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A path that is encoded once more, as all services but S3 have it.
fn encoded(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The query's parameters in order.
fn query(query: &str) -> String {
    let mut parameters: Vec<(&str, &str)> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .collect();
    parameters.sort_unstable();
    let parameters = parameters.into_iter();
    parameters
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// The example "get-vanilla-query-order-key-case" of AWS's test suite for signatures.
    fn example() -> (Method, Uri, HeaderMap) {
        let authorization = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500";
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, HeaderValue::from_static(authorization)),
            (
                http::header::HOST,
                HeaderValue::from_static("example.amazonaws.com"),
            ),
            (
                "x-amz-date".parse().unwrap(),
                HeaderValue::from_static("20150830T123600Z"),
            ),
        ]);
        let uri = "/?Param2=value2&Param1=value1".parse().unwrap();
        (Method::GET, uri, headers)
    }

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    fn is_good(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8], secret: &str) -> bool {
        let request = SignedRequest {
            service: "service",
            method,
            uri,
            headers,
            body,
        };
        let authorization = Authorization::read(headers).unwrap();
        authorization.is_made_with(secret, &request)
    }

    #[test]
    fn the_signature_of_awss_own_example_is_good() {
        let (method, uri, headers) = example();
        assert!(is_good(&method, &uri, &headers, b"", SECRET));
        let authorization = Authorization::read(&headers).unwrap();
        assert_eq!(authorization.access_key_id, "AKIDEXAMPLE");
    }

    #[test]
    fn whatever_is_changed_spoils_a_signature() {
        let (method, uri, headers) = example();
        assert!(!is_good(&Method::POST, &uri, &headers, b"", SECRET));
        let other: Uri = "/?Param2=value2&Param1=value2".parse().unwrap();
        assert!(!is_good(&method, &other, &headers, b"", SECRET));
        assert!(!is_good(&method, &uri, &headers, b"{}", SECRET));
        assert!(!is_good(&method, &uri, &headers, b"", "another secret"));
        let mut changed = headers.clone();
        changed.insert("x-amz-date", HeaderValue::from_static("20150830T123601Z"));
        assert!(!is_good(&method, &uri, &changed, b"", SECRET));
        changed.remove("x-amz-date");
        assert!(!is_good(&method, &uri, &changed, b"", SECRET));
    }

    #[test]
    fn a_signature_for_another_service_region_or_day_is_none_however_well_it_is_made() {
        let (method, uri, mut headers) = example();
        let hash = hex(digest::digest(&digest::SHA256, b"").as_ref());
        let canonical = format!(
            "GET\n/\nParam1=value1&Param2=value2\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n{hash}"
        );
        for (scope, is_right) in [
            ("20150830/us-east-1/service/aws4_request", true),
            ("20150830/us-east-1/another/aws4_request", false),
            ("20150830/eu-west-1/service/aws4_request", false),
            ("20150831/us-east-1/service/aws4_request", false),
            ("20150830/us-east-1/service/aws5_request", false),
            ("20150830/us-east-1/service", false),
        ] {
            let signature = signature(SECRET, "20150830T123600Z", scope, &canonical);
            let authorization = format!(
                "{ALGORITHM} Credential=AKIDEXAMPLE/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
            );
            headers.insert(AUTHORIZATION, authorization.parse().unwrap());
            let good = is_good(&method, &uri, &headers, b"", SECRET);
            assert_eq!(good, is_right, "{scope}");
        }
    }

    #[test]
    fn another_kind_of_authorization_is_none() {
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer token"))]);
        assert_eq!(Authorization::read(&headers), None);
    }
}
