//! A message that was changed in any way does not open.

use proptest::prelude::*;

use super::super::envelope::{Envelope, OpenFailure, SealFailure, seal};
use super::super::message::{MAX_MESSAGE_LENGTH, Message};
use super::{PLAINTEXT, data_key, open, sealed, sealed_with_id};

// Where the parts of `sealed()` lie.
const CONTEXT: usize = 2 + (2 + 9) + (2 + 4);
const WRAPPED_KEY: usize = 2 + (2 + 7) + (2 + 78) + (2 + 7);
const COMMITMENT: usize = 1 + 2 + 32 + (2 + CONTEXT) + WRAPPED_KEY + 1 + 4;
const FRAMES: usize = COMMITMENT + 32 + 16;
const FRAME: usize = 4 + 12 + 5 + 16;

#[test]
fn a_message_opens_under_its_data_key() {
    assert_eq!(open(&sealed(), &data_key(1)).unwrap(), PLAINTEXT);
}

#[test]
fn another_data_key_fails_at_the_commitment() {
    assert_eq!(open(&sealed(), &data_key(2)), Err(OpenFailure::Commitment));
}

#[test]
fn another_commitment_fails_before_anything_is_decrypted() {
    let mut message = sealed();
    message[COMMITMENT] ^= 1;
    assert_eq!(open(&message, &data_key(1)), Err(OpenFailure::Commitment));
}

#[test]
fn every_truncation_is_refused() {
    let message = sealed();
    for length in 0..message.len() {
        assert!(Message::parse(&message[..length]).is_err(), "{length}");
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let message = sealed();
    for bit in 0..message.len() * 8 {
        let mut changed = message.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let is_opened = Message::parse(&changed)
            .is_ok_and(|message| super::envelope::open(&message, &data_key(1)).is_ok());
        assert!(!is_opened, "bit {bit}");
    }
}

#[test]
fn bytes_after_the_last_frame_are_refused() {
    for extra in [&[0_u8][..], &sealed()] {
        assert!(Message::parse(&[&sealed(), extra].concat()).is_err());
    }
}

#[test]
fn frames_in_another_order_are_refused() {
    let message = sealed();
    let (header, frames) = message.split_at(FRAMES);
    let (first, rest) = frames.split_at(FRAME);
    let (second, third) = rest.split_at(FRAME);
    assert!(Message::parse(&[header, second, first, third].concat()).is_err());
    assert!(Message::parse(&[header, second, third].concat()).is_err());
}

#[test]
fn frames_of_another_message_under_the_same_data_key_are_refused() {
    let (one, other) = (sealed(), sealed_with_id(6));
    let grafted = [&one[..FRAMES], &other[FRAMES..]].concat();
    assert_eq!(open(&grafted, &data_key(1)), Err(OpenFailure::Content));
}

#[test]
fn a_message_cut_at_a_frame_is_refused() {
    let message = sealed();
    assert!(Message::parse(&message[..FRAMES + FRAME]).is_err());
}

#[test]
fn a_plaintext_past_the_cap_is_not_sealed() {
    let envelope = Envelope {
        message_id: &[5; 32],
        context: &[],
        key_arn: super::KEY_ARN,
        wrapped_key: b"wrapped",
        frame_length: 4096,
    };
    let fitting = seal(
        &envelope,
        &data_key(1),
        &vec![0; MAX_MESSAGE_LENGTH - 4_096],
    )
    .unwrap();
    assert!(Message::parse(&fitting).is_ok());
    for length in [MAX_MESSAGE_LENGTH - 100, MAX_MESSAGE_LENGTH + 1] {
        let refused = seal(&envelope, &data_key(1), &vec![0; length]);
        assert_eq!(refused, Err(SealFailure::TooLong));
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        plaintext in prop::collection::vec(any::<u8>(), 0..200),
        frame_length in 1_u32..70,
        context in prop::collection::vec(any::<u8>(), 0..60),
        message_id in any::<[u8; 32]>(),
    ) {
        let envelope = Envelope {
            message_id: &message_id,
            context: &context,
            key_arn: super::KEY_ARN,
            wrapped_key: b"wrapped",
            frame_length,
        };
        let message = seal(&envelope, &data_key(1), &plaintext).unwrap();
        prop_assert_eq!(Message::parse(&message).unwrap().header.context, &context);
        prop_assert_eq!(open(&message, &data_key(1)).unwrap(), plaintext);
    }

    #[test]
    fn changed_bytes_never_open_and_never_panic(
        place in 0_usize..400,
        patch in prop::collection::vec(any::<u8>(), 0..20),
        removed in 0_usize..20,
    ) {
        let message = sealed();
        let start = place.min(message.len());
        let end = (start + removed).min(message.len());
        let mut changed = message.clone();
        changed.splice(start..end, patch);
        prop_assume!(changed != message);
        let is_opened = Message::parse(&changed)
            .is_ok_and(|message| super::envelope::open(&message, &data_key(1)).is_ok());
        prop_assert!(!is_opened);
    }
}
