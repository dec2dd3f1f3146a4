//! What STS answers, in the XML of the Query protocol.

use aws_credential_types::Credentials;
use quick_xml::Reader;
use quick_xml::events::Event;
use zeroize::Zeroizing;

/// An answer that could be read.
pub(super) enum Answered {
    /// The credentials of a session.
    Session(Credentials),
    /// Why there is none, in AWS's words.
    Refusal {
        code: String,
        message: String,
        request_id: String,
    },
}

/// The texts of an answer that matter, by the names of their elements, which are nowhere used twice.
#[derive(Default)]
struct Texts {
    access_key_id: String,
    secret_access_key: Zeroizing<String>,
    session_token: Zeroizing<String>,
    code: String,
    message: String,
    request_id: String,
}

impl Texts {
    fn of(&mut self, element: &str) -> Option<&mut String> {
        match element {
            "AccessKeyId" => Some(&mut self.access_key_id),
            "SecretAccessKey" => Some(&mut self.secret_access_key),
            "SessionToken" => Some(&mut self.session_token),
            "Code" => Some(&mut self.code),
            "Message" => Some(&mut self.message),
            "RequestId" => Some(&mut self.request_id),
            _ => None,
        }
    }
}

/// Reads an answer; nothing, when it is none of STS.
pub(super) fn read(body: &[u8]) -> Option<Answered> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).ok()?);
    let (mut texts, mut element) = (Texts::default(), String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => element = start.local_name().as_ref().to_owned(),
            Event::End(_) => element.clear(),
            Event::Text(text) => {
                if let Some(found) = texts.of(&element) {
                    found.push_str(&text.xml10_content());
                }
            }
            // Neither keys nor codes hold a character that is escaped; of a message it is no matter.
            Event::GeneralRef(_) => {
                if let Some(found) = texts.of(&element) {
                    found.push('?');
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let is_session = [
        &texts.access_key_id,
        &*texts.secret_access_key,
        &*texts.session_token,
    ]
    .iter()
    .all(|text| !text.is_empty());
    if is_session {
        return Some(Answered::Session(Credentials::new(
            texts.access_key_id,
            texts.secret_access_key.as_str(),
            Some(texts.session_token.to_string()),
            None,
            "tenant session",
        )));
    }
    (!texts.code.is_empty()).then_some(Answered::Refusal {
        code: texts.code,
        message: texts.message,
        request_id: texts.request_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the API reference shows it, shortened.
    const SESSION: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleResult>
        <SourceIdentity>Alice</SourceIdentity>
        <AssumedRoleUser>
          <Arn>arn:aws:sts::123456789012:assumed-role/demo/TestAR</Arn>
          <AssumedRoleId>ARO123EXAMPLE123:TestAR</AssumedRoleId>
        </AssumedRoleUser>
        <Credentials>
          <AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>
          <SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey>
          <SessionToken>AQoDYXdzEPT//////////wEXAMPLE==</SessionToken>
          <Expiration>2019-11-09T13:34:41Z</Expiration>
        </Credentials>
        <PackedPolicySize>6</PackedPolicySize>
      </AssumeRoleResult>
      <ResponseMetadata><RequestId>c6104cbe</RequestId></ResponseMetadata>
    </AssumeRoleResponse>"#;

    #[test]
    fn a_session_is_read_with_its_token() {
        let Some(Answered::Session(credentials)) = read(SESSION.as_bytes()) else {
            panic!("no session");
        };
        assert_eq!(credentials.access_key_id(), "ASIAIOSFODNN7EXAMPLE");
        assert_eq!(
            credentials.secret_access_key(),
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY"
        );
        assert_eq!(
            credentials.session_token(),
            Some("AQoDYXdzEPT//////////wEXAMPLE==")
        );
    }

    #[test]
    fn a_refusal_is_read_with_its_code() {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
                    <Message>not &quot;here&quot;</Message></Error><RequestId>R1</RequestId></ErrorResponse>";
        let Some(Answered::Refusal {
            code,
            message,
            request_id,
        }) = read(body.as_bytes())
        else {
            panic!("no refusal");
        };
        assert_eq!(
            (&*code, &*message, &*request_id),
            ("AccessDenied", "not ?here?", "R1")
        );
    }

    #[test]
    fn what_is_no_answer_of_sts_is_not_read() {
        for body in [
            "",
            "<html><body>busy</body></html>",
            "{}",
            "<a><b></a>",
            // Half a session is none.
            "<Credentials><AccessKeyId>A</AccessKeyId><SessionToken>T</SessionToken></Credentials>",
        ] {
            assert!(read(body.as_bytes()).is_none(), "{body}");
        }
    }
}
