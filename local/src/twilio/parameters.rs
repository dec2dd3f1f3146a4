//! The parameters of a webhook, and how they are written into a form body or a query.

/// Names and values in the order in which they are sent. Names may repeat; nothing is interpreted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// No parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more parameter; an earlier one of the same name stays.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// The same with one more parameter, if there is a value.
    #[must_use]
    pub fn with_optional(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Gives a parameter its only value: where its first one stood, or at the end.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter().position(|(known, _)| known == name) {
            Some(place) => {
                let mut index = 0;
                self.0.retain(|(known, _)| {
                    let keep = index == place || known != name;
                    index += 1;
                    keep
                });
                if let Some(pair) = self.0.get_mut(place) {
                    pair.1 = value;
                }
            }
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes every value of a parameter away.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    /// The first value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The same, followed by others.
    #[must_use]
    pub fn and(mut self, others: &Self) -> Self {
        self.0.extend(others.0.iter().cloned());
        self
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `application/x-www-form-urlencoded`: UTF-8, a space is `+`, and only letters, digits and `-._*` stay as they are.
    #[must_use]
    pub fn form_encoded(&self) -> String {
        let mut encoded = String::new();
        for (name, value) in self.iter() {
            if !encoded.is_empty() {
                encoded.push('&');
            }
            encode_into(&mut encoded, name);
            encoded.push('=');
            encode_into(&mut encoded, value);
        }
        encoded
    }
}

impl FromIterator<(String, String)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

fn encode_into(encoded: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_characters_and_utf8_are_escaped() {
        let parameters = Parameters::new()
            .with("From", "+15005550010")
            .with("Body", "a b&c=ü%")
            .with("Empty", "");
        assert_eq!(
            parameters.form_encoded(),
            "From=%2B15005550010&Body=a+b%26c%3D%C3%BC%25&Empty="
        );
    }

    #[test]
    fn setting_a_parameter_leaves_one_value_in_its_place() {
        let mut parameters = Parameters::new()
            .with("A", "1")
            .with("B", "2")
            .with("A", "3");
        parameters.set("A", "4");
        assert_eq!(parameters, Parameters::new().with("A", "4").with("B", "2"));
    }
}
