//! What browsers are told that a file is.

/// What is shown or played where it is: sounds, pictures and films that no browser runs anything in, and PDF. A picture in SVG may
/// hold a program, and is none of them.
const SHOWN: &[&str] = &[
    "application/pdf",
    "audio/3gpp",
    "audio/aac",
    "audio/amr",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/x-wav",
    "image/bmp",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "video/3gpp",
    "video/mp4",
    "video/mpeg",
    "video/ogg",
    "video/quicktime",
    "video/webm",
];

/// What is only ever stored.
const STORED: &[&str] = &["text/vcard", "text/x-vcard"];

/// What nobody can tell, or nobody should believe.
const UNKNOWN: &str = "application/octet-stream";

/// What a file is called, and whether it may be shown where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) media_type: &'static str,
    pub(super) disposition: &'static str,
}

impl Kind {
    /// The kind of what Twilio calls so. What somebody sent in a message is called what the sender likes: only what is known
    /// and harmless is passed on.
    pub(super) fn of(content_type: Option<&str>) -> Self {
        let named = content_type.unwrap_or_default().split(';').next();
        let named = named.unwrap_or_default().trim();
        let find = |types: &[&'static str]| {
            let mut types = types.iter();
            types
                .find(|known| known.eq_ignore_ascii_case(named))
                .copied()
        };
        match (find(SHOWN), find(STORED)) {
            (Some(media_type), _) => Self {
                media_type,
                disposition: "inline",
            },
            (None, stored) => Self {
                media_type: stored.unwrap_or(UNKNOWN),
                disposition: "attachment",
            },
        }
    }
}
