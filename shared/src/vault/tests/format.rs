//! A message's bytes: what is written, what is read, what is refused.

use proptest::prelude::*;

use super::super::message::*;

fn header<'a>(context: &'a [u8], frame_length: u32) -> Header<'a> {
    Header {
        message_id: &[7; 32],
        context,
        key_arn: b"arn:aws:kms:us-east-1:123456789012:key/1",
        wrapped_key: b"wrapped",
        frame_length,
        commitment: &[9; 32],
    }
}

/// A message whose tags are all zero: parsing does not look at them.
fn written(header: &Header<'_>, ciphertexts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    header.write(&mut bytes).unwrap();
    bytes.extend([0; TAG_LENGTH]);
    for (ciphertext, sequence) in ciphertexts.iter().zip(1..) {
        let is_final = usize::try_from(sequence).unwrap() == ciphertexts.len();
        write_frame_start(&mut bytes, sequence, is_final, ciphertext.len()).unwrap();
        bytes.extend(*ciphertext);
        bytes.extend([0; TAG_LENGTH]);
    }
    bytes
}

#[test]
fn a_nonce_is_the_sequence_number_in_12_bytes() {
    assert_eq!(nonce(0), [0; 12]);
    assert_eq!(nonce(0x0102_0304), [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    assert_eq!(
        nonce(u32::MAX),
        [0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255]
    );
}

#[test]
fn a_message_is_taken_apart_into_what_it_was_made_of() {
    let header = header(b"context", 4);
    let bytes = written(&header, &[b"abcd", b"ef"]);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.header, header);
    assert!(bytes.starts_with(message.header_bytes));
    assert_eq!(message.header_bytes.last(), Some(&9));
    let frames: Vec<_> = message
        .frames
        .iter()
        .map(|f| (f.sequence, f.is_final, f.ciphertext))
        .collect();
    assert_eq!(frames, [(1, false, b"abcd".as_slice()), (2, true, b"ef")]);
}

#[test]
fn the_final_frame_may_be_empty_or_full_but_not_longer() {
    let header = header(b"", 2);
    assert!(Message::parse(&written(&header, &[b""])).is_ok());
    assert!(Message::parse(&written(&header, &[b"ab"])).is_ok());
    assert!(Message::parse(&written(&header, &[b"ab", b""])).is_ok());
    let refusal = Message::parse(&written(&header, &[b"abc"])).unwrap_err();
    assert_eq!(
        refusal,
        Malformed("its final frame is longer than its frame length")
    );
}

#[test]
fn a_frame_out_of_order_is_refused() {
    let mut bytes = written(&header(b"", 1), &[b"a"]);
    let frame_start = bytes.len() - (4 + 4 + NONCE_LENGTH + 4 + 1 + TAG_LENGTH);
    bytes[frame_start + 7] = 2;
    assert_eq!(
        Message::parse(&bytes),
        Err(Malformed("its frames are not numbered 1, 2, 3 …"))
    );
}

#[test]
fn every_truncation_and_every_longer_message_is_refused() {
    let bytes = written(&header(b"context", 4), &[b"abcd", b"ef"]);
    for length in 0..bytes.len() {
        assert!(Message::parse(&bytes[..length]).is_err(), "{length}");
    }
    assert_eq!(
        Message::parse(&[&bytes[..], &[0]].concat()),
        Err(Malformed("bytes follow its last frame"))
    );
}

#[test]
fn a_message_past_the_cap_is_refused_unread() {
    assert_eq!(
        Message::parse(&vec![2; MAX_MESSAGE_LENGTH + 1]),
        Err(Malformed("it is too long"))
    );
}

#[test]
fn a_field_that_16_bits_cannot_count_is_not_written() {
    let context = vec![0; 65_536];
    assert!(header(&context, 1).write(&mut Vec::new()).is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Message::parse(&bytes);
    }

    #[test]
    fn a_message_with_arbitrary_bytes_written_over_it_never_panics(
        length in 0_usize..300,
        place in 0_usize..260,
        patch in prop::collection::vec(any::<u8>(), 1..9),
    ) {
        let mut bytes = written(&header(b"context", 16), &[&[1; 16], &[2; 16], &[3; 5]]);
        bytes.splice(place..(place + patch.len()).min(bytes.len()), patch);
        bytes.truncate(length);
        let _ = Message::parse(&bytes);
    }

    #[test]
    fn what_is_read_is_what_was_written(
        context in prop::collection::vec(any::<u8>(), 0..40),
        wrapped_key in prop::collection::vec(any::<u8>(), 0..40),
        frame_length in 1_u32..20,
        content in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let header = Header { wrapped_key: &wrapped_key, ..header(&context, frame_length) };
        let mut frames: Vec<_> = content.chunks(frame_length as usize).collect();
        if frames.is_empty() {
            frames.push(b"");
        }
        let bytes = written(&header, &frames);
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.header, header);
        prop_assert_eq!(message.frames.iter().map(|frame| frame.ciphertext).collect::<Vec<_>>(), frames);
    }
}
