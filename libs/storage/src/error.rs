//! What can go wrong with a database, sorted by what it means to whoever asked.

use std::error::Error as StdError;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlErr, SqlxError};

/// Why the store did not do it. None of the messages quotes content of rows.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, or has no connection to spare. The same request may succeed later.
    #[error("storage is unavailable")]
    Unavailable(#[source] DbErr),
    /// Others were writing the same for longer than it was worth waiting. The same request may succeed later.
    #[error("storage is busy")]
    Busy(#[source] DbErr),
    /// A key that exists already, or one that refers to nothing.
    #[error("the change conflicts with what is stored")]
    Conflict(#[source] DbErr),
    /// What is stored cannot be read as what it should be.
    #[error("what is stored cannot be read")]
    Corrupt(#[source] DbErr),
    /// The lease has expired, or another holder has it; whoever believed to have it stops.
    #[error("the lease is lost")]
    LeaseLost,
    /// The schema could not be brought up to date.
    #[error("cannot migrate the database: {0}")]
    Migration(String),
    /// An address of a database of which nothing is known.
    #[error(
        "`{0}` databases are not supported; use `postgres://user:password@host/database`, `sqlite:///path?mode=rwc` or `sqlite::memory:`"
    )]
    Unsupported(String),
    /// The database cannot be opened.
    #[error("cannot open the database: {0}")]
    Open(#[source] DbErr),
    /// A statement that makes no sense to the database: a mistake of ours.
    #[error("a statement failed")]
    Statement(#[source] DbErr),
}

impl Error {
    /// Whether the same may succeed if it is simply done again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy(_))
    }

    /// Finds an error of the store among the sources of another.
    pub(crate) fn transient_in(error: &(dyn StdError + 'static)) -> bool {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref::<Self>() {
                return found.is_transient();
            }
            if let Some(found) = error.downcast_ref::<DbErr>() {
                return kind(found) == Kind::Busy;
            }
            cause = error.source();
        }
        false
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match kind(&error) {
            Kind::Unavailable => Self::Unavailable(error),
            Kind::Busy => Self::Busy(error),
            Kind::Conflict => Self::Conflict(error),
            Kind::Corrupt => Self::Corrupt(error),
            Kind::Statement => Self::Statement(error),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unavailable,
    Busy,
    Conflict,
    Corrupt,
    Statement,
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the enum is foreign and grows")]
fn kind(error: &DbErr) -> Kind {
    match error {
        DbErr::ConnectionAcquire(ConnAcquireErr::Timeout | ConnAcquireErr::ConnectionClosed) => {
            Kind::Unavailable
        }
        DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause) => match error.sql_err() {
            Some(
                SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_),
            ) => Kind::Conflict,
            _ => cause_kind(cause),
        },
        DbErr::TryIntoErr { .. } | DbErr::Type(_) | DbErr::Json(_) | DbErr::ConvertFromU64(_) => {
            Kind::Corrupt
        }
        _ => Kind::Statement,
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the enum is foreign and grows")]
fn cause_kind(cause: &RuntimeErr) -> Kind {
    let RuntimeErr::SqlxError(cause) = cause else { return Kind::Statement };
    match &**cause {
        SqlxError::Database(error) => error.code().map_or(Kind::Statement, |code| code_kind(&code)),
        SqlxError::Io(_)
        | SqlxError::Tls(_)
        | SqlxError::Protocol(_)
        | SqlxError::PoolTimedOut
        | SqlxError::PoolClosed
        | SqlxError::WorkerCrashed => Kind::Unavailable,
        SqlxError::ColumnDecode { .. } | SqlxError::Decode(_) => Kind::Corrupt,
        _ => Kind::Statement,
    }
}

/// SQLSTATE has five characters, SQLite's codes are smaller numbers whose low byte is the kind.
fn code_kind(code: &str) -> Kind {
    if code.len() == 5 {
        return match code {
            "40001" | "40P01" | "55P03" => Kind::Busy,
            // A server that has become a standby, one that gave up on a client that was silent for too long, and one whose
            // database is gone.
            "25006" | "25P03" | "3D000" => Kind::Unavailable,
            _ => match code.get(..2) {
                Some("08" | "28" | "53" | "57" | "58") => Kind::Unavailable,
                Some("23") => Kind::Conflict,
                Some("XX") => Kind::Corrupt,
                _ => Kind::Statement,
            },
        };
    }
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const READ_ONLY: u32 = 8;
    const IO: u32 = 10;
    const CORRUPT: u32 = 11;
    const FULL: u32 = 13;
    const CANNOT_OPEN: u32 = 14;
    const CONSTRAINT: u32 = 19;
    const NOT_A_DATABASE: u32 = 26;
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(BUSY | LOCKED) => Kind::Busy,
        Ok(READ_ONLY | IO | FULL | CANNOT_OPEN) => Kind::Unavailable,
        Ok(CORRUPT | NOT_A_DATABASE) => Kind::Corrupt,
        Ok(CONSTRAINT) => Kind::Conflict,
        _ => Kind::Statement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_are_sorted() {
        for (code, expected) in [
            ("5", Kind::Busy),
            ("517", Kind::Busy), // SQLITE_BUSY_SNAPSHOT
            ("262", Kind::Busy), // SQLITE_LOCKED_SHAREDCACHE
            ("40001", Kind::Busy),
            ("40P01", Kind::Busy),
            ("55P03", Kind::Busy),
            ("2067", Kind::Conflict), // SQLITE_CONSTRAINT_UNIQUE
            ("23505", Kind::Conflict),
            ("13", Kind::Unavailable),
            ("08006", Kind::Unavailable),
            ("25006", Kind::Unavailable),
            ("25P03", Kind::Unavailable),
            ("28P01", Kind::Unavailable),
            ("57014", Kind::Unavailable), // took longer than statement_timeout
            ("57P01", Kind::Unavailable),
            ("25P02", Kind::Statement), // a transaction in which something failed before
            ("26", Kind::Corrupt),
            ("1", Kind::Statement),
            ("42601", Kind::Statement),
            ("", Kind::Statement),
        ] {
            assert_eq!(code_kind(code), expected, "{code}");
        }
    }

    #[test]
    fn a_busy_database_is_found_below_an_error_of_a_service() {
        #[derive(Debug, thiserror::Error)]
        #[error("storage is unavailable")]
        struct Service(#[from] Error);
        let busy = Service(Error::Busy(DbErr::Custom(String::new())));
        let other = Service(Error::Statement(DbErr::Custom(String::new())));
        assert!(Error::transient_in(&busy));
        assert!(!Error::transient_in(&other));
    }
}
