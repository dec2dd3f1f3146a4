//! Requests that Twilio would not send.

use super::parameters::Parameters;

/// Signs in place of the account's own token.
pub(crate) const WRONG_TOKEN: &str = "a token of somebody else";

/// Stands in the URL in place of the account's own SID.
pub(crate) const OTHER_ACCOUNT: &str = "ACffffffffffffffffffffffffffffffff";

/// Changes a parameter that was signed, or adds one that was not.
pub(crate) fn tamper(parameters: &mut Parameters) {
    let body = parameters
        .get("Body")
        .map(|body| format!("{body} (tampered with)"));
    match body {
        Some(body) => parameters.set("Body", body),
        None => parameters.set("TamperedWith", "true"),
    }
}

/// The URL with another account in its `account` parameter, which is added if there is none.
pub(crate) fn with_other_account(url: &str) -> String {
    let (before, query) = url.split_once('?').unwrap_or((url, ""));
    let mut found = false;
    let mut parts: Vec<String> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        if part.starts_with("account=") {
            found = true;
            parts.push(format!("account={OTHER_ACCOUNT}"));
        } else {
            parts.push(part.to_owned());
        }
    }
    if !found {
        parts.push(format!("account={OTHER_ACCOUNT}"));
    }
    format!("{before}?{}", parts.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_account_of_the_url_changes() {
        assert_eq!(
            with_other_account("http://h/sms?a=1&account=AC1&b=2"),
            format!("http://h/sms?a=1&account={OTHER_ACCOUNT}&b=2")
        );
        assert_eq!(
            with_other_account("http://h/sms"),
            format!("http://h/sms?account={OTHER_ACCOUNT}")
        );
    }

    #[test]
    fn tampering_changes_what_was_signed() {
        let mut message = Parameters::new().with("Body", "hello");
        tamper(&mut message);
        assert_eq!(message.get("Body"), Some("hello (tampered with)"));

        let mut call = Parameters::new().with("CallSid", "CA1");
        tamper(&mut call);
        assert_eq!(call.get("TamperedWith"), Some("true"));
    }
}
