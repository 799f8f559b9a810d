//! The calendar-ingest service.
