//! What comes of a session, case by case: a day in the life of a bot, of a cloud recording, of a telephone
//! call and of an upload, told as signals and as time that passes.
#![allow(clippy::wildcard_enum_match_arm, reason = "tests look at few effects of many")]

#[path = "sessions/bot.rs"]
mod bot;
#[path = "sessions/call.rs"]
mod call;
#[path = "sessions/end.rs"]
mod end;
#[path = "sessions/native.rs"]
mod native;
#[path = "sessions/play.rs"]
mod play;

use std::collections::BTreeSet;

use decision::SkipCode;
use decision::session::ways::WAYS;
use decision::session::{Effect, Outcome, Settings, Signal};
use decision::skip_code::Phase;
use play::start;

#[test]
fn every_way_leads_to_its_code() {
    for way in WAYS {
        let (session, done) = way.walk(&Settings::default(), start());
        let ends = done.iter().filter(|(_, effect)| matches!(effect, Effect::End { .. })).count();
        assert_eq!(session.outcome(), Some(Outcome::Skipped(way.code)), "{way:?}\n{done:#?}");
        assert_eq!(ends, 1, "{way:?}\n{done:#?}");
    }
}

#[test]
fn there_is_a_way_to_every_code_of_sessions_calls_and_imports() {
    let ways: BTreeSet<SkipCode> = WAYS.iter().map(|way| way.code).collect();
    assert_eq!(ways.len(), WAYS.len(), "one way to each code");
    for code in SkipCode::ALL {
        if code.meta().phase != Phase::Planning {
            assert!(ways.contains(code), "no way leads to {code}");
        }
    }
}

#[test]
fn every_code_a_signal_can_come_to_has_a_way() {
    let ways: BTreeSet<SkipCode> = WAYS.iter().map(|way| way.code).collect();
    for signal in Signal::ALL {
        if let Some(code) = signal.code() {
            assert!(ways.contains(&code), "{}: no way leads to {code}", signal.as_str());
        }
    }
}
