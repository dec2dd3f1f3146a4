//! The stored form: an AWS Encryption SDK message, format version 2, as bytes. No cryptography
//! happens here.
//!
//! Source: <https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html>.
//! Of all that the format allows, exactly this is read and written:
//!
//! - format version 2 and algorithm suite 0x0478 (AES-256-GCM, HKDF-SHA-512, key commitment, no
//!   signature);
//! - one encrypted data key, whose provider is `aws-kms`;
//! - framed content of any frame length, in any number of frames, their nonces the sequence
//!   numbers, as the specification constructs them. Non-framed content, which no implementation
//!   writes unless told to, is refused.
//!
//! Every byte of a message is either fixed, counted or authenticated: a message has one reading,
//! and nothing may follow it.

/// The longest message that is read or written, in bytes: half of what a DynamoDB item can hold.
pub(crate) const MAX_MESSAGE_LENGTH: usize = 200 * 1024;
/// The length of every frame but the last that is written, in bytes. It is what other
/// implementations write by default.
pub(crate) const FRAME_LENGTH: u32 = 4096;
/// The algorithm suite's id.
pub(crate) const ALGORITHM_SUITE: [u8; 2] = [0x04, 0x78];
/// The length of a message id, in bytes.
pub(crate) const MESSAGE_ID_LENGTH: usize = 32;
/// The length of a commitment, in bytes.
pub(crate) const COMMITMENT_LENGTH: usize = 32;
/// The length of an AES-GCM tag, in bytes.
pub(crate) const TAG_LENGTH: usize = 16;
/// The length of an AES-GCM nonce, in bytes.
pub(crate) const NONCE_LENGTH: usize = 12;

const FORMAT_VERSION: u8 = 2;
const FRAMED_CONTENT: u8 = 2;
const FINAL_FRAME: u32 = u32::MAX;
const KEY_PROVIDER: &[u8] = b"aws-kms";
/// KMS takes key names of up to 2,048 characters and returns ciphertexts of up to 6,144 bytes.
const MAX_KEY_ARN_LENGTH: usize = 2_048;
const MAX_WRAPPED_KEY_LENGTH: usize = 6_144;
const ORDINARY_FRAME_PURPOSE: &[u8] = b"AWSKMSEncryptionClient Frame";
const FINAL_FRAME_PURPOSE: &[u8] = b"AWSKMSEncryptionClient Final Frame";

/// Bytes that are not a message of the stored form, or a message that cannot be written; says which
/// part is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message of the stored form: {0}")]
pub(crate) struct Malformed(pub(super) &'static str);

/// What precedes a message's content. All of it is authenticated by the tag that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    /// Random; the salt of the key derivation.
    pub(crate) message_id: &'a [u8; MESSAGE_ID_LENGTH],
    /// The serialised encryption context.
    pub(crate) context: &'a [u8],
    /// The KMS key that wrapped the data key.
    pub(crate) key_arn: &'a [u8],
    /// The data key as KMS wrapped it.
    pub(crate) wrapped_key: &'a [u8],
    /// The plaintext length of every frame but the last, in bytes; not 0.
    pub(crate) frame_length: u32,
    /// What only the right data key derives.
    pub(crate) commitment: &'a [u8; COMMITMENT_LENGTH],
}

impl Header<'_> {
    /// Appends the header without its tag.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) -> Result<(), Malformed> {
        bytes.push(FORMAT_VERSION);
        bytes.extend(ALGORITHM_SUITE);
        bytes.extend(self.message_id);
        write_short(bytes, self.context)?;
        bytes.extend(1_u16.to_be_bytes());
        for field in [KEY_PROVIDER, self.key_arn, self.wrapped_key] {
            write_short(bytes, field)?;
        }
        bytes.push(FRAMED_CONTENT);
        bytes.extend(self.frame_length.to_be_bytes());
        bytes.extend(self.commitment);
        Ok(())
    }
}

/// One piece of the encrypted content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// Its place; the first is 1.
    pub(crate) sequence: u32,
    /// Whether it is the last. Only the last may be shorter than the frame length, and may be
    /// empty.
    pub(crate) is_final: bool,
    pub(crate) ciphertext: &'a [u8],
    pub(crate) tag: &'a [u8; TAG_LENGTH],
}

/// A message taken apart. Nothing in it is authenticated yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) header: Header<'a>,
    /// The bytes that the header's tag authenticates.
    pub(crate) header_bytes: &'a [u8],
    pub(crate) header_tag: &'a [u8; TAG_LENGTH],
    /// In order, without a gap, the last one final.
    pub(crate) frames: Vec<Frame<'a>>,
}

impl<'a> Message<'a> {
    /// Takes a message apart, checking each length before it is used.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_MESSAGE_LENGTH {
            return Err(Malformed("it is too long"));
        }
        let mut reader = Reader { rest: bytes };
        let header = reader.header()?;
        let header_bytes = bytes
            .len()
            .checked_sub(reader.rest.len())
            .and_then(|length| bytes.get(..length))
            .unwrap_or_default();
        let header_tag = reader.array()?;
        let frames = reader.frames(header.frame_length)?;
        if !reader.rest.is_empty() {
            return Err(Malformed("bytes follow its last frame"));
        }
        Ok(Self {
            header,
            header_bytes,
            header_tag,
            frames,
        })
    }
}

/// Appends what precedes a frame's ciphertext.
pub(crate) fn write_frame_start(
    bytes: &mut Vec<u8>,
    sequence: u32,
    is_final: bool,
    length: usize,
) -> Result<(), Malformed> {
    if is_final {
        bytes.extend(FINAL_FRAME.to_be_bytes());
    }
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(nonce(sequence));
    if is_final {
        let length = u32::try_from(length).map_err(|_| Malformed("a frame is too long"))?;
        bytes.extend(length.to_be_bytes());
    }
    Ok(())
}

/// A frame's nonce: its sequence number. The header's is that of sequence 0. No key is used for
/// more than one message.
pub(crate) fn nonce(sequence: u32) -> [u8; NONCE_LENGTH] {
    let [a, b, c, d] = sequence.to_be_bytes();
    [0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]
}

/// What a frame's tag authenticates besides its ciphertext: message, kind, place and length.
pub(crate) fn frame_aad(
    message_id: &[u8; MESSAGE_ID_LENGTH],
    sequence: u32,
    is_final: bool,
    length: usize,
) -> Vec<u8> {
    let purpose = if is_final {
        FINAL_FRAME_PURPOSE
    } else {
        ORDINARY_FRAME_PURPOSE
    };
    let length = u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes();
    [
        message_id.as_slice(),
        purpose,
        &sequence.to_be_bytes(),
        &length,
    ]
    .concat()
}

fn write_short(bytes: &mut Vec<u8>, field: &[u8]) -> Result<(), Malformed> {
    let length =
        u16::try_from(field.len()).map_err(|_| Malformed("a field of its header is too long"))?;
    bytes.extend(length.to_be_bytes());
    bytes.extend(field);
    Ok(())
}

/// Takes fields off the front of a message.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Malformed("it is cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<&'a [u8; LENGTH], Malformed> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(Malformed("it is cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn short(&mut self) -> Result<u16, Malformed> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn long(&mut self) -> Result<u32, Malformed> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn counted(&mut self, most: usize) -> Result<&'a [u8], Malformed> {
        let length = usize::from(self.short()?);
        if length > most {
            return Err(Malformed("a field of its header is too long"));
        }
        self.take(length)
    }

    fn header(&mut self) -> Result<Header<'a>, Malformed> {
        if self.array()? != &[FORMAT_VERSION] {
            return Err(Malformed("its format version is not 2"));
        }
        if self.array()? != &ALGORITHM_SUITE {
            return Err(Malformed("its algorithm suite is not 0x0478"));
        }
        let message_id = self.array()?;
        let context = self.counted(usize::from(u16::MAX))?;
        if self.short()? != 1 {
            return Err(Malformed("it does not hold exactly one encrypted data key"));
        }
        if self.counted(KEY_PROVIDER.len())? != KEY_PROVIDER {
            return Err(Malformed("its key provider is not aws-kms"));
        }
        let key_arn = self.counted(MAX_KEY_ARN_LENGTH)?;
        let wrapped_key = self.counted(MAX_WRAPPED_KEY_LENGTH)?;
        if self.array()? != &[FRAMED_CONTENT] {
            return Err(Malformed("its content is not framed"));
        }
        let frame_length = self.long()?;
        if frame_length == 0 {
            return Err(Malformed("its frame length is 0"));
        }
        let commitment = self.array()?;
        Ok(Header {
            message_id,
            context,
            key_arn,
            wrapped_key,
            frame_length,
            commitment,
        })
    }

    fn frames(&mut self, frame_length: u32) -> Result<Vec<Frame<'a>>, Malformed> {
        let mut frames = Vec::with_capacity(1);
        // A frame takes at least 33 bytes, so the message's length bounds the numbers far below
        // `FINAL_FRAME`.
        for expected in 1.. {
            let mut sequence = self.long()?;
            let is_final = sequence == FINAL_FRAME;
            if is_final {
                sequence = self.long()?;
            }
            if sequence != expected {
                return Err(Malformed("its frames are not numbered 1, 2, 3 …"));
            }
            if self.array()? != &nonce(sequence) {
                return Err(Malformed("a frame's nonce is not its sequence number"));
            }
            let length = if is_final { self.long()? } else { frame_length };
            if length > frame_length {
                return Err(Malformed("its final frame is longer than its frame length"));
            }
            let length = usize::try_from(length).map_err(|_| Malformed("a frame is too long"))?;
            frames.push(Frame {
                sequence,
                is_final,
                ciphertext: self.take(length)?,
                tag: self.array()?,
            });
            if is_final {
                break;
            }
        }
        Ok(frames)
    }
}
