//! Any bytes as notifications of Graph: batches, calls of a bot, and decrypted content.
#![no_main]

use signals::graph::{self, Batch, Opener};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = graph::calls(bytes);
    let _ = graph::meeting(bytes);
    let _ = std::str::from_utf8(bytes).map(graph::handshake);
    let Ok(batch) = Batch::read(bytes) else { return };
    for notification in batch.notifications.into_iter().flatten() {
        assert!(notification.event(None).is_ok());
        if let Some(sealed) = &notification.sealed {
            assert!(Opener::open(&[], sealed).is_err());
        }
    }
});
