//! Can a method work? What each adapter says of a call, and which method comes of it.

pub mod google_meet;
pub mod teams;
pub mod webex;
pub mod zoom_local;
pub mod zoom_native;

mod audio;
mod host;

use crate::company::{Method, ProviderEntry, ZoomFacts};
use crate::meeting::Provider;
use crate::rule::{Finding, Missing, Warning, Warnings};
use crate::skip_code::SkipCode;

/// An adapter: who carries a plan out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Adapter {
    /// Zoom cloud recording.
    ZoomNative,
    /// A bot in Zoom.
    ZoomLocal,
    /// A bot in Teams.
    Teams,
    /// A bot in Webex.
    Webex,
    /// A bot in Google Meet.
    GoogleMeet,
    /// Telephony systems.
    Dialer,
}

impl Adapter {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ZoomNative,
        Self::ZoomLocal,
        Self::Teams,
        Self::Webex,
        Self::GoogleMeet,
        Self::Dialer,
    ];

    /// Its name in JSON and configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ZoomNative => "zoom-native",
            Self::ZoomLocal => "zoom-local",
            Self::Teams => "teams",
            Self::Webex => "webex",
            Self::GoogleMeet => "google-meet",
            Self::Dialer => "dialer",
        }
    }

    /// The adapter of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|adapter| adapter.as_str() == name)
    }

    /// The adapter that carries a method out at a provider.
    #[must_use]
    pub const fn of(provider: Provider, method: Method) -> Self {
        match (provider, method) {
            (Provider::Zoom, Method::Native) => Self::ZoomNative,
            (Provider::Zoom, Method::Local | Method::Bot) => Self::ZoomLocal,
            (Provider::Teams, _) => Self::Teams,
            (Provider::Webex, _) => Self::Webex,
            (Provider::GoogleMeet, _) => Self::GoogleMeet,
        }
    }
}

/// What is known of the host of a call and of the conference itself.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The member who organizes, and so hosts; none when the organizer is no member.
    pub host: Option<Host<'a>>,
    /// The provider's set-up.
    pub setup: Option<&'a ProviderEntry>,
    /// Whether the conference has audio a recorder can hear; none when that is not known.
    pub computer_audio: Option<bool>,
    /// How it would be recorded.
    pub method: Method,
}

/// A member as host of a conference.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// The member's comparable addresses.
    pub emails: &'a [String],
    /// The member's Zoom user.
    pub zoom: &'a ZoomFacts,
}

/// Whether a method can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Possibility {
    /// It can.
    Possible,
    /// It can as far as is known.
    #[default]
    Unknown,
    /// It cannot.
    Impossible(Obstacle),
}

/// Why a method cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// The organizer is no member, so nobody knows the Zoom user.
    HostUnknown,
    /// The Zoom user has no licence with cloud recording.
    NoLicence,
    /// The Zoom user's settings do not permit automatic cloud recording.
    AutoRecordingOff,
    /// The Zoom user is not the host the calendar names.
    HostMismatch,
    /// Recording to computer files is off.
    LocalRecordingOff,
}

impl Obstacle {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::HostUnknown,
        Self::NoLicence,
        Self::AutoRecordingOff,
        Self::HostMismatch,
        Self::LocalRecordingOff,
    ];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HostUnknown => "host_unknown",
            Self::NoLicence => "no_licence",
            Self::AutoRecordingOff => "auto_recording_off",
            Self::HostMismatch => "host_mismatch",
            Self::LocalRecordingOff => "local_recording_off",
        }
    }
}

/// What an adapter says of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assessment {
    /// Whether its method can work.
    pub possibility: Possibility,
    /// What stops every method of the provider.
    pub findings: Vec<Finding>,
    /// What should be known although it stops nothing.
    pub warnings: Warnings,
}

/// Asks the adapter's rules about a call.
#[must_use]
pub fn assess(adapter: Adapter, facts: &Facts<'_>) -> Assessment {
    let mut assessment = match adapter {
        Adapter::ZoomNative => zoom_native::assess(facts),
        Adapter::ZoomLocal => zoom_local::assess(facts),
        Adapter::Teams => teams::assess(facts),
        Adapter::Webex => webex::assess(facts),
        Adapter::GoogleMeet => google_meet::assess(facts),
        // A telephone call has no preconditions when planned; its number policy is eligibility's.
        Adapter::Dialer => {
            Assessment { possibility: Possibility::Possible, ..Assessment::default() }
        }
    };
    assessment.findings.sort_by(crate::rule::by_rank);
    assessment
}

/// An assessment, or why there is none.
pub type Assessed = Result<Assessment, Missing>;

/// Which method records a call, and what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The method.
    pub method: Method,
    /// Methods to try when it fails, in order.
    pub fallbacks: Vec<Method>,
    /// What speaks against recording by any of them.
    pub findings: Vec<Finding>,
    /// What should be known although it stops nothing.
    pub warnings: Warnings,
}

/// The methods about which adapters must be asked where the company chose one.
#[must_use]
pub const fn methods_to_assess(provider: Provider, chosen: Method) -> &'static [Method] {
    match (provider, chosen) {
        // The bot that native falls back to is the local one (DOMAIN 8.6).
        (Provider::Zoom, Method::Native) => &[Method::Native, Method::Local],
        (Provider::Zoom, Method::Local) => &[Method::Local],
        (Provider::Zoom | Provider::Teams | Provider::Webex | Provider::GoogleMeet, _) => {
            &[Method::Bot]
        }
    }
}

/// Chooses the method of a call (DOMAIN 2, 8.5 to 8.7). Assessments stand in the order of
/// [`methods_to_assess`].
#[must_use]
pub fn choose(provider: Provider, chosen: Method, assessed: &[Assessed]) -> Choice {
    let silent = Err(Missing("assessment"));
    let first = assessed.first().unwrap_or(&silent);
    let mut choice = Choice {
        method: chosen,
        fallbacks: Vec::new(),
        findings: Vec::new(),
        warnings: Warnings::default(),
    };
    for assessment in assessed {
        match assessment {
            Ok(assessment) => choice.findings.extend(assessment.findings.iter().cloned()),
            Err(Missing(_)) => choice.warnings.add(Warning::ProviderCheckUnavailable),
        }
    }
    choice.warnings.add_if(assessed.is_empty(), Warning::ProviderCheckUnavailable);
    let mut decisive = first;
    if (provider, chosen) == (Provider::Zoom, Method::Native) {
        let local = assessed.get(1).unwrap_or(&silent);
        let local_is_off =
            matches!(local, Ok(Assessment { possibility: Possibility::Impossible(_), .. }));
        if matches!(first, Ok(Assessment { possibility: Possibility::Impossible(_), .. })) {
            choice.method = Method::Local;
            choice.warnings.add(Warning::NativeNotPossible);
            decisive = local;
        } else if !local_is_off {
            choice.fallbacks.push(Method::Local);
        }
    }
    if let Ok(Assessment { possibility, warnings, .. }) = decisive {
        choice.warnings.merge(*warnings);
        match possibility {
            Possibility::Possible => {}
            Possibility::Unknown => {
                choice.warnings.add_if(provider == Provider::Zoom, Warning::ZoomFactsUnknown)
            }
            Possibility::Impossible(obstacle) => choice.findings.push(zoom_local::off(*obstacle)),
        }
    }
    choice.findings.sort_by(crate::rule::by_rank);
    choice.findings.dedup_by_key(|finding| finding.code);
    choice
}

/// A finding of an adapter.
fn finding(
    rule: &'static str,
    code: SkipCode,
    sub_reason: Option<&'static str>,
    service: &'static str,
) -> Finding {
    Finding {
        rule: rule.into(),
        code,
        lifted: false,
        sub_reason: sub_reason.map(Into::into),
        evidence: vec![crate::Evidence::Service(service.into())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(zoom: &ZoomFacts, method: Method) -> Facts<'_> {
        Facts { host: Some(Host { emails: &[], zoom }), setup: None, computer_audio: None, method }
    }

    fn native(zoom: &ZoomFacts) -> Choice {
        let assessed = [
            Ok(assess(Adapter::ZoomNative, &facts(zoom, Method::Native))),
            Ok(assess(Adapter::ZoomLocal, &facts(zoom, Method::Local))),
        ];
        choose(Provider::Zoom, Method::Native, &assessed)
    }

    fn known() -> ZoomFacts {
        ZoomFacts {
            email: None,
            licensed: Some(true),
            auto_recording: Some(true),
            local_recording: Some(true),
            active: Some(true),
        }
    }

    #[test]
    fn native_falls_back_to_the_local_bot_where_the_host_cannot() {
        let choice = native(&ZoomFacts { licensed: Some(false), ..known() });
        assert_eq!((choice.method, choice.fallbacks.len()), (Method::Local, 0));
        assert!(choice.warnings.contains(Warning::NativeNotPossible));
    }

    #[test]
    fn native_impossible_and_local_off_is_a_code() {
        let choice =
            native(&ZoomFacts { licensed: Some(false), local_recording: Some(false), ..known() });
        assert_eq!(choice.findings[0].code, SkipCode::LocalRecordingNotSupported);
    }

    #[test]
    fn unknown_facts_leave_the_method_with_a_warning() {
        let choice = native(&ZoomFacts { licensed: None, ..known() });
        assert_eq!(
            (choice.method, choice.fallbacks.as_slice()),
            (Method::Native, &[Method::Local][..])
        );
        assert!(choice.warnings.contains(Warning::ZoomFactsUnknown));
    }

    #[test]
    fn an_adapter_that_does_not_answer_is_a_warning() {
        let choice = choose(Provider::Teams, Method::Bot, &[Err(Missing("teams"))]);
        assert!(choice.findings.is_empty());
        assert!(choice.warnings.contains(Warning::ProviderCheckUnavailable));
    }

    #[test]
    fn an_inactive_zoom_user_stops_every_method() {
        for method in [Method::Native, Method::Local, Method::Bot] {
            let zoom = ZoomFacts { active: Some(false), ..known() };
            let assessment = assess(Adapter::of(Provider::Zoom, method), &facts(&zoom, method));
            assert_eq!(assessment.findings[0].code, SkipCode::InactiveHost);
        }
    }
}
