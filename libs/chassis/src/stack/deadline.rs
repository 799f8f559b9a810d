//! How long a request may take: what its caller grants, up to a ceiling of ours.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::status::of_chassis;

/// The header that carries the time a caller grants.
pub(crate) const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Less than this is not worth beginning with.
pub(crate) const LEAST: Duration = Duration::from_millis(5);

/// The transport around the stack keeps the same timeout and answers CANCELLED; we answer this much earlier, to be first.
const AHEAD: Duration = Duration::from_millis(1);

/// When the answer is due. Refused at once if too little time is left. A header that cannot be read counts as absent.
pub(crate) fn of(headers: &HeaderMap, ceiling: Duration, now: Instant) -> Result<Instant, Status> {
    let granted = match granted(headers) {
        Some(granted) if granted < LEAST => return Err(exceeded(None)),
        Some(granted) => (granted - AHEAD).min(ceiling),
        None => ceiling,
    };
    Ok(now + granted)
}

/// The status of an answer that came too late, or that would; from a peer, if it was one that was waited for.
pub(crate) fn exceeded(peer: Option<&str>) -> Status {
    let metadata: Vec<_> = peer.map(|peer| ("peer", peer)).into_iter().collect();
    of_chassis(
        Code::DeadlineExceeded,
        "ERROR_REASON_DEADLINE_EXCEEDED",
        "the deadline has passed",
        &metadata,
        None,
    )
}

/// The time granted by the `grpc-timeout` header, as the gRPC protocol over HTTP/2 writes it: up to eight digits and a unit.
pub(crate) fn granted(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// A timeout as a header, in the finest unit that eight digits allow, rounded down.
pub(crate) fn header(timeout: Duration) -> HeaderValue {
    const EIGHT_DIGITS: u128 = 99_999_999;
    let text = if timeout.as_micros() <= EIGHT_DIGITS {
        format!("{}u", timeout.as_micros())
    } else if timeout.as_millis() <= EIGHT_DIGITS {
        format!("{}m", timeout.as_millis())
    } else {
        format!("{}S", u128::from(timeout.as_secs()).min(EIGHT_DIGITS))
    };
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("0u"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_str(text).unwrap());
        granted(&headers)
    }

    #[test]
    fn every_unit_of_the_protocol_is_read() {
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("3M"), Some(Duration::from_secs(180)));
        assert_eq!(read("4S"), Some(Duration::from_secs(4)));
        assert_eq!(read("5m"), Some(Duration::from_millis(5)));
        assert_eq!(read("6u"), Some(Duration::from_micros(6)));
        assert_eq!(read("7n"), Some(Duration::from_nanos(7)));
    }

    #[test]
    fn a_timeout_that_is_none_counts_as_absent() {
        for text in ["", "S", "-1S", "+1S", "1", "1x", "123456789S", "1.5S", "é"] {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_TIMEOUT, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            assert_eq!(granted(&headers), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for millis in [5, 300, 99_999, 100_000, 3_600_000, 99_999_999] {
            let timeout = Duration::from_millis(millis);
            assert_eq!(read(header(timeout).to_str().unwrap()), Some(timeout));
        }
        assert_eq!(
            read(header(Duration::from_secs(200_000)).to_str().unwrap()),
            Some(Duration::from_secs(200_000))
        );
        assert!(read(header(Duration::MAX).to_str().unwrap()).is_some());
    }

    #[test]
    fn the_ceiling_holds_whatever_is_granted() {
        let now = Instant::now();
        let ceiling = Duration::from_secs(10);
        let mut headers = HeaderMap::new();
        assert_eq!(of(&headers, ceiling, now).unwrap(), now + ceiling);
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static("1H"));
        assert_eq!(of(&headers, ceiling, now).unwrap(), now + ceiling);
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static("1S"));
        assert_eq!(of(&headers, ceiling, now).unwrap(), now + Duration::from_secs(1) - AHEAD);
    }

    #[test]
    fn too_little_time_is_refused_at_once() {
        let mut headers = HeaderMap::new();
        headers.insert(GRPC_TIMEOUT, HeaderValue::from_static("4m"));
        let status = of(&headers, Duration::from_secs(10), Instant::now()).unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }
}
