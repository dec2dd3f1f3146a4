//! Who calls the client API. Every answer is judged by `openapi.yaml`.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use local::issuer::{Flaw, TokenRequest};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use shared::tenant::TenantId;

use crate::harness::Harness;
use crate::openapi::Contract;

/// Somebody with a token, or without.
pub(crate) struct Caller {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

/// An answer of the API.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The document; null when there is none.
    pub(crate) body: Value,
    /// What was sent, document or not.
    pub(crate) bytes: Vec<u8>,
}

impl Harness {
    /// A user of a tenant with a subject of its own, so that nobody else's requests count against its limit.
    pub(crate) fn user(&self, tenant: &TenantId, role: &str) -> Caller {
        self.caller(
            &TokenRequest::new(subject(role))
                .tenant(tenant.as_str())
                .role(role),
        )
    }

    /// An admin of a tenant.
    pub(crate) fn admin(&self, tenant: &TenantId) -> Caller {
        self.user(tenant, "admin")
    }

    /// An operator of the platform, of no tenant.
    pub(crate) fn operator(&self) -> Caller {
        self.caller(&TokenRequest::new(subject("operator")).role("operator"))
    }

    /// Whoever a token is made for.
    pub(crate) fn caller(&self, request: &TokenRequest) -> Caller {
        let token = self.stack.issuer().unwrap().token(request);
        self.caller_with(Some(token))
    }

    /// Whoever comes with a token that is not good.
    pub(crate) fn impostor(&self, request: &TokenRequest, flaw: Flaw) -> Caller {
        let token = self.stack.issuer().unwrap().flawed_token(request, flaw);
        self.caller_with(Some(token))
    }

    /// Whoever comes with this token, or with none.
    pub(crate) fn caller_with(&self, token: Option<String>) -> Caller {
        Caller {
            http: local::http_client::client(),
            url: self.stack.api_url().unwrap().to_owned(),
            token,
        }
    }
}

/// A subject that nobody else has.
pub(crate) fn subject(role: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    format!("{role}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Caller {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        self.send(method, path, |request| match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string()),
            None => request,
        })
        .await
    }

    /// A request that `change` adds to: headers, another body. Its answer is as `openapi.yaml` describes it, or the test fails.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        change: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let answer = self.send_unjudged(method.clone(), path, change).await;
        let bytes = &answer.bytes;
        Contract::shared()
            .validate(method.as_str(), path, answer.status, &answer.headers, bytes)
            .unwrap_or_else(|fault| panic!("{fault}\n{answer:?}"));
        answer
    }

    /// The same for what the contract does not describe: paths that the API does not have.
    pub(crate) async fn send_unjudged(
        &self,
        method: Method,
        path: &str,
        change: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = change(request).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap().to_vec();
        let media_type = headers.get(CONTENT_TYPE);
        let is_json = media_type.is_some_and(|it| it.to_str().unwrap().contains("json"));
        let is_json = is_json && !bytes.is_empty();
        Answer {
            status,
            body: match is_json {
                true => serde_json::from_slice(&bytes).unwrap(),
                false => Value::Null,
            },
            headers,
            bytes,
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Media are too long to be read.
        formatter
            .debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// The document of a success of this status.
    pub(crate) fn document(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// The fields that a refusal names, sorted.
    pub(crate) fn faulty_fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().into_iter().flatten();
        let mut fields: Vec<&str> = errors
            .map(|error| error["field"].as_str().unwrap())
            .collect();
        fields.sort_unstable();
        fields
    }

    /// A header, if it is there.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Harness {
    /// The host of a subdomain, for the header `Host`: names below `localhost` are the stack's.
    pub(crate) fn host(&self, subdomain: &str) -> String {
        let url = self.stack.api_url().unwrap();
        let (_, port) = url.rsplit_once(':').unwrap();
        format!("{subdomain}.localhost:{port}")
    }
}
