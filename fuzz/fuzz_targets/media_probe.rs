//! Any bytes as a recording: a look ends, within its bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::probe::{Bounds, look};
use std::io::Cursor;
use std::sync::Once;
use std::time::Duration;

static QUIET: Once = Once::new();

fuzz_target!(|bytes: &[u8]| {
    // A reader that panics is caught by `look`; what is looked for are circles, and memory without end.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let bounds = Bounds { bytes: 4 << 20, time: Duration::from_secs(2) };
    if let Ok(probe) = look(Cursor::new(bytes.to_vec()), bytes.len() as u64, bounds) {
        assert_eq!(probe.bytes, bytes.len() as u64);
    }
});
