//! What Twilio makes of an answer.

use super::exchange::{Fault, Judgement, Response};
use super::twiml::{Document, InvalidDocument, Product};
use super::webhook::{Expected, Purpose};

/// The most bytes that Twilio takes in an answer.
pub const LARGEST_ANSWER: usize = 65_536;

/// Judges an answer: status, size, content type, then the document itself.
#[must_use]
pub fn judge(purpose: Purpose, response: &Response) -> Judgement {
    match refuse(purpose, response) {
        Ok(judgement) => judgement,
        Err(fault) => Judgement::Fault(fault),
    }
}

fn refuse(purpose: Purpose, response: &Response) -> Result<Judgement, Fault> {
    let status = response.status;
    if (300..400).contains(&status) {
        let location = response.header("location").unwrap_or("nowhere").to_owned();
        return Err(Fault::Redirected { status, location });
    }
    if !(200..300).contains(&status) {
        return Err(Fault::Status(status));
    }
    if response.body.len() > LARGEST_ANSWER {
        return Err(Fault::TooLarge);
    }
    let expected = purpose.expects();
    if response.body.is_empty() {
        return match expected {
            Expected::MessagingDocument => Ok(Judgement::NoReply),
            Expected::Acknowledgement => Ok(Judgement::Acknowledged),
            Expected::VoiceDocument => {
                Err(InvalidDocument::Malformed("it is empty".to_owned()).into())
            }
        };
    }
    let content_type = response
        .header("content-type")
        .ok_or(Fault::MissingContentType)?;
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    match (media_type.as_str(), expected) {
        ("text/xml" | "application/xml", Expected::VoiceDocument) => Ok(Judgement::Document(
            Document::parse(&response.body, Product::Voice)?,
        )),
        ("text/xml" | "application/xml", Expected::MessagingDocument) => Ok(Judgement::Document(
            Document::parse(&response.body, Product::Messaging)?,
        )),
        ("text/xml" | "application/xml", Expected::Acknowledgement) => Ok(Judgement::Acknowledged),
        ("text/plain", Expected::VoiceDocument | Expected::MessagingDocument) => {
            Ok(Judgement::PlainText(response.text()))
        }
        _ => Err(Fault::WrongContentType(content_type.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, content_type: &str, body: &str) -> Response {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Response {
            status,
            headers,
            body: body.as_bytes().to_vec(),
        }
    }

    fn code(judgement: &Judgement) -> u32 {
        match judgement {
            Judgement::Fault(fault) => fault.code(),
            other => panic!("expected a fault, not {other:?}"),
        }
    }

    #[test]
    fn xml_of_either_type_is_a_document() {
        for content_type in [
            "text/xml",
            "application/xml",
            "text/xml; charset=utf-8",
            "Text/XML",
        ] {
            let response = answer(200, content_type, "<Response/>");
            assert!(
                matches!(
                    judge(Purpose::IncomingCall, &response),
                    Judgement::Document(_)
                ),
                "{content_type}"
            );
        }
    }

    #[test]
    fn plain_text_is_spoken_or_sent() {
        let response = answer(200, "text/plain", "Internal Server Error");
        for purpose in [Purpose::IncomingCall, Purpose::InboundMessage] {
            let judgement = judge(purpose, &response);
            assert!(
                matches!(judgement, Judgement::PlainText(text) if text == "Internal Server Error")
            );
        }
    }

    #[test]
    fn what_twilio_reports_has_twilios_code() {
        let voice = |response| code(&judge(Purpose::IncomingCall, &response));
        assert_eq!(voice(answer(500, "text/xml", "<Response/>")), 11_200);
        assert_eq!(voice(answer(403, "text/xml", "")), 11_200);
        assert_eq!(voice(answer(302, "text/xml", "")), 11_200);
        assert_eq!(voice(answer(200, "application/json", "{}")), 12_300);
        assert_eq!(
            voice(answer(200, "text/xml", "<Response><Say>hi</Response>")),
            12_100
        );
        assert_eq!(
            voice(answer(200, "text/xml", &"x".repeat(LARGEST_ANSWER + 1))),
            11_750
        );
        assert_eq!(
            voice(Response {
                status: 200,
                headers: Vec::new(),
                body: b"x".to_vec()
            }),
            11_200
        );
    }

    #[test]
    fn a_document_of_exactly_64_kilobytes_is_taken() {
        let text = "x".repeat(LARGEST_ANSWER - "<Response><!---->".len() - "</Response>".len());
        let response = answer(
            200,
            "text/xml",
            &format!("<Response><!--{text}--></Response>"),
        );
        assert!(matches!(
            judge(Purpose::IncomingCall, &response),
            Judgement::Document(_)
        ));
    }

    #[test]
    fn an_empty_answer_is_no_reply_to_a_message_and_no_document_for_a_call() {
        let response = answer(200, "text/xml", "");
        assert!(matches!(
            judge(Purpose::InboundMessage, &response),
            Judgement::NoReply
        ));
        assert_eq!(code(&judge(Purpose::IncomingCall, &response)), 12_100);
    }

    #[test]
    fn a_status_callback_wants_no_body_or_xml() {
        let judged = |response| judge(Purpose::MessageStatus, &response);
        assert!(matches!(
            judged(answer(204, "text/xml", "")),
            Judgement::Acknowledged
        ));
        assert!(matches!(
            judged(answer(200, "text/xml", "<Response/>")),
            Judgement::Acknowledged
        ));
        assert_eq!(code(&judged(answer(200, "text/plain", "ok"))), 12_300);
        assert_eq!(code(&judged(answer(503, "text/xml", ""))), 11_200);
    }
}
