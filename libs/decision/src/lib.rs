//! The whole policy: facts in, a decision with its reasons out. No clock, no I/O.
