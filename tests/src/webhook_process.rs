//! A process of a webhook function inside the test's own, whose clock the test sets.

use local::twilio::{Parameters, SidSupply, sign};
use serde_json::json;
use shared::activity::Route;
use shared::clock::Clock;
use shared::environment::Environment;
use shared::http::{HttpRequest, Reply};
use shared::secret::Secret;
use shared::sid::MessageSid;
use shared::webhook::{BODY_LIMIT, Notification, Webhooks};

use crate::harness::Harness;

/// A process that nobody else calls: what it remembers, the test taught it.
pub(crate) struct WebhookProcess {
    function: Webhooks,
    sids: SidSupply,
}

impl WebhookProcess {
    /// On a stack's stores, as the stack's own functions are.
    pub(crate) async fn start(harness: &Harness, clock: &Clock) -> Self {
        let environment = Environment::of(harness.stack.environment().clone());
        let function = Webhooks::from_environment(&environment, clock.clone()).await;
        Self {
            function: function.unwrap_or_else(|error| panic!("{error}")),
            sids: SidSupply::random(),
        }
    }

    /// An account reports a message's status, signed with a token; what it is answered with.
    pub(crate) async fn report_status(&self, account: &str, token: &Secret) -> u16 {
        let message = self.sids.message(false);
        let parameters = Parameters::new()
            .with("AccountSid", account)
            .with("MessageSid", message.as_str())
            .with("MessageStatus", "sent")
            .with("From", "+15005550006")
            .with("To", "+15005550010");
        let request = request("/sms/status", account, token, &parameters);
        let answer = self
            .function
            .receive::<Notification>(&request, Route::SmsStatus, |_| Reply::no_content())
            .await;
        answer.reply().status().as_u16()
    }

    /// An account hands an SMS of somebody over, signed with a token; what it is answered with.
    pub(crate) async fn receive_sms(
        &self,
        account: &str,
        token: &Secret,
        from: &str,
        body: &str,
    ) -> u16 {
        let message = self.sids.message(false);
        self.receive_sms_again(account, token, from, &message, body)
            .await
    }

    /// The same for a given message, which may be one that was handed over before.
    pub(crate) async fn receive_sms_again(
        &self,
        account: &str,
        token: &Secret,
        from: &str,
        message: &MessageSid,
        body: &str,
    ) -> u16 {
        let parameters = Parameters::new()
            .with("AccountSid", account)
            .with("MessageSid", message.as_str())
            .with("From", from)
            .with("To", "+15005550006")
            .with("Body", body);
        let request = request("/sms", account, token, &parameters);
        let answer = self.function.receive_message(&request, Route::Sms).await;
        answer.reply().status().as_u16()
    }
}

/// A webhook as Lambda's URL hands it over.
fn request(path: &str, account: &str, token: &Secret, parameters: &Parameters) -> HttpRequest {
    let (host, query) = ("sms.example.com", format!("account={account}"));
    let url = format!("https://{host}{path}?{query}");
    let event = json!({
        "rawPath": path,
        "rawQueryString": query,
        "headers": {
            "content-type": "application/x-www-form-urlencoded",
            "host": host,
            "x-twilio-signature": sign(token, &url, parameters),
        },
        "requestContext": {"domainName": host, "http": {"method": "POST"}},
        "body": parameters.form_encoded(),
    });
    HttpRequest::from_event(&event.to_string(), BODY_LIMIT).unwrap()
}
