//! A webhook of which nothing is known to be true yet.

use lambda_http::http::Method;

use super::Refusal;
use crate::http::HttpRequest;
use crate::sid::AccountSid;
use crate::twilio::Parameters;
use crate::twilio::signature::{
    BaseUrl, SignedContent, SignedRequest, SignedUrl, SigningKeys, could_be_right, verify,
};

/// The header that proves where a webhook comes from.
const SIGNATURE: &str = "x-twilio-signature";

/// A parsed webhook before its signature is checked. Nothing of it can be read but the account that it claims.
pub(super) struct Unverified<'r> {
    request: &'r HttpRequest,
    parameters: Parameters<'r>,
    account: AccountSid,
}

impl<'r> Unverified<'r> {
    /// Parses just enough to know whom to ask.
    pub(super) fn read(request: &'r HttpRequest) -> Result<Self, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::Method);
        }
        if request.media_type() != "application/x-www-form-urlencoded" {
            return Err(Refusal::ContentType);
        }
        let parameters = Parameters::parse(request.body())?;
        let query = Parameters::parse(request.query().as_bytes())?;
        let named = parameters.first("AccountSid").ok_or(Refusal::NoAccount)?;
        let account: AccountSid = named.parse().map_err(|_| Refusal::NoAccount)?;
        // Every one of them: Twilio signs a repeated parameter too, and who reads the last must not read another account.
        let mut accounts = query.iter().filter(|(name, _)| *name == "account");
        if accounts.any(|(_, of_url)| of_url != account.as_str()) {
            return Err(Refusal::AccountMismatch);
        }
        // Nobody is asked whose account it is for a signature that no key can have made.
        could_be_right(request.header(SIGNATURE))?;
        Ok(Self {
            request,
            parameters,
            account,
        })
    }

    /// The account that the webhook claims to be of.
    pub(super) fn account(&self) -> &AccountSid {
        &self.account
    }

    /// Checks the signature over the public URL, where one is configured, and over the one that the caller used, so that
    /// numbers which still have the function's own URL keep working.
    pub(super) fn signed_with(
        &self,
        keys: &SigningKeys<'_>,
        public_base_url: Option<&BaseUrl>,
    ) -> Result<String, Refusal> {
        let request = self.request;
        let query = Some(request.query()).filter(|query| !query.is_empty());
        // Lambda's URL front sets this header itself; a forged one only changes which URL must have been signed.
        let scheme = request
            .header("x-forwarded-proto")
            .filter(|scheme| *scheme == "http")
            .unwrap_or("https");
        let called = SignedUrl::received(scheme, request.host(), request.path(), query);
        let public = public_base_url.map(|base| SignedUrl::under(base, request.path(), query));
        let urls = match public {
            Some(public) => &[public, called][..],
            None => &[called][..],
        };
        let signed = SignedRequest {
            urls,
            content: SignedContent::Form(&self.parameters),
            signature: request.header(SIGNATURE),
            settings: request.header("x-twilio-webhooks-signature-settings"),
        };
        Ok(verify(&signed, keys)?.url.base())
    }

    /// The account and the parameters, to be read once the signature is known to be right.
    pub(super) fn into_parts(self) -> (AccountSid, Parameters<'r>) {
        (self.account, self.parameters)
    }
}
