//! What the caller hears, and the keys that are pressed.

use super::run::{Fetch, Next, Run};
use super::story::Step;
use crate::twilio::parameters::Parameters;
use crate::twilio::twiml::{Gather, Link, Verb};
use crate::twilio::webhook::{Method, Purpose};

/// How fast a voice speaks: about 15 characters a second.
const CHARACTERS_A_SECOND: usize = 15;

impl Run<'_> {
    /// Says, plays or waits.
    pub(super) fn prompt(&mut self, verb: Verb) {
        match verb {
            Verb::Say(say) => {
                let seconds = say.text.chars().count().div_ceil(CHARACTERS_A_SECOND);
                self.pass(u32::try_from(seconds).unwrap_or(u32::MAX));
                self.steps.push(Step::Said {
                    text: say.text,
                    language: say.language,
                });
            }
            Verb::Play(play) => {
                let keys = play.digits.map(|digits| format!("keys {digits}"));
                self.steps.push(Step::Played(keys.unwrap_or(play.url)));
            }
            Verb::Pause(seconds) => {
                self.pass(seconds);
                self.steps.push(Step::Paused(seconds));
            }
            _ => {}
        }
    }

    /// Prompts, then takes the script's next keys.
    pub(super) fn gather(&mut self, gather: Gather) -> Next {
        for prompt in gather.prompts {
            self.prompt(prompt);
        }
        let keys = self
            .script
            .keys
            .get(self.keys_used)
            .cloned()
            .filter(|keys| !keys.is_empty());
        self.keys_used = self.keys_used.saturating_add(1);
        self.steps.push(Step::Pressed(keys.clone()));
        if keys.is_none() {
            self.pass(gather.timeout);
            if !gather.action_on_empty_result {
                return Next::Verb;
            }
        }
        let this_document = Link {
            url: self.document_url.clone(),
            method: Method::Post,
        };
        Next::Document(Fetch {
            purpose: Purpose::GatherAction,
            link: gather.action.unwrap_or(this_document),
            extra: Parameters::new().with("Digits", keys.unwrap_or_default()),
            after_hangup: None,
        })
    }
}
