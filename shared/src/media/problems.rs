//! What the failures around files are to a client.

use crate::api::{Code, Problem};
use crate::outbound::{MediaFault, PIECE_LIMIT, SKIP_LIMIT};
use crate::sid::AccountSid;
use crate::twilio::rest::MediaError;

/// A mebibyte.
const MIB: u64 = 1024 * 1024;

/// A recording that no callback told of.
pub(super) fn unknown_recording() -> Problem {
    let detail = "The tenant has no such recording, or it was deleted.";
    Problem::new(Code::RecordingNotFound, detail)
}

/// Refuses what is of an account whose credentials the tenant no longer has: to ask Twilio of it with others would only seem
/// to say that it is gone.
pub(super) fn of_own_account(of: Option<&AccountSid>, own: &AccountSid) -> Result<(), Problem> {
    if of.is_none_or(|of| of == own) {
        return Ok(());
    }
    let detail = "This is of a Twilio account that the tenant had before, and whose credentials it has no more: see to it in that \
                  account's console.";
    Err(Problem::new(Code::CredentialsMissing, detail))
}

/// A recording whose deletion the tenant's credentials cannot see to.
pub(super) fn recording_of_another_account() -> Problem {
    let detail = "The recording is of a Twilio account that the tenant had before, and whose credentials it has no more: see to it in \
                  that account's console. With only_here=true what is known of it here is deleted alone.";
    Problem::new(Code::CredentialsMissing, detail)
}

/// A recording that Twilio does not find, and that may be another account's.
pub(super) fn recording_of_unknown_account() -> Problem {
    let detail = "The tenant's Twilio account does not have the recording, and nothing tells whether it is of one that the tenant \
                  had before: see to it in that account's console. With only_here=true what is known of it here is deleted alone.";
    Problem::new(Code::CredentialsMissing, detail).because("of an unknown account")
}

/// A recording that is deleted at Twilio and still known here.
pub(super) fn half_deleted(cause: &impl ToString) -> Problem {
    let detail =
        "Twilio deleted the recording, and a store did not take note of it in time: try again.";
    Problem::new(Code::Unavailable, detail)
        .retry_after(1)
        .because(cause.to_string())
}

/// Why a file is not had.
pub(super) fn of_media(error: MediaError) -> Problem {
    match error {
        MediaError::Twilio(error) => error.into(),
        MediaError::Missing => {
            let detail = "Twilio does not have it: it was deleted there, or is not there yet.";
            Problem::new(Code::MediaNotFound, detail)
        }
        MediaError::Storage {
            status: 408 | 429 | 500..,
        } => {
            let detail = "Where Twilio keeps the media nothing was answered in time: try again.";
            Problem::new(Code::ProviderUnavailable, detail)
                .retry_after(5)
                .because("the storage failed")
        }
        MediaError::Storage { status } => {
            let detail =
                format!("Where Twilio keeps the media they are refused (status {status}).");
            Problem::new(Code::ProviderRefused, detail).because("the storage refused")
        }
        MediaError::ForeignRedirect => {
            let detail = "Twilio keeps the media at an address that is neither its own nor of S3, and is not asked.";
            Problem::new(Code::ProviderRefused, detail).because("redirected to a foreign address")
        }
        MediaError::Fault(fault) => of_fault(fault),
    }
}

fn of_fault(fault: MediaFault) -> Problem {
    match fault {
        MediaFault::TooLarge { total } => {
            let length = total.map_or_else(String::new, |total| format!(" of {total}"));
            let detail = format!(
                "One answer has at most {PIECE_LIMIT} bytes{length}: ask for a part with Range, first for bytes=0-{}.",
                PIECE_LIMIT - 1
            );
            Problem::new(Code::MediaTooLarge, detail)
        }
        MediaFault::Unsatisfiable { total } => {
            let detail = "The media end before the range begins, or the range is empty.";
            Problem {
                media_length: total,
                ..Problem::new(Code::RangeNotSatisfiable, detail)
            }
        }
        MediaFault::OutOfReach => {
            let detail = format!(
                "These media are only had from their beginning, and at most {} MiB of it are skipped: ask for an earlier range, \
                 or for a recording as MP3.",
                SKIP_LIMIT / MIB
            );
            Problem::new(Code::RangeOutOfReach, detail).because("ranges are ignored")
        }
        MediaFault::Unintelligible => {
            let detail = "What Twilio answered is not what was asked for.";
            Problem::new(Code::ProviderUnavailable, detail)
                .retry_after(5)
                .because(fault)
        }
    }
}
