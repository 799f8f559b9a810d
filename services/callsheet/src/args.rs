//! What can be typed: commands, their arguments, and their help.

mod demo;
mod register;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use decision::skip_code::Phase;
use decision::{Provider, SkipCode};

pub(crate) use demo::Demo;
pub(crate) use register::{Dial, Direction, Import};

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
  callsheet demo
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
    /// Play days of an example company on a simulated clock
    #[command(long_about = demo::ABOUT)]
    Demo(Demo),
    /// Run all services in one process
    #[command(long_about = ABOUT_SERVE)]
    Serve(Serve),
    /// Apply a company file to a server
    Apply(Apply),
    /// Send calendar files to a server
    Ingest(Ingest),
    /// List the calls a server has decided
    Calls(Calls),
    /// Tell why a call is recorded or not, and how that came to be
    #[command(long_about = ABOUT_EXPLAIN)]
    Explain(Explain),
    /// Ask for the recording of a call, on behalf of a team member
    #[command(after_help = REQUEST)]
    Request(Act),
    /// Take the recording of a call back before it begins
    #[command(after_help = CANCEL)]
    Cancel(Act),
    /// Stop the recording of a call, wherever it stands
    #[command(after_help = STOP)]
    Stop(Act),
    /// Delete what was recorded of a call
    #[command(after_help = DELETE)]
    Delete(Act),
    /// Register a telephone call with a server, and decide it
    Dial(Dial),
    /// Have a server import a recording from a link
    Import(Import),
    /// Report what became of the calls of a period
    #[command(long_about = ABOUT_REPORT)]
    Report(Report),
    /// Tell what a company file would change, before it is applied
    #[command(long_about = ABOUT_SIMULATE)]
    Simulate(Simulate),
    /// Follow decisions as a server makes them
    #[command(long_about = ABOUT_WATCH)]
    Watch(Watch),
    /// Check that the history of decisions is as it was written
    #[command(long_about = ABOUT_VERIFY)]
    Verify(Verify),
    /// List changes that could not be worked on, or have them tried again
    #[command(long_about = ABOUT_DEAD_LETTERS)]
    DeadLetters(DeadLetters),
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
const ABOUT_SERVE: &str = "Run all services in one process, on one port. Ends on Ctrl-C.

Everything is kept in one SQLite file; or, with `--database`, in one PostgreSQL database, with a schema \
for each service. Several such processes may share a database; with `--redis` they share their work \
through Redis, and without it through the database.";
const ABOUT_EXPLAIN: &str = "Tell why a call is recorded or not, what would change that, and how it came to be: what \
changed, when, and by what.";
const ABOUT_REPORT: &str =
    "Report what became of the calls of a period, by start, and then how many there are of each \
outcome.

However many calls there are, they are printed as they arrive, and none is kept.";
const ABOUT_SIMULATE: &str = "Tell what a company file would change, before it is applied: every call whose decision would \
differ, and then how many calls have each outcome before and after. Nothing is stored.";
const ABOUT_WATCH: &str = "Follow decisions as a server makes them.

On a terminal a bar shows how far calls are decided again after a company file has changed. \
`--redecisions` prints nothing but that.";
const ABOUT_VERIFY: &str = "Check that no decision of a company was changed, taken out or put in after it was made.

Decisions are chained by hashes. That does not show whether the newest ones were cut off: note \
number and hash of the newest one elsewhere, and give them the next time. Exit code 0 if the history \
is intact, 1 if it is not.";
const ABOUT_DEAD_LETTERS: &str =
    "List changes that could not be worked on and were put aside, oldest first, or have them \
tried again.

Nothing is lost by them: calls are also compared with their decisions from time to time.";

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

/// How a report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people
    #[default]
    Table,
    /// For spreadsheets
    Csv,
    /// One object per line
    Json,
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
  callsheet serve --database postgres://callsheet@db.acme.example/callsheet
  grpcurl -plaintext 127.0.0.1:7100 list

Settings come from the defaults, then the file, then variables such as CALLSHEET_SERVER__LISTEN,
then the command line. The file has a section for each service: `feed.redis` of the orchestrator
stands in [orchestrator.feed]. An address with a password is better set in CALLSHEET_DATABASE or
CALLSHEET_REDIS than typed, where other users of the machine could see it.";

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
    /// PostgreSQL database in which all services keep what they know, instead of callsheet.db
    #[arg(
        long,
        env = "CALLSHEET_DATABASE",
        hide_env_values = true,
        value_name = "URL",
        value_hint = ValueHint::Url
    )]
    pub(crate) database: Option<String>,
    /// Redis through which several processes share their work, instead of the database
    #[arg(
        long,
        env = "CALLSHEET_REDIS",
        hide_env_values = true,
        value_name = "URL",
        value_hint = ValueHint::Url
    )]
    pub(crate) redis: Option<String>,
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
  callsheet explain 3f9c2a --company acme --at 2026-03-02T09:00:00Z
  callsheet calls --company acme --code NO_URL --format json | jq -r .call_id";

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
    /// The decision that held then, instead of the newest: RFC 3339, or a date for midnight UTC
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) at: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const REQUEST: &str = "Examples:
  callsheet request 3f2a… --company acme --by ada";
const CANCEL: &str = "Examples:
  callsheet cancel 3f2a… --company acme --by ada@acme.example

Final, but for a newer request.";
const STOP: &str = "Examples:
  callsheet stop 3f2a… --company acme --by ada

Final, but for a newer request. What was recorded until then is not kept.";
const DELETE: &str = "Examples:
  callsheet delete 3f2a… --company acme --by ada

Final.";

/// What a team member does about the recording of a call.
#[derive(Debug, Args)]
pub(crate) struct Act {
    /// Id of the call, the `call_id` of `calls --format json`
    #[arg(value_name = "ID")]
    pub(crate) call: String,
    /// Id of the company
    #[arg(long, value_name = "COMPANY")]
    pub(crate) company: String,
    /// Member id or address of the team member
    #[arg(long, value_name = "MEMBER")]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const WATCH: &str = "Examples:
  callsheet watch --company acme
  callsheet watch --company acme --cursor 1200 --format json
  callsheet watch --company acme --until-caught-up --format json > decisions.jsonl
  callsheet watch --company acme --redecisions --until-done";

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
    /// Only how far calls are decided again after a company file has changed
    #[arg(long, conflicts_with_all = ["cursor", "until_caught_up"])]
    pub(crate) redecisions: bool,
    /// End when no calls are being decided again, instead of waiting
    #[arg(long, requires = "redecisions")]
    pub(crate) until_done: bool,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const REPORT: &str = "Examples:
  callsheet report --company acme --from 2026-03-01 --to 2026-04-01
  callsheet report --company acme --code NO_URL --code NO_VALID_URLS --owner ada
  callsheet report --company acme --phase planning --format csv > report.csv
  callsheet report --company acme --summary --format json | jq '.summary.outcomes[]'

CSV has lines that end in CRLF. A cell that a spreadsheet might take for a formula, as it begins with
`=`, `+`, `-` or `@`, gets a `'` in front, and so does one that begins with `'` already.";

/// Reports calls.
#[derive(Debug, Args)]
#[command(after_help = REPORT)]
pub(crate) struct Report {
    /// Id of the company
    #[arg(long, value_name = "COMPANY")]
    pub(crate) company: String,
    /// Calls that start from here on: RFC 3339, or a date for midnight UTC
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Calls that start before this
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// Only calls skipped with this code, or one of these
    #[arg(long = "code", value_name = "CODE", value_parser = code)]
    pub(crate) codes: Vec<SkipCode>,
    /// Only calls of this owner, a member id
    #[arg(long, value_name = "ID")]
    pub(crate) owner: Option<String>,
    /// Only calls at this provider: zoom, teams, webex or google_meet
    #[arg(long, value_name = "PROVIDER", value_parser = provider)]
    pub(crate) provider: Option<Provider>,
    /// Only calls skipped in this phase: planning, session, dial or import
    #[arg(long, value_name = "PHASE", value_parser = phase)]
    pub(crate) phase: Option<Phase>,
    /// Only how many calls there are of each outcome
    #[arg(long)]
    pub(crate) summary: bool,
    #[command(flatten)]
    pub(crate) server: Server,
    /// How to print; CSV has the calls, or the summary with `--summary`
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: ReportFormat,
}

const SIMULATE: &str = "Examples:
  callsheet simulate -f proposed.yaml
  callsheet simulate -f proposed.yaml --from 2026-03-01 --to 2026-04-01 --summary
  callsheet simulate -f proposed.yaml --format json | jq -r 'select(.after) | .after.skip_code'";

/// Simulates a company file.
#[derive(Debug, Args)]
#[command(after_help = SIMULATE)]
pub(crate) struct Simulate {
    /// The proposed company file (YAML or JSON); `-` reads standard input
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Calls that start from here on: RFC 3339, or a date for midnight UTC; 28 days ago if absent
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) from: Option<DateTime<Utc>>,
    /// Calls that start before this; 28 days ahead if absent
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) to: Option<DateTime<Utc>>,
    /// The instant at which it is decided; now if absent
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) now: Option<DateTime<Utc>>,
    /// Only how many calls have each outcome before and after
    #[arg(long)]
    pub(crate) summary: bool,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const VERIFY: &str = "Examples:
  callsheet verify --company acme
  callsheet verify --company acme --number 1200 --hash 6b1f…
  callsheet verify --company acme --format json >> heads.jsonl";

/// Verifies a history.
#[derive(Debug, Args)]
#[command(after_help = VERIFY)]
pub(crate) struct Verify {
    /// Id of the company
    #[arg(long, value_name = "COMPANY")]
    pub(crate) company: String,
    /// Number of a decision whose hash was noted earlier
    #[arg(
        long,
        value_name = "N",
        requires = "hash",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(crate) number: Option<u64>,
    /// The hash that was noted, 64 hexadecimal digits
    #[arg(long, value_name = "HASH", requires = "number", value_parser = hash)]
    pub(crate) hash: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

const DEAD_LETTERS: &str = "Examples:
  callsheet dead-letters
  callsheet dead-letters --replay 17 18
  callsheet dead-letters --replay-all";

/// Lists or replays dead letters.
#[derive(Debug, Args)]
#[command(after_help = DEAD_LETTERS)]
pub(crate) struct DeadLetters {
    /// Have these tried again
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(crate) replay: Vec<String>,
    /// Have all of them tried again
    #[arg(long, conflicts_with = "replay")]
    pub(crate) replay_all: bool,
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

/// Reads a provider.
fn provider(text: &str) -> Result<Provider, String> {
    Provider::from_name(&text.to_lowercase())
        .ok_or_else(|| format!("it is one of {}", Provider::ALL.map(Provider::as_str).join(", ")))
}

/// Reads a phase of the catalogue.
fn phase(text: &str) -> Result<Phase, String> {
    const PHASES: [Phase; 4] = [Phase::Planning, Phase::Session, Phase::Dial, Phase::Import];
    PHASES
        .into_iter()
        .find(|phase| phase.as_str() == text.to_lowercase())
        .ok_or_else(|| format!("it is one of {}", PHASES.map(Phase::as_str).join(", ")))
}

/// Reads a hash of the history.
fn hash(text: &str) -> Result<String, String> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a hash has 64 hexadecimal digits, as `callsheet verify` prints them".to_owned())
    }
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
