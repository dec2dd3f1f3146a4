//! Reads YAML into nodes that know their place, as far as `CloudFormation` allows YAML.
//!
//! Short-form intrinsics (`!Ref`) become their long form (`Ref:`) here, so that the rest knows one form only.
//! Aliases and merge keys are refused because `CloudFormation` refuses them.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};

use super::fault::{Faults, Position};

/// Deeper nesting than any template needs; it bounds the recursion.
const DEEPEST: usize = 64;

/// The intrinsic functions that have a short form, without `Ref` and `Condition`.
const SHORT_FORMS: [&str; 11] = [
    "GetAtt",
    "Sub",
    "Join",
    "If",
    "Equals",
    "Not",
    "And",
    "Or",
    "Select",
    "Split",
    "FindInMap",
];

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// `plain` is false when the author quoted it, which makes it text whatever it looks like.
    Scalar {
        text: String,
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Position,
    pub(super) node: Node,
}

impl Node {
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn entries(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.node)
    }

    /// The name and argument if this is a call of an intrinsic function.
    pub(super) fn intrinsic(&self) -> Option<(&str, &Node)> {
        match self.entries()? {
            [only] if only.key == "Ref" || only.key.starts_with("Fn::") => {
                Some((&only.key, &only.node))
            }
            // A policy statement may hold nothing but its conditions, which are a map.
            [only] if only.key == "Condition" && only.node.text().is_some() => {
                Some((&only.key, &only.node))
            }
            _ => None,
        }
    }

    fn faulty(at: Position) -> Self {
        Self {
            at,
            value: Value::Scalar {
                text: String::new(),
                plain: true,
            },
        }
    }
}

/// Reads the one document of `source`; `None` when it cannot be read at all.
pub(super) fn read(source: &str, faults: &Faults) -> Option<Node> {
    let mut reader = Reader {
        parser: Parser::new_from_str(source),
        faults,
    };
    let mut document = None;
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => break,
            (Event::DocumentStart(_), at) => {
                if document.is_some() {
                    faults.add(
                        at,
                        "a template is one YAML document: remove what follows the first",
                    );
                    return None;
                }
                let (event, at) = reader.next()?;
                document = Some(reader.node(event, at, 0)?);
            }
            _ => {}
        }
    }
    if document.is_none() {
        faults.add(
            Position::START,
            "the template is empty: it needs at least `Resources`",
        );
    }
    document
}

struct Reader<'source, 'faults> {
    parser: Parser<'source, StrInput<'source>>,
    faults: &'faults Faults,
}

impl<'source> Reader<'source, '_> {
    fn next(&mut self) -> Option<(Event<'source>, Position)> {
        match self.parser.next() {
            Some(Ok((event, span))) => Some((event, position(span.start))),
            Some(Err(error)) => {
                let at = position(*error.marker());
                self.faults.add(
                    at,
                    format!("this is not YAML: {}; mend it first", error.info()),
                );
                None
            }
            None => Some((Event::StreamEnd, Position::START)),
        }
    }

    /// Reads the node that begins with `event`; `None` only when the YAML itself is broken.
    fn node(&mut self, event: Event<'source>, at: Position, depth: usize) -> Option<Node> {
        if depth > DEEPEST {
            self.faults.add(
                at,
                format!("this is nested deeper than {DEEPEST} levels: flatten it"),
            );
            return None;
        }
        let (anchor, tag, value) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                if plain && tag.is_none() {
                    self.refuse_old_boolean(&text, at);
                }
                (
                    anchor,
                    tag,
                    Value::Scalar {
                        text: text.into_owned(),
                        plain,
                    },
                )
            }
            Event::SequenceStart(anchor, tag) => {
                let mut items = Vec::new();
                loop {
                    let (event, at) = self.next()?;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    items.push(self.node(event, at, depth + 1)?);
                }
                (anchor, tag, Value::Sequence(items))
            }
            Event::MappingStart(anchor, tag) => (anchor, tag, Value::Mapping(self.entries(depth)?)),
            Event::Alias(_) => {
                self.faults.add(
                    at,
                    "CloudFormation knows no YAML aliases: write the value out",
                );
                return Some(Node::faulty(at));
            }
            _ => return Some(Node::faulty(at)),
        };
        if anchor != 0 {
            self.faults.add(
                at,
                "CloudFormation knows no YAML anchors: remove the `&` name",
            );
        }
        let node = Node { at, value };
        Some(match tag {
            Some(tag) => self.tagged(&tag, node),
            None => node,
        })
    }

    fn entries(&mut self, depth: usize) -> Option<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                return Some(entries);
            }
            let key = self.node(event, at, depth + 1)?;
            let (event, value_at) = self.next()?;
            let node = self.node(event, value_at, depth + 1)?;
            let Some(text) = key.text() else {
                self.faults
                    .add(at, "a key must be text: write a name before the colon");
                continue;
            };
            if text == "<<" {
                self.faults.add(
                    at,
                    "CloudFormation knows no merge keys: write the entries out",
                );
                continue;
            }
            if let Some(first) = entries.iter().find(|entry| entry.key == text) {
                let message = format!(
                    "`{text}` is already on line {}: remove one of the two",
                    first.at.line
                );
                self.faults.add(at, message);
                continue;
            }
            entries.push(Entry {
                key: text.to_owned(),
                at,
                node,
            });
        }
    }

    /// YAML 1.1, which `CloudFormation` reads, takes these words for booleans; YAML 1.2 for text.
    fn refuse_old_boolean(&self, text: &str, at: Position) {
        if ["yes", "no", "on", "off"]
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word))
        {
            let message = format!(
                "`{text}` is a boolean to CloudFormation and text to others: write true or false, or quote it"
            );
            self.faults.add(at, message);
        }
    }

    /// Turns `!Name argument` into `Fn::Name: argument`.
    fn tagged(&self, tag: &Tag, node: Node) -> Node {
        if tag.is_yaml_core_schema() && tag.suffix == "str" {
            return match node.value {
                Value::Scalar { text, .. } => Node {
                    at: node.at,
                    value: Value::Scalar { text, plain: false },
                },
                value => Node { at: node.at, value },
            };
        }
        let name = match tag.suffix.as_str() {
            name @ ("Ref" | "Condition") if tag.handle == "!" => name.to_owned(),
            name if tag.handle == "!" && SHORT_FORMS.contains(&name) => format!("Fn::{name}"),
            _ => {
                let message = format!(
                    "the local stack does not understand `{tag}`: use Ref, GetAtt, Sub, Join, If, Select, Split or FindInMap"
                );
                self.faults.add(node.at, message);
                return Node::faulty(node.at);
            }
        };
        let at = node.at;
        Node {
            at,
            value: Value::Mapping(vec![Entry {
                key: name,
                at,
                node,
            }]),
        }
    }
}

fn position(marker: Marker) -> Position {
    Position {
        line: marker.line(),
        column: marker.col() + 1,
    }
}
