//! The issuer of tokens for development: OpenID Connect discovery, keys, and tokens for whoever asks on this machine.
//!
//! The authorizer of the HTTP API reads discovery and keys as it would those of an issuer on the internet.

mod key;
mod server;
mod token;

use std::sync::Arc;

use shared::clock::Clock;

pub use key::{KeyError, SigningKey};
pub use token::{Flaw, TokenProfile, TokenRequest};

use crate::loopback::{ListenError, Listening, Serving};
use token::Tokens;

/// The issuer's port, taken before anything that names its URL is read.
#[derive(Debug)]
pub struct IssuerPort(Listening);

impl IssuerPort {
    /// Takes a port of loopback; 0 takes any free one.
    pub async fn bind(port: u16) -> Result<Self, ListenError> {
        Listening::bind(port, "the issuer of tokens")
            .await
            .map(Self)
    }

    /// What its tokens have as `iss`.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// Issues tokens until the returned value is dropped.
    #[must_use]
    pub fn serve(self, key: SigningKey, profile: TokenProfile, clock: Clock) -> Issuer {
        let tokens = Arc::new(Tokens {
            issuer: self.0.url(),
            key,
            profile,
            clock,
        });
        let router = server::router(Arc::clone(&tokens), self.0.port());
        Issuer {
            tokens,
            _serving: self.0.serve(router),
        }
    }
}

/// The running issuer.
pub struct Issuer {
    tokens: Arc<Tokens>,
    _serving: Serving,
}

impl Issuer {
    /// What its tokens have as `iss`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.tokens.issuer
    }

    /// A good token.
    #[must_use]
    pub fn token(&self, request: &TokenRequest) -> String {
        self.tokens.good(request)
    }

    /// A token with one flaw, for which it must be refused.
    #[must_use]
    pub fn flawed_token(&self, request: &TokenRequest, flaw: Flaw) -> String {
        self.tokens.flawed(request, flaw)
    }
}

#[cfg(test)]
mod tests;
