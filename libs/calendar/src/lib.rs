//! Calendar payloads in, events and occurrences out.
