//! Shows what happened, for people.

mod exchange;
mod story;
mod style;
mod twiml;

pub use exchange::render_exchange;
pub use story::render_story;
pub use style::Style;
pub use twiml::render_twiml;

use super::simulate::Simulation;

/// Everything that happened, as lines of text that end with a line break.
#[must_use]
pub fn render_simulation(simulation: &Simulation, style: Style) -> String {
    match simulation {
        Simulation::Call(story) => render_story(story, style),
        Simulation::Deliveries(exchanges) => {
            let rendered: Vec<String> = exchanges
                .iter()
                .map(|exchange| render_exchange(exchange, style))
                .collect();
            rendered.join("\n")
        }
    }
}
