//! The ways plans are carried out here, each behind the port [`crate::carry::Carrier`], set up from companies' connections.
//!
//! A connection carries when its `api` says how its API is to be asked; without that it only receives webhooks. What `api`
//! may hold is told by the table `api.md`.

mod attendee;
mod bots;
mod dialer;
mod files;
pub(crate) mod line;
mod members;
mod recall;
mod webex;
pub(crate) mod zoom;
mod zoom_local;
mod zoom_native;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use chassis::Clock;
use decision::provider::Adapter as Which;
use remote::zoom::{Plan, UPDATES_PER_DAY};
use remote::{Base, Budget, Http};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use signals::Provider;

use crate::api::{flag, needed, set};
use crate::carry::Carrier;
use crate::connections::{Connection, Connections};
use crate::gather::Gather;
use crate::imports::{Imports, Source};
use crate::journal::Journal;
use crate::subscriptions;
use bots::{Bots, Desk, Runtime};
use dialer::Dialer;
use files::Origin;
use line::Line;
use members::Members;
use webex::Site;
use zoom::Account;
use zoom_native::ZoomNative;

/// How long a call is held up so that a provider need not refuse it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Calls a minute to a server of Attendee.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(300).expect("not zero");
/// Where Attendee's own service is.
const ATTENDEE: &str = "https://app.attendee.dev/api/v1";
/// Bytes of an announcement, at most: a runtime takes no more in a request.
const ANNOUNCEMENT: usize = 1_300_000;
/// What bots are called unless a connection says otherwise.
const BOT_NAME: &str = "Callsheet";

/// Whatever carriers stand on.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    /// Where they note things.
    pub(crate) journal: Journal,
    /// How they learn of members.
    pub(crate) gather: Arc<Gather>,
    /// How they ask.
    pub(crate) http: Http,
    /// Who fetches what they know the place of.
    pub(crate) imports: Imports,
    /// The time.
    pub(crate) clock: Arc<dyn Clock>,
    /// How the outside calls the place where webhooks come to; empty where that is not said.
    pub(crate) public_url: String,
}

/// Everybody who was set up.
#[derive(Debug)]
pub(crate) struct Opened {
    /// Carriers, the preferred ones first.
    pub(crate) carriers: Vec<Arc<dyn Carrier>>,
    /// Those of them that know where their recordings are.
    pub(crate) sources: Vec<Arc<dyn Source>>,
    /// The accounts of Zoom some of them use.
    pub(crate) accounts: Vec<Arc<Account>>,
}

pub(crate) use dialer::BEGUN;

/// Sets all carriers up, the preferred ones first.
///
/// # Errors
/// The connection whose settings cannot be used, and why; never a secret.
pub(crate) fn open(connections: &Connections, ground: &Ground) -> anyhow::Result<Opened> {
    let (http, journal) = (&ground.http, &ground.journal);
    let members = Members(Arc::clone(&ground.gather));
    let (mut accounts, mut recall, mut attendee) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sites, mut dialers) = (Vec::new(), Vec::new());
    for one in connections.iter().filter(|one| one.carries()) {
        let opened = if one.provider == Provider::Zoom {
            account(one, http, ground).map(|it| {
                let it = Arc::new(it);
                dialers.push(dialer::of_zoom(one, &it, ground));
                accounts.push(it);
            })
        } else if one.provider == Provider::Recall {
            desk(one, http, ground).map(|it| recall.push(it))
        } else if one.provider == Provider::Attendee {
            desk(one, http, ground).map(|it| attendee.push(it))
        } else if one.provider == Provider::Webex {
            site(one, http, journal).map(|it| sites.push(it))
        } else {
            dialer::desk(one, http, ground).map(|it| dialers.extend(it))
        };
        opened.with_context(|| format!("connection `{}`", one.name))?;
    }
    let native = Arc::new(ZoomNative {
        accounts: accounts.clone(),
        members: members.clone(),
        journal: journal.clone(),
    });
    let bots = |name, desks| {
        Arc::new(Bots {
            name,
            desks,
            accounts: accounts.clone(),
            sites: sites.clone(),
            members: members.clone(),
            journal: journal.clone(),
        })
    };
    let (recall, attendee) = (bots("recall", recall), bots("attendee", attendee));
    let dialer = Arc::new(Dialer { desks: dialers, journal: journal.clone() });
    Ok(Opened {
        carriers: vec![
            Arc::<ZoomNative>::clone(&native),
            Arc::<Bots>::clone(&recall),
            Arc::<Bots>::clone(&attendee),
            Arc::<Dialer>::clone(&dialer),
        ],
        sources: vec![native, recall, attendee, dialer],
        accounts,
    })
}

fn base(name: &str, url: &str) -> anyhow::Result<Base> {
    Base::new(url).with_context(|| format!("`{name}`"))
}

fn account(one: &Connection, http: &Http, ground: &Ground) -> anyhow::Result<Account> {
    let journal = &ground.journal;
    let api = one.base_url.as_deref().unwrap_or("https://api.zoom.us/v2");
    let settings = remote::zoom::Settings {
        api: base("base_url", api)?,
        oauth: base("api.oauth_url", set(one, "oauth_url").unwrap_or("https://zoom.us"))?,
    };
    let plan = match set(one, "plan") {
        None | Some("pro") => Plan::Pro,
        Some("business") => Plan::Business,
        Some(other) => bail!("`api.plan`: `{other}` is neither `pro` nor `business`"),
    };
    let replicas = match set(one, "replicas") {
        None => 1,
        Some(text) => text.parse().context("`api.replicas` is no number")?,
    };
    let removes_copies = flag(one, "discard_copies")?;
    let account = remote::zoom::Account {
        id: needed(one, "account_id")?.expose_secret().to_owned(),
        client_id: needed(one, "client_id")?.expose_secret().to_owned(),
        client_secret: needed(one, "client_secret")?.clone(),
    };
    let budget = Budget::new(&plan.quotas(replicas), PATIENCE);
    let updates = Arc::new(journal.daily(UPDATES_PER_DAY));
    Ok(Account {
        line: Line::new(&one.name, &one.company, "zoom", journal.clone()),
        client: remote::zoom::Client::new(http, &settings, account, budget, updates),
        files: Origin::own(ground.imports.hosts("zoom")),
        removes_copies,
    })
}

fn site(one: &Connection, http: &Http, journal: &Journal) -> anyhow::Result<Site> {
    let line = Arc::new(Line::new(&one.name, &one.company, "webex", journal.clone()));
    Ok(Site { line, client: subscriptions::webex::client(one, http)? })
}

fn desk(one: &Connection, http: &Http, ground: &Ground) -> anyhow::Result<Desk> {
    let key = needed(one, "key")?;
    let http = http.clone();
    let (provider, runtime, joins): (_, Box<dyn Runtime>, &[Which]) =
        if one.provider == Provider::Recall {
            let base = match (&one.base_url, set(one, "region")) {
                (Some(url), _) => base("base_url", url)?,
                (None, Some(region)) => {
                    remote::recall::region(region).context("`api.region` is none")?
                }
                (None, None) => bail!("neither `base_url` nor `api.region` is set"),
            };
            let budget = remote::recall::budget(PATIENCE);
            let recall = remote::recall::Recall::new(http, base, &one.name, key, budget);
            let joins = &[Which::ZoomLocal, Which::Teams, Which::Webex, Which::GoogleMeet];
            ("recall", Box::new(recall), joins)
        } else {
            let base = base("base_url", one.base_url.as_deref().unwrap_or(ATTENDEE))?;
            let budget = remote::attendee::budget(PER_MINUTE, PATIENCE);
            let attendee = remote::attendee::Attendee::new(http, base, &one.name, key, budget);
            let joins = &[Which::ZoomLocal, Which::Teams, Which::GoogleMeet];
            ("attendee", Box::new(attendee), joins)
        };
    Ok(Desk {
        line: Line::new(&one.name, &one.company, provider, ground.journal.clone()),
        runtime,
        files: Origin::hosts(ground.imports.hosts(provider)),
        adapters: adapters(one, provider, joins)?,
        bot_name: set(one, "bot_name").unwrap_or(BOT_NAME).to_owned(),
        announcement: set(one, "announcement").map(announcement).transpose()?,
        signed_in: json(one, "signed_in")?,
        zoom: json(one, "zoom")?.unwrap_or_default(),
    })
}

/// What a connection's bots may join.
fn adapters(one: &Connection, provider: &str, joins: &[Which]) -> anyhow::Result<BTreeSet<Which>> {
    let Some(listed) = set(one, "adapters") else { return Ok(joins.iter().copied().collect()) };
    let which = |name: &str| {
        let found = joins.iter().copied().find(|which| which.as_str() == name);
        let known: Vec<&str> = joins.iter().map(|which| which.as_str()).collect();
        found.with_context(|| {
            let known = known.join(", ");
            format!("`api.adapters`: bots of {provider} cannot join `{name}`; they can {known}")
        })
    };
    listed.split(',').map(str::trim).map(which).collect()
}

fn announcement(path: &str) -> anyhow::Result<Bytes> {
    let read = std::fs::read(Path::new(path));
    let bytes = read.with_context(|| format!("`api.announcement`: cannot read `{path}`"))?;
    let tagged = bytes.starts_with(b"ID3");
    let framed = matches!(bytes.get(..2), Some([0xFF, second]) if second & 0xE0 == 0xE0);
    ensure!(tagged || framed, "`api.announcement`: `{path}` is no MP3");
    ensure!(
        bytes.len() <= ANNOUNCEMENT,
        "`api.announcement`: `{path}` is larger than {ANNOUNCEMENT} bytes"
    );
    Ok(bytes.into())
}

fn json(one: &Connection, name: &str) -> anyhow::Result<Option<Map<String, Value>>> {
    let Some(text) = set(one, name) else { return Ok(None) };
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(Some(object)),
        // Said without the text: it may hold a secret.
        Ok(_) | Err(_) => bail!("`api.{name}` is no object of JSON"),
    }
}
