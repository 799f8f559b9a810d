//! Instants on the wire.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;

use crate::Invalid;

/// An instant as it is sent.
#[must_use]
pub fn to_wire(at: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: at.timestamp(),
        nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or(0),
    }
}

/// An instant that may be absent.
///
/// # Errors
/// It is there and no instant of the years 1 to 9999.
pub fn optional(
    field: &'static str,
    at: Option<&Timestamp>,
) -> Result<Option<DateTime<Utc>>, Invalid> {
    const YEAR_1: i64 = -62_135_596_800;
    const YEAR_10000: i64 = 253_402_300_800;
    let Some(at) = at else { return Ok(None) };
    let nanos = u32::try_from(at.nanos).map_err(|_| Invalid::Instant(field))?;
    if !(YEAR_1..YEAR_10000).contains(&at.seconds) || nanos >= 1_000_000_000 {
        return Err(Invalid::Instant(field));
    }
    DateTime::from_timestamp(at.seconds, nanos).map(Some).ok_or(Invalid::Instant(field))
}

/// An instant that must be there.
///
/// # Errors
/// It is absent, or no instant of the years 1 to 9999.
pub fn required(field: &'static str, at: Option<&Timestamp>) -> Result<DateTime<Utc>, Invalid> {
    optional(field, at)?.ok_or(Invalid::Missing(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_instants_are_refused() {
        for (seconds, nanos) in
            [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, 1_000_000_000), (0, i32::MIN)]
        {
            assert_eq!(
                optional("at", Some(&Timestamp { seconds, nanos })),
                Err(Invalid::Instant("at"))
            );
        }
        let now = DateTime::from_timestamp(1_767_000_000, 5).unwrap();
        assert_eq!(required("at", Some(&to_wire(now))), Ok(now));
        assert_eq!(required("at", None), Err(Invalid::Missing("at")));
    }
}
