//! Providers played beside the services of a world: an account of Zoom, one of Twilio, a dialer that speaks our own event API,
//! and a customer's server of files. What happens there is told as signed webhooks over HTTP.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use fakes::twilio::Twilio;
use fakes::zoom::{Control, Zoom};
use fakes::{Clock, Fault, Files, Match, Notice, Outbox, Reply, Sender, dialers, twilio, zoom};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scenario::{Dial, Dialer, Recorded, Scenario, ZoomMeeting};

/// What the dialer signs with.
const SECRET: &str = "a-secret-of-the-dialer";

/// How long what Zoom and dialers recorded is, in seconds.
const LENGTH: u32 = 60;

/// How long a meeting may take until it is set to record.
const PATIENCE: Duration = Duration::from_secs(20);

/// All of them.
#[derive(Debug)]
pub(in crate::world) struct Played {
    clock: Clock,
    zoom: Zoom,
    meetings: BTreeMap<u64, ZoomMeeting>,
    /// The latest run of each meeting.
    runs: BTreeMap<u64, String>,
    twilio: Twilio,
    dialer: Sender,
    events: u32,
    files: Files,
    hooks: SocketAddr,
    secrets: TempDir,
}

impl Played {
    /// Starts them, and chooses where webhooks go.
    pub(in crate::world) async fn start(scenario: &Scenario) -> anyhow::Result<Self> {
        let clock = Clock::held(scenario.now);
        let port = servers::free_ports(1)?.into_iter().next().context("a free port")?;
        let hooks = SocketAddr::from(([127, 0, 0, 1], port));
        let target = |connection: &str| format!("http://{hooks}/webhooks/{connection}");
        let options = zoom::Options { clock: clock.clone(), ..zoom::Options::default() };
        let zoom = Zoom::start_with(options).await;
        let mut users: BTreeMap<&str, String> = BTreeMap::new();
        for one in &scenario.zoom {
            let host = users.entry(&one.host).or_insert_with(|| zoom.add_user(&one.host));
            zoom.schedule_as(one.number, host, scenario.now, 30);
            if one.personal {
                zoom.change_meeting(one.number, &json!({"type": 4}));
            }
            if !one.records {
                let done = Fault::Answer(Reply::status(202));
                zoom.faults().add(Match::path("/v2/live_meetings/"), done);
            }
        }
        for kind in ["MP4", "M4A"] {
            zoom.set_media(kind, fakes::wav(LENGTH, false));
        }
        zoom.subscribe(&target("zoom"));
        let options = twilio::Options { clock: clock.clone(), ..twilio::Options::default() };
        let twilio = Twilio::start_with(options).await;
        twilio.subscribe(&target("twilio"));
        let sign = std::sync::Arc::new(dialers::Generic(SECRET.to_owned()));
        let dialer = dialers::sender(&target("dialer"), sign, &clock);
        let secrets = tempfile::tempdir()?;
        let keep = |name: &str, secret: &str| std::fs::write(secrets.path().join(name), secret);
        keep("zoom", &zoom.options().client_secret)?;
        keep("zoom-webhooks", &zoom.options().webhook_secret)?;
        keep("twilio", &twilio.options().token)?;
        keep("dialer", SECRET)?;
        let meetings = scenario.zoom.iter().map(|one| (one.number, one.clone())).collect();
        let (runs, files) = (BTreeMap::new(), Files::start().await);
        Ok(Self { clock, zoom, meetings, runs, twilio, dialer, events: 0, files, hooks, secrets })
    }

    /// What provider-adapters must be told to know them; tables, so nothing else may follow.
    pub(in crate::world) fn settings(&self) -> String {
        let Self { hooks, zoom, twilio, secrets, .. } = self;
        let file = |name: &str| format!("file:{}", secrets.path().join(name).display());
        let connection = |name: &str, secret: &str| {
            format!(
                "[[connections]]\nname = '{name}'\ncompany = 'acme'\nprovider = '{name}'\n\
                 secrets = ['{}']\n",
                file(secret)
            )
        };
        let mut settings = format!(
            "webhooks.listen = '{hooks}'\nwebhooks.public_url = 'http://{hooks}'\n\
             inbox.poll = '20ms'\nimports.poll = '20ms'\nimports.pause = '50ms'\n\
             imports.plain_http = true\nimports.loopback = true\nimports.store.url = '{}'\n\
             imports.hosts.zoom = ['=127.0.0.1']\nimports.hosts.dialer = ['=127.0.0.1']\n",
            secrets.path().join("recordings").display()
        );
        settings += &connection("twilio", "twilio");
        settings += &format!(
            "base_url = '{}'\n[connections.api]\naccount_sid = '{}'\nsecret = '{}'\n",
            twilio.url(),
            twilio.options().account,
            file("twilio"),
        );
        settings += &connection("dialer", "dialer");
        settings += "[connections.api]\nopen = 'true'\n";
        if !self.meetings.is_empty() {
            settings += &connection("zoom", "zoom-webhooks");
            settings += &format!(
                "base_url = '{}'\n[connections.api]\naccount_id = '{}'\nclient_id = '{}'\n\
                 client_secret = '{}'\noauth_url = '{}'\nplan = 'business'\n",
                zoom.api_url(),
                zoom.options().account,
                zoom.options().client_id,
                file("zoom"),
                zoom.oauth_url(),
            );
        }
        settings
    }

    /// What shows them the time.
    pub(super) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Lets something happen to a meeting of Zoom, of which a signal tells; whether it is for Zoom to tell.
    pub(super) async fn at_zoom(&mut self, number: u64, signal: &str) -> anyhow::Result<bool> {
        let meeting = self.meetings.get(&number).context("Zoom knows no such meeting")?;
        let zoom = &self.zoom;
        match signal {
            "armed" => {
                let is_armed = || {
                    let meeting = zoom.meeting(number).unwrap_or_default();
                    meeting["settings"]["auto_recording"] == "cloud"
                };
                let armed = async {
                    while !is_armed() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                };
                let armed = tokio::time::timeout(PATIENCE, armed).await;
                armed.context("the meeting was not set to record")?;
            }
            "meeting_started" | "started_at_other_time" => {
                if !meeting.records {
                    let off = json!({"recording": {"cloud_recording": false}});
                    let user = zoom.user_id(&meeting.host).context("a user of Zoom")?;
                    zoom.change_settings(&user, off);
                }
                self.runs.insert(number, zoom.begin(number));
            }
            "recording_started" => drop(zoom.record(number, Control::Start)),
            "recording_paused" => drop(zoom.record(number, Control::Pause)),
            "recording_resumed" => drop(zoom.record(number, Control::Resume)),
            "recording_stopped" => drop(zoom.record(number, Control::Stop)),
            "meeting_ended" => zoom.end(number),
            "files_ready" => zoom.finish(self.runs.get(&number).context("it began")?),
            // What is ready is fetched without another word.
            "imported" => {}
            _ => return Ok(false),
        }
        settled(zoom.outbox()).await?;
        Ok(true)
    }

    /// A telephone call is placed; what its dialer calls it.
    pub(super) fn dial(&self, dial: &Dial) -> String {
        match dial.dialer {
            Dialer::Own => dial.call.clone(),
            Dialer::Twilio => self.twilio.dial(&dial.from, &dial.to),
        }
    }

    /// Lets something happen to a telephone call, of which a signal tells; whether it is for its dialer to tell.
    pub(super) async fn by_phone(
        &mut self,
        dial: &Dial,
        id: &str,
        signal: &str,
    ) -> anyhow::Result<bool> {
        match dial.dialer {
            Dialer::Own => self.by_own(dial, id, signal).await,
            Dialer::Twilio => self.by_twilio(id, signal).await,
        }
    }

    async fn by_own(&mut self, dial: &Dial, id: &str, signal: &str) -> anyhow::Result<bool> {
        let (event, more) = match signal {
            "dial_started" => ("call.initiated", json!({})),
            "ringing" => ("call.ringing", json!({})),
            "answered" => ("call.answered", json!({})),
            "call_ended" => ended("completed"),
            "number_invalid" => ended("invalid_number"),
            "number_high_risk" => ended("high_risk"),
            "carrier_blocked" => ended("carrier_blocked"),
            "line_busy" => ended("busy"),
            "call_declined" => ended("declined"),
            "call_unanswered" => ended("no_answer"),
            "destination_unavailable" => ended("destination_unavailable"),
            "recording_started" => ("recording.started", json!({})),
            "recording_stopped" => ("recording.stopped", json!({})),
            "files_ready" => {
                self.files.put(id, fakes::wav(LENGTH, false));
                let recording = json!({"id": "r-1", "url": self.files.link(id), "seconds": LENGTH});
                ("recording.ready", json!({ "recording": recording }))
            }
            "imported" => return Ok(true),
            "files_deleted" => ("recording.deleted", json!({"recording": {"id": "r-1"}})),
            "dialer_import_failed" => ("recording.failed", json!({"recording": {"id": "r-1"}})),
            _ => return Ok(false),
        };
        self.events += 1;
        let mut body = json!({
            "id": format!("e-{}", self.events), "event": event, "at": self.clock.now(),
            "sequence": self.events,
            "call": {"id": id, "direction": "outbound", "from": dial.from, "to": dial.to, "user": dial.user},
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let delivery = self.dialer.deliver(&Notice::json(event, &body)).await;
        ensure!(delivery.delivered, "nobody took a webhook: {:?}", delivery.attempts);
        Ok(true)
    }

    async fn by_twilio(&self, id: &str, signal: &str) -> anyhow::Result<bool> {
        let twilio = &self.twilio;
        match signal {
            "dial_started" => twilio.happen(id, "initiated"),
            "ringing" => twilio.happen(id, "ringing"),
            "answered" => twilio.happen(id, "in-progress"),
            "call_ended" => twilio.happen(id, "completed"),
            "line_busy" => twilio.happen(id, "busy"),
            "call_unanswered" => twilio.happen(id, "no-answer"),
            "number_invalid" => twilio.happen_with(id, "failed", &[("ErrorCode", "13224")]),
            "number_high_risk" => twilio.happen_with(id, "failed", &[("ErrorCode", "21215")]),
            _ => return Ok(false),
        }
        settled(twilio.outbox()).await?;
        Ok(true)
    }

    /// Puts what a link leads to where it leads, and gives the link.
    pub(super) fn link(&self, name: &str, file: Recorded) -> anyhow::Result<String> {
        let name = format!("{name}.wav");
        let seconds = |long: chrono::TimeDelta| u32::try_from(long.num_seconds());
        match file {
            Recorded::Tone(long) => self.files.put(&name, fakes::wav(seconds(long.0)?, false)),
            Recorded::Silence(long) => self.files.put(&name, fakes::wav(seconds(long.0)?, true)),
            Recorded::Text => self.files.put(&name, "Dear customer, your recording has moved.\n"),
            Recorded::Gone => {}
        }
        Ok(self.files.link(&name))
    }
}

/// A call that ended so.
fn ended(outcome: &str) -> (&'static str, Value) {
    ("call.ended", json!({ "outcome": outcome }))
}

/// Waits until all webhooks are taken.
async fn settled(outbox: &Outbox) -> anyhow::Result<()> {
    outbox.settled().await;
    match outbox.done().into_iter().find(|one| !one.delivered) {
        Some(lost) => bail!("nobody took the webhook `{}`: {:?}", lost.notice.name, lost.attempts),
        None => Ok(()),
    }
}
