//! What can be typed: commands, their arguments, and their help.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use decision::SkipCode;

/// Decides for every call of a company whether and how it is recorded, and says why not.
#[derive(Debug, Parser)]
#[command(
    name = "callsheet",
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Examples:
  callsheet decide --company examples/acme.yaml --now 2026-03-02T07:00:00Z examples/acme.ics
  callsheet links 'Join at https://acme.zoom.us/j/96000000001'
  callsheet codes
  callsheet serve

Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 could not
be done, 2 the command line was wrong."
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Decide every call in calendar files, offline
    #[command(long_about = ABOUT_DECIDE)]
    Decide(Decide),
    /// Show the meetings in calendar files, as they are understood
    #[command(long_about = ABOUT_EVENTS)]
    Events(Events),
    /// Find conference links in a text
    #[command(long_about = ABOUT_LINKS)]
    Links(Links),
    /// List all skip codes
    Codes(Codes),
    /// Make a signed recording-consent link
    ConsentLink(ConsentLink),
    /// Run all services in one process
    #[command(long_about = ABOUT_SERVE)]
    Serve(Serve),
    /// Apply a company file to a server
    Apply(Apply),
    /// Send calendar files to a server
    Ingest(Ingest),
    /// List the calls a server has decided
    Calls(Calls),
    /// Tell why a call is recorded or not
    Explain(Explain),
    /// Follow decisions as a server makes them
    Watch(Watch),
    /// Print a script that completes commands in a shell
    Completions(Completions),
}

const ABOUT_DECIDE: &str = "Decide every call in calendar files, offline.

Reads iCalendar files, and JSON exports of Google Calendar and Microsoft Graph, runs them through \
the services in this process, and prints for each call of the window a plan or the skip code that \
says why there is none. Nothing is stored and nothing is sent.";
const ABOUT_EVENTS: &str = "Show the meetings in calendar files, as they are understood.

Recurring meetings are laid out between `--from` and `--to`, and the same meeting from several \
files is one meeting. Needs no company and decides nothing.";
const ABOUT_LINKS: &str = "Find conference links in a text: the provider, the id without secrets, the URL to join, and \
which mail filters had rewritten it. Links that can be joined come first.";
const ABOUT_SERVE: &str =
    "Run all services in one process, on one port, with one SQLite file. Ends on Ctrl-C.";

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// One object per line
    Json,
}

/// The choice between people and programs.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Printed {
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

/// The server a command talks to.
#[derive(Debug, Clone, Args)]
pub(crate) struct Server {
    /// Address of the server
    #[arg(
        long,
        env = "CALLSHEET_SERVER",
        default_value = "http://127.0.0.1:7100",
        value_name = "URL",
        value_hint = ValueHint::Url
    )]
    pub(crate) server: String,
}

const DECIDE: &str = "Examples:
  callsheet decide --company acme.yaml calendar.ics
  callsheet decide --company acme.yaml --now 2026-03-02T07:00:00Z --window 7d *.ics google.json
  callsheet decide --company acme.yaml --format json calendar.ics | jq -r .skip_code

The files count as received at `--now`. What could not be read in a calendar is told on standard
error, and the rest is decided.";

/// Runs calendars through all services, in this process and in memory, and prints a decision per call.
#[derive(Debug, Args)]
#[command(after_help = DECIDE)]
pub(crate) struct Decide {
    /// The company file (YAML or JSON)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) company: PathBuf,
    /// The instant at which it is decided: RFC 3339, or a date for midnight UTC; now if absent
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) now: Option<DateTime<Utc>>,
    /// How far ahead calls are decided, as in `28d` or `12h`
    #[arg(long, value_name = "SPAN", default_value = "28d", value_parser = span)]
    pub(crate) window: Duration,
    #[command(flatten)]
    pub(crate) printed: Printed,
    /// Calendar files; `-` reads standard input
    #[arg(required = true, value_name = "CALENDAR", value_hint = ValueHint::FilePath)]
    pub(crate) calendars: Vec<PathBuf>,
}

const EVENTS: &str = "Examples:
  callsheet events calendar.ics --from 2026-03-01 --to 2026-04-01
  callsheet events --from 2026-03-01 --to 2026-04-01 --time-zone Europe/Berlin --format json *.ics";

/// Shows meetings and occurrences without deciding anything.
#[derive(Debug, Args)]
#[command(after_help = EVENTS)]
pub(crate) struct Events {
    /// Calendar files; `-` reads standard input
    #[arg(required = true, value_name = "CALENDAR", value_hint = ValueHint::FilePath)]
    pub(crate) calendars: Vec<PathBuf>,
    /// First instant: RFC 3339, or a date for midnight UTC
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) from: DateTime<Utc>,
    /// First instant after it
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) to: DateTime<Utc>,
    /// Zone of floating times and all-day events, and of the table
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub(crate) time_zone: chrono_tz::Tz,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const LINKS: &str = "Examples:
  callsheet links 'Join at https://acme.zoom.us/j/96000000001?pwd=x'
  callsheet links < invitation.txt
  pbpaste | callsheet links - --format json";

/// Finds conference links.
#[derive(Debug, Args)]
#[command(after_help = LINKS)]
pub(crate) struct Links {
    /// Plain text or HTML; standard input if absent or `-`
    #[arg(value_name = "TEXT|-")]
    pub(crate) text: Option<String>,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const CODES: &str = "Examples:
  callsheet codes
  callsheet codes NO_URL OBSOLETE_CALL
  callsheet codes --format json | jq 'select(.lifted_by == \"assistant\") | .code'";

/// Lists the catalogue.
#[derive(Debug, Args)]
#[command(after_help = CODES)]
pub(crate) struct Codes {
    /// Only these codes
    #[arg(value_name = "CODE", value_parser = code)]
    pub(crate) only: Vec<SkipCode>,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// What kind of consent link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinkType {
    /// One page for every meeting in a room
    Static,
    /// A page for one meeting
    Dynamic,
}

const CONSENT_LINK: &str = "Examples:
  callsheet consent-link --company acme.yaml --type dynamic --conference https://acme.zoom.us/j/96000000001
  callsheet consent-link --company acme.yaml --type static --conference https://acme.webex.com/meet/ada --expires-in 30d
  callsheet consent-link --public-key

The key is made on first use, in CALLSHEET_CONSENT__KEY_FILE if set, else in callsheet/consent-key.pem
under XDG_DATA_HOME or ~/.local/share. `callsheet decide` and `callsheet serve` know the same key;
others verify the link with the public key under `consent.keys` of the company file.";

/// Makes a consent link.
#[derive(Debug, Args)]
#[command(after_help = CONSENT_LINK)]
pub(crate) struct ConsentLink {
    /// The company file (YAML or JSON)
    #[arg(
        long,
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        required_unless_present = "public_key"
    )]
    pub(crate) company: Option<PathBuf>,
    /// Type of the link
    #[arg(long = "type", value_enum, value_name = "TYPE", required_unless_present = "public_key")]
    pub(crate) link_type: Option<LinkType>,
    /// The join URL of the conference
    #[arg(
        long,
        value_name = "URL",
        value_hint = ValueHint::Url,
        required_unless_present = "public_key"
    )]
    pub(crate) conference: Option<String>,
    /// Print the public key that verifies the links, for `consent.keys`, and make no link
    #[arg(long, conflicts_with_all = ["company", "link_type", "conference"])]
    pub(crate) public_key: bool,
    /// How long the link is valid, as in `30d`
    #[arg(long, value_name = "SPAN", default_value = "3650d", value_parser = span)]
    pub(crate) expires_in: Duration,
    /// The private key (Ed25519, PEM) instead of the usual one; made if there is none
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<PathBuf>,
    /// The instant at which it is made: RFC 3339, or a date for midnight UTC; now if absent
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) now: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const SERVE: &str = "Examples:
  callsheet serve
  callsheet serve --data ./callsheet-data --listen 127.0.0.1:7200
  callsheet serve --config callsheet.toml
  grpcurl -plaintext 127.0.0.1:7100 list

Settings come from the defaults, then the file, then variables such as CALLSHEET_SERVER__LISTEN,
then the command line.";

/// Runs everything.
#[derive(Debug, Args)]
#[command(after_help = SERVE)]
pub(crate) struct Serve {
    /// Settings (TOML)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// Address and port; 127.0.0.1:7100 if nothing says otherwise
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Folder of callsheet.db; callsheet under XDG_DATA_HOME or ~/.local/share if absent
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data: Option<PathBuf>,
    /// Check the settings and leave
    #[arg(long)]
    pub(crate) check: bool,
}

const APPLY: &str = "Examples:
  callsheet apply -f acme.yaml
  callsheet apply -f acme.yaml --dry-run --server http://127.0.0.1:7200

The same content again changes nothing.";

/// Applies a company file.
#[derive(Debug, Args)]
#[command(after_help = APPLY)]
pub(crate) struct Apply {
    /// The company file (YAML or JSON); `-` reads standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Check the file and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const INGEST: &str = "Examples:
  callsheet ingest --company acme calendar.ics google.json

A file sent again under the same name replaces what it held before.";

/// Sends calendars.
#[derive(Debug, Args)]
#[command(after_help = INGEST)]
pub(crate) struct Ingest {
    /// Id of the company
    #[arg(long, value_name = "COMPANY")]
    pub(crate) company: String,
    /// Calendar files; `-` reads standard input
    #[arg(required = true, value_name = "CALENDAR", value_hint = ValueHint::FilePath)]
    pub(crate) calendars: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const CALLS: &str = "Examples:
  callsheet calls --company acme
  callsheet calls --company acme --from 2026-03-02 --to 2026-03-09 --code NO_URL --format json";

/// Lists calls.
#[derive(Debug, Args)]
#[command(after_help = CALLS)]
pub(crate) struct Calls {
    /// Id of the company
    #[arg(long, value_name = "COMPANY")]
    pub(crate) company: String,
    /// Calls that start from here on: RFC 3339, or a date for midnight UTC
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Calls that start before this
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Only calls skipped with this code
    #[arg(long, value_name = "CODE", value_parser = code)]
    pub(crate) code: Option<SkipCode>,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const EXPLAIN: &str = "Examples:
  callsheet explain 3f9c2a --company acme
  callsheet calls --company acme --format json | jq -r .call_id | head -1 | xargs callsheet explain --company acme";

/// Explains a call.
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN)]
pub(crate) struct Explain {
    /// Id of the call, the `call_id` of `calls --format json`
    #[arg(value_name = "ID")]
    pub(crate) call: String,
    /// Id of the company
    #[arg(long, value_name = "COMPANY")]
    pub(crate) company: String,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const WATCH: &str = "Examples:
  callsheet watch --company acme
  callsheet watch --company acme --cursor 1200 --format json
  callsheet watch --company acme --until-caught-up --format json > decisions.jsonl";

/// Follows decisions.
#[derive(Debug, Args)]
#[command(after_help = WATCH)]
pub(crate) struct Watch {
    /// Id of the company; all if absent
    #[arg(long, value_name = "COMPANY")]
    pub(crate) company: Option<String>,
    /// Begin after this position; from the beginning if absent
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) cursor: u64,
    /// End when there is nothing more, instead of waiting
    #[arg(long)]
    pub(crate) until_caught_up: bool,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const COMPLETIONS: &str = "Examples:
  callsheet completions bash > ~/.local/share/bash-completion/completions/callsheet
  callsheet completions zsh > ~/.zfunc/_callsheet
  callsheet completions fish > ~/.config/fish/completions/callsheet.fish";

/// Completes.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// Reads an instant: RFC 3339, or a date, which is its midnight in UTC.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(|_| {
        "write it as `2026-03-02T07:00:00Z`, `2026-03-02T08:00:00+01:00` or `2026-03-02`".to_owned()
    })
}

/// Reads a length of time of at most ten years, and not none.
fn span(text: &str) -> Result<Duration, String> {
    const TEN_YEARS: Duration = Duration::from_secs(3_660 * 86_400);
    let span =
        chassis::period::parse(text).map_err(|_| "write it as `30m`, `12h` or `28d`".to_owned())?;
    if span.is_zero() || span > TEN_YEARS {
        return Err("it must be more than nothing and at most ten years".to_owned());
    }
    Ok(span)
}

/// Reads a skip code, in any case.
fn code(text: &str) -> Result<SkipCode, String> {
    text.to_uppercase()
        .parse()
        .map_err(|_| "no skip code is spelled like that; `callsheet codes` lists them".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn instants_are_read_with_their_offset_and_dates_as_midnight() {
        for (text, read) in [
            ("2026-03-02T07:00:00Z", "2026-03-02T07:00:00Z"),
            ("2026-03-02T08:00:00+01:00", "2026-03-02T07:00:00Z"),
            ("2026-03-02", "2026-03-02T00:00:00Z"),
        ] {
            assert_eq!(instant(text).unwrap(), read.parse::<DateTime<Utc>>().unwrap());
        }
        assert!(instant("yesterday").is_err());
        assert!(instant("2026-03-02T07:00:00").is_err());
    }

    #[test]
    fn spans_are_bounded() {
        assert_eq!(span("28d").unwrap(), Duration::from_secs(28 * 86_400));
        for wrong in ["0d", "28", "-1d", "99999d", ""] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_command_shows_an_example() {
        for command in Arguments::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            let example = format!("callsheet {}", command.get_name());
            assert!(help.contains("Examples:") && help.contains(&example), "{help}");
            assert!(help.lines().all(|line| line.chars().count() <= 120), "{help}");
        }
    }
}
