//! Colours, if the reader wants them.

use std::io::IsTerminal;

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    is_coloured: bool,
}

impl Style {
    /// No colours.
    #[must_use]
    pub const fn plain() -> Self {
        Self { is_coloured: false }
    }

    /// Colours, by ANSI escapes.
    #[must_use]
    pub const fn coloured() -> Self {
        Self { is_coloured: true }
    }

    /// Colours if standard output is a terminal and `NO_COLOR` is not set.
    #[must_use]
    pub fn of_standard_output() -> Self {
        let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            is_coloured: !is_refused && std::io::stdout().is_terminal(),
        }
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.is_coloured {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    pub(super) fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    pub(super) fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }
}

/// The text with control characters made visible, so that nothing that came over the wire commands the terminal.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Every line with so many spaces before it.
pub(super) fn indented(text: &str, spaces: usize) -> String {
    let margin = " ".repeat(spaces);
    text.lines()
        .map(|line| {
            if line.is_empty() {
                "\n".to_owned()
            } else {
                format!("{margin}{line}\n")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_escapes() {
        assert_eq!(Style::plain().red("no"), "no");
        assert_eq!(Style::coloured().red("no"), "\u{1b}[31mno\u{1b}[0m");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc ü"), "a\\u{1b}[2Jb\\nc ü");
    }
}
