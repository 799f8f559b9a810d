//! Every setting of every program as a page for people, read from where its default and its meaning stand.

use crate::workspace;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A program whose settings stand in a file of defaults, and the file of the type they are read into.
struct Program {
    name: &'static str,
    defaults: &'static str,
    types: &'static str,
    /// Types by the name of a section, where it is not a field of `Config`.
    sections: &'static [(&'static str, &'static str)],
    /// What a setting holds that is a table of its own: how it is headed, what is said of it, and the file with the table.
    more: Option<(&'static str, &'static str, &'static str)>,
}

/// The process, then the services in the order in which a decision passes through them.
const PROGRAMS: [Program; 6] = [
    Program {
        name: "process",
        defaults: "libs/chassis/src/chassis.default.toml",
        types: "libs/chassis/src/settings.rs",
        sections: SECTIONS,
        more: None,
    },
    service("calendar-ingest"),
    service("eligibility"),
    service("consent"),
    Program { more: Some(API), ..service("provider-adapters") },
    service("orchestrator"),
];

/// Sections that every program has.
const SECTIONS: &[(&str, &str)] = &[
    ("server", "Server"),
    ("telemetry", "Telemetry"),
    ("clock", "Time"),
    ("peers", "BTreeMap<String, String>"),
];

/// Types of other crates, and the files they stand in.
const ELSEWHERE: [(&str, &str, &str); 2] = [
    ("StoreConfig", "libs/storage/src/store.rs", "StoreConfig"),
    ("feed::Settings", "libs/feed/src/settings.rs", "Settings"),
];

/// What `api` of a connection holds.
const API: (&str, &str, &str) = (
    "`api` of a connection",
    "With `api` a connection is not only heard, but its provider asked too. Which keys there are depends on the provider; \
     all values are texts, and one that begins with `env:` or `file:` stands elsewhere. `base_url` beside `api` is where \
     the API is, if not at the usual place.",
    "api.md",
);

const fn service(name: &'static str) -> Program {
    let (defaults, types) = ("config.default.toml", "src/config.rs");
    Program { name, defaults, types, sections: SECTIONS, more: None }
}

impl Program {
    fn path(&self, file: &str) -> String {
        if file.contains("libs/") {
            file.to_owned()
        } else {
            format!("services/{}/{file}", self.name)
        }
    }
}

/// A line of a file of defaults.
#[derive(Debug, PartialEq)]
struct Setting {
    /// With its section: `store.url`.
    key: String,
    default: String,
    meaning: String,
}

/// The settings in a file of defaults, and what is said of its sections.
fn settings(path: &str, text: &str) -> Result<(Vec<Setting>, BTreeMap<String, String>)> {
    let (mut settings, mut sections) = (Vec::new(), BTreeMap::new());
    let (mut section, mut comment) = (String::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if let Some(said) = line.strip_prefix('#') {
            comment.push(said.trim());
            continue;
        }
        let meaning = std::mem::take(&mut comment).join(" ");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
            sections.insert(name.to_owned(), meaning);
        } else if let Some((key, default)) = line.split_once(" = ") {
            let key = format!("{section}{}", key.trim());
            settings.push(Setting { key, default: default.trim().to_owned(), meaning });
        } else {
            ensure!(line.is_empty(), "{path}: `{line}` is no setting");
            // A section may be explained below its name.
            if let Some(name) = section.strip_suffix('.') {
                sections.entry(name.to_owned()).and_modify(|said: &mut String| {
                    if said.is_empty() {
                        *said = meaning;
                    }
                });
            }
        }
    }
    if let (Some(name), false) = (section.strip_suffix('.'), comment.is_empty()) {
        sections.insert(name.to_owned(), comment.join(" "));
    }
    Ok((settings, sections))
}

/// The fields of a struct in Rust source, with their types.
fn fields(source: &str, name: &str) -> Option<Vec<(String, String)>> {
    let (_, body) = source.split_once(&format!("struct {name} {{\n"))?;
    let (body, _) = body.split_once("\n}")?;
    let fields = body.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("pub(crate) ");
        let (name, kind) = line.strip_prefix("pub ").unwrap_or(line).split_once(": ")?;
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        plain.then(|| (name.to_owned(), kind.trim_end_matches(',').to_owned()))
    });
    Some(fields.collect())
}

/// Every field below a type, by its key, with its type; a section with names of one's own ends in `.*`.
fn leaves(
    source: &str,
    kind: &str,
    prefix: &str,
    found: &mut BTreeMap<String, String>,
) -> Result<()> {
    let elsewhere = ELSEWHERE.iter().find(|(name, _, _)| *name == kind);
    let (source, name) = match elsewhere {
        Some((_, path, name)) => (workspace::read(path)?, *name),
        None => (source.to_owned(), kind),
    };
    if let Some(fields) = fields(&source, name) {
        for (field, kind) in fields {
            leaves(&source, &kind, &format!("{prefix}.{field}"), found)?;
        }
    } else if kind.starts_with("BTreeMap<") {
        found.insert(format!("{prefix}.*"), kind.to_owned());
    } else {
        found.insert(prefix.to_owned(), kind.to_owned());
    }
    Ok(())
}

/// What a value is measured in.
fn unit(kind: &str, key: &str, meaning: &str) -> Result<&'static str> {
    Ok(match kind {
        "Duration" => "period",
        "bool" => "true or false",
        "SocketAddr" => "address",
        "String" | "Option<String>" | "PathBuf" | "LogFormat" => "text",
        "Vec<String>" => "list of texts",
        list if list.starts_with("Vec<") => "list of tables",
        "f64" => "share",
        "u32" | "u64" | "usize" if key.ends_with("_ms") => "milliseconds",
        "u32" | "u64" | "usize" if meaning.contains("in bytes") => "bytes",
        "u32" | "u64" | "usize" => "number",
        _ => bail!("`{key}` is a `{kind}`, which has no unit here"),
    })
}

/// `docs/config.md`.
pub(super) fn generate() -> Result<String> {
    let mut out = String::from(
        "<!-- Generated by `cargo xtask docs` from each config.default.toml, not to be edited. -->\n\
         # Settings\n\n\
         What is built in lies under a file (`--config`), that under the environment, that under the command line; later \
         ones win, key by key. A setting that is not in these tables is refused, and so is a value of another kind. \
         `--check` reads all settings and leaves.\n\n\
         A service that runs alone has the keys below at the top of its file, and variables with its name: `store.url` of \
         consent is `CALLSHEET_CONSENT__STORE__URL`. Where several live in one process each has a section, \
         `[consent.store]`, and those of the process stand beside them: `CALLSHEET_SERVER__LISTEN`.\n\n\
         A *period* is a whole number with `ms`, `s`, `m`, `h` or `d`: `\"250ms\"`, `\"28d\"`. `callsheet serve` lays a \
         few defaults of its own over these: every service keeps its data in one file, and migrations are logged less.\n",
    );
    for program in &PROGRAMS {
        let path = program.path(program.defaults);
        let title = if program.name == "process" { "Every process" } else { program.name };
        let _ = writeln!(out, "\n## {title}\n\nDeclared in [{path}](../{path}).");
        page(&mut out, program, &path).with_context(|| format!("in `{path}`"))?;
        if let Some((title, said, file)) = program.more {
            let table = workspace::read(&program.path(file))?;
            let _ = writeln!(out, "\n### {title}\n\n{said}\n\n{}", table.trim_end());
        }
    }
    Ok(out)
}

/// The tables of one program.
fn page(out: &mut String, program: &Program, path: &str) -> Result<()> {
    let (settings, sections) = settings(path, &workspace::read(path)?)?;
    let source = workspace::read(&program.path(program.types))?;
    let mut types = BTreeMap::new();
    if program.name != "process" {
        leaves(&source, "Config", "", &mut types)?;
    }
    let chassis = workspace::read(PROGRAMS[0].types)?;
    let mut shared = BTreeMap::new();
    for (section, kind) in program.sections {
        leaves(&chassis, kind, &format!(".{section}"), &mut shared)?;
    }
    let required = if program.name == "process" { &shared } else { &types };
    for key in
        required.keys().filter_map(|key| key.strip_prefix('.')).filter(|key| !key.ends_with('*'))
    {
        ensure!(settings.iter().any(|setting| setting.key == key), "`{key}` has no line");
    }

    let mut section = None;
    let mut mentioned: Vec<&str> = Vec::new();
    let head = |out: &mut String, name: &str| {
        let said = sections.get(name).map(|said| format!("{said}\n\n")).unwrap_or_default();
        let title = if name.is_empty() { String::new() } else { format!("### `[{name}]`\n\n") };
        let said = if said.trim().is_empty() { String::new() } else { said };
        let _ = writeln!(
            out,
            "\n{title}{said}| Setting | Default | Unit | Meaning |\n| --- | --- | --- | --- |"
        );
    };
    for setting in &settings {
        let name = setting.key.rsplit_once('.').map_or("", |(section, _)| section);
        if section != Some(name) {
            head(out, name);
            section = Some(name);
            mentioned.push(name);
        }
        let own = |key: &str| types.get(key).or_else(|| shared.get(key));
        let free = own(&format!(".{name}.*")).is_some();
        let unit = match own(&format!(".{}", setting.key)) {
            Some(kind) => unit(kind, &setting.key, &setting.meaning)?,
            None if free => "text",
            None => bail!("`{}` is a setting of no type", setting.key),
        };
        ensure!(free || !setting.meaning.is_empty(), "nothing says what `{}` means", setting.key);
        let _ = writeln!(
            out,
            "| `{}` | `{}` | {unit} | {} |",
            setting.key,
            setting.default,
            setting.meaning.replace('|', "\\|"),
        );
    }
    // A section without settings of its own has names of anybody's choice.
    for (name, said) in sections.iter().filter(|(name, _)| !mentioned.contains(&name.as_str())) {
        let _ = writeln!(out, "\n### `[{name}]`\n\n{said}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_its_section_its_default_and_what_is_said_above_it() {
        let text = "# The file.\n\n# How long,\n# at most.\nwait = \"1s\"\n\n# Where.\n[store]\n# Which.\nurl = \"a = b\"\n\n[peers]\n# Names.\n";
        let (found, sections) = settings("x", text).unwrap();
        let setting = |key: &str, default: &str, meaning: &str| Setting {
            key: key.into(),
            default: default.into(),
            meaning: meaning.into(),
        };
        assert_eq!(
            found,
            [
                setting("wait", "\"1s\"", "How long, at most."),
                setting("store.url", "\"a = b\"", "Which.")
            ]
        );
        assert_eq!(sections["store"], "Where.");
        assert_eq!(sections["peers"], "Names.");
        assert!(settings("x", "nonsense\n").is_err());
    }

    #[test]
    fn fields_are_found_with_their_types() {
        let source = "pub struct Config {\n    /// How: long.\n    #[serde(with = \"a::b\")]\n    pub wait: Duration,\n    pub store: StoreConfig,\n}\n\nstruct Other {\n    x: u32,\n}\n";
        let expected = [("wait", "Duration"), ("store", "StoreConfig")];
        let expected = expected.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        assert_eq!(fields(source, "Config").unwrap(), expected);
        let mut found = BTreeMap::new();
        leaves(source, "Config", "", &mut found).unwrap();
        assert_eq!(found[".wait"], "Duration");
        assert_eq!(found[".store.lock_timeout_ms"], "u32");
    }

    #[test]
    fn what_has_no_unit_is_refused() {
        assert_eq!(unit("u32", "patience_ms", "").unwrap(), "milliseconds");
        assert_eq!(unit("usize", "max", "The largest, in bytes.").unwrap(), "bytes");
        assert_eq!(unit("Vec<Connection>", "connections", "").unwrap(), "list of tables");
        assert!(unit("Colour", "x", "").is_err());
    }
}
