//! Files made to hurt: whatever they are, a look ends, soon, and with an answer.

use crate::support::made::one_of_each;
use media::probe::{Bounds, look};
use media::{Error, Probe};
use proptest::prelude::*;
use std::io::Cursor;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static KINDS: LazyLock<Vec<(&str, Vec<u8>)>> = LazyLock::new(one_of_each);

const BOUNDS: Bounds = Bounds { bytes: 8 << 20, time: Duration::from_secs(2) };

fn looked(bytes: &[u8]) -> Result<Probe, Error> {
    let began = Instant::now();
    let looked = look(Cursor::new(bytes.to_vec()), bytes.len() as u64, BOUNDS);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    if let Err(error) = &looked {
        assert!(matches!(error, Error::UnknownMedia(_)), "{error}");
    }
    looked
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn a_file_cut_anywhere_is_no_trouble(which in 0..8_usize, cut in 0.0..1.0_f64) {
        let (_, bytes) = &KINDS[which];
        let cut = (bytes.len() as f64 * cut) as usize;
        let _answer = looked(&bytes[..cut]);
    }

    #[test]
    fn bytes_changed_anywhere_are_no_trouble(
        which in 0..8_usize,
        changes in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 1..20),
        early in any::<bool>(),
    ) {
        let (_, mut bytes) = KINDS[which].clone();
        // Headers are where it hurts.
        let reach = if early { bytes.len().min(700) } else { bytes.len() };
        for (at, byte) in changes {
            bytes[(reach as f64 * at) as usize] = byte;
        }
        let _answer = looked(&bytes);
    }

    #[test]
    fn any_bytes_behind_a_good_beginning_are_no_trouble(
        which in 0..8_usize,
        keep in 4..200_usize,
        rest in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let (_, bytes) = &KINDS[which];
        let mut made = bytes[..keep].to_vec();
        made.extend(rest);
        let _answer = looked(&made);
    }
}

#[test]
fn sizes_beyond_all_measure_take_no_memory() {
    for (container, bytes) in KINDS.iter() {
        // Every aligned word in the headers claims to be enormous, or nothing, one after the other.
        for (at, claim) in
            (4..bytes.len().min(900)).step_by(4).zip([u32::MAX, 0x7fff_ffff, 0].into_iter().cycle())
        {
            let mut made = bytes.clone();
            let end = made.len().min(at + 4);
            made[at..end].copy_from_slice(&claim.to_be_bytes()[..end - at]);
            let _answer = looked(&made);
        }
        let used = peak_memory();
        assert!(used < 1 << 30, "{container}: {used} bytes");
    }
}

/// The most memory this process has had, in bytes; nothing where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).unwrap_or(0)
        * 1024
}
