//! Our own event API, for dialers without webhooks we know.
//!
//! A dialer, or a bridge somebody writes to one, posts a JSON object per event:
//!
//! ```json
//! {
//!   "id": "e-1", "event": "call.ended", "at": "2026-01-01T10:00:00Z", "sequence": 4, "account": "acme",
//!   "call": { "id": "c-1", "session": "s-1", "direction": "outbound", "from": "+15550100", "to": "+15550101",
//!             "seconds": 61, "user": "ada@acme.example" },
//!   "outcome": "busy",
//!   "sip": { "code": 486, "phrase": "Busy Here", "reason": "Q.850;cause=17" },
//!   "recording": { "id": "r-1", "url": "https://dialer.example/r-1", "seconds": 61, "bytes": 480000, "pressed": true }
//! }
//! ```
//!
//! `id`, `event` and `call.id` are required. `id` is the event's own, and the same for every delivery of it. `event` and
//! `outcome` are words of `tables/dialer.csv`; an outcome belongs to a call that ended. `call.id` is the leg to the
//! customer, `call.session` what the legs of one conversation have in common. `sequence` counts the events of a call.
//! Numbers are in E.164. `recording.pressed` says that a person started it by hand. Further members mean nothing.
//!
//! It signs with HMAC-SHA256 over `v1:{timestamp}:{body}`, in `X-Callsheet-Timestamp` (seconds since 1970) and
//! `X-Callsheet-Signature` (`v1=` and lower-case hex; several after one another, parted by commas, during a rotation).

mod read;
mod verify;

pub use read::read;
pub use verify::{SIGNATURE, TIMESTAMP, sign, verify};
