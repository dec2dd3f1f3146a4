//! The HTTP client under all AWS clients.

use std::time::Duration;

use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::error::display::DisplayErrorContext;

/// How long a TCP and TLS handshake may take. The SDK's default is 3.1 s, longer than a webhook has.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);

/// How long an idle connection is kept, in the process's own time. Below the services' own limits.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The roots that AWS's endpoints chain to, from Amazon Trust Services' repository.
///
/// Five certificates parse in 0.2 ms, the operating system's 145 in 2.5 ms, and Lambda's image may hold any.
const AMAZON_ROOTS: &str = include_str!("amazon_roots.pem");

/// One connector, and so one connection pool, for all services. The SDK would make one a service and settings, which
/// could not be primed.
#[derive(Clone, Debug)]
pub(super) struct Connection(SharedHttpConnector);

impl Connection {
    pub(super) fn new() -> Self {
        let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        let builder = Connector::builder()
            .connector_settings(settings)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        let connector = match TlsContext::builder().with_trust_store(roots).build() {
            Ok(context) => builder.tls_context(context).build(),
            // The roots are compiled in and tested below; without them the operating system's serve.
            Err(_) => builder.tls_context(tls::TlsContext::default()).build(),
        };
        Self(SharedHttpConnector::new(connector))
    }

    pub(super) fn http_client(&self) -> SharedHttpClient {
        let connector = self.0.clone();
        http_client_fn(move |_settings, _components| connector.clone())
    }

    /// Makes one call and reads its answer: status and body. A failure is told as a text that may be logged.
    pub(super) async fn call(&self, request: HttpRequest) -> Result<(u16, Vec<u8>), String> {
        let answer = self.0.call(request).await;
        let mut answer = answer.map_err(|error| DisplayErrorContext(error).to_string())?;
        let status = answer.status().as_u16();
        let body = std::mem::replace(answer.body_mut(), "".into());
        let body = ByteStream::new(body).collect().await;
        let body = body.map_err(|error| DisplayErrorContext(error).to_string())?;
        Ok((status, body.to_vec()))
    }

    /// Connects to every URL at once and leaves the connections in the pool.
    pub(super) async fn prime(&self, urls: Vec<String>, limit: Duration) {
        let mut calls = tokio::task::JoinSet::new();
        for url in urls {
            let connector = self.0.clone();
            calls.spawn(async move {
                let Ok(request) = HttpRequest::get(&url) else {
                    return;
                };
                if let Ok(mut response) = connector.call(request).await {
                    // A connection goes back to the pool only when its answer was read to the end.
                    let body = std::mem::replace(response.body_mut(), "".into());
                    let _ = ByteStream::new(body).collect().await;
                }
            });
        }
        // Failure or delay here costs the first event what it would have cost anyway.
        let _ =
            tokio::time::timeout(limit, async { while calls.join_next().await.is_some() {} }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_roots_are_five_certificates_that_parse() {
        assert_eq!(
            AMAZON_ROOTS.matches("-----BEGIN CERTIFICATE-----").count(),
            5
        );
        let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
        assert!(
            TlsContext::builder()
                .with_trust_store(roots)
                .build()
                .is_ok()
        );
    }
}
