//! Why a command could not be done: what, where, and what to do about it.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use proto::error::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Why a command could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The system does not give the file.
    #[error("cannot read `{file}`: {source}")]
    Read {
        /// Its path.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A folder where a file is wanted.
    #[error("`{file}` is a directory, not a file")]
    Directory {
        /// Its path.
        file: String,
    },
    /// More than is read.
    #[error("`{file}` is too large: {}at most {limit} bytes are read", size.map(|size| format!("it has {size} bytes, and ")).unwrap_or_default())]
    TooLarge {
        /// Its path.
        file: String,
        /// How large it is, where that is known.
        size: Option<u64>,
        /// How much is read.
        limit: u64,
    },
    /// Nothing in it.
    #[error("`{file}` is empty")]
    Empty {
        /// Its path.
        file: String,
    },
    /// Bytes that are no text.
    #[error("`{file}`, line {line}: not valid UTF-8")]
    NotText {
        /// Its path.
        file: String,
        /// From 1.
        line: usize,
    },
    /// A key file with something else in it.
    #[error("`{file}` holds no Ed25519 private key in PEM (PKCS#8) form")]
    NoKey {
        /// Its path.
        file: String,
    },
    /// A calendar of which nothing can be read.
    #[error("cannot read the calendar `{file}`: {source}")]
    Calendar {
        /// Its path.
        file: String,
        /// Why.
        source: calendar::Error,
    },
    /// None of the formats that are known.
    #[error("`{file}` is no calendar that is known")]
    UnknownFormat {
        /// Its path.
        file: String,
    },
    /// A service said no.
    #[error("{}", .status.message())]
    Refused {
        /// What was asked.
        doing: String,
        /// The file it is about.
        file: Option<String>,
        /// What it answered.
        status: Box<Status>,
    },
    /// Nothing was decided yet at the time that is asked for.
    #[error("{}", .status.message())]
    TooEarly {
        /// What the service answered.
        status: Box<Status>,
    },
    /// A request for a recording that counts for nothing.
    #[error("call `{call}` is not recorded on this request: {why}")]
    Rejected {
        /// The call.
        call: String,
        /// Why.
        why: String,
    },
    /// The demo does not go on.
    #[error("the demo came to a halt: {0}")]
    Halted(String),
    /// A history that is not as it was written.
    #[error("the history of `{company}` is not as it was written: {problem}{place}")]
    Tampered {
        /// Whose.
        company: String,
        /// What is wrong first.
        problem: String,
        /// Where, as far as that is known: empty, or in parentheses.
        place: String,
    },
    /// What a service sent makes no sense.
    #[error("the answer of the server cannot be understood: {0}")]
    Answer(#[from] proto::Invalid),
    /// There is no address in what was given as one.
    #[error("`{0}` is no address of a server")]
    Address(String),
    /// The services cannot be started.
    #[error("cannot start: {0:#}")]
    Start(anyhow::Error),
    /// What was done cannot be shown.
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
    /// More than one thing is wrong.
    #[error("{} files cannot be read", .0.len())]
    Several(Vec<Error>),
}

impl Error {
    /// One error for all of these.
    pub(crate) fn several(mut errors: Vec<Self>) -> Self {
        match errors.pop() {
            Some(only) if errors.is_empty() => only,
            Some(last) => {
                errors.push(last);
                Self::Several(errors)
            }
            None => Self::Several(errors),
        }
    }

    /// For `map_err`: a service refused to do something.
    pub(crate) fn refused(doing: impl Into<String>) -> impl FnOnce(Status) -> Self {
        let doing = doing.into();
        move |status| Self::Refused { doing, file: None, status: Box::new(status) }
    }

    /// The same, about a file.
    pub(crate) fn refused_file(
        doing: impl Into<String>,
        file: impl Into<String>,
    ) -> impl FnOnce(Status) -> Self {
        let (doing, file) = (doing.into(), file.into());
        move |status| Self::Refused { doing, file: Some(file), status: Box::new(status) }
    }

    /// Whether somebody who reads what is printed has seen enough.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// 2 where it is the command line that is wrong, else 1.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Address(_) => 2,
            Self::Read { .. }
            | Self::Directory { .. }
            | Self::TooLarge { .. }
            | Self::Empty { .. }
            | Self::NotText { .. }
            | Self::NoKey { .. }
            | Self::Calendar { .. }
            | Self::UnknownFormat { .. }
            | Self::Refused { .. }
            | Self::TooEarly { .. }
            | Self::Rejected { .. }
            | Self::Halted(_)
            | Self::Tampered { .. }
            | Self::Answer(_)
            | Self::Start(_)
            | Self::Write(_)
            | Self::Several(_) => 1,
        }
    }

    /// Tells it on standard error.
    pub(crate) fn report(&self) {
        let stderr = io::stderr();
        let colour = stderr.is_terminal() && crate::output::colours_wanted();
        // There is nobody left to tell that standard error cannot be written.
        let _ = stderr.lock().write_all(self.told(colour).as_bytes());
    }

    /// Everything there is to say, in lines.
    fn told(&self, colour: bool) -> String {
        if let Self::Several(errors) = self {
            return errors.iter().map(|error| error.told(colour)).collect();
        }
        let (bold, plain) = if colour { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
        let mut text = format!("{bold}error:{plain} ");
        if let Self::Refused { doing, file, status } = self {
            let details = status.get_error_details();
            let violations =
                details.bad_request().map_or(&[][..], |wrong| wrong.field_violations.as_slice());
            match file {
                Some(file) if !violations.is_empty() => {
                    let places: Vec<String> = violations
                        .iter()
                        .map(|one| in_file(file, &one.field, &one.description))
                        .collect();
                    let _ = writeln!(text, "cannot {doing}: {}", places.join("\n       "));
                }
                Some(_) | None => {
                    let _ = writeln!(text, "cannot {doing}: {}", status.message());
                    for one in violations {
                        if !status.message().contains(&one.description) {
                            let _ = writeln!(text, "  at {}: {}", one.field, one.description);
                        }
                    }
                }
            }
        } else {
            let _ = writeln!(text, "{self}");
        }
        if let Some(help) = self.help() {
            let _ = writeln!(text, "  help: {help}");
        }
        text
    }

    /// What to do about it.
    fn help(&self) -> Option<String> {
        let help = match self {
            Self::Usage(_) => "`--help` shows examples",
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "check the spelling of the path; relative paths begin at the current folder"
            }
            Self::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "give yourself the permission to read it"
            }
            Self::Read { .. } => return None,
            Self::Directory { file } => {
                return Some(format!(
                    "name the files in it, as in `{}/*.ics`",
                    file.trim_end_matches('/')
                ));
            }
            Self::TooLarge { .. } => {
                "split it into several files and give all of them; a shorter period is enough too"
            }
            Self::Empty { .. } => "export it again; nothing was written to it",
            Self::NotText { .. } => "save the file as UTF-8",
            Self::NoKey { .. } => "name the right file with `--key`",
            Self::Calendar { .. } => "export the calendar again",
            Self::UnknownFormat { .. } => {
                "give an iCalendar file, or events as JSON from the API of Google Calendar or of Microsoft Graph"
            }
            Self::Refused { status, .. } => return remedy(status),
            Self::TooEarly { .. } => "give a later time; without `--at` every decision is listed",
            Self::Rejected { .. } => {
                "have a team member ask who has a seat and may schedule recordings, before somebody has to be sent"
            }
            Self::Halted(_) => "run it once more; if it halts again, report that with the seed",
            Self::Tampered { .. } => {
                "keep the database as it is, and compare it with a backup and with the hashes in the log of the orchestrator"
            }
            Self::Answer(_) => "use a `callsheet` of the same version as the server",
            Self::Address(_) => "write it as `http://127.0.0.1:7100`",
            Self::Start(_) | Self::Write(_) | Self::Several(_) => return None,
        };
        Some(help.to_owned())
    }
}

/// A fault in a file as compilers write it: file, line, column, field, what is wrong.
fn in_file(file: &str, field: &str, description: &str) -> String {
    let (place, problem) = description
        .split_once(": ")
        .and_then(|(place, problem)| {
            let (line, column) = place.strip_prefix("line ")?.split_once(", column ")?;
            Some((format!("{file}:{line}:{column}"), problem))
        })
        .unwrap_or_else(|| (file.to_owned(), description));
    // The file as a whole is called `document` on the wire.
    let whole = field.is_empty() || field == "document";
    let field = if whole { String::new() } else { format!("`{field}`: ") };
    format!("{place}: {field}{problem}")
}

/// What to do about what a service answered.
fn remedy(status: &Status) -> Option<String> {
    let details = status.get_error_details();
    let reason = details.error_info().and_then(|info| ErrorReason::from_str_name(&info.reason));
    let help = match reason.unwrap_or_default() {
        ErrorReason::InvalidCompanyFile => {
            "correct the company file and try again; nothing of it was applied"
        }
        ErrorReason::UnknownCompany => "apply its company file first: `callsheet apply -f FILE`",
        ErrorReason::UnknownCall => {
            "`callsheet calls --format json` shows the ids of calls as `call_id`"
        }
        ErrorReason::CalendarUnreadable => "export the calendar again",
        ErrorReason::UnsupportedFormat => {
            "give an iCalendar file, or events as JSON from the API of Google Calendar or of Microsoft Graph"
        }
        ErrorReason::PayloadTooLarge => "split it into several and send all of them",
        ErrorReason::InvalidLink => {
            "give the join link of a Zoom, Teams, Webex or Google Meet conference"
        }
        ErrorReason::DomainBelongsToAnotherCompany => {
            "remove the domain or address, or let the other company give it up"
        }
        ErrorReason::CursorExpired => "begin again without `--cursor`",
        ErrorReason::PeerUnavailable | ErrorReason::Overloaded => {
            "is `callsheet serve` running there? Then try again"
        }
        ErrorReason::StorageUnavailable
        | ErrorReason::DeadlineExceeded
        | ErrorReason::RevisionConflict
        | ErrorReason::PolicyVersionStale => "try again",
        ErrorReason::ConsentKeyMissing => {
            "name a key file that can be read and written with `--key`"
        }
        ErrorReason::RequestIdReused => {
            "use a new key for another request, and the same one only to try the same again"
        }
        ErrorReason::NotPermitted => {
            "name somebody who may: a member with a seat, who has `can_request` in the company file or owns the call"
        }
        ErrorReason::Unspecified
        | ErrorReason::InvalidMeeting
        | ErrorReason::UnknownMeeting
        | ErrorReason::UnknownPolicyVersion
        | ErrorReason::UnknownConsentProfile
        | ErrorReason::RequestRejected
        | ErrorReason::UnimplementedInThisVersion
        | ErrorReason::Internal => {
            if status.code() == Code::Unavailable {
                "is `callsheet serve` running there? Then try again"
            } else if status.code() == Code::Unimplemented {
                "use a server of the same version as this `callsheet`"
            } else {
                return None;
            }
        }
    };
    Some(help.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_in_a_file_is_told_with_its_line() {
        assert_eq!(
            in_file("acme.yaml", "members[1].emails[0]", "line 12, column 7: `x` is taken"),
            "acme.yaml:12:7: `members[1].emails[0]`: `x` is taken"
        );
        assert_eq!(in_file("acme.yaml", "", "too odd: really"), "acme.yaml: too odd: really");
    }

    #[test]
    fn several_errors_are_all_told() {
        let empty = |file: &str| Error::Empty { file: file.to_owned() };
        let told = Error::several(vec![empty("a"), empty("b")]).told(false);
        assert!(told.contains("`a` is empty") && told.contains("`b` is empty"), "{told}");
        assert!(matches!(Error::several(vec![empty("a")]), Error::Empty { .. }));
    }
}
