//! Settings in layers: what is built in, a file, the environment, the command line; later ones win, key by key.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use config::{ConfigError, FileFormat, Map, Source as _, Value, ValueKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::clock::FileClock;
use crate::period;

/// The settings of the process itself, with their defaults and meanings.
pub const DEFAULTS: &str = include_str!("chassis.default.toml");

/// The sections that are not a service's own.
pub(crate) const SECTIONS: [&str; 4] = ["server", "telemetry", "clock", "peers"];

/// Why settings cannot be used. Every message names where the setting came from.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read `{path}`: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The text is not TOML.
    #[error("`{origin}` is not valid: {problem}")]
    Syntax {
        /// File or variable.
        origin: String,
        /// Line, column and what is wrong there.
        problem: String,
    },
    /// Keys that mean nothing here; mostly a spelling mistake.
    #[error("unknown setting {}", .0.iter().map(|(key, origin)| format!("`{key}` in {origin}")).collect::<Vec<_>>().join(", "))]
    Unknown(Vec<(String, String)>),
    /// A value of the wrong kind, or a missing one.
    #[error("invalid settings{}: {problem}", section.as_ref().map(|s| format!(" of `{s}`")).unwrap_or_default())]
    Invalid {
        /// The service, where it is the setting of one.
        section: Option<String>,
        /// Key, origin and what is wrong.
        problem: String,
    },
    /// Clear text beyond this machine.
    #[error(
        "`{0}` is not a loopback address and this server has no TLS yet, so everything would travel in clear text; \
         listen on 127.0.0.1, or set `server.insecure_listen = true` where the network itself is trusted"
    )]
    Insecure(SocketAddr),
    /// A peer's address that is none.
    #[error(
        "`{address}` is not an address for peer `{peer}`: expected `http://host:port` or another peer's name"
    )]
    Peer {
        /// Its name.
        peer: String,
        /// What is set.
        address: String,
    },
}

/// `[server]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Server {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether clear text beyond loopback is wanted.
    pub insecure_listen: bool,
    /// The largest message either way, in bytes.
    pub max_message: usize,
    /// Requests of one service at once.
    pub max_in_flight: usize,
    /// The longest until an answer begins.
    #[serde(with = "period")]
    pub ceiling: Duration,
    /// How long a connection is used before its peer is told to open another, a tenth more or less by chance.
    #[serde(with = "period")]
    pub max_connection_age: Duration,
    /// How long after that streams on it may still wait for something to say.
    #[serde(with = "period")]
    pub max_connection_age_grace: Duration,
    /// How long to accept requests after SIGTERM.
    #[serde(with = "period")]
    pub lame_duck: Duration,
    /// How long requests may take to finish after that.
    #[serde(with = "period")]
    pub drain: Duration,
}

impl Server {
    /// Refuses what no server could keep, and what would send clear text beyond this machine without having been told to.
    pub(crate) fn check(&self) -> Result<(), Error> {
        const DAY: Duration = Duration::from_secs(86_400);
        const BRIEF: Duration = Duration::from_millis(100);
        let too_long = [
            ("ceiling", self.ceiling),
            ("max_connection_age", self.max_connection_age),
            ("max_connection_age_grace", self.max_connection_age_grace),
            ("lame_duck", self.lame_duck),
            ("drain", self.drain),
        ]
        .into_iter()
        .find(|(_, period)| *period > DAY);
        let invalid = |problem| Err(Error::Invalid { section: None, problem });
        if let Some((key, _)) = too_long {
            return invalid(format!("`server.{key}` is longer than a day"));
        }
        if self.max_connection_age < BRIEF {
            return invalid("`server.max_connection_age` is shorter than 100ms".to_owned());
        }
        if self.listen.ip().is_loopback() || self.insecure_listen {
            return Ok(());
        }
        Err(Error::Insecure(self.listen))
    }
}

/// `[telemetry]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Telemetry {
    /// How lines look.
    pub format: LogFormat,
    /// Which lines there are, as `tracing_subscriber::EnvFilter` reads it.
    pub filter: String,
    /// Where metrics are exported to, `http://host:4317`; nowhere if it is empty.
    pub otlp: String,
    /// How often; at least a second.
    #[serde(with = "period")]
    pub otlp_interval: Duration,
}

impl Telemetry {
    /// Refuses what is no address of a collector. `origin` is where it was set, if not under its own key.
    pub(crate) fn check(&self, origin: Option<&str>) -> Result<(), Error> {
        let known = self.otlp.is_empty()
            || self
                .otlp
                .parse::<http::Uri>()
                .is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
        let problem = if !known {
            let key = origin.unwrap_or("`telemetry.otlp`");
            format!("{key}: `{}` is not an address such as `http://host:4317`", self.otlp)
        } else if self.otlp_interval < Duration::from_secs(1) {
            "`telemetry.otlp_interval` is shorter than a second".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Invalid { section: None, problem })
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object per line.
    Json,
}

/// The sections of the process.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Process {
    pub(crate) server: Server,
    pub(crate) telemetry: Telemetry,
    pub(crate) clock: Time,
}

/// `[clock]`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Time {
    /// The file that holds the time; empty for the time of the machine.
    file: String,
}

impl Time {
    /// The clock, unless it is the machine's.
    pub(crate) fn clock(&self) -> Result<Option<FileClock>, Error> {
        if self.file.is_empty() {
            return Ok(None);
        }
        let clock = FileClock::read(Path::new(&self.file));
        clock.map(Some).map_err(|problem| Error::Invalid {
            section: None,
            problem: format!("`clock.file`: `{}` {problem}", self.file),
        })
    }
}

/// A tree of settings in which every value knows where it came from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(Map<String, Value>);

impl Tree {
    /// Reads TOML; `origin` is what messages call it.
    pub(crate) fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let map = config::File::from_str(text, FileFormat::Toml).collect().map_err(|error| {
            Error::Syntax { origin: origin.to_owned(), problem: error.to_string() }
        })?;
        Ok(Self(map.into_iter().map(|(key, value)| (key, stamped(value, origin))).collect()))
    }

    /// Reads a TOML file.
    pub(crate) fn file(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::File { path: name.clone(), source })?;
        Self::parse(&text, &name)
    }

    /// Reads variables `<prefix><SECTION>__<KEY>`; a value that begins with `[` or `{` is TOML, every other is text, from
    /// which numbers and booleans are read where they are wanted. With `nested`, a name must have a section.
    pub(crate) fn variables(
        variables: impl Iterator<Item = (String, String)>,
        prefix: &str,
        nested: bool,
    ) -> Result<Self, Error> {
        let mut tree = Self::default();
        let sorted: BTreeMap<String, String> = variables.collect();
        for (name, text) in sorted {
            let Some(path) = name.strip_prefix(prefix) else { continue };
            let path = path.to_ascii_lowercase();
            let keys: Vec<&str> = path.split("__").collect();
            if keys.iter().any(|key| key.is_empty()) || (nested && keys.len() < 2) {
                continue;
            }
            let origin = format!("environment variable {name}");
            let value = if text.starts_with(['[', '{']) {
                let mut read = Self::parse(&format!("value = {text}"), &origin)?;
                read.0.remove("value").unwrap_or_default()
            } else {
                Value::new(Some(&origin), text)
            };
            let mut value = value;
            for key in keys.iter().skip(1).rev() {
                value = Value::new(Some(&origin), Map::from_iter([((*key).to_owned(), value)]));
            }
            if let Some(first) = keys.first() {
                tree = tree.under(Self(Map::from_iter([((*first).to_owned(), value)])));
            }
        }
        Ok(tree)
    }

    /// This tree with another laid over it.
    #[must_use]
    pub(crate) fn under(self, over: Self) -> Self {
        Self(merge(self.0, over.0))
    }

    /// Takes a section out, under its name with dashes or with underscores.
    pub(crate) fn take(&mut self, name: &str) -> Result<Self, Error> {
        let plain = same(name);
        let keys: Vec<String> = self.0.keys().filter(|key| same(key) == plain).cloned().collect();
        let mut section = Self::default();
        for key in keys {
            let Some(value) = self.0.remove(&key) else { continue };
            let origin = value.origin().unwrap_or("the settings").to_owned();
            let ValueKind::Table(map) = value.kind else {
                return Err(Error::Invalid {
                    section: None,
                    problem: format!("`{key}` in {origin} must be a section"),
                });
            };
            section = section.under(Self(map));
        }
        Ok(section)
    }

    /// Takes several sections out into a tree of their own.
    pub(crate) fn split(&mut self, names: &[&str]) -> Result<Self, Error> {
        let mut taken = Map::new();
        for name in names {
            taken.insert((*name).to_owned(), Value::new(None, self.take(name)?.0));
        }
        Ok(Self(taken))
    }

    /// The settings as a type. Every key must mean something to it.
    pub(crate) fn read<T: DeserializeOwned>(self, section: Option<&str>) -> Result<T, Error> {
        let origins = self.clone();
        let mut unknown = Vec::new();
        let read = serde_ignored::deserialize(Value::new(None, self.0), |path| {
            // A question mark stands for what is optional.
            let key = path.to_string().replace(".?", "");
            let origin = origins.origin(&key);
            unknown.push((full(section, &key), origin));
        });
        let error = match read {
            Ok(read) if unknown.is_empty() => return Ok(read),
            Ok(_) => None,
            Err(error) => match denied(&error) {
                Some((key, expected)) => {
                    let origin = origins.origin(&key) + &expected;
                    unknown.push((full(section, &key), origin));
                    None
                }
                None => Some(error),
            },
        };
        if let Some(error) = error.filter(|_| unknown.is_empty()) {
            let mut problem = error.to_string();
            if let ConfigError::At { origin: None, key: Some(key), .. } = &error {
                problem.push_str(&format!(" in {}", origins.origin(key)));
            }
            return Err(Error::Invalid { section: section.map(str::to_owned), problem });
        }
        unknown.sort();
        Err(Error::Unknown(unknown))
    }

    /// Fails if anything is left.
    pub(crate) fn empty(&self) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut left: Vec<_> =
            self.0.iter().map(|(key, value)| (key.clone(), origin_of(value))).collect();
        left.sort();
        Err(Error::Unknown(left))
    }

    fn origin(&self, path: &str) -> String {
        let mut map = &self.0;
        let mut found = None;
        for key in path.split('.') {
            let Some(value) = map.get(key) else { break };
            found = Some(value);
            let ValueKind::Table(inner) = &value.kind else { break };
            map = inner;
        }
        found.map_or_else(|| "the settings".to_owned(), origin_of)
    }
}

/// Addresses of peers, under their names with underscores.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peers(HashMap<String, String>);

impl Peers {
    pub(crate) fn read(tree: Tree) -> Result<Self, Error> {
        let map: HashMap<String, String> = tree.read(Some("peers"))?;
        let peers = Self(map.into_iter().map(|(name, address)| (same(&name), address)).collect());
        for (peer, address) in &peers.0 {
            let known = address.contains("://")
                && address
                    .parse::<http::Uri>()
                    .is_ok_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
            if !known && (address.contains([':', '/']) || address.is_empty()) {
                return Err(Error::Peer { peer: peer.clone(), address: address.clone() });
            }
        }
        Ok(peers)
    }

    /// The address, or another peer's name, that is set for a peer.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&same(name)).map(String::as_str)
    }
}

/// Names are the same whether written with dashes or underscores, so that variables can spell them.
pub(crate) fn same(name: &str) -> String {
    name.replace('-', "_")
}

/// Where a value was set; of a section, everywhere that something in it was.
fn origin_of(value: &Value) -> String {
    let mut origins = BTreeSet::new();
    collect_origins(value, &mut origins);
    if origins.is_empty() {
        return "the settings".to_owned();
    }
    origins.into_iter().collect::<Vec<_>>().join(" and ")
}

fn collect_origins<'a>(value: &'a Value, origins: &mut BTreeSet<&'a str>) {
    if let ValueKind::Table(map) = &value.kind
        && !map.is_empty()
    {
        map.values().for_each(|inner| collect_origins(inner, origins));
    } else {
        origins.extend(value.origin());
    }
}

/// A key as the whole file has it.
fn full(section: Option<&str>, key: &str) -> String {
    section.map_or_else(|| key.to_owned(), |section| format!("{section}.{key}"))
}

/// The key that a type with `deny_unknown_fields` refuses, and what it says it would take. Its error has the path of the
/// section only; the key itself stands in serde's sentence and nowhere else.
fn denied(error: &ConfigError) -> Option<(String, String)> {
    let (section, sentence) = if let ConfigError::At { error, key, .. } = error {
        (key.as_deref(), error.to_string())
    } else {
        (None, error.to_string())
    };
    let (field, expected) = sentence.strip_prefix("unknown field `")?.split_once('`')?;
    Some((full(section, field), expected.to_owned()))
}

fn stamped(value: Value, origin: &str) -> Value {
    let mut kind = value.kind;
    if let ValueKind::Table(map) = kind {
        kind = ValueKind::Table(
            map.into_iter().map(|(key, value)| (key, stamped(value, origin))).collect(),
        );
    } else if let ValueKind::Array(list) = kind {
        kind = ValueKind::Array(list.into_iter().map(|value| stamped(value, origin)).collect());
    }
    Value::new(Some(&origin.to_owned()), kind)
}

fn merge(mut base: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in over {
        let merged = match (base.remove(&key), value) {
            (
                Some(Value { kind: ValueKind::Table(below), .. }),
                Value { kind: ValueKind::Table(above), .. },
            ) => Value::new(None, merge(below, above)),
            (_, value) => value,
        };
        base.insert(key, merged);
    }
    base
}
