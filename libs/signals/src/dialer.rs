//! Our own event API, for dialers without webhooks we know.
//!
//! A dialer, or a bridge somebody writes to one, posts a JSON object per event:
//!
//! ```json
//! {
//!   "id": "e-1",                              "…": "the event's own id: the same for every delivery; required",
//!   "event": "call.ended",                    "…": "see tables/dialer.csv; required",
//!   "at": "2026-01-01T10:00:00Z",             "…": "when it happened",
//!   "sequence": 4,                            "…": "its place among the events of the call",
//!   "account": "acme",
//!   "call": {
//!     "id": "c-1",                            "…": "the call, or its leg to the customer; required",
//!     "session": "s-1",                       "…": "what the legs of one conversation have in common",
//!     "direction": "outbound",
//!     "from": "+15550100", "to": "+15550101", "…": "E.164",
//!     "seconds": 61,
//!     "user": "ada@acme.example"
//!   },
//!   "outcome": "busy",                        "…": "of a call that ended: see tables/dialer.csv",
//!   "sip": { "code": 486, "phrase": "Busy Here", "reason": "Q.850;cause=17" },
//!   "recording": { "id": "r-1", "url": "https://…", "seconds": 61, "bytes": 480000, "pressed": true }
//! }
//! ```
//!
//! It signs with HMAC-SHA256 over `v1:{timestamp}:{body}`, in `X-Callsheet-Timestamp` (seconds since 1970) and
//! `X-Callsheet-Signature` (`v1=` and lower-case hex; several after one another, parted by commas, during a rotation).

mod read;
mod verify;

pub use read::read;
pub use verify::{SIGNATURE, TIMESTAMP, sign, verify};
