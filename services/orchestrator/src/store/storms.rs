//! Deciding many calls again: how far it has come, as a row for each company.
