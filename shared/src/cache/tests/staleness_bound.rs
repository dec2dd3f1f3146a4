//! Nothing is ever served that was read longer ago than [`CacheLimits::longest_age`]: by then an account may be
//! another tenant's.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Event {
    /// Time passes.
    Pass(i64),
    /// Somebody asks, the clock is set back, somebody asks.
    SetBack(i64),
    Get(&'static str, Load),
    Refresh(&'static str, Load),
    Invalidate(&'static str),
}

#[derive(Debug, Clone)]
struct Load {
    /// How long the first and the second attempt take, in seconds.
    takes: [i64; 2],
    failure: Option<Failure>,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let seconds = || prop_oneof![Just(0), 0..10_i64, 250..350_i64, 850..950_i64];
    let key = || prop_oneof![Just("a"), Just("b")];
    let failure = prop_oneof![
        Just(None),
        Just(Some(Failure::Unavailable)),
        Just(Some(Failure::Refused))
    ];
    let load = (seconds(), seconds(), failure).prop_map(|(first, second, failure)| Load {
        takes: [first, second],
        failure,
    });
    let event = prop_oneof![
        seconds().prop_map(Event::Pass),
        (1..1_000_i64).prop_map(Event::SetBack),
        (key(), load.clone()).prop_map(|(key, load)| Event::Get(key, load)),
        (key(), load).prop_map(|(key, load)| Event::Refresh(key, load)),
        key().prop_map(Event::Invalidate),
    ];
    prop::collection::vec(event, 1..40)
}

/// The world: its time always goes forward, whatever the clock says. What is loaded is the time at
/// which it was read.
struct World {
    time: Cell<i64>,
    clock: Clock,
}

impl World {
    fn pass(&self, seconds: i64) {
        self.time.set(self.time.get() + seconds);
        self.clock.advance(seconds);
    }

    fn load(&self, load: &Load, attempt: &Cell<usize>) -> Result<i64, Failure> {
        let read_at = self.time.get();
        // A third attempt is quick, or it would go on for ever.
        self.pass(
            load.takes
                .get(attempt.replace(attempt.get() + 1))
                .copied()
                .unwrap_or(0),
        );
        load.failure.map_or(Ok(read_at), Err)
    }
}

proptest! {
    #[test]
    fn nothing_is_served_past_the_longest_age(events in events()) {
        let longest = i64::try_from(CacheLimits::TENANTS.longest_age().as_secs()).unwrap();
        let clock = Clock::fixed("2026-01-01T00:00:00Z".parse().unwrap());
        let world = World { time: Cell::new(0), clock: clock.clone() };
        let cache: Cache<&str, i64, Failure> = Cache::new(CacheLimits::TENANTS, clock);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for event in events {
            let attempt = Cell::new(0);
            let served = match event {
                Event::Pass(seconds) => {
                    world.pass(seconds);
                    None
                }
                Event::SetBack(seconds) => {
                    // What the cache has seen of the time is what it can tell a step back from.
                    let unavailable = || ready(Err(Failure::Unavailable));
                    let _ = runtime.block_on(cache.get_or_load(&"b", unavailable));
                    world.clock.advance(-seconds);
                    runtime.block_on(cache.get_or_load(&"a", unavailable)).ok().map(|cached| cached.value)
                }
                Event::Get(key, load) => {
                    let load = || ready(world.load(&load, &attempt));
                    runtime.block_on(cache.get_or_load(&key, load)).ok().map(|cached| cached.value)
                }
                Event::Refresh(key, load) => {
                    let seen = runtime.block_on(cache.get_or_load(&key, || ready(Err(Failure::Unavailable))));
                    let Ok(seen) = seen else { continue };
                    let load = || ready(world.load(&load, &attempt));
                    runtime.block_on(cache.refresh(&key, &seen.value, load)).ok().map(|refreshed| refreshed.value)
                }
                Event::Invalidate(key) => {
                    cache.invalidate(&key);
                    None
                }
            };
            if let Some(read_at) = served {
                let age = world.time.get() - *read_at;
                prop_assert!((0..longest).contains(&age), "served at the age of {} seconds", age);
            }
        }
    }
}

#[test]
fn the_longest_age_is_a_quarter_of_an_hour() {
    assert_eq!(CacheLimits::TENANTS.longest_age(), Duration::from_mins(15));
}
