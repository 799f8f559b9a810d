//! The eligibility service.
