//! Reads YAML as JSON, by YAML's core schema: what is written plainly is null, a boolean or a number if it looks like one.

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Value};

/// The one document of a source. Tags are passed over, so that `!Ref X` reads `X`.
pub(super) fn read(source: &str) -> Value {
    let mut parser = Parser::new_from_str(source);
    loop {
        match next(&mut parser) {
            Event::StreamStart | Event::DocumentStart(_) => {}
            event => return value(&mut parser, event),
        }
    }
}

fn next<'source>(parser: &mut Parser<'source, StrInput<'source>>) -> Event<'source> {
    parser.next().unwrap().unwrap().0
}

fn value<'source>(parser: &mut Parser<'source, StrInput<'source>>, event: Event<'source>) -> Value {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, _, None) => plain(&text),
        Event::Scalar(text, ..) => Value::String(text.into_owned()),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match next(parser) {
                    Event::SequenceEnd => return Value::Array(items),
                    event => items.push(value(parser, event)),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut members = Map::new();
            loop {
                let Event::Scalar(name, ..) = next(parser) else {
                    return Value::Object(members);
                };
                let event = next(parser);
                let former = members.insert(name.to_string(), value(parser, event));
                assert!(former.is_none(), "{name} is there twice");
            }
        }
        event => panic!("{event:?} is not expected"),
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text
            .parse::<serde_json::Number>()
            .map_or_else(|_| Value::String(text.to_owned()), Value::Number),
    }
}
