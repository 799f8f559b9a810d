//! The company file: what a company declares of itself, applied as a whole.
//!
//! This is the one place where a setting of a company is declared. Unknown keys are refused.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::meeting::Provider;
use crate::text;

/// A length of time, written like `30m`, `1h30m`, `2d` or `0`. Never negative, at most ten years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub TimeDelta);

impl Span {
    /// A span of whole seconds.
    #[must_use]
    pub const fn seconds(seconds: u32) -> Self {
        Self(TimeDelta::seconds(seconds as i64))
    }

    /// A span of whole minutes.
    #[must_use]
    pub const fn minutes(minutes: u32) -> Self {
        Self(TimeDelta::minutes(minutes as i64))
    }

    /// Reads the written form.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(written: &str) -> Result<Self, InvalidSpan> {
        const UNITS: [(char, i64); 5] =
            [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
        const TEN_YEARS: i64 = 3_652 * 86_400;
        let invalid = || InvalidSpan(written.to_owned());
        let text = written.trim();
        if text == "0" {
            return Ok(Self(TimeDelta::zero()));
        }
        let mut seconds = 0_i64;
        let mut digits = String::new();
        let mut units_left: &[(char, i64)] = &UNITS;
        for c in text.chars() {
            if c.is_ascii_digit() && digits.len() < 10 {
                digits.push(c);
                continue;
            }
            let place = units_left.iter().position(|(unit, _)| *unit == c).ok_or_else(invalid)?;
            let (_, factor) = units_left.get(place).ok_or_else(invalid)?;
            let number: i64 = digits.parse().map_err(|_| invalid())?;
            digits.clear();
            seconds = number
                .checked_mul(*factor)
                .and_then(|n| n.checked_add(seconds))
                .ok_or_else(invalid)?;
            units_left = units_left.get(place + 1..).unwrap_or_default();
        }
        if text.is_empty() || !digits.is_empty() || seconds > TEN_YEARS {
            return Err(invalid());
        }
        Ok(Self(TimeDelta::seconds(seconds)))
    }
}

/// A length of time that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time; write for example `30m`, `1h30m`, `2d` or `0`")]
pub struct InvalidSpan(String);

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.0.num_seconds();
        if rest == 0 {
            return f.write_str("0");
        }
        for (unit, factor) in [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)] {
            let number = rest / factor;
            rest %= factor;
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Span;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a length of time such as `30m`")
            }

            fn visit_str<E: de::Error>(self, written: &str) -> Result<Span, E> {
                Span::parse(written).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Span, E> {
                Span::parse(&number.to_string()).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Span, E> {
                Span::parse(&number.to_string()).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A company as it declares itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompanyFile {
    /// Id, also in consent links: lower-case letters, digits, `-` and `_`.
    pub company: String,
    /// Name for people.
    #[serde(default)]
    pub name: String,
    /// IANA zone for floating times and all-day events.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Internal domains; sub-domains count.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Addresses whose invitation is a manual request.
    #[serde(default)]
    pub assistant: Vec<String>,
    /// Addresses added by a mail rule; their invitation is no manual request.
    #[serde(default)]
    pub coordinator: Vec<String>,
    /// What is recorded, and how.
    #[serde(default)]
    pub settings: Settings,
    /// Recording consent.
    #[serde(default)]
    pub consent: Consent,
    /// Team members.
    #[serde(default)]
    pub members: Vec<Member>,
    /// Known customers and prospects.
    #[serde(default)]
    pub crm: Crm,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// What is recorded, and how.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which calendars are read.
    pub calendar: Calendar,
    /// Which calls are recorded, and when it is too late.
    pub recording: Recording,
    /// What is never recorded on its own.
    pub exclusions: Exclusions,
    /// Conference providers by name; one that is absent is disabled.
    pub providers: BTreeMap<String, ProviderEntry>,
    /// Telephony.
    pub dialer: Dialer,
}

/// Which calendars are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {
    /// Calendar import is on.
    pub import: bool,
    /// Only primary calendars are read.
    pub primary_only: bool,
    /// Every member's calendar can be read through a company-wide connection.
    pub company_wide_access: bool,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { import: true, primary_only: true, company_wide_access: true }
    }
}

/// Whose meetings are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhichMeetings {
    /// Only those organized by a recordable member.
    Organizer,
    /// Those with a recordable member invited.
    #[default]
    AnyInvitee,
}

/// What becomes of internal meetings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InternalMeetings {
    /// They are not recorded.
    #[default]
    Skip,
    /// They are recorded like others.
    Record,
}

/// Which calls are recorded, and when it is too late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recording {
    /// Whose meetings.
    pub which_meetings: WhichMeetings,
    /// Internal meetings.
    pub internal_meetings: InternalMeetings,
    /// At least one invited person must be known to the CRM.
    pub require_crm_match: bool,
    /// Outlook's `personal` counts as private.
    pub personal_is_private: bool,
    /// Notice that is enough for certain; with less there is a warning.
    pub notice_guaranteed: Span,
    /// With less notice than this there is no plan.
    pub obsolete_under: Span,
    /// How long before the start the bot joins.
    pub dispatch_ahead: Span,
    /// How long after the start the bot still joins.
    pub latest_join: Span,
    /// A shorter recording is not imported.
    pub min_duration: Span,
    /// A longer recording is not imported.
    pub max_duration: Span,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            which_meetings: WhichMeetings::AnyInvitee,
            internal_meetings: InternalMeetings::Skip,
            require_crm_match: false,
            personal_is_private: true,
            notice_guaranteed: Span::minutes(30),
            obsolete_under: Span::minutes(20),
            dispatch_ahead: Span::minutes(2),
            latest_join: Span::minutes(10),
            min_duration: Span::seconds(30),
            max_duration: Span::minutes(360),
        }
    }
}

/// What is never recorded on its own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exclusions {
    /// Domains of invited persons; sub-domains count.
    pub domains: Vec<String>,
    /// Addresses of invited persons.
    pub addresses: Vec<String>,
    /// Words and phrases in titles.
    pub keywords: Vec<String>,
}

/// How a provider records.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Cloud recording at the provider; nobody joins.
    #[default]
    Native,
    /// A bot that records locally with the host's permission.
    Local,
    /// A bot that captures what it hears and sees.
    Bot,
}

impl Method {
    /// Its name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Local => "local",
            Self::Bot => "bot",
        }
    }
}

/// A conference provider's set-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderEntry {
    /// The provider is used.
    pub enabled: bool,
    /// The provider is set up completely.
    pub configured: bool,
    /// Zoom only: how it records; `native` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// The bot joins as a known user.
    pub authenticated_bot: bool,
}

impl Default for ProviderEntry {
    fn default() -> Self {
        Self { enabled: false, configured: true, method: None, authenticated_bot: false }
    }
}

/// Telephony.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dialer {
    /// Telephone calls are imported. Not written out while it is on, as before there was a choice.
    #[serde(skip_serializing_if = "is_on")]
    pub enabled: bool,
    /// Whose number the policy looks at.
    pub counts: Counts,
    /// Policy by prefix; the longest wins, at equal length the stricter.
    pub numbers: Vec<NumberRule>,
    /// What holds for a number that no prefix fits and of which nobody can tell where it is: withheld, of a
    /// satellite, or shared by several countries. When absent the strictest of `numbers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<NumberMode>,
    /// Beginnings of the company's own numbers, `+` and digits: who is called there is a colleague.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own_numbers: Vec<String>,
}

impl Default for Dialer {
    fn default() -> Self {
        Self {
            enabled: true,
            counts: Counts::default(),
            numbers: Vec::new(),
            unknown: None,
            own_numbers: Vec::new(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_on(switch: &bool) -> bool {
    *switch
}

/// Whose number a dialer policy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// The other party's.
    #[default]
    ExternalParty,
    /// Either party's.
    EitherParty,
}

/// Policy for numbers that begin alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberRule {
    /// Beginning of an E.164 number: `+` and digits.
    pub prefix: String,
    /// What holds for it.
    pub mode: NumberMode,
}

/// What holds for a telephone number; later is stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberMode {
    /// Recorded.
    Automatic,
    /// Not recorded automatically; a manual start lifts it.
    AutomaticExcluded,
    /// Recorded only when started by hand.
    Manual,
    /// Never recorded.
    Prohibited,
}

impl NumberMode {
    /// All of them, the stricter later.
    pub const ALL: [Self; 4] =
        [Self::Automatic, Self::AutomaticExcluded, Self::Manual, Self::Prohibited];

    /// Its name in company files and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::AutomaticExcluded => "automatic_excluded",
            Self::Manual => "manual",
            Self::Prohibited => "prohibited",
        }
    }

    /// What becomes of a call with such a number, for people.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Automatic => "recorded",
            Self::AutomaticExcluded => "left out of automatic recording",
            Self::Manual => "recorded only when started by hand",
            Self::Prohibited => "never recorded",
        }
    }

    /// What is left of it once the user started the recording by hand (DOMAIN 5.16).
    #[must_use]
    pub const fn started_by_hand(self) -> Self {
        match self {
            Self::Automatic | Self::AutomaticExcluded | Self::Manual => Self::Automatic,
            Self::Prohibited => Self::Prohibited,
        }
    }
}

/// Type of a consent link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkType {
    /// One page for all meetings in a room: `/s/`.
    Static,
    /// A page for one meeting: `/d/`.
    Dynamic,
}

impl LinkType {
    /// Its name in company files and tokens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
        }
    }
}

/// Recording consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consent {
    /// Host name of the consent pages.
    pub host: String,
    /// Public keys (Ed25519, PEM) that verify tokens, besides the service's own.
    pub keys: Vec<String>,
    /// Profile of those who have none of their own; `none` for no profile.
    pub default_profile: String,
    /// Profiles by name.
    pub profiles: BTreeMap<String, Profile>,
}

impl Default for Consent {
    fn default() -> Self {
        Self {
            host: String::new(),
            keys: Vec::new(),
            default_profile: NO_PROFILE.to_owned(),
            profiles: BTreeMap::new(),
        }
    }
}

/// The longest id of a member or name of a profile, in bytes: they are repeated in what is said of others.
const LONGEST_NAME: usize = 255;

/// The reserved name that means no consent profile.
pub const NO_PROFILE: &str = "none";

/// A recording-consent profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Consent is asked for. Off switches `enforced` off too.
    pub enabled: bool,
    /// A call without consent is not recorded.
    pub enforced: bool,
    /// Link type by provider; a provider that is not named permits none.
    pub links: BTreeMap<String, LinkType>,
    /// An announcement is played.
    pub announcement: bool,
}

/// Whether a member's web conferences are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// Yes.
    #[default]
    Enabled,
    /// Not on this member's account.
    Disabled,
    /// No call with this member is ever recorded.
    Never,
}

/// A team member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Id, unique in the company.
    pub id: String,
    /// Addresses, at least one; the first is the main one.
    pub emails: Vec<String>,
    /// Has a seat.
    #[serde(default = "yes")]
    pub seat: bool,
    /// Web conference capture.
    #[serde(default)]
    pub capture: Capture,
    /// This member's calendar can be read through a personal connection.
    #[serde(default = "yes")]
    pub calendar_access: bool,
    /// Not deactivated.
    #[serde(default = "yes")]
    pub active: bool,
    /// Has the permission to request recordings.
    #[serde(default)]
    pub can_request: bool,
    /// Consent profile; the default profile when absent, `none` for no profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_profile: Option<String>,
    /// What is known of the member's Zoom user.
    #[serde(default)]
    pub zoom: ZoomFacts,
}

const fn yes() -> bool {
    true
}

/// What is known of a member's Zoom user. An absent fact is unknown, which is not "no".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZoomFacts {
    /// Sign-in address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Licence with cloud recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licensed: Option<bool>,
    /// Automatic cloud recording is permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_recording: Option<bool>,
    /// Recording to computer files is permitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_recording: Option<bool>,
    /// The Zoom user is active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

/// Known customers and prospects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crm {
    /// Addresses.
    pub addresses: Vec<String>,
    /// Domains; sub-domains count.
    pub domains: Vec<String>,
}

/// Something wrong with a company file that reads well otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// Where, such as `members[3].emails[0]`.
    pub field: String,
    /// What, and what to do.
    pub message: String,
}

/// A collector of what is wrong.
#[derive(Default)]
struct Check {
    found: Vec<Invalid>,
}

impl Check {
    fn say(&mut self, field: impl Into<String>, message: impl Into<String>) {
        // A file of a million mistakes needs no report of a million lines.
        if self.found.len() < 100 {
            self.found.push(Invalid { field: field.into(), message: message.into() });
        }
    }

    fn domains(&mut self, field: &str, domains: &[String]) {
        for (i, raw) in domains.iter().enumerate() {
            if text::domain(raw).is_none() {
                self.say(
                    format!("{field}[{i}]"),
                    format!("`{raw}` is no domain; write for example `acme.example`"),
                );
            }
        }
    }

    fn addresses(&mut self, field: &str, addresses: &[String]) {
        for (i, raw) in addresses.iter().enumerate() {
            if text::address(raw).is_none() {
                self.say(
                    format!("{field}[{i}]"),
                    format!("`{raw}` is no e-mail address; write for example `ada@acme.example`"),
                );
            }
        }
    }
}

impl CompanyFile {
    /// A company with defaults everywhere.
    #[must_use]
    pub fn named(company: &str) -> Self {
        Self {
            company: company.to_owned(),
            name: String::new(),
            time_zone: utc(),
            domains: Vec::new(),
            assistant: Vec::new(),
            coordinator: Vec::new(),
            settings: Settings::default(),
            consent: Consent::default(),
            members: Vec::new(),
            crm: Crm::default(),
        }
    }

    /// Reads the canonical form.
    ///
    /// # Errors
    /// Line, column and what is wrong.
    pub fn from_canonical(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The canonical form: JSON with its keys in the order of this module, every default written out.
    #[must_use]
    pub fn canonical(&self) -> String {
        // Maps with string keys, strings and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks what the form alone does not.
    ///
    /// # Errors
    /// Everything that is wrong, at most a hundred things.
    pub fn validate(&self) -> Result<(), Vec<Invalid>> {
        let mut check = Check::default();
        if self.company.is_empty()
            || self.company.len() > 63
            || !self
                .company
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        {
            check.say(
                "company",
                format!(
                    "`{}` is no company id; use 1 to 63 of a-z, 0-9, `-` and `_`",
                    self.company
                ),
            );
        }
        if self.time_zone.parse::<chrono_tz::Tz>().is_err() {
            check.say(
                "time_zone",
                format!("`{}` is no IANA zone; write for example `Europe/Berlin`", self.time_zone),
            );
        }
        check.domains("domains", &self.domains);
        check.addresses("assistant", &self.assistant);
        check.addresses("coordinator", &self.coordinator);
        check.domains("crm.domains", &self.crm.domains);
        check.addresses("crm.addresses", &self.crm.addresses);
        self.settings.validate(&mut check);
        self.consent.validate(&mut check);
        self.validate_members(&mut check);
        if check.found.is_empty() { Ok(()) } else { Err(check.found) }
    }

    fn validate_members(&self, check: &mut Check) {
        let mut ids = BTreeSet::new();
        let mut owners: BTreeMap<String, &str> = BTreeMap::new();
        for raw in self.assistant.iter().chain(&self.coordinator) {
            if let Some(address) = text::address(raw) {
                owners.insert(address, "the company itself (assistant or coordinator)");
            }
        }
        for (i, member) in self.members.iter().enumerate() {
            let at = |rest: &str| format!("members[{i}]{rest}");
            if member.id.trim().is_empty() || member.id.len() > LONGEST_NAME {
                check.say(at(".id"), "a member needs an id of 1 to 255 characters");
            } else if !ids.insert(member.id.as_str()) {
                check.say(
                    at(".id"),
                    format!("`{}` is the id of two members; give each its own", member.id),
                );
            }
            if member.emails.is_empty() {
                check.say(at(".emails"), "a member needs at least one address");
            }
            check.addresses(&at(".emails"), &member.emails);
            for (j, raw) in member.emails.iter().enumerate() {
                let Some(address) = text::address(raw) else { continue };
                match owners.get(&address) {
                    Some(other) if *other == member.id => {}
                    Some(other) => check.say(
                        at(&format!(".emails[{j}]")),
                        format!("`{raw}` already belongs to `{other}`; an address has one owner"),
                    ),
                    None => {
                        let proper = member.id.len() <= LONGEST_NAME;
                        let owner =
                            if proper { &member.id } else { "a member without a proper id" };
                        owners.insert(address, owner);
                    }
                }
            }
            if let Some(profile) = &member.consent_profile
                && profile != NO_PROFILE
                && !self.consent.profiles.contains_key(profile)
            {
                check.say(
                    at(".consent_profile"),
                    format!("`{profile}` is no profile; declare it under consent.profiles, or write `none`"),
                );
            }
            if let Some(raw) = &member.zoom.email
                && text::address(raw).is_none()
            {
                check.say(at(".zoom.email"), format!("`{raw}` is no e-mail address"));
            }
        }
    }
}

/// The digits of the beginning of an E.164 number, written with its `+`: 1 to 15 of them.
pub(crate) fn e164_prefix(raw: &str) -> Option<&str> {
    let digits = raw.strip_prefix('+')?;
    let fits = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(digits)
}

impl Settings {
    fn validate(&self, check: &mut Check) {
        check.domains("settings.exclusions.domains", &self.exclusions.domains);
        check.addresses("settings.exclusions.addresses", &self.exclusions.addresses);
        for (i, keyword) in self.exclusions.keywords.iter().enumerate() {
            if text::fold(keyword).trim().is_empty() {
                check.say(
                    format!("settings.exclusions.keywords[{i}]"),
                    "an empty keyword would match nothing; remove it",
                );
            }
        }
        for (name, entry) in &self.providers {
            let field = format!("settings.providers.{name}");
            match Provider::from_name(name) {
                None => {
                    let known = Provider::ALL.map(Provider::as_str).join(", ");
                    check.say(
                        field,
                        format!("`{name}` is no provider that can be recorded; known are {known}"),
                    );
                }
                Some(Provider::Zoom) => {}
                Some(Provider::Teams | Provider::Webex | Provider::GoogleMeet) => {
                    if entry.method.is_some_and(|method| method != Method::Bot) {
                        check.say(
                            format!("{field}.method"),
                            "only Zoom has a choice of methods; remove it",
                        );
                    }
                }
            }
        }
        let mut beginning = |field: String, raw: &str| {
            if e164_prefix(raw).is_none() {
                let wrong = "is no beginning of an E.164 number; write for example `+49`";
                check.say(field, format!("`{raw}` {wrong}"));
            }
        };
        for (i, rule) in self.dialer.numbers.iter().enumerate() {
            beginning(format!("settings.dialer.numbers[{i}].prefix"), &rule.prefix);
        }
        for (i, raw) in self.dialer.own_numbers.iter().enumerate() {
            beginning(format!("settings.dialer.own_numbers[{i}]"), raw);
        }
        if self.recording.obsolete_under > self.recording.notice_guaranteed {
            check.say(
                "settings.recording.obsolete_under",
                "it is longer than notice_guaranteed, which must be at least as long",
            );
        }
        if self.recording.min_duration > self.recording.max_duration {
            check.say("settings.recording.min_duration", "it is longer than max_duration");
        }
    }
}

impl Consent {
    fn validate(&self, check: &mut Check) {
        if !self.host.is_empty() && text::domain(&self.host).is_none() {
            check.say("consent.host", format!("`{}` is no host name", self.host));
        }
        for (i, pem) in self.keys.iter().enumerate() {
            if crate::consent::token::PublicKey::from_pem(pem).is_err() {
                check.say(
                    format!("consent.keys[{i}]"),
                    "it is no Ed25519 public key in PEM (SPKI) form",
                );
            }
        }
        if self.default_profile != NO_PROFILE && !self.profiles.contains_key(&self.default_profile)
        {
            check.say(
                "consent.default_profile",
                format!(
                    "`{}` is no profile; declare it under consent.profiles, or write `none`",
                    self.default_profile
                ),
            );
        }
        for (name, profile) in &self.profiles {
            if name == NO_PROFILE {
                check.say("consent.profiles.none", "the name `none` is reserved for no profile");
            }
            if name.len() > LONGEST_NAME {
                // Named without its name, which every mistake below it would repeat.
                check.say("consent.profiles", "the name of a profile has at most 255 characters");
                continue;
            }
            for provider in profile.links.keys() {
                if Provider::from_name(provider).is_none() {
                    check.say(
                        format!("consent.profiles.{name}.links.{provider}"),
                        format!("`{provider}` is no provider that can be recorded"),
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (written, seconds) in
            [("30m", 1_800), ("1h30m", 5_400), ("2d", 172_800), ("0", 0), ("0s", 0), ("90s", 90)]
        {
            assert_eq!(Span::parse(written).unwrap().0.num_seconds(), seconds, "{written}");
        }
        for wrong in ["", "30", "m", "30m1h", "-5m", "5x", "99999999999d", "4000d"] {
            assert!(Span::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Span::parse("5400s").unwrap().to_string(), "1h30m");
    }

    #[test]
    fn the_canonical_form_reads_back_as_itself() {
        let mut file = CompanyFile::named("acme");
        file.settings
            .providers
            .insert("zoom".into(), ProviderEntry { enabled: true, ..Default::default() });
        let json = file.canonical();
        assert_eq!(CompanyFile::from_canonical(&json).unwrap(), file);
    }

    #[test]
    fn an_address_of_two_members_is_refused_with_its_place() {
        let mut file = CompanyFile::named("acme");
        for id in ["ada", "bob"] {
            file.members.push(
                serde_json::from_str(&format!(r#"{{"id":"{id}","emails":["X@acme.example"]}}"#))
                    .unwrap(),
            );
        }
        let wrong = file.validate().unwrap_err();
        assert_eq!(wrong[0].field, "members[1].emails[0]");
        assert!(wrong[0].message.contains("`ada`"), "{}", wrong[0].message);
    }

    #[test]
    fn a_beginning_of_no_number_is_refused_with_its_place() {
        let mut file = CompanyFile::named("acme");
        file.settings.dialer.own_numbers = vec!["+4930".into(), "030".into()];
        file.settings.dialer.numbers =
            vec![NumberRule { prefix: "+1x".into(), mode: NumberMode::Manual }];
        let wrong: Vec<_> = file.validate().unwrap_err().into_iter().map(|one| one.field).collect();
        assert_eq!(wrong, ["settings.dialer.numbers[0].prefix", "settings.dialer.own_numbers[1]"]);
    }

    #[test]
    fn telephony_is_on_and_the_canonical_form_says_no_more_than_it_used_to() {
        let file = CompanyFile::named("acme");
        assert!(file.settings.dialer.enabled);
        let json = file.canonical();
        assert!(json.contains(r#""dialer":{"counts":"external_party","numbers":[]}"#), "{json}");
    }

    #[test]
    fn a_profile_nobody_declared_is_refused() {
        let mut file = CompanyFile::named("acme");
        file.consent.default_profile = "eu".into();
        assert_eq!(file.validate().unwrap_err()[0].field, "consent.default_profile");
    }
}
