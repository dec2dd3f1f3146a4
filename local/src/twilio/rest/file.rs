//! Files as Twilio and its storage hand them out: whole, or the range that was asked for.

use bytes::Bytes;

use crate::double::{Answer, Request};

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
}

/// The part of a file that a request asks for.
enum Part {
    Whole,
    /// From the first byte to the one after the last.
    Range(usize, usize),
    OutOfReach,
}

impl File {
    /// The answer of a file server, which takes one range; of one that `ignores_ranges` always the whole.
    pub(super) fn answer(self, request: &Request, ignores_ranges: bool) -> Answer {
        let length = self.bytes.len();
        let wanted = request.header("range").filter(|_| !ignores_ranges);
        let part = wanted.map_or(Part::Whole, |range| part(range, length));
        let answer = match part {
            Part::Whole => Answer::new(200, &self.content_type, self.bytes),
            Part::Range(first, end) => {
                let bytes = Bytes::from(self.bytes).slice(first..end);
                let range = format!("bytes {first}-{}/{length}", end.saturating_sub(1));
                Answer::new(206, &self.content_type, bytes).with("content-range", range)
            }
            Part::OutOfReach => Answer::new(416, "text/plain", "the range is not in the file\n")
                .with("content-range", format!("bytes */{length}")),
        };
        match ignores_ranges {
            true => answer,
            false => answer.with("accept-ranges", "bytes"),
        }
    }
}

/// What a `Range` means for a file of some length. What is no single range of bytes is ignored.
fn part(range: &str, length: usize) -> Part {
    let ends = range.strip_prefix("bytes=").and_then(|ends| {
        let (first, last) = ends.split_once('-')?;
        Some((first.trim(), last.trim()))
    });
    let number = |text: &str| text.parse::<usize>().ok();
    match ends {
        Some(("", count)) => match number(count) {
            Some(0) => Part::OutOfReach,
            Some(_) if length == 0 => Part::OutOfReach,
            Some(count) => Part::Range(length.saturating_sub(count), length),
            None => Part::Whole,
        },
        Some((first, last)) => {
            let last = if last.is_empty() {
                Some(usize::MAX)
            } else {
                number(last)
            };
            match (number(first), last) {
                (Some(first), Some(last)) if last < first => Part::Whole,
                (Some(first), Some(_)) if first >= length => Part::OutOfReach,
                (Some(first), Some(last)) => Part::Range(first, last.saturating_add(1).min(length)),
                _ => Part::Whole,
            }
        }
        None => Part::Whole,
    }
}

/// A WAV file: 16-bit samples, 8,000 a second, as Twilio records. No two stretches of it are alike, so that a part of it
/// tells where it is from.
pub(super) fn wav(seed: &str, seconds: u32, channels: u16) -> Vec<u8> {
    const RATE: u32 = 8_000;
    let frame = channels.saturating_mul(2);
    let size = seconds
        .saturating_mul(RATE)
        .saturating_mul(u32::from(frame));
    let mut bytes = Vec::new();
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&size.saturating_add(36).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    bytes.extend_from_slice(&1_u16.to_le_bytes());
    bytes.extend_from_slice(&channels.to_le_bytes());
    bytes.extend_from_slice(&RATE.to_le_bytes());
    bytes.extend_from_slice(&RATE.saturating_mul(u32::from(frame)).to_le_bytes());
    bytes.extend_from_slice(&frame.to_le_bytes());
    bytes.extend_from_slice(&16_u16.to_le_bytes());
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&size.to_le_bytes());
    noise(&mut bytes, seed, size);
    bytes
}

/// An MP3 file: frames of MPEG-2 Layer III at 32 kbit/s, 22,050 Hz, one channel, as Twilio makes them, which decoders hear as
/// silence. What is in them besides tells one frame from another.
pub(super) fn mp3(seed: &str, seconds: u32) -> Vec<u8> {
    // The header, and 9 bytes of side information that say that the frame holds no sound.
    const HEAD: [u8; 13] = [0xFF, 0xF3, 0x40, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const FRAME_BYTES: u32 = 104;
    // 22,050 samples a second, 576 a frame.
    let frames = seconds.saturating_mul(22_050) / 576;
    let mut bytes = Vec::new();
    for frame in 0..frames {
        bytes.extend_from_slice(&HEAD);
        noise(&mut bytes, &format!("{seed}{frame}"), FRAME_BYTES - 13);
    }
    bytes
}

/// Adds so many bytes of what looks like chance and is always the same (xorshift).
fn noise(bytes: &mut Vec<u8>, seed: &str, count: u32) {
    let mut state = seed.bytes().fold(0x9E37_79B9_7F4A_7C15_u64, |state, byte| {
        state.rotate_left(7) ^ u64::from(byte).wrapping_mul(0x0100_0000_01B3)
    });
    let count = usize::try_from(count).unwrap_or_default();
    let end = bytes.len().saturating_add(count);
    bytes.reserve(count.saturating_add(8));
    while bytes.len() < end {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // Never a byte that a frame of MP3 begins with.
        bytes.extend(state.to_le_bytes().map(|byte| byte & 0x7F));
    }
    bytes.truncate(end);
}

/// A picture of one pixel.
pub(super) const PNG: &[u8] = &[
    0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1F, 0x15, 0xC4,
    0x89, 0x00, 0x00, 0x00, 0x0D, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9C, 0x63, 0xF8, 0xCF, 0xC0, 0xF0,
    0x1F, 0x00, 0x05, 0x00, 0x01, 0xFF, 0x89, 0x99, 0x3D, 0x1D, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45,
    0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82,
];
