//! Sealing and opening a message under a data key at hand.

use aws_lc_rs::aead::{Aad, Nonce};
use aws_lc_rs::error::Unspecified;
use zeroize::Zeroizing;

use super::keys::{DataKey, MessageKeys};
use super::message::{
    self, Header, MAX_MESSAGE_LENGTH, MESSAGE_ID_LENGTH, Malformed, Message, TAG_LENGTH,
};

/// What a message is made of, besides its data key and its plaintext.
pub(crate) struct Envelope<'a> {
    /// 32 random bytes, never used before.
    pub(crate) message_id: &'a [u8; MESSAGE_ID_LENGTH],
    /// The serialised encryption context.
    pub(crate) context: &'a [u8],
    pub(crate) key_arn: &'a str,
    pub(crate) wrapped_key: &'a [u8],
    /// In bytes; not 0.
    pub(crate) frame_length: u32,
}

/// Why a value is not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealFailure {
    #[error("the message would be longer than {MAX_MESSAGE_LENGTH} bytes")]
    TooLong,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the encryption failed")]
    Encryption,
}

impl From<Unspecified> for SealFailure {
    fn from(_: Unspecified) -> Self {
        Self::Encryption
    }
}

/// Why a message is not opened. For logs alone: who asks learns only that it cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OpenFailure {
    #[error("its data key does not match its commitment")]
    Commitment,
    #[error("its header is not authentic")]
    Header,
    #[error("its content is not authentic")]
    Content,
}

/// Seals a plaintext. The same arguments give the same bytes, so a message id is used once only.
///
/// As other implementations do, a plaintext that fills its last frame is followed by an empty final
/// frame.
pub(crate) fn seal(
    envelope: &Envelope<'_>,
    data_key: &DataKey,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealFailure> {
    if plaintext.len() > MAX_MESSAGE_LENGTH {
        return Err(SealFailure::TooLong);
    }
    let keys = MessageKeys::derive(data_key, envelope.message_id)?;
    let header = Header {
        message_id: envelope.message_id,
        context: envelope.context,
        key_arn: envelope.key_arn.as_bytes(),
        wrapped_key: envelope.wrapped_key,
        frame_length: envelope.frame_length,
        commitment: &keys.commitment,
    };
    // Enough for a header and one frame of a credential's usual size.
    let mut sealed = Vec::with_capacity(plaintext.len().saturating_add(1_024));
    header.write(&mut sealed)?;
    let header_tag = seal_part(&keys, 0, &sealed, &[], &mut [])?;
    sealed.extend(header_tag);

    let frame_length = usize::try_from(envelope.frame_length.max(1)).unwrap_or(usize::MAX);
    let mut rest = plaintext;
    for sequence in 1.. {
        let is_final = rest.len() < frame_length;
        let (frame, after) = rest.split_at_checked(frame_length).unwrap_or((rest, &[]));
        rest = after;
        message::write_frame_start(&mut sealed, sequence, is_final, frame.len())?;
        let aad = message::frame_aad(envelope.message_id, sequence, is_final, frame.len());
        let start = sealed.len();
        sealed.resize(start.saturating_add(frame.len()), 0);
        let ciphertext = sealed.get_mut(start..).ok_or(SealFailure::Encryption)?;
        let tag = seal_part(&keys, sequence, &aad, frame, ciphertext)?;
        sealed.extend(tag);
        if sealed.len() > MAX_MESSAGE_LENGTH {
            return Err(SealFailure::TooLong);
        }
        if is_final {
            break;
        }
    }
    Ok(sealed)
}

/// Opens a message that names `context` and whose data key is `data_key`.
///
/// Nothing of the plaintext leaves before all of it is authenticated.
pub(crate) fn open(
    message: &Message<'_>,
    data_key: &DataKey,
) -> Result<Zeroizing<Vec<u8>>, OpenFailure> {
    let keys = MessageKeys::derive(data_key, message.header.message_id)
        .map_err(|_| OpenFailure::Commitment)?;
    if !keys.commits_to(message.header.commitment) {
        return Err(OpenFailure::Commitment);
    }
    open_part(
        &keys,
        0,
        message.header_bytes,
        &[],
        message.header_tag,
        &mut [],
    )
    .map_err(|_| OpenFailure::Header)?;

    let length = message
        .frames
        .iter()
        .map(|frame| frame.ciphertext.len())
        .sum();
    // Allocated once at its full length: a buffer that grew would leave copies behind.
    let mut plaintext = Zeroizing::new(vec![0; length]);
    let mut rest = plaintext.as_mut_slice();
    for frame in &message.frames {
        let length = frame.ciphertext.len();
        let (part, after) = rest
            .split_at_mut_checked(length)
            .ok_or(OpenFailure::Content)?;
        let aad = message::frame_aad(
            message.header.message_id,
            frame.sequence,
            frame.is_final,
            length,
        );
        open_part(
            &keys,
            frame.sequence,
            &aad,
            frame.ciphertext,
            frame.tag,
            part,
        )
        .map_err(|_| OpenFailure::Content)?;
        rest = after;
    }
    Ok(plaintext)
}

fn seal_part(
    keys: &MessageKeys,
    sequence: u32,
    aad: &[u8],
    plaintext: &[u8],
    ciphertext: &mut [u8],
) -> Result<[u8; TAG_LENGTH], Unspecified> {
    let nonce = Nonce::assume_unique_for_key(message::nonce(sequence));
    let mut tag = [0; TAG_LENGTH];
    keys.cipher.seal_out_of_place_scatter(
        nonce,
        Aad::from(aad),
        plaintext,
        ciphertext,
        &[],
        &mut tag,
    )?;
    Ok(tag)
}

fn open_part(
    keys: &MessageKeys,
    sequence: u32,
    aad: &[u8],
    ciphertext: &[u8],
    tag: &[u8; TAG_LENGTH],
    plaintext: &mut [u8],
) -> Result<(), Unspecified> {
    let nonce = Nonce::assume_unique_for_key(message::nonce(sequence));
    keys.cipher
        .open_separate_gather(nonce, Aad::from(aad), ciphertext, tag, plaintext)
}
