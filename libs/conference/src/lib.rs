//! A text in, conference links out: provider, canonical id, join URL.
