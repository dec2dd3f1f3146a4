//! One attempt to deliver, over HTTP.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};

use super::connection::ConnectionOverrides;
use super::exchange::{AttemptOutcome, Request, Response};
use super::judgement::LARGEST_ANSWER;

/// A client with the timeouts of one URL. Connections are not kept: every attempt makes its own, as a cold caller does.
pub(crate) fn client(overrides: &ConnectionOverrides) -> Result<Client, String> {
    crate::http_client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .http1_title_case_headers()
        .connect_timeout(overrides.connect_timeout)
        .read_timeout(overrides.read_timeout)
        .build()
        .map_err(|error| error.to_string())
}

/// The URL to ask for, or why Twilio or this transport would not.
pub(crate) fn callable(url: &str) -> Result<Url, String> {
    let parsed = Url::parse(url).map_err(|error| error.to_string())?;
    if parsed.scheme() != "http" {
        return Err(format!(
            "{} is not spoken here: name a local http URL, if need be behind a proxy",
            parsed.scheme()
        ));
    }
    if parsed.host_str().is_some_and(|host| host.contains('_')) {
        return Err("Twilio refuses host names with an underscore".to_owned());
    }
    let carried = match parsed.query() {
        Some(query) => format!("{}?{query}", parsed.path()),
        None => parsed.path().to_owned(),
    };
    let after_scheme = url.split_once("://").map_or("", |(_, rest)| rest);
    let given = after_scheme
        .find(['/', '?'])
        .and_then(|start| after_scheme.get(start..))
        .unwrap_or("");
    let given = if given.starts_with('/') {
        given.to_owned()
    } else {
        format!("/{given}")
    };
    if given == carried {
        Ok(parsed)
    } else {
        Err(format!(
            "it would arrive as {carried}, which is not what was signed; write it in that form"
        ))
    }
}

/// Sends the request once and reads the answer, up to a byte more than Twilio takes.
pub(crate) async fn attempt(
    client: &Client,
    url: &Url,
    request: &Request,
    time_left: Duration,
) -> Result<Response, AttemptOutcome> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    let is_post = request.method == "POST";
    let mut builder = client
        .request(
            if is_post { Method::POST } else { Method::GET },
            url.clone(),
        )
        .headers(headers)
        .timeout(time_left);
    if is_post {
        builder = builder.body(request.parameters.form_encoded());
    }
    let mut answer = builder.send().await.map_err(|error| failure(&error))?;
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let mut body = Vec::new();
    while body.len() <= LARGEST_ANSWER {
        match answer.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Err(failure(&error)),
        }
    }
    body.truncate(LARGEST_ANSWER + 1);
    Ok(Response {
        status,
        headers,
        body,
    })
}

fn failure(error: &reqwest::Error) -> AttemptOutcome {
    // A connection that takes too long is both; what counts is that nothing was sent.
    if error.is_connect() {
        AttemptOutcome::ConnectionFailed
    } else if error.is_timeout() {
        AttemptOutcome::TimedOut
    } else {
        AttemptOutcome::ConnectionLost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_arrives_as_it_was_signed_or_is_not_called() {
        for url in [
            "http://127.0.0.1:9000/sms?account=AC1",
            "http://h",
            "http://h?x=%2b+y",
            "http://h/?x=a|b",
            "http://h/?",
        ] {
            assert!(callable(url).is_ok(), "{url}");
        }
        for url in [
            "http://h/x?name=O'Brien",
            "http://h/a b",
            "http://h/a/../b",
            "http://h/ü",
        ] {
            let refusal = callable(url).unwrap_err();
            assert!(
                refusal.starts_with("it would arrive as "),
                "{url}: {refusal}"
            );
        }
    }

    #[test]
    fn hosts_with_an_underscore_and_other_schemes_are_refused() {
        assert!(
            callable("http://my_host/sms")
                .unwrap_err()
                .contains("underscore")
        );
        assert!(
            callable("https://host/sms")
                .unwrap_err()
                .contains("https is not spoken here")
        );
        assert!(callable("sms").is_err());
    }
}
