//! What can be typed after `callsheet dial` and `callsheet import`.

use chrono::{DateTime, Utc};
use clap::builder::NonEmptyStringValueParser as Text;
use clap::{Args, ValueEnum};

use super::{Printed, Server, hash, instant};

const DIAL: &str = "Examples:
  callsheet dial CA7f3c --company acme --connection twilio --direction outbound --own +442079460000 \\
    --other +493012345678 --user ada
  callsheet dial CA7f3c --company acme --connection twilio --direction inbound --placed-at 2026-03-02T09:00:00Z

The same connection and id are the same call: what is told later adds to it.";

const IMPORT: &str = "Examples:
  callsheet import https://files.acme.example/visit.mp4 --company acme --owner ada --title 'Visit to Northwind'
  callsheet import - --company acme --owner ada --key visit-17 < link.txt

The owner needs the permission to upload, `can_request` in the company file. A link with a token in it is
better given on standard input than typed, where other users of the machine could see it.";

/// Which way a telephone call goes, as seen from the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Direction {
    /// To the company
    Inbound,
    /// From the company
    Outbound,
}

/// Registers a telephone call.
#[derive(Debug, Args)]
#[command(after_help = DIAL)]
pub(crate) struct Dial {
    /// The dialer's id of the call, the one that all its legs have in common
    #[arg(value_name = "ID", value_parser = Text::new())]
    pub(crate) id: String,
    /// Id of the company
    #[arg(long, value_name = "COMPANY", value_parser = Text::new())]
    pub(crate) company: String,
    /// Name of the connection to the dialer
    #[arg(long, value_name = "NAME", value_parser = Text::new())]
    pub(crate) connection: String,
    /// Which way it goes
    #[arg(long, value_enum, value_name = "DIRECTION")]
    pub(crate) direction: Direction,
    /// The number of our side
    #[arg(long, value_name = "NUMBER", default_value = "")]
    pub(crate) own: String,
    /// The number of the other side
    #[arg(long, value_name = "NUMBER", default_value = "")]
    pub(crate) other: String,
    /// Who of the company is on it: member id, address, or the dialer's id
    #[arg(long, value_name = "USER", default_value = "")]
    pub(crate) user: String,
    /// When it was placed or came in: RFC 3339, or a date for midnight UTC; now if absent
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) placed_at: Option<DateTime<Utc>>,
    /// Address of somebody else who takes part; give it again for more
    #[arg(long = "participant", value_name = "ADDRESS", value_parser = Text::new())]
    pub(crate) participants: Vec<String>,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}

/// Imports a recording.
#[derive(Debug, Args)]
#[command(after_help = IMPORT)]
pub(crate) struct Import {
    /// Where the server fetches it, `https://…`; `-` reads the link from standard input
    // Not parsed here: what is wrong would be repeated with the link, which may hold a token.
    #[arg(value_name = "URL|-")]
    pub(crate) url: String,
    /// Id of the company
    #[arg(long, value_name = "COMPANY", value_parser = Text::new())]
    pub(crate) company: String,
    /// Member id or address of the person to whom it belongs
    #[arg(long, value_name = "MEMBER", value_parser = Text::new())]
    pub(crate) owner: String,
    /// What it is called
    #[arg(long, value_name = "TITLE", default_value = "")]
    pub(crate) title: String,
    /// When it was recorded: RFC 3339, or a date for midnight UTC; now if absent
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) recorded_at: Option<DateTime<Utc>>,
    /// Address of somebody who is heard; give it again for more
    #[arg(long = "participant", value_name = "ADDRESS", value_parser = Text::new())]
    pub(crate) participants: Vec<String>,
    /// SHA-256 of the file, 64 hexadecimal digits
    #[arg(long, value_name = "HASH", value_parser = hash)]
    pub(crate) sha256: Option<String>,
    /// The same key is the same import, however often it is asked for; follows from the link if absent
    #[arg(long, value_name = "KEY", value_parser = Text::new())]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) printed: Printed,
}
