//! The settings of provider-adapters as types.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Deserializer};
use storage::StoreConfig;

/// What can be set; `config.default.toml` has the defaults.
#[derive(Debug, Deserialize)]
pub struct Config {
    /// Names of the adapters hosted here, at least one.
    pub adapters: Vec<String>,
    /// How many policy versions of a company are kept, at least one.
    pub keep_versions: u32,
    /// Where everything is kept.
    pub store: StoreConfig,
    /// How what is to be done at providers is looked for.
    pub work: Work,
    /// Fleets of bots.
    pub fleets: Fleets,
    /// Where providers deliver their webhooks.
    pub webhooks: Webhooks,
    /// How webhooks are worked on once they are kept.
    pub inbox: Inbox,
    /// How what providers notify us of is looked after.
    pub subscriptions: Subscriptions,
    /// How recordings are fetched, and where they are kept.
    pub imports: Imports,
    /// How long it is kept what was carried out.
    pub journal: Journal,
    /// Companies' connections to providers.
    pub connections: Vec<Connection>,
}

/// How what is to be done at providers is looked for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    /// How often it is looked for what other replicas wrote.
    #[serde(with = "chassis::period")]
    pub poll: Duration,
    /// How long a replica has what it has claimed; longer than a provider may take.
    #[serde(with = "chassis::period")]
    pub lease: Duration,
    /// How long a provider may take.
    #[serde(with = "chassis::period")]
    pub patience: Duration,
    /// Things done at once, at least one.
    pub parallel: usize,
}

/// How long it is kept what was carried out.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// How long attempts, and what was told of them, are kept; at least a week.
    #[serde(with = "chassis::period")]
    pub keep: Duration,
    /// How often it is looked for what is older.
    #[serde(with = "chassis::period")]
    pub every: Duration,
}

/// How long at least: sessions wait for days, and late news find their attempt.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// Fleets of bots.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleets {
    /// Whether bots that nobody else carries out wait for fleets to take them.
    pub enabled: bool,
    /// Whether a fleet may work for all companies.
    pub whole_installation: bool,
    /// Streams at once, of all fleets at this replica.
    pub streams: usize,
    /// How often it is looked for what other replicas wrote.
    #[serde(with = "chassis::period")]
    pub poll: Duration,
    /// How long one fleet is asked alone.
    #[serde(with = "chassis::period")]
    pub offer: Duration,
    /// How often a fleet says that it is there.
    #[serde(with = "chassis::period")]
    pub heartbeat: Duration,
    /// After how long without that it is taken for gone.
    #[serde(with = "chassis::period")]
    pub gone: Duration,
}

/// Where providers deliver their webhooks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Address and port; nobody listens when it is empty.
    pub listen: String,
    /// Whether clear text beyond loopback is wanted, because something in front of it speaks TLS.
    pub insecure_listen: bool,
    /// How the outside calls this place: `https://hooks.acme.example`.
    pub public_url: String,
    /// Requests at once.
    pub max_in_flight: usize,
    /// How long a request may take; providers give up after three seconds.
    #[serde(with = "chassis::period")]
    pub ceiling: Duration,
}

/// How webhooks are worked on once they are kept.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inbox {
    /// How often it is looked for what other replicas kept.
    #[serde(with = "chassis::period")]
    pub poll: Duration,
    /// Webhooks worked on at once.
    pub batch: u64,
    /// How long a replica has what it has claimed.
    #[serde(with = "chassis::period")]
    pub lease: Duration,
    /// How long something waits for an attempt it may be about.
    #[serde(with = "chassis::period")]
    pub wait: Duration,
    /// How long it is remembered that something came, so that it is not taken for new when it comes again.
    #[serde(with = "chassis::period")]
    pub keep: Duration,
}

/// How what providers notify us of is looked after.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscriptions {
    /// How often it is looked for what is due.
    #[serde(with = "chassis::period")]
    pub poll: Duration,
    /// How long a replica has what it has claimed; longer than `patience`.
    #[serde(with = "chassis::period")]
    pub lease: Duration,
    /// How long a provider may take.
    #[serde(with = "chassis::period")]
    pub patience: Duration,
    /// How often it is looked whether a provider still has them.
    #[serde(with = "chassis::period")]
    pub check: Duration,
}

/// How recordings are fetched, and where they are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imports {
    /// Imports at once at this replica, at least one.
    pub parallel: usize,
    /// Imports of one company at once, at all replicas.
    pub per_company: u64,
    /// How often it is looked for what other replicas wrote.
    #[serde(with = "chassis::period")]
    pub poll: Duration,
    /// How long a replica has what it has claimed; it is renewed while the import runs.
    #[serde(with = "chassis::period")]
    pub lease: Duration,
    /// The first pause before something is tried again.
    #[serde(with = "chassis::period")]
    pub pause: Duration,
    /// How long a server may send nothing.
    #[serde(with = "chassis::period")]
    pub idle: Duration,
    /// How long one download may take.
    #[serde(with = "chassis::period")]
    pub deadline: Duration,
    /// How large a file may be, in bytes.
    pub largest: u64,
    /// Whether `http://` is fetched.
    pub plain_http: bool,
    /// Whether this machine is asked.
    pub loopback: bool,
    /// Where recordings are kept.
    pub store: RecordingStore,
    /// Hosts that recordings of providers may come from.
    pub hosts: BTreeMap<String, Vec<String>>,
}

/// Where recordings are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingStore {
    /// A folder, `s3://bucket/prefix`, or `memory:`; beside the database when it is empty.
    pub url: String,
    /// Where the bucket is served, if not by AWS.
    pub endpoint: String,
    /// The region of the bucket.
    pub region: String,
    /// The id of the key.
    pub access_key_id: String,
    /// The secret of the key: `env:NAME` or `file:/path`.
    pub secret_access_key: String,
    /// Whether `endpoint` may be `http://`.
    pub plain_http: bool,
    /// Whether the bucket is named in the host.
    pub virtual_hosted: bool,
    /// Whether the store knows conditional writes.
    pub conditional: bool,
}

/// A company's connection to a provider.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Its name, as in the path of its webhooks: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The company.
    pub company: String,
    /// The provider: `zoom`, `teams`, `webex`, `google_meet`, `twilio`, `ringcentral`, `aircall`, `vonage`, `telnyx`,
    /// `dialer`, `recall`, `attendee`.
    pub provider: String,
    /// Secrets of its webhooks, each `env:NAME` or `file:/path`; several during a rotation.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Public keys of the provider, a JWKS document: `env:NAME`, `file:/path`, or where the issuer publishes it.
    #[serde(default)]
    pub keys: Option<String>,
    /// For whom its tokens are made: the application, or the address of the webhook.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The service account its pushes come from.
    #[serde(default)]
    pub sender: Option<String>,
    /// What rich notifications are encrypted to: one, or several during a rotation. New subscriptions are made with the first.
    #[serde(default, deserialize_with = "one_or_several")]
    pub certificate: Vec<Certificate>,
    /// The company's own accounts, tenants or organisations there; what comes from others is not wanted.
    #[serde(default)]
    pub own: Vec<String>,
    /// Accounts with which our own recorders join.
    #[serde(default)]
    pub recorders: Vec<String>,
    /// How long ago something may have been signed.
    #[serde(default)]
    pub past: Option<String>,
    /// How far in the future.
    #[serde(default)]
    pub future: Option<String>,
    /// Where its API is, if not at the usual place.
    #[serde(default)]
    pub base_url: Option<String>,
    /// What its API wants to know of us, by the names the carrier gives them; secrets as `env:NAME` or `file:/path`.
    #[serde(default)]
    pub api: BTreeMap<String, String>,
}

/// Without what `api` holds: a secret may stand there by mistake.
impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, company, provider, .. } = self;
        formatter
            .debug_struct("Connection")
            .field("name", name)
            .field("company", company)
            .field("provider", provider)
            .finish_non_exhaustive()
    }
}

/// A certificate that rich notifications are encrypted to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Its id, as the subscription was given it.
    pub id: String,
    /// Its private key, PKCS #8 in DER: `file:/path`.
    pub key: String,
}

fn one_or_several<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Certificate>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Certificates {
        One(Certificate),
        Several(Vec<Certificate>),
    }
    Ok(match Certificates::deserialize(from)? {
        Certificates::One(one) => vec![one],
        Certificates::Several(all) => all,
    })
}

impl Config {
    /// Refuses what types let pass.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.keep_versions > 0, "`keep_versions` must be at least 1");
        anyhow::ensure!(!self.work.poll.is_zero(), "`work.poll` must be longer than nothing");
        anyhow::ensure!(self.work.parallel > 0, "`work.parallel` must be at least 1");
        anyhow::ensure!(
            self.work.lease > self.work.patience,
            "`work.lease` must be longer than `work.patience`, or others begin what is still under way"
        );
        let fleets = self.fleets;
        anyhow::ensure!(!fleets.poll.is_zero(), "`fleets.poll` must be longer than nothing");
        anyhow::ensure!(
            fleets.heartbeat >= Duration::from_secs(1),
            "`fleets.heartbeat` must be at least a second"
        );
        anyhow::ensure!(
            fleets.gone > fleets.heartbeat,
            "`fleets.gone` must be longer than `fleets.heartbeat`"
        );
        anyhow::ensure!(!self.inbox.poll.is_zero(), "`inbox.poll` must be longer than nothing");
        anyhow::ensure!((1..=1000).contains(&self.inbox.batch), "`inbox.batch` must be 1 to 1000");
        let subscriptions = self.subscriptions;
        anyhow::ensure!(
            !subscriptions.poll.is_zero() && !subscriptions.check.is_zero(),
            "`subscriptions.poll` and `subscriptions.check` must be longer than nothing"
        );
        anyhow::ensure!(
            subscriptions.lease > subscriptions.patience,
            "`subscriptions.lease` must be longer than `subscriptions.patience`"
        );
        anyhow::ensure!(
            self.journal.keep >= WEEK,
            "`journal.keep` must be at least `7d`: late news are told of attempts that are known"
        );
        anyhow::ensure!(
            !self.journal.every.is_zero(),
            "`journal.every` must be longer than nothing"
        );
        self.imports.check()?;
        let listens = self.webhooks.address()?.is_some();
        let twilio = self.connections.iter().find(|one| one.provider == "twilio");
        if let Some(one) = twilio.filter(|_| listens && self.webhooks.public_url.is_empty()) {
            anyhow::bail!(
                "`webhooks.public_url` must be set: Twilio signs the address it calls, and connection `{}` is told of \
                 nothing otherwise",
                one.name
            );
        }
        Ok(())
    }
}

impl Webhooks {
    /// Where to listen; nowhere where that is not wanted.
    ///
    /// # Errors
    /// It is no address, or one where everything would travel in clear text.
    pub(crate) fn address(&self) -> anyhow::Result<Option<SocketAddr>> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        let address: SocketAddr = self.listen.parse().with_context(|| {
            format!("`webhooks.listen`: `{}` is no address and port", self.listen)
        })?;
        anyhow::ensure!(
            address.ip().is_loopback() || self.insecure_listen,
            "`webhooks.listen`: `{address}` is not a loopback address and nothing there speaks TLS; set \
             `webhooks.insecure_listen = true` where something in front of it does"
        );
        Ok(Some(address))
    }
}
