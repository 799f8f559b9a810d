//! SHA-256 that can be put down in the middle and taken up by another process.

use data_encoding::HEXLOWER;
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha256};

/// A sum in the making.
#[derive(Clone, Default)]
pub(crate) struct Sum(Sha256);

impl Sum {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// What is needed to go on, as hexadecimal text. It tells as much about the bytes as the sum itself.
    pub(crate) fn state(&self) -> String {
        HEXLOWER.encode(&self.0.serialize())
    }

    /// Goes on from a state; nothing if it is none.
    pub(crate) fn from_state(state: &str) -> Option<Self> {
        let bytes = HEXLOWER.decode(state.as_bytes()).ok()?;
        let state = bytes.as_slice().try_into().ok()?;
        Sha256::deserialize(state).ok().map(Self)
    }

    /// The sum, as hexadecimal text in lower case.
    pub(crate) fn finish(self) -> String {
        HEXLOWER.encode(&self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_goes_on_where_it_was_put_down() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| (n % 251) as u8).collect();
        let mut whole = Sum::default();
        whole.update(&bytes);
        let whole = whole.finish();
        for cut in [0, 1, 63, 64, 65, 999, 1000] {
            let mut first = Sum::default();
            first.update(&bytes[..cut]);
            let mut second = Sum::from_state(&first.state()).unwrap();
            second.update(&bytes[cut..]);
            assert_eq!(second.finish(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_state_is_refused() {
        assert!(Sum::from_state("").is_none());
        assert!(Sum::from_state("zz").is_none());
        assert!(Sum::from_state(&"f".repeat(Sum::default().state().len())).is_none());
    }
}
