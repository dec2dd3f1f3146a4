//! Texts of policies that stand for many: wildcards and policy variables.

use super::context::Subject;
use super::key::ConditionKey;

/// A text of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(String),
    /// `*`: any characters, or none.
    Any,
    /// `?`: one character.
    One,
    /// `${aws:PrincipalTag/tenant}`: what the call has under this key, and nothing if it has none.
    Variable(ConditionKey),
}

impl Pattern {
    /// Reads a text in which `*` and `?` are wildcards.
    ///
    /// # Errors
    /// A policy variable that is not understood, as a sentence.
    pub fn like(text: &str) -> Result<Self, String> {
        Self::read(text, true)
    }

    /// Reads a text that means itself but for policy variables.
    ///
    /// # Errors
    /// As [`Pattern::like`].
    pub fn exact(text: &str) -> Result<Self, String> {
        Self::read(text, false)
    }

    fn read(text: &str, wildcards: bool) -> Result<Self, String> {
        let (mut tokens, mut literal) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let token = if let Some(after) = rest.strip_prefix("${") {
                let Some((name, after)) = after.split_once('}') else {
                    return Err(format!(
                        "`{text}` opens `${{` and never closes it: add `}}`"
                    ));
                };
                rest = after;
                match name {
                    "*" | "?" | "$" => {
                        literal.push_str(name);
                        continue;
                    }
                    name => Token::Variable(variable(name)?),
                }
            } else {
                rest = rest.get(character.len_utf8()..).unwrap_or_default();
                match character {
                    '*' if wildcards => Token::Any,
                    '?' if wildcards => Token::One,
                    other => {
                        literal.push(other);
                        continue;
                    }
                }
            };
            if !literal.is_empty() {
                tokens.push(Token::Literal(std::mem::take(&mut literal)));
            }
            tokens.push(token);
        }
        if !literal.is_empty() {
            tokens.push(Token::Literal(literal));
        }
        Ok(Self {
            text: text.to_owned(),
            tokens,
        })
    }

    /// As the policy writes it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `text` is one of those that it stands for. A variable that the call has no value for stands for none.
    #[must_use]
    pub fn matches(&self, text: &str, subject: &Subject<'_>) -> bool {
        matches(&self.tokens, text, subject)
    }
}

fn variable(name: &str) -> Result<ConditionKey, String> {
    let key = ConditionKey::read(name)?;
    if key.is_multivalued() {
        return Err(format!(
            "`${{{name}}}` has several values: a policy variable has one"
        ));
    }
    Ok(key)
}

fn matches(tokens: &[Token], text: &str, subject: &Subject<'_>) -> bool {
    let Some((first, rest)) = tokens.split_first() else {
        return text.is_empty();
    };
    let goes_on = |after: Option<&str>| after.is_some_and(|text| matches(rest, text, subject));
    match first {
        Token::Literal(literal) => goes_on(text.strip_prefix(literal.as_str())),
        Token::One => {
            let mut characters = text.chars();
            goes_on(characters.next().map(|_| characters.as_str()))
        }
        Token::Any if rest.is_empty() => true,
        Token::Any => {
            let ends = text.char_indices().map(|(end, _)| end);
            ends.chain([text.len()]).any(|end| goes_on(text.get(end..)))
        }
        Token::Variable(key) => {
            let values = subject.values(key);
            let value = values.as_deref().and_then(<[_]>::first);
            goes_on(value.and_then(|value| text.strip_prefix(value.as_str())))
        }
    }
}

/// An ARN of a policy: its six parts are compared one by one, so that no wildcard reaches over a colon before the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArnPattern {
    text: String,
    /// None for `*`, which is every resource.
    parts: Option<Vec<Pattern>>,
}

/// How many parts an ARN has; the last may hold colons.
const PARTS: usize = 6;

impl ArnPattern {
    /// Reads an ARN with wildcards, or `*`.
    ///
    /// # Errors
    /// What is no ARN, as a sentence.
    pub fn read(text: &str) -> Result<Self, String> {
        let parts = match text {
            "*" => None,
            _ if text.starts_with("arn:") => {
                let parts: Vec<Pattern> = split(text)
                    .into_iter()
                    .map(Pattern::like)
                    .collect::<Result<_, _>>()?;
                if parts.len() != PARTS {
                    return Err(format!(
                        "`{text}` is no whole ARN: it takes arn:partition:service:region:account:resource"
                    ));
                }
                Some(parts)
            }
            _ => return Err(format!("`{text}` is neither an ARN nor `*`")),
        };
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// As the policy writes it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the ARN `text` is one of those that it stands for.
    #[must_use]
    pub fn matches(&self, text: &str, subject: &Subject<'_>) -> bool {
        let Some(patterns) = &self.parts else {
            return true;
        };
        let parts: Vec<&str> = text.splitn(PARTS, ':').collect();
        parts.len() == PARTS
            && patterns
                .iter()
                .zip(parts)
                .all(|(pattern, part)| pattern.matches(part, subject))
    }
}

/// The parts of an ARN with policy variables, whose names have colons too.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut within) = (Vec::new(), 0, false);
    for (at, character) in text.char_indices() {
        match character {
            '{' => within = true,
            '}' => within = false,
            ':' if !within && parts.len() + 1 < PARTS => {
                parts.extend(text.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(begin..));
    parts
}
