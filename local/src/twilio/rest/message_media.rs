//! What is attached to messages.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::error::ApiError;
use super::file::{File, PNG, mp3, wav};
use super::paging::{Item, page};
use super::property::Resource;
use super::state::AccountState;
use crate::double::{Answer, Request};

/// A file of a message.
pub(super) fn attached(
    sid: String,
    message: &str,
    content_type: &str,
    bytes: &[u8],
    now: jiff::Timestamp,
) -> Resource {
    let mut media = Resource::new(sid, now, &[]);
    media.put("parent_sid", message);
    media.put("content_type", content_type);
    media.put(CONTENT, BASE64_STANDARD.encode(bytes));
    media
}

/// The property that holds the file itself, in base64. No document shows it.
const CONTENT: &str = "content";

/// What people send in a file of some type.
fn sample(sid: &str, content_type: &str) -> Vec<u8> {
    match content_type {
        "image/png" => PNG.to_vec(),
        "audio/mpeg" => mp3(sid, 3),
        other if other.starts_with("audio/") => wav(sid, 1, 1),
        other => format!("{sid} is a file of the type {other}.\n").into_bytes(),
    }
}

/// The document of a file.
pub(super) fn document(account: &str, media: &Resource) -> Value {
    let collection = format!("Messages/{}/Media", media.text("parent_sid"));
    let mut document = media.document(account, &collection);
    document.remove(CONTENT);
    Value::Object(document)
}

/// A file of a message.
pub(super) fn find<'a>(
    account: &'a AccountState,
    message: &str,
    sid: &str,
) -> Option<&'a Resource> {
    let mut media = account.media.iter();
    media.find(|one| one.sid == sid && one.text("parent_sid") == message)
}

/// The list of a message's files, in the order of the message.
pub(super) fn list(
    account: &AccountState,
    sid: &str,
    message: &str,
    request: &Request,
) -> Result<Answer, ApiError> {
    let media = account.media.iter();
    let items: Vec<Item> = media
        .filter(|one| one.text("parent_sid") == message)
        .map(|one| (one.sid.clone(), document(sid, one)))
        .collect();
    // A message without any may be one that the double never heard of.
    if items.is_empty() {
        return Err(ApiError::not_found(&request.path));
    }
    let page = page(request, &[], items)?;
    Ok(Answer::json(200, &page.envelope("media_list")))
}

/// What a file holds.
pub(super) fn file(account: &AccountState, sid: &str) -> Option<File> {
    let media = account.media.iter().find(|one| one.sid == sid)?;
    Some(File {
        content_type: media.text("content_type").to_owned(),
        bytes: BASE64_STANDARD.decode(media.get(CONTENT).as_str()?).ok()?,
    })
}

/// What the calling side says of one that came with a message.
pub(super) fn keep(
    sid: &str,
    message: &str,
    content_type: &str,
    account: &mut AccountState,
    now: jiff::Timestamp,
) {
    if find(account, message, sid).is_none() {
        let bytes = sample(sid, content_type);
        let media = attached(sid.to_owned(), message, content_type, &bytes, now);
        account.media.push(media);
    }
}
