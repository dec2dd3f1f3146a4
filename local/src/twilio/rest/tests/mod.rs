mod applications;
mod authentication;
mod files;
mod messaging;
mod misbehaviour;
mod numbers;
mod persistence;
mod subaccounts;
mod tokens;
mod usage;

use http::Method;
use reqwest::Response;
use serde_json::Value;

use super::*;

const TOKEN: &str = "11112222333344445555666677778888";

/// A running double and an account that is open.
struct World {
    double: TwilioDouble,
    account: TwilioAccount,
}

/// An account's SID that ends in these digits.
fn sid(end: u32) -> AccountSid {
    format!("AC{end:032x}").parse().unwrap()
}

async fn world() -> World {
    let double = TwilioDouble::start(&Storage::Memory, 0, 0, Clock::system())
        .await
        .unwrap();
    let account = double.account(&sid(1));
    account.open(TOKEN);
    World { double, account }
}

impl World {
    /// The path of something of the account.
    fn path(&self, rest: &str) -> String {
        format!("/2010-04-01/Accounts/{}/{rest}", self.account.sid())
    }

    /// Sends a request with the credentials that are given.
    async fn ask_as(
        &self,
        user: &str,
        password: &str,
        method: Method,
        path: &str,
        form: &[(&str, &str)],
    ) -> Response {
        let mut request = crate::http_client::client()
            .request(method, format!("{}{path}", self.double.url()))
            .basic_auth(user, Some(password));
        if !form.is_empty() {
            request = request.form(form);
        }
        request.send().await.unwrap()
    }

    /// Sends a request with the account's auth token.
    async fn ask(&self, method: Method, path: &str, form: &[(&str, &str)]) -> Response {
        let user = self.account.sid().as_str();
        self.ask_as(user, TOKEN, method, path, form).await
    }

    async fn get(&self, path: &str) -> Response {
        self.ask(Method::GET, path, &[]).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        self.ask(Method::POST, path, form).await
    }
}

/// The status and the body.
async fn answered(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// The status and the code of an error.
async fn refused(response: Response) -> (u16, u64) {
    let (status, body) = answered(response).await;
    assert_eq!(body["status"], status);
    assert_eq!(
        body["more_info"],
        format!("https://www.twilio.com/docs/errors/{}", body["code"])
    );
    assert!(body["message"].is_string());
    (status, body["code"].as_u64().unwrap())
}

/// The names that end a list's `friendly_name`s.
fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().unwrap();
    items
        .iter()
        .map(|item| item["friendly_name"].as_str().unwrap())
        .collect()
}

/// What Twilio's API description calls an example, without its times and addresses: which names there are.
fn property_names(document: &Value) -> Vec<&str> {
    let mut names: Vec<_> = document
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}
