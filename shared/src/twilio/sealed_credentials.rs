//! How Twilio credentials are written under seal, and read again.

use serde::Serialize;
use zeroize::Zeroizing;

use super::{SharedKey, TwilioCredentials};
use crate::secret::Secret;
use crate::tenant::Provider;
use crate::vault::{InvalidPlaintext, Purpose, Sealable, read_plaintext, write_plaintext};

/// The format version that is written. Version 1 reads as [`TwilioCredentials`] does.
const VERSION: u32 = 1;

/// [`TwilioCredentials`] in clear. Only sealing writes it, which is why `Secret` itself cannot be
/// written.
#[derive(Serialize)]
struct Exposed<'a> {
    account_sid: &'a str,
    auth_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secondary_auth_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_auth_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whatsapp_sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_service_sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shared_keys: Vec<ExposedSharedKey<'a>>,
}

#[derive(Serialize)]
struct ExposedSharedKey<'a> {
    id: &'a str,
    secret: &'a str,
}

impl Sealable for TwilioCredentials {
    const PROVIDER: &'static str = Provider::Twilio.as_str();
    const PURPOSE: Purpose = Purpose::Credentials;

    fn plaintext(&self) -> Result<Zeroizing<Vec<u8>>, InvalidPlaintext> {
        // Taken apart whole, so that a field that is not sealed does not compile.
        let Self {
            account_sid,
            auth_token,
            secondary_auth_token,
            previous_auth_token,
            api_key_sid,
            api_key_secret,
            phone_number,
            whatsapp_sender,
            messaging_service_sid,
            shared_keys,
        } = self;
        let exposed = Exposed {
            account_sid: account_sid.as_str(),
            auth_token: auth_token.expose(),
            secondary_auth_token: secondary_auth_token.as_ref().map(Secret::expose),
            previous_auth_token: previous_auth_token.as_ref().map(Secret::expose),
            api_key_sid: api_key_sid.as_ref().map(|sid| sid.as_str()),
            api_key_secret: api_key_secret.as_ref().map(Secret::expose),
            phone_number: phone_number.as_ref().map(|number| number.as_str()),
            whatsapp_sender: whatsapp_sender.as_ref().map(|number| number.as_str()),
            messaging_service_sid: messaging_service_sid.as_ref().map(|sid| sid.as_str()),
            shared_keys: shared_keys
                .iter()
                .map(|SharedKey { id, secret }| ExposedSharedKey {
                    id,
                    secret: secret.expose(),
                })
                .collect(),
        };
        write_plaintext(VERSION, &exposed)
    }

    fn from_plaintext(plaintext: &[u8]) -> Result<Self, InvalidPlaintext> {
        match read_plaintext(plaintext)? {
            (VERSION, configuration) => Ok(serde_json::from_str(configuration.get())?),
            (version, _) => Err(InvalidPlaintext::UnknownVersion(version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every field set; the texts need escapes in JSON.
    const WHOLE: &str = concat!(
        r#"{"version":1,"configuration":{"#,
        r#""account_sid":"AC00112233445566778899aabbccddeeff","auth_token":"primary\"token","#,
        r#""secondary_auth_token":"secondary\\token","previous_auth_token":"previous","#,
        r#""api_key_sid":"SK00112233445566778899aabbccddeeff","api_key_secret":"key sécret","#,
        r#""phone_number":"+15005550006","whatsapp_sender":"+15005550007","#,
        r#""messaging_service_sid":"MG00112233445566778899aabbccddeeff","#,
        r#""shared_keys":[{"id":"one","secret":"1\n"},{"id":"two","secret":"2"}]}}"#
    );

    fn refusal(plaintext: &str) -> InvalidPlaintext {
        TwilioCredentials::from_plaintext(plaintext.as_bytes()).unwrap_err()
    }

    #[test]
    fn every_field_is_written_as_it_was_read() {
        let credentials = TwilioCredentials::from_plaintext(WHOLE.as_bytes()).unwrap();
        assert_eq!(credentials.auth_token.expose(), "primary\"token");
        assert_eq!(&**credentials.plaintext().unwrap(), WHOLE.as_bytes());
    }

    #[test]
    fn fields_that_are_not_set_are_not_written() {
        let least = concat!(
            r#"{"version":1,"configuration":"#,
            r#"{"account_sid":"AC00112233445566778899aabbccddeeff","auth_token":"t"}}"#
        );
        let credentials = TwilioCredentials::from_plaintext(least.as_bytes()).unwrap();
        assert_eq!(&**credentials.plaintext().unwrap(), least.as_bytes());
    }

    #[test]
    fn an_unknown_version_is_refused_before_its_configuration_is_read() {
        let refusal = refusal(r#"{"version":2,"configuration":"of another shape"}"#);
        assert_eq!(refusal, InvalidPlaintext::UnknownVersion(2));
    }

    #[test]
    fn an_empty_or_unknown_configuration_is_an_error_and_repeats_no_secret() {
        for configuration in [
            "{}",
            "null",
            r#"{"account_sid":"5ecret","auth_token":"5ecret"}"#,
            r#"{"account_sid":"AC00112233445566778899aabbccddeeff","auth_token":"5ecret","5ecret":1}"#,
        ] {
            let plaintext = format!(r#"{{"version":1,"configuration":{configuration}}}"#);
            let refusal = refusal(&plaintext);
            assert!(
                matches!(refusal, InvalidPlaintext::Invalid { .. }),
                "{configuration}"
            );
            assert!(!format!("{refusal} {refusal:?}").contains("5ecret"));
        }
    }
}
