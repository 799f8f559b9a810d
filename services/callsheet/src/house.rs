//! The house in which all services live together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chassis::{Clock, House, Link, Running, SimulatedClock};
use chrono::{DateTime, Utc};

use crate::error::Error;

/// Everything a house sets for offline work: nothing is stored, followed, or given up for being slow.
const OFFLINE: &str = "server.ceiling = '12h'\nserver.max_message = 1073741824";
const IN_MEMORY: &str = "store.url = 'sqlite::memory:'";
const ALONE: &str = "follow.enabled = false\ngather.deadline = '1h'";

/// Where the private key of consent links is set; the same name counts for a server.
const KEY_FILE: &str = "CALLSHEET_CONSENT__KEY_FILE";

/// All services in memory, at one instant, without a port.
pub(crate) async fn offline(now: DateTime<Utc>, key: Option<&Path>) -> Result<Running, Error> {
    let key = key_file(key).map(|key| format!("key_file = {}", quoted(&key.to_string_lossy())));
    furnished(House::new().clock(SimulatedClock::at(now)).set(OFFLINE), |name| match name {
        Service::Orchestrator => format!("{IN_MEMORY}\n{ALONE}"),
        Service::Consent => format!("{IN_MEMORY}\n{}", key.as_deref().unwrap_or_default()),
        Service::CalendarIngest | Service::Eligibility | Service::ProviderAdapters => {
            IN_MEMORY.to_owned()
        }
    })
    .open()
    .await
    .map_err(Error::Start)
}

/// What a simulated day sets: a step is taken when it is due and not some time later, and bots are never taken for gone
/// because the clock has jumped. Recordings are fetched from this machine.
const PLAYED: &str = "timers.poll = '5ms'\nsessions.poll = '5ms'\nfollow.lease = '1h'";
const PLAYING: &str = "work.poll = '5ms'\nfleets.poll = '5ms'\nfleets.gone = '365d'\nimports.poll = '5ms'\n\
    imports.store.url = 'memory:'\nimports.plain_http = true\nimports.loopback = true\n\
    connections = [{ name = 'telephone', company = 'acme', provider = 'dialer', api = { open = 'true' } }]";

/// All services in memory, without a port, on a clock that whoever asked for them moves.
pub(crate) async fn simulated(clock: SimulatedClock) -> Result<Running, Error> {
    furnished(House::new().clock(clock).set(OFFLINE), |name| match name {
        Service::Orchestrator => format!("{IN_MEMORY}\n{PLAYED}"),
        Service::ProviderAdapters => format!("{IN_MEMORY}\n{PLAYING}"),
        Service::CalendarIngest | Service::Eligibility | Service::Consent => IN_MEMORY.to_owned(),
    })
    .open()
    .await
    .map_err(Error::Start)
}

/// What a server sets beneath the settings: schema changes are worth a line only when they fail, and so are notices of the database.
const SERVED: &str = "telemetry.filter = 'info,sea_orm_migration=warn,sqlx::postgres::notice=warn'";

/// All services on one file, for a server. What settings say comes on top.
pub(crate) fn with_file(database: &Path) -> House {
    let store = format!("store.url = {}", quoted(&address(database)));
    furnished(House::new().defaults(SERVED), |service| match service {
        // So that each service has a schema of its own where they share a PostgreSQL database.
        Service::Orchestrator => format!("{store}\nstore.schema = 'orchestrator'"),
        Service::CalendarIngest
        | Service::Eligibility
        | Service::Consent
        | Service::ProviderAdapters => store.clone(),
    })
}

/// Settings that lead from the file to servers: all services to one database, and the orchestrator to a Redis.
pub(crate) fn elsewhere(database: Option<&str>, redis: Option<&str>) -> Result<String, Error> {
    // An address may hold a password, so it is not repeated.
    let checked = |address: Option<&str>, schemes: [&str; 2], problem: &str| match address {
        Some(address) if !schemes.iter().any(|scheme| address.starts_with(scheme)) => {
            Err(Error::Usage(problem.to_owned()))
        }
        Some(_) | None => Ok(()),
    };
    checked(
        database,
        ["postgres://", "postgresql://"],
        "`--database` must be like `postgres://user@host:5432/database`",
    )?;
    checked(
        redis,
        ["redis://", "rediss://"],
        "`--redis` must be like `redis://host:6379`, or `rediss://host:6379` for TLS",
    )?;
    let stores = database.into_iter().flat_map(|url| {
        NAMES.iter().map(move |name| format!("{name}.store.url = {}\n", quoted(url)))
    });
    let feed = redis.map(|url| format!("orchestrator.feed.redis = {}\n", quoted(url)));
    Ok(stores.chain(feed).collect())
}

/// The sections of the services in the settings of all.
const NAMES: [&str; 5] = [
    <calendar_ingest::App as chassis::App>::NAME,
    <eligibility::App as chassis::App>::NAME,
    <consent::App as chassis::App>::NAME,
    <provider_adapters::App as chassis::App>::NAME,
    <orchestrator::App as chassis::App>::NAME,
];

/// The services, as far as their settings differ here.
#[derive(Debug, Clone, Copy)]
enum Service {
    CalendarIngest,
    Eligibility,
    Consent,
    ProviderAdapters,
    Orchestrator,
}

fn furnished(house: House, settings: impl Fn(Service) -> String) -> House {
    house
        .host::<calendar_ingest::App>(settings(Service::CalendarIngest))
        .host::<eligibility::App>(settings(Service::Eligibility))
        .host::<consent::App>(settings(Service::Consent))
        .host::<provider_adapters::App>(settings(Service::ProviderAdapters))
        .host::<orchestrator::App>(settings(Service::Orchestrator))
}

/// The address of a database file that is made if there is none.
fn address(file: &Path) -> String {
    let mut address = "sqlite://".to_owned();
    for c in file.to_string_lossy().chars() {
        match c {
            '%' => address.push_str("%25"),
            '?' => address.push_str("%3F"),
            '#' => address.push_str("%23"),
            c => address.push(c),
        }
    }
    address + "?mode=rwc"
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    // The escapes of JSON are those of TOML's basic strings.
    serde_json::Value::from(text).to_string()
}

/// The folder of Callsheet among the data of this user (XDG base directory specification).
pub(crate) fn data_folder() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("callsheet"))
}

/// The private key of consent links: as given, else as set, else in its usual place.
pub(crate) fn key_file(given: Option<&Path>) -> Option<PathBuf> {
    given
        .map(Path::to_owned)
        .or_else(|| std::env::var_os(KEY_FILE).filter(|set| !set.is_empty()).map(PathBuf::from))
        .or_else(|| data_folder().map(|folder| folder.join("consent-key.pem")))
}

/// The instant a command works at: what was given, or now.
pub(crate) fn at(given: Option<DateTime<Utc>>) -> DateTime<Utc> {
    given.unwrap_or_else(|| chassis::SystemClock.now())
}

/// A link to a service of this process.
pub(crate) fn near(running: &Running, name: &str) -> Result<Link, Error> {
    running.link(name).map_err(|error| Error::Start(error.into()))
}

/// A link to a server elsewhere.
pub(crate) fn server(address: &str) -> Result<Link, Error> {
    let is_address = address.starts_with("http://") && address.len() > "http://".len();
    if !is_address {
        return Err(Error::Address(address.to_owned()));
    }
    Link::far(address, address, Duration::from_secs(300))
        .map_err(|_| Error::Address(address.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_an_odd_name_is_still_the_folder() {
        let odd = address(Path::new("/a b/50%?#x/callsheet.db"));
        assert_eq!(odd, "sqlite:///a b/50%25%3F%23x/callsheet.db?mode=rwc");
        assert_eq!(quoted("a\"b\\c"), r#""a\"b\\c""#);
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        assert!(matches!(server("localhost:7100"), Err(Error::Address(_))));
        assert!(matches!(server("http://"), Err(Error::Address(_))));
    }
}
