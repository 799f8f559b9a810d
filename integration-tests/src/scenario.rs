//! What a scenario file may say. `scenarios/README.md` describes it for those who write one.

mod carried;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chrono::{DateTime, TimeDelta, Utc};
use decision::company::Span;
use decision::{CompanyFile, SkipCode};
use serde::Deserialize;
use serde_json::Value;

use crate::expectation::Expectation;
use crate::placeholder;

pub use carried::{Dial, Dialer, Import, Recorded, Script, Tell, ZoomMeeting};

/// A scenario: what is given, what happens, and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One sentence that says what is shown.
    pub name: String,
    /// Why it matters, or where the rule comes from.
    #[serde(default)]
    pub why: String,
    /// What the clock shows at first.
    pub now: DateTime<Utc>,
    /// How far ahead calls are decided.
    #[serde(default = "four_weeks")]
    pub window: Span,
    /// What differs from the company in `base/acme.yaml`.
    #[serde(default = "nothing")]
    pub company: Value,
    /// Other companies, as whole company files.
    #[serde(default)]
    pub others: Vec<CompanyFile>,
    /// Meetings in the company's account at Zoom; without any it has none there.
    #[serde(default)]
    pub zoom: Vec<ZoomMeeting>,
    /// Calendars that are read before anything happens.
    #[serde(default)]
    pub calendars: Vec<Calendar>,
    /// What happens, in order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Without steps: what must come of deciding once.
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

fn four_weeks() -> Span {
    Span(TimeDelta::weeks(4))
}

/// A calendar payload.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Name of the calendar.
    pub source: String,
    /// Form of the payload.
    #[serde(default)]
    pub format: Format,
    /// When it was received; when absent, what the clock shows.
    pub received: Option<DateTime<Utc>>,
    /// Address through which it came, where it came by mail.
    #[serde(default)]
    pub recipient: String,
    /// The payload, with placeholders.
    pub text: String,
}

/// Form of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// iCalendar.
    #[default]
    Icalendar,
    /// Google Calendar JSON.
    Google,
    /// Microsoft Graph JSON.
    Microsoft,
}

/// Something that happens.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// The company changes: a patch over what held until now.
    Apply(Value),
    /// A calendar is read.
    Ingest(Calendar),
    /// Somebody asks for a recording.
    Request(Request),
    /// Somebody takes a recording back.
    Cancel(Request),
    /// A meeting is deleted in Callsheet. From here on the calendars' meetings are decided ad hoc.
    Delete(Key),
    /// A participant chooses on the consent page.
    Choice(Choice),
    /// An adapter learns something about a conference.
    ConferenceFacts(ConferenceFacts),
    /// Time passes.
    Advance(Span),
    /// Services that answer no more.
    Away(Vec<Leaf>),
    /// Services that answer again.
    Back(Vec<Leaf>),
    /// Calls are decided, and this must come of it.
    Expect(Vec<Expectation>),
    /// A telephone call is registered.
    Dial(Dial),
    /// A recording is to be imported from a link.
    Import(Import),
    /// What whoever carries a call out will tell of it.
    Script(Script),
    /// Somebody stops a recording.
    Stop(Request),
    /// Somebody deletes a recording.
    DeleteRecording(Request),
    /// What has become of calls, whenever they began.
    Outcome(Vec<Expectation>),
}

/// A service whose absence is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leaf {
    /// Consent.
    Consent,
    /// The provider adapters.
    ProviderAdapters,
    /// Eligibility.
    Eligibility,
}

/// A meeting by its iCalendar UID, and where it is one of a series by its original start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(from = "KeyForm")]
pub struct Key {
    /// iCalendar UID.
    pub uid: String,
    /// Original start.
    pub recurrence_id: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KeyForm {
    Uid(String),
    Occurrence(Occurrence),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Occurrence {
    uid: String,
    recurrence_id: DateTime<Utc>,
}

impl From<KeyForm> for Key {
    fn from(form: KeyForm) -> Self {
        match form {
            KeyForm::Uid(uid) => Self { uid, recurrence_id: None },
            KeyForm::Occurrence(one) => {
                Self { uid: one.uid, recurrence_id: Some(one.recurrence_id) }
            }
        }
    }
}

/// What a person asks of a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The call.
    pub call: Key,
    /// Member id or address.
    pub by: String,
    /// Whether it is heard.
    #[serde(default = "yes")]
    pub accepted: bool,
}

const fn yes() -> bool {
    true
}

/// A choice on the consent page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The call.
    pub call: Key,
    /// Whether the participant joins without being recorded.
    pub without_recording: bool,
}

/// What an adapter learns about a conference.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConferenceFacts {
    /// Name of the provider.
    pub provider: String,
    /// Canonical id.
    pub id: String,
    /// Whether there is audio a recorder can hear.
    pub computer_audio: bool,
}

impl Scenario {
    /// Whether plans are carried out in it.
    #[must_use]
    pub fn is_carried(&self) -> bool {
        let carries =
            |step: &Step| matches!(step, Step::Script(_) | Step::Dial(_) | Step::Import(_));
        self.steps.iter().any(carries)
    }

    /// The codes that are expected of its calls as primary ones.
    pub fn codes(&self) -> impl Iterator<Item = SkipCode> {
        let expected = self.steps.iter().filter_map(|step| {
            let (Step::Expect(expected) | Step::Outcome(expected)) = step else { return None };
            Some(expected)
        });
        expected.flatten().filter_map(|one| one.skip_code)
    }

    /// Reads one file; unknown keys are refused.
    ///
    /// # Errors
    /// It cannot be read, or says something that means nothing.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        let value: Value = serde_saphyr::from_str(text)?;
        let mut scenario: Self = serde_json::from_value(value)?;
        if scenario.steps.is_empty() == scenario.expect.is_empty() {
            bail!("give either `expect` or `steps`");
        }
        if !scenario.expect.is_empty() {
            scenario.steps.push(Step::Expect(std::mem::take(&mut scenario.expect)));
        }
        for calendar in &mut scenario.calendars {
            calendar.text = placeholder::filled(&calendar.text)?;
        }
        for step in &mut scenario.steps {
            if let Step::Ingest(calendar) = step {
                calendar.text = placeholder::filled(&calendar.text)?;
            }
        }
        Ok(scenario)
    }

    /// Services that are away at some time.
    #[must_use]
    pub fn leaves(&self) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        for step in &self.steps {
            if let Step::Away(some) = step {
                leaves.extend(some);
            }
        }
        leaves.sort();
        leaves.dedup();
        leaves
    }
}

/// The folder of the scenarios.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Every scenario under the name of its file, in order.
///
/// # Errors
/// A file that cannot be read, by its name.
pub fn all() -> anyhow::Result<Vec<(String, Scenario)>> {
    let mut scenarios = Vec::new();
    for entry in std::fs::read_dir(folder())? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path)?;
            let scenario = Scenario::read(&text).with_context(|| format!("{}", path.display()))?;
            scenarios.push((stem, scenario));
        }
    }
    scenarios.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(scenarios)
}

/// The company of every scenario, as a document that patches are laid over.
///
/// # Errors
/// The file cannot be read.
pub fn base() -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(folder().join("base/acme.yaml"))?;
    Ok(serde_saphyr::from_str(&text)?)
}

/// Lays a patch over a document: mappings are merged, `null` removes a key, lists of things with an `id`
/// are merged by it, everything else takes the place of what was there.
pub fn patch(document: &mut Value, patch: &Value) {
    match (document, patch) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                if value.is_null() {
                    into.remove(key);
                } else {
                    self::patch(into.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (Value::Array(into), Value::Array(from))
            if !from.is_empty()
                && from.iter().chain(into.iter()).all(|one| one.get("id").is_some()) =>
        {
            for value in from {
                match into.iter_mut().find(|one| one.get("id") == value.get("id")) {
                    Some(known) => self::patch(known, value),
                    None => into.push(value.clone()),
                }
            }
        }
        (document, patch) => *document = patch.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_key_is_refused() {
        let given = "name: x\nnow: 2026-03-02T08:00:00Z\nexpekt: []\n";
        let error = Scenario::read(given).unwrap_err();
        assert!(error.to_string().contains("expekt"), "{error}");
    }

    #[test]
    fn a_step_nobody_knows_is_refused() {
        let given = "name: x\nnow: 2026-03-02T08:00:00Z\nsteps: [{ wait: 3 }]\n";
        assert!(Scenario::read(given).is_err());
    }

    #[test]
    fn a_patch_merges_members_by_id_and_replaces_other_lists() {
        let mut company = json!({ "domains": ["a"], "crm": { "x": 1 }, "members": [{ "id": "ada", "seat": true }] });
        let change = json!({
            "domains": ["b"], "crm": null,
            "members": [{ "id": "ada", "seat": false }, { "id": "bob" }]
        });
        patch(&mut company, &change);
        let merged = json!({ "domains": ["b"], "members": [{ "id": "ada", "seat": false }, { "id": "bob" }] });
        assert_eq!(company, merged);
    }
}
