//! What every adapter can be asked.

use std::fmt;

use decision::Provider;
use decision::company::ProviderEntry;
use decision::provider::{Adapter as Which, Assessment, Facts, assess};
use proto::provider::v1::Method;

use crate::facts::Hosts;

/// One way to reach one provider. What must be true for it to work is the core's; how it is found out, and what a person
/// should know of the set-up, is the adapter's.
pub(crate) trait Adapter: fmt::Debug + Send + Sync {
    /// Which of the adapters it is.
    fn which(&self) -> Which;

    /// The provider it serves; none for telephony.
    fn provider(&self) -> Option<Provider>;

    /// The methods it carries out.
    fn methods(&self) -> &'static [Method];

    /// What a person should know of a company's set-up that is enabled and configured.
    fn describe(&self, setup: &ProviderEntry, hosts: &Hosts) -> Vec<Detail>;

    /// Its name in settings, plans and messages.
    fn name(&self) -> &'static str {
        self.which().as_str()
    }

    /// Whether its method can work for a call.
    fn assess(&self, facts: &Facts<'_>) -> Assessment {
        assess(self.which(), facts)
    }
}

/// Something about a set-up, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Detail {
    weight: Weight,
    problem: String,
    remedy: String,
}

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Error,
    Warning,
    Note,
}

impl Detail {
    /// Nothing is recorded as long as this is so.
    pub(crate) fn error(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { weight: Weight::Error, problem: problem.into(), remedy: remedy.into() }
    }

    /// Some calls may not be recorded, or not as planned.
    pub(crate) fn warning(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, problem: problem.into(), remedy: remedy.into() }
    }

    /// Good to know.
    pub(crate) fn note(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { weight: Weight::Note, problem: problem.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Error => "error",
            Weight::Warning => "warning",
            Weight::Note => "note",
        };
        write!(f, "{weight}: {}; {}", self.problem, self.remedy)
    }
}

/// Everything a person should know of an adapter in a company.
pub(crate) fn details(
    adapter: &dyn Adapter,
    setup: Option<&ProviderEntry>,
    hosts: &Hosts,
) -> Vec<Detail> {
    let Some(provider) = adapter.provider() else {
        return adapter.describe(&ProviderEntry::default(), hosts);
    };
    let provider = provider.as_str();
    match setup {
        Some(setup) if setup.enabled && setup.configured => adapter.describe(setup, hosts),
        Some(setup) if setup.enabled => vec![Detail::error(
            format!("`{provider}` is enabled, and its set-up is not finished"),
            format!(
                "finish it, then set `settings.providers.{provider}.configured: true` in the company file"
            ),
        )],
        Some(_) | None => vec![Detail::error(
            format!("`{provider}` is not enabled, so none of its calls are recorded"),
            format!("set `settings.providers.{provider}.enabled: true` in the company file"),
        )],
    }
}

/// `1 member has …`, `3 members have …`; nothing for nobody.
pub(crate) fn members(count: usize, one: &str, several: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 member {one}")),
        n => Some(format!("{n} members {several}")),
    }
}

/// The warning for a bot that joins as a guest.
pub(crate) fn guest(setup: &ProviderEntry, provider: &str, obstacle: &str) -> Option<Detail> {
    (!setup.authenticated_bot).then(|| {
        Detail::warning(
            format!("the bot joins as a guest, whom {obstacle}"),
            format!(
                "give the bot a user of its own and set `settings.providers.{provider}.authenticated_bot: true`"
            ),
        )
    })
}
