//! What is kept of a webhook's parameters.

use std::collections::{BTreeMap, BTreeSet};

use super::Route;
use crate::twilio::Parameters;

/// Parameters that are not kept: twins of others, what every webhook repeats, and tokens that let their holder act.
const LEFT_OUT: &[&str] = &[
    "AccountSid",
    "ApiVersion",
    "CallToken",
    "Called",
    "CalledCity",
    "CalledCountry",
    "CalledState",
    "CalledZip",
    "Caller",
    "CallerCity",
    "CallerCountry",
    "CallerState",
    "CallerZip",
    "SmsMessageSid",
    "SmsSid",
    "SmsStatus",
    "StirPassportToken",
];

/// What Twilio itself says of a call with every request about it. A child's parent is not among them: a browser's own leg
/// has none.
const OF_EVERY_CALL: &[&str] = &[
    "AddOns",
    "ApplicationSid",
    "CallSid",
    "CallStatus",
    "CallerName",
    "Direction",
    "ErrorCode",
    "ErrorUrl",
    "ForwardedFrom",
    "From",
    "FromCity",
    "FromCountry",
    "FromState",
    "FromZip",
    "StirVerstat",
    "To",
    "ToCity",
    "ToCountry",
    "ToState",
    "ToZip",
];

/// What Twilio adds at the end of a `<Dial>`.
const OF_A_DIAL: &[&str] = &[
    "DialBridged",
    "DialCallDuration",
    "DialCallSid",
    "DialCallStatus",
    "RecordingDuration",
    "RecordingSid",
    "RecordingUrl",
];

/// What Twilio adds when it reports how a call goes.
const OF_A_STATUS: &[&str] = &[
    "AnsweredBy",
    "CallDuration",
    "CallbackSource",
    "Duration",
    "ErrorMessage",
    "RecordingDuration",
    "RecordingSid",
    "RecordingUrl",
    "SequenceNumber",
    "SipResponseCode",
    "StirStatus",
    "Timestamp",
];

/// What Twilio adds at the end of a `<Record>`.
const OF_A_VOICEMAIL: &[&str] = &[
    "Digits",
    "RecordingDuration",
    "RecordingSid",
    "RecordingUrl",
];

/// The bytes that names and values of one fact may have together. An item holds about 20 such facts.
const MOST_BYTES: usize = 16 * 1024;
/// How many parameters one fact may have. Twilio's fullest webhooks have about half of it.
const MOST_PARAMETERS: usize = 128;
/// The bytes that a name may have; Twilio's longest have about half of it.
const LONGEST_NAME: usize = 64;
/// Values up to this many bytes are never cut: SIDs, statuses, numbers and times are all shorter.
const NEVER_CUT: usize = 64;

// However many parameters there are and whatever they are called, the short values always have room.
const _: () = assert!(MOST_PARAMETERS * (LONGEST_NAME + NEVER_CUT) <= MOST_BYTES);

/// The parameters of one webhook, sorted by who wrote them and cut to what one fact may hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) custom: BTreeMap<String, String>,
    pub(super) truncated: BTreeSet<String>,
    pub(super) dropped: u32,
}

impl Kept {
    /// Takes what is kept. Of a repeated parameter the first value counts. The same parameters in another order give the same.
    pub(super) fn of(route: Route, parameters: &Parameters<'_>) -> Self {
        let (mut first, mut ambiguous) = (BTreeMap::new(), BTreeSet::new());
        for (name, value) in parameters.iter() {
            // DynamoDB takes no attribute without a name.
            if name.is_empty() || value.is_empty() || LEFT_OUT.contains(&name) {
                continue;
            }
            if *first.entry(name).or_insert(value) != value {
                ambiguous.insert(name);
            }
        }
        let added = added_to_a_browsers_call(route, parameters);
        if added.is_some() {
            // The browser's own name is the one that Twilio wrote: what it passes beside it does not turn the call around.
            first.extend(browsers(parameters).next().map(|from| ("From", from)));
        }
        let is_custom = |name: &str| {
            added.is_some_and(|added| {
                let is_of_twilio = OF_EVERY_CALL.contains(&name) || added.contains(&name);
                // A browser that says twice whom it dials dials nobody: `To` is then what it passed, and no more.
                !is_of_twilio || (ambiguous.contains(name) && name != "From")
            })
        };
        let mut ordered: Vec<(&str, &str)> = first.into_iter().collect();
        // Those that a state is derived from have short names: if anything has no room, it is the others.
        ordered.sort_by_key(|(name, _)| (is_custom(name), name.len(), *name));
        let whole = ordered.len();
        ordered.retain(|(name, _)| name.len() <= LONGEST_NAME);
        ordered.truncate(MOST_PARAMETERS);
        let limit = longest_value(&ordered);
        let mut kept = Self {
            dropped: u32::try_from(whole - ordered.len()).unwrap_or(u32::MAX),
            ..Self::default()
        };
        for (name, value) in ordered {
            let (name, part) = (name.to_owned(), start(value, limit));
            if part.len() < value.len() {
                kept.truncated.insert(name.clone());
            }
            let of_writer = match is_custom(&name) {
                true => &mut kept.custom,
                false => &mut kept.parameters,
            };
            of_writer.insert(name, part.to_owned());
        }
        kept
    }
}

/// The browsers that a request names as its caller, each once; more than one, and nobody can tell whose call it is.
pub(super) fn browsers<'p>(parameters: &'p Parameters<'_>) -> impl Iterator<Item = &'p str> {
    let callers = parameters.iter().filter(|(name, _)| *name == "From");
    let browsers: BTreeSet<&str> = callers
        .map(|(_, from)| from)
        .filter(|from| from.starts_with("client:"))
        .collect();
    browsers.into_iter()
}

/// What Twilio adds on a route to [`OF_EVERY_CALL`], if the request is about a browser's own leg.
///
/// What a browser passes to `device.connect` arrives under whatever names it chose, signed like everything else. Whether only
/// the request for the first document repeats it is not documented: so it is kept apart everywhere, and of a name that
/// arrives with two values neither is taken for Twilio's.
fn added_to_a_browsers_call(
    route: Route,
    parameters: &Parameters<'_>,
) -> Option<&'static [&'static str]> {
    let values = |wanted: &'static str| {
        let named = parameters.iter().filter(move |(name, _)| *name == wanted);
        named.map(|(_, value)| value)
    };
    let by_browser = browsers(parameters).next().is_some();
    // A leg that was dialled for a browser has its name as the caller, and nothing of what it passed.
    let is_dialled = values("Direction").next().is_some()
        && values("Direction").all(|direction| direction.starts_with("outbound"));
    if !by_browser || is_dialled {
        return None;
    }
    match route {
        Route::Voice => Some(&[]),
        Route::VoiceDial => Some(OF_A_DIAL),
        Route::VoiceStatus => Some(OF_A_STATUS),
        Route::VoiceVoicemail => Some(OF_A_VOICEMAIL),
        _ => None,
    }
}

/// The most bytes that a value may have so that everything has room: short values leave theirs to the longer ones.
fn longest_value(parameters: &[(&str, &str)]) -> usize {
    let names: usize = parameters.iter().map(|(name, _)| name.len()).sum();
    let mut room = MOST_BYTES.saturating_sub(names);
    let mut lengths: Vec<usize> = parameters.iter().map(|(_, value)| value.len()).collect();
    lengths.sort_unstable();
    for (shorter, length) in lengths.iter().enumerate() {
        let share = room / (lengths.len() - shorter);
        if *length > share {
            return share;
        }
        room -= length;
    }
    usize::MAX
}

/// The start of a text, whole characters of at most so many bytes.
fn start(text: &str, bytes: usize) -> &str {
    let end = text.floor_char_boundary(bytes);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(route: Route, parameters: &[(&str, &str)]) -> Kept {
        Kept::of(route, &parameters.iter().copied().collect())
    }

    fn bytes(kept: &Kept) -> usize {
        let both = kept.parameters.iter().chain(&kept.custom);
        both.map(|(name, value)| name.len() + value.len()).sum()
    }

    #[test]
    fn a_name_that_is_empty_is_not_kept() {
        let kept = kept(Route::Sms, &[("", "x"), ("Body", "Hello")]);
        assert_eq!(kept.parameters.keys().collect::<Vec<_>>(), ["Body"]);
    }

    #[test]
    fn the_longest_values_are_cut_and_named_and_the_others_are_whole() {
        let long = "ä".repeat(60_000);
        let status = "s".repeat(NEVER_CUT);
        let kept = kept(
            Route::Sms,
            &[
                ("Body", &long),
                ("AddOns", &long),
                ("MessageStatus", &status),
            ],
        );
        assert_eq!(
            kept.truncated.iter().collect::<Vec<_>>(),
            ["AddOns", "Body"]
        );
        assert_eq!(kept.parameters["MessageStatus"], status);
        assert!(long.starts_with(&kept.parameters["Body"]));
        assert!((MOST_BYTES - 4..=MOST_BYTES).contains(&bytes(&kept)));
    }

    #[test]
    fn of_too_many_parameters_those_with_long_names_are_dropped_and_counted() {
        let names: Vec<String> = (0..300).map(|n| format!("SipHeader_X-{n}")).collect();
        let mut parameters: Vec<(&str, &str)> =
            names.iter().map(|name| (name.as_str(), "1")).collect();
        parameters.push(("To", "+12125550100"));
        let long = "n".repeat(LONGEST_NAME + 1);
        parameters.push((&long, "1"));
        let kept = kept(Route::Voice, &parameters);
        assert!(kept.parameters.contains_key("To"));
        assert_eq!(kept.parameters.len(), MOST_PARAMETERS);
        assert_eq!(kept.dropped, 302 - 128);
    }

    #[test]
    fn a_value_that_a_browser_may_have_passed_is_not_taken_for_twilios() {
        let end = [("From", "client:alice"), ("CallDuration", "42")];
        let own = kept(Route::VoiceStatus, &end);
        assert_eq!(own.parameters["CallDuration"], "42");
        for passed in [("CallDuration", "99999"), ("From", "+12125550100")] {
            let both = kept(Route::VoiceStatus, &[&[passed], &end[..]].concat());
            let is_kept_apart = both.custom.contains_key("CallDuration");
            assert_eq!(is_kept_apart, passed.0 == "CallDuration");
            let voice = kept(Route::Voice, &[&[passed], &end[..]].concat());
            assert!(voice.custom.contains_key("CallDuration"));
        }
    }

    #[test]
    fn what_a_browser_passes_never_crowds_out_what_twilio_says() {
        let names: Vec<String> = (0..300).map(|n| format!("{n}")).collect();
        let mut parameters: Vec<(&str, &str)> =
            names.iter().map(|name| (name.as_str(), "1")).collect();
        parameters.extend([("From", "client:alice"), ("ApplicationSid", "AP1")]);
        let kept = kept(Route::Voice, &parameters);
        assert_eq!(
            kept.parameters.keys().collect::<Vec<_>>(),
            ["ApplicationSid", "From"]
        );
        assert_eq!(kept.custom.len(), MOST_PARAMETERS - 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn whatever_comes_a_fact_stays_small_and_its_short_values_whole(
            parameters in proptest::collection::vec((".{0,80}", "x{0,100}|ä{5000}"), 0..200)
        ) {
            let all: Vec<(&str, &str)> =
                parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let forward = kept(Route::Sms, &all);
            prop_assert!(bytes(&forward) <= MOST_BYTES);
            for name in &forward.truncated {
                prop_assert!(forward.parameters[name].len() >= NEVER_CUT - 3);
            }
            let whole: BTreeMap<&str, &str> = all.iter().rev().copied().collect();
            for (name, value) in &forward.parameters {
                let is_cut = forward.truncated.contains(name);
                prop_assert!(is_cut || parameters.iter().any(|(n, v)| n == name && v == value));
                prop_assert!(!is_cut || whole.contains_key(name.as_str()));
            }
        }
    }
}
