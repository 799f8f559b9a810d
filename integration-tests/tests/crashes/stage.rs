//! A stage: all services as processes, a clock that is moved from one thing to the next, and what goes wrong meanwhile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as Moment};

use anyhow::{Context as _, bail, ensure};
use chassis::Link;
use chrono::{DateTime, TimeDelta, Utc};
use integration_tests::binaries::Binaries;
use integration_tests::chaos::driver::{COMPANY, Clients};
use integration_tests::chaos::fleet::{self, Extra, Fleet, Size};
use integration_tests::chaos::op::payload;
use integration_tests::chaos::random::Random;
use integration_tests::told::Told;
use proto::calendar::v1 as calendar;
use proto::eligibility::v1 as eligibility;
use proto::orchestrator::v1 as wire;
use proto::provider::v1 as provider;
use proto::time;
use servers::Programs;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::bots::{Bots, Instant};
use crate::files;
use crate::script::{self, Played};

/// How long it may take until nothing happens any more.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is looked whether something still happens.
const LOOK: Duration = Duration::from_millis(20);

/// A step so long lets what was told to bots lapse, so that it must have arrived before.
const LEAP: TimeDelta = TimeDelta::seconds(90);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Nothing.
    Calm,
    /// Adapters and the orchestrator are killed, at places that a seed chooses.
    Kills(u64),
    /// Everything is ended in order and started again, one process after the other, all the time.
    Rolling,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) decision: &'static str,
    /// Code and narrower reason.
    pub(crate) primary: Option<(String, String)>,
    pub(crate) also: Vec<String>,
    /// All that came up in its session.
    pub(crate) came_up: Vec<i32>,
}

/// What came of everything.
#[derive(Debug)]
pub(crate) struct Ending {
    /// By the name of the call.
    pub(crate) outcomes: BTreeMap<String, Outcome>,
    /// Every attempt for which a bot was sent, in order: name of the call, and run. Not the revision of the plan: while adapters are
    /// away a plan is made anew, with the caution that they could not check it, and once more when they did. Whoever is sent for
    /// two revisions stands here twice.
    pub(crate) sent: Vec<(String, u32)>,
    /// Times the clock was moved.
    pub(crate) steps: usize,
    /// Processes killed, or ended in order.
    pub(crate) ended: usize,
    /// Connections of fleets, and offers.
    pub(crate) counts: (usize, usize),
    pub(crate) wrong: Vec<String>,
}

/// What is left to be done, as the databases tell it.
#[derive(Debug)]
struct Due {
    /// What is being done right now, by kind.
    busy: String,
    is_quiet: bool,
    /// Bots have not shown that they heard everything.
    unconfirmed: bool,
    /// When something is to be done of itself.
    next: Option<DateTime<Utc>>,
}

struct Stage {
    fleet: Arc<Fleet>,
    clients: Clients,
    bots: Bots,
    clock: PathBuf,
    now: DateTime<Utc>,
    weather: Weather,
    random: Random,
    kills: Arc<AtomicUsize>,
    /// Calls by their ids.
    calls: BTreeMap<String, Played>,
    /// What is fetched from a customer's server: paths, by the ids of the calls.
    uploads: BTreeMap<String, &'static str>,
    told: usize,
    steps: usize,
}

/// Shows a time, all at once.
fn show(file: &Path, now: DateTime<Utc>) -> anyhow::Result<()> {
    let next = file.with_extension("next");
    std::fs::write(&next, now.to_rfc3339())?;
    Ok(std::fs::rename(&next, file)?)
}

/// Plays everything.
pub(crate) async fn play(
    programs: &Programs,
    binaries: Binaries,
    weather: Weather,
) -> anyhow::Result<Ending> {
    let folder = tempfile::tempdir()?;
    let clock = folder.path().join("now");
    let kept = folder.path().join("recordings");
    let now: DateTime<Utc> = "2026-03-02T08:00:00Z".parse()?;
    show(&clock, now)?;
    let size = match weather {
        Weather::Calm | Weather::Kills(_) => {
            Size { replicas: 1, instances: 1, lame_duck: Duration::ZERO }
        }
        Weather::Rolling => {
            Size { replicas: 2, instances: 2, lame_duck: Duration::from_millis(100) }
        }
    };
    let quick = |program, key, value: &str| Extra { program, key, value: value.to_owned() };
    let extras = vec![
        quick("", "clock.file", &format!("\"{}\"", clock.display())),
        quick("orchestrator", "timers.poll", "\"20ms\""),
        quick("orchestrator", "sessions.poll", "\"20ms\""),
        quick("orchestrator", "timers.lease", "\"2s\""),
        quick("orchestrator", "sessions.lease", "\"2s\""),
        quick("orchestrator", "follow.lease", "\"2s\""),
        quick("provider-adapters", "fleets.poll", "\"20ms\""),
        quick("provider-adapters", "fleets.heartbeat", "\"1s\""),
        // The clock leaps, and bots do not.
        quick("provider-adapters", "fleets.gone", "\"20d\""),
        quick("provider-adapters", "fleets.offer", "\"1h\""),
        quick("provider-adapters", "work.poll", "\"20ms\""),
        // What a killed process had under way is taken over soon.
        quick("provider-adapters", "work.patience", "\"10s\""),
        quick("provider-adapters", "work.lease", "\"15s\""),
        quick("provider-adapters", "imports.poll", "\"20ms\""),
        quick("provider-adapters", "imports.lease", "\"1s\""),
        quick("provider-adapters", "imports.pause", "\"1s\""),
        quick("provider-adapters", "imports.plain_http", "true"),
        quick("provider-adapters", "imports.loopback", "true"),
        quick("provider-adapters", "imports.store.url", &format!("\"{}\"", kept.display())),
    ];
    let (fleet, keeping) = Fleet::start_with(programs, binaries, size, None, extras).await?;
    let done = play_on(&fleet, size, weather, clock, now).await;
    let logs = std::env::var_os("CALLSHEET_CHAOS_LOGS").map(PathBuf::from);
    let is_wrong = done.as_ref().map_or(true, |done| !done.wrong.is_empty());
    fleet.end();
    keeping.await?;
    if let Some(logs) = logs.filter(|_| is_wrong) {
        fleet.keep_logs(&logs)?;
    }
    done
}

async fn play_on(
    fleet: &Arc<Fleet>,
    size: Size,
    weather: Weather,
    clock: PathBuf,
    now: DateTime<Utc>,
) -> anyhow::Result<Ending> {
    let clients = Clients::of_anybody(fleet, size.replicas)?;
    let adapters = fleet.proxy.address("anybody>provider-adapters")?;
    let link =
        Link::far("provider-adapters", &format!("http://{adapters}"), Duration::from_secs(3_600))?;
    let (happens, happening) = mpsc::unbounded_channel();
    let mut stage = Stage {
        bots: Bots::connect(&link, COMPANY, &happens),
        fleet: Arc::clone(fleet),
        clients,
        clock,
        now,
        weather,
        random: Random::new(match weather {
            Weather::Kills(seed) => seed,
            Weather::Calm | Weather::Rolling => 0,
        }),
        kills: Arc::default(),
        calls: BTreeMap::new(),
        uploads: BTreeMap::new(),
        told: 0,
        steps: 0,
    };
    let played = script::calls(now);
    stage.plan(&played).await?;
    let server = files::serve().await;
    let trouble = stage.trouble(happening);
    stage.upload(&server).await?;
    let done = stage.play().await;
    if let Some(trouble) = trouble {
        match weather {
            Weather::Rolling => {
                if trouble.is_finished() {
                    trouble.await??;
                } else {
                    trouble.abort();
                }
            }
            Weather::Calm | Weather::Kills(_) => trouble.abort(),
        }
    }
    done?;
    stage.picture().await
}

impl Stage {
    /// Tells of company and meetings, and waits until all are planned.
    async fn plan(&mut self, played: &[Played]) -> anyhow::Result<()> {
        let request = eligibility::ApplyCompanyRequest {
            document: script::company(played.len())?.to_string(),
            dry_run: false,
        };
        self.clients.companies.apply_company(request).await?;
        let sketches: Vec<_> = played.iter().map(|one| one.sketch.clone()).collect();
        let request = calendar::IngestEventsRequest {
            company: COMPANY.to_owned(),
            source: "calendar".to_owned(),
            format: calendar::Format::Icalendar.into(),
            payload: payload(&sketches, self.now)?.into_bytes(),
            time_zone: "Europe/Berlin".to_owned(),
            received_at: Some(time::to_wire(self.now - TimeDelta::days(2))),
            expand_from: Some(time::to_wire(self.now - TimeDelta::days(1))),
            expand_to: Some(time::to_wire(self.now + TimeDelta::days(7))),
            ..calendar::IngestEventsRequest::default()
        };
        let told = self.clients.calendar.ingest_events(request).await?.into_inner();
        ensure!(told.problems.is_empty(), "{:?}", told.problems);
        let by_uid: BTreeMap<String, &Played> =
            played.iter().map(|one| (one.sketch.uid(), one)).collect();
        let begin = Moment::now();
        loop {
            let decisions = self.decisions().await?;
            let planned = decisions.iter().filter(|one| one.plan.is_some()).count();
            if planned == played.len() {
                for decision in decisions {
                    let uid = decision.key.and_then(|key| key.ical_uid).unwrap_or_default();
                    let one = by_uid.get(&uid).context("a call of nobody's")?;
                    self.calls.insert(decision.call_id, (*one).clone());
                }
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                bail!("of {} calls {planned} are planned: {decisions:?}", played.len());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Asked again as long as nobody answers, which happens while everything is killed.
    async fn decisions(&self) -> anyhow::Result<Vec<wire::Decision>> {
        let begin = Moment::now();
        loop {
            let request = wire::ListCallsRequest {
                company: COMPANY.to_owned(),
                page_size: 1_000,
                ..wire::ListCallsRequest::default()
            };
            match self.clients.orchestrator(0).list_calls(request).await {
                Ok(answer) => return Ok(answer.into_inner().decisions),
                Err(status) if begin.elapsed() > PATIENCE => return Err(status.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Has things go wrong beside the play.
    fn trouble(
        &self,
        mut happening: mpsc::UnboundedReceiver<Instant>,
    ) -> Option<JoinHandle<anyhow::Result<()>>> {
        let (fleet, kills) = (Arc::clone(&self.fleet), Arc::clone(&self.kills));
        match self.weather {
            Weather::Calm => None,
            // While something is offered, fetched or called back, each counted by itself.
            Weather::Kills(_) => {
                let mut random = self.random.branch(7);
                let mut left = [Instant::Offered, Instant::Fetching, Instant::CalledBack]
                    .map(|what| (what, random.between(1, 12)));
                Some(tokio::spawn(async move {
                    while let Some(happens) = happening.recv().await {
                        for (_, left) in left.iter_mut().filter(|(what, _)| *what == happens) {
                            *left -= 1;
                            if *left == 0 {
                                *left = random.between(8, 30);
                                kills.fetch_add(1, Ordering::SeqCst);
                                fleet.kill("provider-adapters", Duration::from_millis(50))?;
                            }
                        }
                    }
                    Ok(())
                }))
            }
            Weather::Rolling => Some(tokio::spawn(async move {
                let names = fleet.names();
                let rolled = |name: &&String| {
                    name.starts_with("orchestrator") || name.starts_with("provider-adapters")
                };
                loop {
                    for name in names.iter().filter(rolled) {
                        fleet.roll(name).await?;
                        kills.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(300)).await;
                    }
                }
            })),
        }
    }

    /// Moves the clock from one thing to the next until nothing is left to do.
    async fn play(&mut self) -> anyhow::Result<()> {
        loop {
            let due = self.rest(false).await?;
            let tell = self
                .calls
                .iter()
                .filter_map(|(id, one)| Some((one.tells.front()?.at, id.clone())))
                .min();
            // What is due at the instant of a signal is done before it is heard.
            let tell = tell.filter(|(at, _)| due.next.is_none_or(|next| *at < next));
            let Some(next) = tell.as_ref().map(|(at, _)| *at).or(due.next) else { return Ok(()) };
            if next - self.now > LEAP {
                self.rest(true).await?;
            }
            self.now = self.now.max(next);
            self.steps += 1;
            show(&self.clock, self.now)?;
            if let Some((_, call_id)) = tell {
                self.tell(&call_id)?;
                self.may_kill(10, 0).await?;
            } else {
                self.may_kill(20, 80).await?;
            }
        }
    }

    /// Asks for recordings to be fetched, during which adapters are killed, too.
    async fn upload(&mut self, server: &fakes::Server) -> anyhow::Result<()> {
        for (path, _) in files::FILES {
            let request = wire::ImportRecordingRequest {
                company: COMPANY.to_owned(),
                upload: Some(provider::Upload { url: server.url(path), ..Default::default() }),
                idempotency_key: path.to_owned(),
                owner: "ada".to_owned(),
                title: path.to_owned(),
                recorded_at: Some(time::to_wire(self.now - TimeDelta::days(30))),
                participants: vec!["kim@customer.example".to_owned()],
            };
            let told = self.clients.orchestrator(0).import_recording(request).await?.into_inner();
            let decision = told.decision.context("a decision")?;
            ensure!(decision.plan.is_some(), "{path}: {decision:?}");
            self.uploads.insert(decision.call_id, path);
        }
        if let Weather::Kills(_) = self.weather {
            for _ in 0..3 {
                let after = self.random.between(100, 900);
                tokio::time::sleep(Duration::from_millis(after)).await;
                self.kills.fetch_add(1, Ordering::SeqCst);
                self.fleet.kill("provider-adapters", Duration::ZERO)?;
                self.fleet.revived("provider-adapters").await?;
            }
        }
        Ok(())
    }

    /// Kills something now and then, up to so many milliseconds later.
    async fn may_kill(&mut self, percent: u64, within: u64) -> anyhow::Result<()> {
        let Weather::Kills(_) = self.weather else { return Ok(()) };
        if !self.random.chance(percent) {
            return Ok(());
        }
        let victims: &[&str] = match self.random.below(5) {
            0 | 1 => &["provider-adapters"],
            2 | 3 => &["orchestrator-1"],
            _ => &["orchestrator-1", "provider-adapters"],
        };
        let after = self.random.between(0, within);
        tokio::time::sleep(Duration::from_millis(after)).await;
        for victim in victims {
            let away = Duration::from_millis(self.random.between(0, 200));
            self.kills.fetch_add(1, Ordering::SeqCst);
            self.fleet.kill(victim, away)?;
        }
        Ok(())
    }

    /// Has the newest bot of a call tell what comes next. Of what nobody was sent to nothing can be told.
    fn tell(&mut self, call_id: &str) -> anyhow::Result<()> {
        let played = self.calls.get_mut(call_id).context("a call")?;
        let tell = played.tells.pop_front().context("something to tell")?;
        self.told += 1;
        let length = tell
            .length
            .map(|length| prost_types::Duration { seconds: length.num_seconds(), nanos: 0 });
        let signal = provider::Signal {
            signal: tell.signal.as_str().to_owned(),
            at: Some(time::to_wire(tell.at)),
            length,
            key: format!("{call_id} {}", self.told),
            ..provider::Signal::default()
        };
        let told = self.bots.tell(call_id, signal, COMPANY);
        ensure!(told, "at {}: nobody was sent to `{}`", self.now, played.name);
        Ok(())
    }

    /// What is being done and what will be.
    fn due(&self) -> anyhow::Result<Due> {
        let now = self.now.timestamp_micros();
        let (o, a) =
            (format!("{}.orchestrator", fleet::SCHEMA), "provider_adapters.provider_adapters");
        // Others of a session wait behind its first one, also while that was put off.
        let orders = format!(
            "(select distinct on (call_id, plan_revision) due from {o}_command
              order by call_id, plan_revision, id) orders"
        );
        let statement = format!(
            "select
               (select count(*) from {o}_timer where due <= {now}) || ' timers, ' ||
               (select count(*) from {orders} where due <= {now}) || ' orders, ' ||
               (select count(*) from {o}_outbox) || ' announcements, ' ||
               (select count(*) from {o}_session where ended_at is not null and not told) || ' ends, ' ||
               (select count(*) from {a}_attempt where carrier = 'fleet' and until_us >= {now}
                    and (state = 2 or state = 1 and coalesce(offered_us, 0) <= {now})) || ' offers, ' ||
               (select count(*) from {a}_work where due_us <= {now}
                    and (carrier <> 'fleet' or claimed_until is null)) || ' works, ' ||
               (select count(*) from {a}_import where stage in (2, 4) and due_us <= {now}) || ' imports, ' ||
               (select (select place from {a}_head) - coalesce((select sum(position) from {o}_progress
                    where name like 'signals/%'), 0)) || ' news',
               (select count(*) from {a}_work),
               coalesce(least((select min(due) from {o}_timer), (select min(due) from {orders}),
                   (select min(due_us) from {a}_import where stage in (2, 4)))::text, '')"
        );
        let rows = self.fleet.ask(&statement)?;
        let row = rows.into_iter().next().context("a row")?;
        let [busy, works, next] =
            <[String; 3]>::try_from(row).map_err(|row| anyhow::anyhow!("{row:?}"))?;
        let next: Option<i64> = if next.is_empty() { None } else { Some(next.parse()?) };
        Ok(Due {
            is_quiet: busy.split(", ").all(|one| one.starts_with("0 ")),
            busy,
            unconfirmed: works != "0",
            next: next.and_then(DateTime::from_timestamp_micros),
        })
    }

    /// Waits until nothing happens any more, everything runs, and, before a leap, bots have heard everything.
    async fn rest(&self, confirmed: bool) -> anyhow::Result<Due> {
        let begin = Moment::now();
        loop {
            let kills = self.kills.load(Ordering::SeqCst);
            if let Weather::Kills(_) = self.weather {
                for name in ["orchestrator-1", "provider-adapters"] {
                    self.fleet.revived(name).await?;
                }
            }
            let wrong = self.bots.complaints();
            ensure!(wrong.is_empty(), "at {}: {}", self.now, wrong.join("\n"));
            // In this order: what is heard after the databases were asked is not in their answer.
            let is_heard = self.bots.is_heard();
            let due = self.due()?;
            let is_quiet = due.is_quiet && is_heard && !(confirmed && due.unconfirmed);
            let is_over = match self.weather {
                Weather::Calm | Weather::Rolling => true,
                Weather::Kills(_) => kills == self.kills.load(Ordering::SeqCst),
            };
            if is_quiet && is_over {
                return Ok(due);
            }
            if begin.elapsed() > PATIENCE {
                let Due { busy, unconfirmed, .. } = due;
                bail!(
                    "at {} it does not come to rest: {busy}; bots have told everything: {is_heard}, \
                     have heard nothing yet: {unconfirmed}",
                    self.now
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How everything looks in the end.
    async fn picture(&self) -> anyhow::Result<Ending> {
        let mut outcomes = BTreeMap::new();
        for decision in self.decisions().await? {
            let id = decision.call_id.clone();
            let name = self.name_of(&id);
            let request = wire::GetCallRequest {
                company: COMPANY.to_owned(),
                call_id: id,
                ..wire::GetCallRequest::default()
            };
            let told = self.clients.orchestrator(0).get_call(request).await?.into_inner();
            let session = told.session.with_context(|| format!("`{name}` has no session"))?;
            let told = Told::of_wire(decision)?;
            let outcome = Outcome {
                decision: told.decision,
                primary: told
                    .primary
                    .map(|one| (one.code.as_str().to_owned(), one.sub_reason.unwrap_or_default())),
                also: told.also.iter().map(|one| one.code.as_str().to_owned()).collect(),
                came_up: session.also,
            };
            outcomes.insert(name, outcome);
        }
        let sent = self.bots.sent().into_iter().map(|(id, _, run)| (self.name_of(&id), run));
        let mut sent: Vec<_> = sent.collect();
        sent.sort();
        let mut wrong = self.bots.wrong();
        wrong.extend(self.fleet.surprises());
        Ok(Ending {
            outcomes,
            sent,
            steps: self.steps,
            ended: self.kills.load(Ordering::SeqCst),
            counts: self.bots.counts(),
            wrong,
        })
    }

    fn name_of(&self, call_id: &str) -> String {
        let upload = self.uploads.get(call_id).map(|path| (*path).to_owned());
        let call = self.calls.get(call_id).map(|one| one.name.clone());
        call.or(upload).unwrap_or_else(|| call_id.to_owned())
    }
}
