//! The contract: generated messages and their conversions.
