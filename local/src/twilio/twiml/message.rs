//! The verbs of messaging TwiML.

use super::attributes::Attributes;
use super::document::Warning;
use super::element::{Element, Node};
use super::verb::{Link, Reply, Verb};

/// The verb that an element is, unless messaging has none of that name.
pub(crate) fn messaging_verb(element: &Element, warnings: &mut Vec<Warning>) -> Option<Verb> {
    match element.name.as_str() {
        "Message" => Some(Verb::Message(reply(element, warnings))),
        "Redirect" => {
            let method = Attributes::of(element, &["method"], warnings).method("method");
            Some(Verb::Redirect(Link {
                url: element.text(),
                method,
            }))
        }
        _ => None,
    }
}

fn reply(element: &Element, warnings: &mut Vec<Warning>) -> Reply {
    let known = ["to", "from", "action", "method", "statusCallback"];
    let mut attributes = Attributes::of(element, &known, warnings);
    let (to, from) = (attributes.text("to"), attributes.text("from"));
    // `action` is the older name of `statusCallback`.
    let action = attributes.link("action", "method");
    let status_callback = attributes.link("statusCallback", "method").or(action);
    let mut reply = Reply {
        body: String::new(),
        media: Vec::new(),
        to,
        from,
        status_callback,
    };
    for node in &element.children {
        match node {
            Node::Text(text) => reply.body.push_str(text),
            Node::Element(child) if child.name == "Body" => reply.body.push_str(&child.text()),
            Node::Element(child) if child.name == "Media" => reply.media.push(child.text()),
            Node::Element(child) => {
                warnings.push(Warning::schema(format!(
                    "<{}> cannot be in <Message>",
                    child.name
                )));
            }
        }
    }
    reply.body = reply.body.trim().to_owned();
    if reply.body.is_empty() && reply.media.is_empty() {
        warnings.push(Warning {
            code: 14_103,
            message: "<Message> has neither text nor media".to_owned(),
        });
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::twilio::twiml::{Document, Product};

    #[test]
    fn a_reply_has_its_text_bare_or_in_a_body() {
        for xml in [
            "<Response><Message>Hello &amp; welcome</Message></Response>",
            "<Response><Message><Body>Hello &amp; welcome</Body></Message></Response>",
        ] {
            let document = Document::parse(xml.as_bytes(), Product::Messaging).unwrap();
            assert!(document.warnings.is_empty());
            let [Verb::Message(reply)] = document.verbs.as_slice() else {
                panic!("{document:?}")
            };
            assert_eq!(reply.body, "Hello & welcome");
        }
    }

    #[test]
    fn a_reply_may_carry_several_media_and_a_status_callback() {
        let xml = "<Response><Message statusCallback=\"/status\"><Media>http://h/1</Media><Media>http://h/2</Media></Message></Response>";
        let document = Document::parse(xml.as_bytes(), Product::Messaging).unwrap();
        let [Verb::Message(reply)] = document.verbs.as_slice() else {
            panic!("{document:?}")
        };
        assert_eq!(reply.media, ["http://h/1", "http://h/2"]);
        assert_eq!(reply.status_callback.as_ref().unwrap().url, "/status");
    }

    #[test]
    fn an_empty_reply_is_a_warning() {
        let document =
            Document::parse(b"<Response><Message/></Response>", Product::Messaging).unwrap();
        assert_eq!(document.warnings[0].code, 14_103);
    }
}
