//! TwiML, one element a line.

use super::style::{Style, printable};
use crate::twilio::twiml::{Element, Node};

/// The element with everything in it, indented by two spaces a level; an element of only text stays on its line.
#[must_use]
pub fn render_twiml(root: &Element, style: Style) -> String {
    let mut rendered = String::new();
    write_element(&mut rendered, root, 0, style);
    rendered
}

fn write_element(rendered: &mut String, element: &Element, level: usize, style: Style) {
    let margin = "  ".repeat(level);
    let mut attributes = String::new();
    for (name, value) in &element.attributes {
        let value = escaped(value).replace('"', "&quot;");
        attributes.push_str(&format!(
            " {}={}",
            printable(name),
            style.green(&format!("\"{value}\""))
        ));
    }
    let name = style.cyan(&printable(&element.name));
    let has_elements = element.elements().next().is_some();
    let text = element.text();
    if !has_elements && text.is_empty() {
        rendered.push_str(&format!("{margin}<{name}{attributes}/>\n"));
    } else if has_elements {
        rendered.push_str(&format!("{margin}<{name}{attributes}>\n"));
        for node in &element.children {
            match node {
                Node::Element(child) => write_element(rendered, child, level + 1, style),
                Node::Text(text) if text.trim().is_empty() => {}
                Node::Text(text) => {
                    rendered.push_str(&format!("{margin}  {}\n", escaped(text.trim())))
                }
            }
        }
        rendered.push_str(&format!("{margin}</{name}>\n"));
    } else {
        rendered.push_str(&format!(
            "{margin}<{name}{attributes}>{}</{name}>\n",
            escaped(&text)
        ));
    }
}

fn escaped(text: &str) -> String {
    printable(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_shown_one_element_a_line() {
        let xml = b"<?xml version=\"1.0\"?><Response><Say language=\"en-GB\">A &amp; B</Say><Dial action=\"/dial?a=1&amp;b=2\"><Number>+15005550010</Number></Dial><Hangup/></Response>";
        let shown = render_twiml(&Element::parse(xml).unwrap(), Style::plain());
        let expected = "\
<Response>
  <Say language=\"en-GB\">A &amp; B</Say>
  <Dial action=\"/dial?a=1&amp;b=2\">
    <Number>+15005550010</Number>
  </Dial>
  <Hangup/>
</Response>
";
        assert_eq!(shown, expected);
    }
}
