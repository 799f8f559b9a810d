//! Adapters' questions and answers on the wire.

use decision::company::{Method, NumberMode, ProviderEntry};
use decision::provider::{Adapter, Assessment, Obstacle, Possibility};
use decision::{Finding, Means};

pub use crate::r#gen::provider::v1;
use crate::{Invalid, verdict};

impl From<Means> for v1::Method {
    fn from(means: Means) -> Self {
        match means {
            Means::Cloud => Self::Native,
            Means::LocalBot => Self::Local,
            Means::Bot => Self::Bot,
            Means::Dialer => Self::DialerImport,
            Means::Upload => Self::Upload,
        }
    }
}

impl From<Method> for v1::Method {
    fn from(method: Method) -> Self {
        Means::from(method).into()
    }
}

/// The way of recording a field holds.
///
/// # Errors
/// It is unset, or of a newer version.
pub fn means(field: &'static str, value: i32) -> Result<Means, Invalid> {
    let wire = v1::Method::try_from(value).ok();
    let found = Means::ALL.into_iter().find(|means| Some(v1::Method::from(*means)) == wire);
    found.ok_or(Invalid::Enum { field, value })
}

/// The method a field holds.
///
/// # Errors
/// It is unset, of a newer version, or no way to record a conference.
pub fn method(field: &'static str, value: i32) -> Result<Method, Invalid> {
    match means(field, value)? {
        Means::Cloud => Ok(Method::Native),
        Means::LocalBot => Ok(Method::Local),
        Means::Bot => Ok(Method::Bot),
        Means::Dialer | Means::Upload => Err(Invalid::Enum { field, value }),
    }
}

impl From<NumberMode> for v1::NumberMode {
    fn from(mode: NumberMode) -> Self {
        match mode {
            NumberMode::Automatic => Self::Automatic,
            NumberMode::AutomaticExcluded => Self::AutomaticExcluded,
            NumberMode::Manual => Self::Manual,
            NumberMode::Prohibited => Self::Prohibited,
        }
    }
}

/// What holds for telephone numbers, as a field holds it.
///
/// # Errors
/// It is unset or of a newer version: neither is a permission.
pub fn number_mode(field: &'static str, value: i32) -> Result<NumberMode, Invalid> {
    let wire = v1::NumberMode::try_from(value).ok();
    let found = NumberMode::ALL.into_iter().find(|mode| Some(v1::NumberMode::from(*mode)) == wire);
    found.ok_or(Invalid::Enum { field, value })
}

impl From<Adapter> for v1::Adapter {
    fn from(adapter: Adapter) -> Self {
        match adapter {
            Adapter::ZoomNative => Self::ZoomNative,
            Adapter::ZoomLocal => Self::ZoomLocal,
            Adapter::Teams => Self::Teams,
            Adapter::Webex => Self::Webex,
            Adapter::GoogleMeet => Self::GoogleMeet,
            Adapter::Dialer => Self::Dialer,
        }
    }
}

/// The adapter a field holds; none when it is unset.
///
/// # Errors
/// It is of a newer version.
pub fn adapter(field: &'static str, value: i32) -> Result<Option<Adapter>, Invalid> {
    let wire = v1::Adapter::try_from(value).map_err(|_| Invalid::Enum { field, value })?;
    Ok(Adapter::ALL.into_iter().find(|adapter| v1::Adapter::from(*adapter) == wire))
}

impl v1::ProviderSetup {
    /// A provider's set-up under its name.
    #[must_use]
    pub fn new(provider: decision::Provider, entry: &ProviderEntry, method: Method) -> Self {
        Self {
            provider: verdict::v1::Provider::from(provider).into(),
            enabled: entry.enabled,
            configured: entry.configured,
            method: v1::Method::from(method).into(),
            authenticated_bot: entry.authenticated_bot,
        }
    }
}

impl From<&Assessment> for v1::Assessment {
    fn from(assessment: &Assessment) -> Self {
        let (possibility, reason) = match assessment.possibility {
            Possibility::Possible => (v1::Possibility::Possible, ""),
            Possibility::Unknown => (v1::Possibility::Unknown, ""),
            Possibility::Impossible(obstacle) => (v1::Possibility::Impossible, obstacle.as_str()),
        };
        let verdict = decision::Verdict {
            findings: assessment.findings.clone(),
            ..decision::Verdict::default()
        };
        Self {
            possibility: possibility.into(),
            verdict: Some((&verdict).into()),
            reason: reason.to_owned(),
        }
    }
}

impl TryFrom<v1::Assessment> for Assessment {
    type Error = Invalid;

    /// A provider check that cannot be read stops nothing: it reads as unknown.
    fn try_from(wire: v1::Assessment) -> Result<Self, Invalid> {
        let possibility = match wire.possibility() {
            v1::Possibility::Possible => Possibility::Possible,
            v1::Possibility::Unspecified | v1::Possibility::Unknown => Possibility::Unknown,
            v1::Possibility::Impossible => Obstacle::ALL
                .into_iter()
                .find(|obstacle| obstacle.as_str() == wire.reason)
                .map_or(Possibility::Unknown, Possibility::Impossible),
        };
        let said = wire.verdict.unwrap_or_default();
        let findings =
            said.findings.into_iter().map(Finding::try_from).collect::<Result<Vec<_>, _>>()?;
        let warnings = said.warnings.into_iter().filter_map(verdict::warning).collect();
        Ok(Self { possibility, findings, warnings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assessment_survives_the_wire() {
        for possibility in [
            Possibility::Possible,
            Possibility::Unknown,
            Possibility::Impossible(Obstacle::HostMismatch),
        ] {
            let assessment = Assessment { possibility, ..Assessment::default() };
            assert_eq!(Assessment::try_from(v1::Assessment::from(&assessment)), Ok(assessment));
        }
    }

    #[test]
    fn every_adapter_survives_the_wire() {
        for one in Adapter::ALL {
            assert_eq!(adapter("adapter", v1::Adapter::from(one).into()), Ok(Some(one)));
        }
        assert_eq!(adapter("adapter", 0), Ok(None));
    }
}
