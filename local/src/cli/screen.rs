//! The first screen: what runs where, where the data is, and what to type next.

use std::fmt::Write;
use std::path::Path;

/// What the first screen tells.
#[derive(Debug)]
pub(super) struct Screen<'a> {
    /// Each function, with its URL or what else invokes it.
    pub(super) functions: Vec<(&'a str, String)>,
    /// The client API: its URL, its issuer, and a token or where to take one.
    pub(super) api: Vec<(&'a str, String)>,
    /// Commands that lead through the client API.
    pub(super) walkthrough: Vec<String>,
    /// Each service, with its endpoint.
    pub(super) services: Vec<(&'a str, String)>,
    /// Each demo tenant, with its name and number.
    pub(super) tenants: Vec<(&'a str, String)>,
    /// Where the data is, if it is kept.
    pub(super) data: Option<&'a Path>,
    /// The command to try next.
    pub(super) next: &'a str,
}

impl Screen<'_> {
    /// The text, with a line break at the end.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("\nTrunkline is up.\n");
        let width = self
            .functions
            .iter()
            .chain(&self.api)
            .chain(&self.services)
            .chain(&self.tenants)
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or_default();
        for (title, rows) in [
            ("Functions", &self.functions),
            ("Client API", &self.api),
            ("Services", &self.services),
            ("Tenants", &self.tenants),
        ] {
            if rows.is_empty() {
                continue;
            }
            // Writing to a string cannot fail, here and below.
            let _ = writeln!(text, "\n{title}");
            for (name, place) in rows {
                let _ = writeln!(text, "  {name:width$}  {place}");
            }
        }
        let _ = match self.data {
            Some(folder) => writeln!(
                text,
                "\nData is kept in {} (none with --ephemeral).",
                folder.display()
            ),
            None => writeln!(text, "\nData is kept in memory and ends with the stack."),
        };
        let _ = writeln!(
            text,
            "What the functions log follows below; Ctrl-C ends everything."
        );
        if !self.walkthrough.is_empty() {
            let lines = self.walkthrough.join("\n  ");
            let _ = writeln!(
                text,
                "\nThe client API, in another terminal, from a new tenant to a token for a browser's calls:\n\n  {lines}"
            );
        }
        let _ = writeln!(text, "\nNext, in another terminal:\n\n  {}\n", self.next);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_ends_with_the_next_command() {
        let screen = Screen {
            functions: vec![
                ("sms-webhook", "http://127.0.0.1:9101/".to_owned()),
                ("deferred-writer", "from DeferredQueue".to_owned()),
            ],
            api: vec![("URL", "http://127.0.0.1:9110".to_owned())],
            walkthrough: vec![
                "api=http://127.0.0.1:9110".to_owned(),
                "curl $api".to_owned(),
            ],
            services: vec![("Lambda", "http://127.0.0.1:9100".to_owned())],
            tenants: vec![("acme", "Acme Plumbing, +15005550101".to_owned())],
            data: Some(Path::new("/w/.local")),
            next: "cargo run -- simulate sms",
        };
        let expected = "
Trunkline is up.

Functions
  sms-webhook      http://127.0.0.1:9101/
  deferred-writer  from DeferredQueue

Client API
  URL              http://127.0.0.1:9110

Services
  Lambda           http://127.0.0.1:9100

Tenants
  acme             Acme Plumbing, +15005550101

Data is kept in /w/.local (none with --ephemeral).
What the functions log follows below; Ctrl-C ends everything.

The client API, in another terminal, from a new tenant to a token for a browser's calls:

  api=http://127.0.0.1:9110
  curl $api

Next, in another terminal:

  cargo run -- simulate sms

";
        assert_eq!(screen.text(), expected);
    }

    #[test]
    fn a_stack_in_memory_says_so() {
        let screen = Screen {
            functions: vec![],
            api: vec![],
            walkthrough: vec![],
            services: vec![],
            tenants: vec![],
            data: None,
            next: "",
        };
        assert!(screen.text().contains("Data is kept in memory"));
    }
}
