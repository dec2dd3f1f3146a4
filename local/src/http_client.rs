//! The HTTP client of the local stack and of its tests.

use std::sync::{Arc, LazyLock};

use reqwest::{Client, ClientBuilder, RequestBuilder};
use rustls::{ClientConfig, RootCertStore};
use shared::clock::Clock;

use crate::iam::{Credentials, sign};

/// TLS by AWS-LC with Mozilla's roots: an issuer of tokens may be on the internet. reqwest itself has no cryptography here,
/// since the functions link theirs by hand.
static TLS: LazyLock<Option<ClientConfig>> = LazyLock::new(|| {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let configuration = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Some(configuration)
});

/// A client to be configured further. It goes straight to where the URL says, whatever proxies the environment names.
pub fn builder() -> ClientBuilder {
    let builder = Client::builder().no_proxy();
    match &*TLS {
        Some(configuration) => builder.tls_backend_preconfigured(configuration.clone()),
        None => builder,
    }
}

/// A client with the defaults of reqwest.
///
/// # Panics
///
/// Where reqwest's own constructor does: never, with the TLS that is compiled in.
#[must_use]
#[expect(clippy::expect_used, reason = "as reqwest's own constructor does")]
pub fn client() -> Client {
    builder().build().expect("the compiled-in TLS is complete")
}

/// A signed POST of `body` to the root of an AWS service at `url`, as programs without the SDK make it. What the operation
/// is, the caller says: by `x-amz-target` or in the form.
pub fn signed(
    url: &str,
    service: &str,
    credentials: &Credentials,
    body: impl Into<Vec<u8>>,
) -> RequestBuilder {
    let body = body.into();
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let headers = sign(credentials, service, host, &body, Clock::system().now());
    let request = client().post(url);
    let request = headers.into_iter().fold(request, |request, (name, value)| {
        request.header(name, value)
    });
    request.body(body)
}
