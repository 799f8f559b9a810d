//! Reads the catalogue of skip codes out of the compiled contract.

use crate::contract::{comment, prefix};
use anyhow::{Context, Result, bail, ensure};
use prost_reflect::{DescriptorPool, DynamicMessage, EnumDescriptor, ReflectMessage, Value};
use std::collections::BTreeMap;

const PACKAGE: &str = "callsheet.skip.v1";

/// The catalogue.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// Stamped on every decision.
    pub(crate) version: u32,
    /// By phase, then by rank; those of rank 0 last in their phase.
    pub(crate) codes: Vec<Code>,
    /// The small enums a code refers to, as the core has them.
    pub(crate) kinds: Vec<Kind>,
}

/// One skip code.
#[derive(Debug)]
pub(crate) struct Code {
    /// Name of its value without the prefix, such as `ALL_DAY_EVENT`.
    pub(crate) name: String,
    /// Exact spelling in reports.
    pub(crate) spelling: String,
    /// Its number on the wire.
    pub(crate) number: i32,
    /// Its values of [`Kind`]s by the name of the field, such as `table`: `MEETING`.
    pub(crate) kinds: BTreeMap<&'static str, String>,
    /// Order inside its phase.
    pub(crate) rank: u32,
    /// Name of its twin.
    pub(crate) twin: Option<String>,
    /// Whether trying again makes sense.
    pub(crate) retryable: bool,
    /// What it means.
    pub(crate) description: String,
    /// What to do.
    pub(crate) remedy: String,
}

impl Code {
    /// The value it has of one kind, as reports spell it.
    pub(crate) fn kind(&self, field: &str) -> String {
        self.kinds.get(field).map(|value| value.to_lowercase()).unwrap_or_default()
    }
}

/// A small enum with a value in every note.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Field of the note and of the core's `Meta`.
    pub(crate) field: &'static str,
    /// Name of the type.
    pub(crate) name: &'static str,
    /// Comment over the type.
    pub(crate) comment: String,
    /// Names of the values without prefix, and their comments; the zero value is left out.
    pub(crate) values: Vec<(String, String)>,
}

/// The fields of a note whose type is a small enum, and the name a missing value stands for.
const KINDS: [(&str, &str, Option<&str>); 4] = [
    ("table", "Table", None),
    ("phase", "Phase", None),
    ("lifted_by", "LiftedBy", Some("NONE")),
    ("who_can_act", "WhoCanAct", None),
];

/// Reads the catalogue; refuses one in which something is missing or contradicts itself.
pub(crate) fn read(pool: &DescriptorPool) -> Result<Catalogue> {
    let codes = named(pool, "SkipCode")?;
    let notes =
        pool.get_extension_by_name(&format!("{PACKAGE}.note")).context("no extension `note`")?;
    let stamp = pool
        .get_extension_by_name(&format!("{PACKAGE}.catalogue"))
        .context("no extension `catalogue`")?;
    let version = message(&codes.options().get_extension(&stamp))?
        .get_field_by_name("version")
        .and_then(|version| version.as_u32())
        .unwrap_or_default();
    ensure!(version > 0, "the catalogue has no version");

    let mut catalogue = Catalogue { version, codes: Vec::new(), kinds: Vec::new() };
    for (field, name, _) in KINDS {
        let kind = named(pool, name)?;
        let values = kind.values().filter(|value| value.number() != 0);
        catalogue.kinds.push(Kind {
            field,
            name,
            comment: comment(&kind.parent_file(), kind.path()),
            values: values
                .map(|value| {
                    Ok((
                        short(value.name(), &kind)?,
                        comment(&value.parent_enum().parent_file(), value.path()),
                    ))
                })
                .collect::<Result<_>>()?,
        });
    }
    for value in codes.values().filter(|value| value.number() != 0) {
        let note = value.options();
        ensure!(note.has_extension(&notes), "`{}` has no note", value.name());
        let note = note.get_extension(&notes);
        let text = comment(&codes.parent_file(), value.path());
        catalogue.codes.push(
            code(&codes, value.name(), value.number(), message(&note)?, &text)
                .with_context(|| format!("in the note of `{}`", value.name()))?,
        );
    }
    let phases = named(pool, "Phase")?;
    let number = |code: &Code| {
        let phase = code.kinds.get("phase").map(String::as_str).unwrap_or_default();
        phases.get_value_by_name(&(prefix("Phase") + phase)).map(|value| value.number())
    };
    catalogue.codes.sort_by_key(|code| (number(code), code.rank == 0, code.rank));
    Ok(catalogue)
}

/// One code from its note and its comment.
fn code(
    codes: &EnumDescriptor,
    name: &str,
    number: i32,
    note: &DynamicMessage,
    text: &str,
) -> Result<Code> {
    let field =
        |name: &str| note.get_field_by_name(name).with_context(|| format!("no field `{name}`"));
    let mut kinds = BTreeMap::new();
    for (name, _, absent) in KINDS {
        let value = chosen(note, name)?;
        let value =
            value.or(absent.map(str::to_owned)).with_context(|| format!("`{name}` is missing"))?;
        kinds.insert(name, value);
    }
    let (description, remedy) = match text.split_once("\n\nRemedy:") {
        Some((description, remedy)) => (one_line(description), one_line(remedy)),
        None => bail!("no paragraph of the comment begins with `Remedy:`"),
    };
    ensure!(!description.is_empty() && !remedy.is_empty(), "description or remedy is empty");
    let name = short(name, codes)?;
    let spelling = field("spelling")?.as_str().unwrap_or_default().to_owned();
    Ok(Code {
        spelling: if spelling.is_empty() { name.clone() } else { spelling },
        number,
        kinds,
        rank: field("rank")?.as_u32().context("the rank is no number")?,
        twin: chosen(note, "twin")?,
        retryable: field("retryable")?.as_bool().unwrap_or_default(),
        description,
        remedy,
        name,
    })
}

/// The value of an enum field without its prefix; none where it is zero.
fn chosen(note: &DynamicMessage, field: &str) -> Result<Option<String>> {
    let descriptor = note.descriptor().get_field_by_name(field).context("no such field in Note")?;
    let kind = descriptor.kind();
    let kind = kind.as_enum().with_context(|| format!("`{field}` is no enum"))?;
    let number = note.get_field(&descriptor).as_enum_number().unwrap_or_default();
    let value =
        kind.get_value(number).with_context(|| format!("`{field}` has no value {number}"))?;
    if number == 0 { Ok(None) } else { short(value.name(), kind).map(Some) }
}

/// The enum of this name in the catalogue's package.
fn named(pool: &DescriptorPool, name: &str) -> Result<EnumDescriptor> {
    pool.get_enum_by_name(&format!("{PACKAGE}.{name}")).with_context(|| format!("no enum `{name}`"))
}

/// The message inside an option.
fn message(value: &Value) -> Result<&DynamicMessage> {
    value.as_message().context("the option is no message")
}

/// A value's name without the prefix of its enum.
fn short(value: &str, of: &EnumDescriptor) -> Result<String> {
    let prefix = prefix(of.name());
    let short =
        value.strip_prefix(&prefix).with_context(|| format!("`{value}` lacks `{prefix}`"))?;
    Ok(short.to_owned())
}

/// Text that was wrapped, on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
