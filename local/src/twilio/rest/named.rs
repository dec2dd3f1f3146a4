//! Which resource a path names, and the permission that it needs.

use http::Method;

use super::authentication::Area;
use super::state::Permission;

/// What a path names, with the SIDs in it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named<'a> {
    Accounts,
    Account,
    /// Usage records, by of how much time one is.
    Usage(&'a str),
    Applications,
    Application(&'a str),
    Numbers,
    Number(&'a str),
    Keys,
    Key(&'a str),
    KeyPolicy(&'a str),
    Services,
    Service(&'a str),
    ServiceNumbers(&'a str),
    SecondaryToken,
    PromotedToken,
    Recordings,
    Recording(&'a str),
    /// The file of a recording, by its name.
    RecordingFile(&'a str),
    /// What was transcribed of a recording.
    Transcriptions(&'a str),
    Transcription(&'a str),
    MessageMedia(&'a str),
    Media(&'a str, &'a str),
    /// The file itself.
    MediaFile(&'a str, &'a str),
    /// What the double's calling side tells of.
    Made(Made<'a>),
}

/// What webhooks tell of, and nobody makes by the API: the calling side says that it is there.
#[derive(Debug, Clone, Copy)]
pub(super) enum Made<'a> {
    Recording(&'a str),
    Media(&'a str, &'a str),
}

/// What a path names, and the account in it; paths of v1 have none.
pub(super) fn named(path: &str) -> Option<(Named<'_>, Option<&str>)> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    match segments.as_slice() {
        ["v1", "Services"] => Some((Named::Services, None)),
        ["v1", "Services", sid] => Some((Named::Service(sid), None)),
        ["v1", "Services", sid, "PhoneNumbers"] => Some((Named::ServiceNumbers(sid), None)),
        ["v1", "Keys", sid] => Some((Named::KeyPolicy(sid), None)),
        ["v1", "AuthTokens", "Secondary"] => Some((Named::SecondaryToken, None)),
        ["v1", "AuthTokens", "Promote"] => Some((Named::PromotedToken, None)),
        ["double", "Accounts", account, "Recordings", sid] => {
            Some((Named::Made(Made::Recording(sid)), Some(account)))
        }
        [
            "double",
            "Accounts",
            account,
            "Messages",
            message,
            "Media",
            sid,
        ] => Some((Named::Made(Made::Media(message, sid)), Some(account))),
        ["2010-04-01", "Accounts", account, "Recordings", file] if !file.ends_with(".json") => {
            Some((Named::RecordingFile(file), Some(account)))
        }
        [
            "2010-04-01",
            "Accounts",
            account,
            "Messages",
            message,
            "Media",
            file,
        ] if !file.ends_with(".json") => Some((Named::MediaFile(message, file), Some(account))),
        ["2010-04-01", "Accounts", account, "Usage", "Records", each] => {
            let each = each.strip_suffix(".json")?;
            Some((Named::Usage(each), Some(account)))
        }
        ["2010-04-01", "Accounts", account, "Usage", "Records.json"] => {
            Some((Named::Usage(""), Some(account)))
        }
        ["2010-04-01", "Accounts.json"] => Some((Named::Accounts, None)),
        ["2010-04-01", "Accounts", rest @ ..] => {
            let (last, before) = rest.split_last()?;
            // Without the suffix Twilio answers in XML, which nobody here reads.
            let last = last.strip_suffix(".json")?;
            match before {
                [] => Some((Named::Account, Some(last))),
                [account] => {
                    let list = match last {
                        "Applications" => Named::Applications,
                        "IncomingPhoneNumbers" => Named::Numbers,
                        "Keys" => Named::Keys,
                        "Recordings" => Named::Recordings,
                        _ => return None,
                    };
                    Some((list, Some(account)))
                }
                [account, "Applications"] => Some((Named::Application(last), Some(account))),
                [account, "IncomingPhoneNumbers"] => Some((Named::Number(last), Some(account))),
                [account, "Keys"] => Some((Named::Key(last), Some(account))),
                [account, "Recordings"] => Some((Named::Recording(last), Some(account))),
                [account, "Transcriptions"] => Some((Named::Transcription(last), Some(account))),
                [account, "Recordings", recording] if last == "Transcriptions" => {
                    Some((Named::Transcriptions(recording), Some(account)))
                }
                [account, "Messages", message] if last == "Media" => {
                    Some((Named::MessageMedia(message), Some(account)))
                }
                [account, "Messages", message, "Media"] => {
                    Some((Named::Media(message, last), Some(account)))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// The permission that a request needs.
pub(super) fn area(named: Named<'_>, method: &Method) -> Area {
    let reads = method == Method::GET;
    match named {
        Named::Accounts
        | Named::Account
        | Named::SecondaryToken
        | Named::PromotedToken
        | Named::Made(_) => Area::Account,
        Named::Recordings | Named::Recording(_) | Named::RecordingFile(_) if reads => {
            Area::Allowed(Permission::ReadRecordings)
        }
        Named::Recordings | Named::Recording(_) | Named::RecordingFile(_) => {
            Area::Allowed(Permission::DeleteRecordings)
        }
        Named::Transcriptions(_) => Area::Allowed(Permission::ReadTranscriptions),
        Named::Transcription(_) => Area::Allowed(Permission::DeleteTranscriptions),
        Named::MessageMedia(_) | Named::Media(..) | Named::MediaFile(..) if reads => {
            Area::Allowed(Permission::ReadMedia)
        }
        Named::MessageMedia(_) | Named::Media(..) | Named::MediaFile(..) => {
            Area::Allowed(Permission::DeleteMedia)
        }
        Named::Usage(_) => Area::Allowed(Permission::ReadUsage),
        Named::Keys | Named::Key(_) | Named::KeyPolicy(_) => Area::Keys,
        Named::Applications | Named::Application(_) if reads => {
            Area::Allowed(Permission::ReadApplications)
        }
        Named::Applications | Named::Application(_) => Area::Allowed(Permission::WriteApplications),
        Named::Numbers | Named::Number(_) if reads => Area::Allowed(Permission::ReadNumbers),
        Named::Numbers | Named::Number(_) => Area::Allowed(Permission::WriteNumbers),
        Named::Services | Named::Service(_) | Named::ServiceNumbers(_) => {
            Area::Allowed(Permission::ReadServices)
        }
    }
}
