//! The callsheet service.
