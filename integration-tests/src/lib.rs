//! Scenarios as data, run in three worlds.
