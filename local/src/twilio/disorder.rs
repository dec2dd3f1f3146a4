//! Callbacks that arrive late, twice, in another order, or never.

use std::time::Duration;

use super::sids::SidSupply;

/// How a list of callbacks is upset. The same seed upsets the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Disorder {
    /// What the choices are drawn from.
    pub seed: u64,
    /// Whether the order is drawn too.
    pub shuffled: bool,
    /// How many more times than once a callback arrives at least.
    pub fewest_extra_copies: usize,
    /// How many more times than once a callback arrives at most.
    pub most_extra_copies: usize,
    /// How many of 100 callbacks are lost, with all their copies.
    pub lost_percent: usize,
    /// What passes before each delivery.
    pub delay: Duration,
}

impl Disorder {
    /// Everything once and in order.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Any order, and each callback once to three times; nothing is lost.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            shuffled: true,
            most_extra_copies: 2,
            ..Self::default()
        }
    }

    /// Which of `count` callbacks are delivered, in which order.
    #[must_use]
    pub fn arrange(&self, count: usize) -> Vec<usize> {
        let choices = SidSupply::seeded(self.seed);
        let mut order = Vec::new();
        for index in 0..count {
            let is_lost = choices.below(100) < self.lost_percent;
            let spread = self
                .most_extra_copies
                .saturating_sub(self.fewest_extra_copies);
            let copies = choices
                .below(spread.saturating_add(1))
                .saturating_add(self.fewest_extra_copies);
            if !is_lost {
                order.extend(std::iter::repeat_n(index, copies.saturating_add(1)));
            }
        }
        if self.shuffled {
            // Fisher and Yates.
            for place in (1..order.len()).rev() {
                order.swap(place, choices.below(place + 1));
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_disorder_everything_arrives_once_and_in_order() {
        assert_eq!(Disorder::none().arrange(4), [0, 1, 2, 3]);
    }

    #[test]
    fn a_fixed_number_of_copies_is_that_number() {
        let disorder = Disorder {
            fewest_extra_copies: 1,
            most_extra_copies: 1,
            ..Disorder::none()
        };
        assert_eq!(disorder.arrange(2), [0, 0, 1, 1]);
    }

    #[test]
    fn a_seed_upsets_the_same_way_and_loses_nothing() {
        let order = Disorder::seeded(11).arrange(20);
        assert_eq!(order, Disorder::seeded(11).arrange(20));
        assert_ne!(order, Disorder::seeded(12).arrange(20));
        assert!(!order.is_sorted());
        for index in 0..20 {
            let copies = order.iter().filter(|&&other| other == index).count();
            assert!((1..=3).contains(&copies), "{index}: {copies}");
        }
    }

    #[test]
    fn lost_callbacks_have_no_copies() {
        let disorder = Disorder {
            lost_percent: 50,
            ..Disorder::seeded(5)
        };
        let order = disorder.arrange(200);
        let arrived = (0..200).filter(|index| order.contains(index)).count();
        assert!((60..140).contains(&arrived), "{arrived}");
        assert!(
            Disorder {
                lost_percent: 100,
                ..disorder
            }
            .arrange(10)
            .is_empty()
        );
    }
}
