//! What measurements need of the store, which is nobody else's business; in builds with the feature `measure` only.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use decision::conflict::OwnedContender;
use decision::session::{Heard, Means, Order, Signal};
use decision::{CallKey, Conference, Provider};
use proto::orchestrator::v1 as wire;
use proto::time::to_wire;
use proto::{provider, verdict};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use storage::StoreConfig;

use crate::engine::Cause;
use crate::store::{Calls, Judged, Moment, Running, SettingsOf, Told};

/// How long a claim holds; longer than any measurement.
const LEASE: Duration = Duration::from_secs(3_600);

/// How many timers were claimed, and in what time.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Timers.
    pub claimed: u64,
    /// By all workers together.
    pub took: Duration,
}

impl Rate {
    /// Timers in a second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        // Exact up to 2^52.
        self.claimed as f64 / self.took.as_secs_f64()
    }
}

/// A store full of timers, in PostgreSQL.
#[derive(Debug, Clone)]
pub struct Armed {
    calls: Calls,
}

impl Armed {
    /// Opens a store that has none yet, and arms timers: one due in each microsecond from the first.
    ///
    /// # Errors
    /// It cannot be opened, or is not PostgreSQL.
    pub async fn open(config: &StoreConfig, timers: u64) -> anyhow::Result<Self> {
        let calls = Calls::open(config).await?;
        anyhow::ensure!(calls.store().backend() == DbBackend::Postgres, "only for PostgreSQL");
        let armed = Self { calls };
        armed
            .run(&format!(
                "INSERT INTO orchestrator_timer (company, call_id, kind, due, revision, tries) \
                 SELECT 'company' || n % 100, md5(n::text), 1, n, 1, 0 FROM generate_series(1, {timers}) AS n"
            ))
            .await?;
        // As it would have been done by itself long ago.
        armed.run("ANALYZE orchestrator_timer").await?;
        Ok(armed)
    }

    async fn run(&self, sql: &str) -> anyhow::Result<()> {
        let sql = sql.to_owned();
        self.calls
            .store()
            .write(|tx| {
                let sql = sql.clone();
                async move { tx.execute_unprepared(&sql).await.map_err(storage::Error::from) }
            })
            .await?;
        Ok(())
    }

    /// How long one look takes that finds nothing due.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn idle(&self, looks: u32) -> anyhow::Result<Duration> {
        let began = Instant::now();
        for _ in 0..looks {
            self.calls.first_due().await.context("cannot look")?;
        }
        Ok(began.elapsed() / looks)
    }

    /// Claims the first of the timers in batches, and removes them as handled where `finish` says so.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn claim(
        &self,
        timers: u64,
        batch: u64,
        workers: u32,
        finish: bool,
    ) -> anyhow::Result<Rate> {
        let claim = move |calls: Calls, limit| async move {
            let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
            let claimed = calls.claim_timers(now, LEASE, limit, &[]).await?;
            if finish {
                let ids: Vec<i64> = claimed.timers.iter().map(|timer| timer.id).collect();
                calls.finish_timers(&claimed.claim, &ids).await?;
            }
            anyhow::Ok(claimed.timers.len() as u64)
        };
        self.race(timers, batch, workers, claim).await
    }

    /// The plain thing: one statement that is its own transaction.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn claim_plainly(
        &self,
        timers: u64,
        batch: u64,
        workers: u32,
    ) -> anyhow::Result<Rate> {
        let claim = |calls: Calls, limit: u64| async move {
            let sql = format!(
                "UPDATE orchestrator_timer SET claimed_until = 1, claim = 'plain' WHERE id IN (SELECT id FROM \
                 orchestrator_timer WHERE due <= 86400000000 AND claimed_until IS NULL ORDER BY due LIMIT {limit} FOR UPDATE \
                 SKIP LOCKED) RETURNING *"
            );
            let sql = &sql;
            let rows = calls
                .store()
                .write(|tx| async move {
                    let statement = Statement::from_string(DbBackend::Postgres, sql.clone());
                    tx.query_all_raw(statement).await.map_err(storage::Error::from)
                })
                .await?;
            anyhow::Ok(rows.len() as u64)
        };
        self.race(timers, batch, workers, claim).await
    }

    async fn race<F>(
        &self,
        timers: u64,
        batch: u64,
        workers: u32,
        claim: impl Fn(Calls, u64) -> F + Copy + Send + 'static,
    ) -> anyhow::Result<Rate>
    where
        F: Future<Output = anyhow::Result<u64>> + Send,
    {
        let began = Instant::now();
        let mut jobs = tokio::task::JoinSet::new();
        for _ in 0..workers {
            let calls = self.calls.clone();
            jobs.spawn(async move {
                let mut claimed = 0;
                while claimed < timers / u64::from(workers) {
                    claimed += claim(calls.clone(), batch).await?;
                }
                anyhow::Ok(claimed)
            });
        }
        let mut claimed = 0;
        while let Some(done) = jobs.join_next().await {
            claimed += done??;
        }
        Ok(Rate { claimed, took: began.elapsed() })
    }
}

/// A store full of plans of one company on one day.
#[derive(Debug, Clone)]
pub struct Crowd {
    calls: Calls,
    day: DateTime<Utc>,
    owners: u32,
}

impl Crowd {
    /// Opens a store that has none yet, and plans calls: half an hour each, eight a day for each owner, each in a room of
    /// its own.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn open(config: &StoreConfig, plans: u32) -> anyhow::Result<Self> {
        let calls = Calls::open(config).await?;
        let crowd =
            Self { calls, day: DateTime::UNIX_EPOCH + TimeDelta::days(20_000), owners: plans / 8 };
        let numbers: Vec<u32> = (0..plans).collect();
        for part in numbers.chunks(500) {
            let judged: Vec<Judged> = part
                .iter()
                .map(|number| {
                    crowd.judged(*number, number % crowd.owners, number / crowd.owners * 60)
                })
                .collect();
            crowd.calls.commit("acme", &judged, crowd.moment()).await?;
        }
        Ok(crowd)
    }

    /// How long it takes to write new calls one by one: each overlaps one of its owner's, and one of the two gives way.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn add(&self, first: u32, count: u32) -> anyhow::Result<Vec<Duration>> {
        let mut took = Vec::new();
        for number in first..first + count {
            let judged = [self.judged(number, number % self.owners, 15)];
            let began = Instant::now();
            let outcome = self.calls.commit("acme", &judged, self.moment()).await?;
            took.push(began.elapsed());
            anyhow::ensure!(outcome.changed >= 1, "nothing was decided");
        }
        took.sort_unstable();
        Ok(took)
    }

    /// How long it takes to tell what new calls would come to, which overlap as those of [`Self::add`] do; nothing is
    /// written.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn check(&self, first: u32, count: u32) -> anyhow::Result<Vec<Duration>> {
        let mut took = Vec::new();
        for number in first..first + count {
            let judged = [self.judged(number, number % self.owners, 15)];
            let began = Instant::now();
            let outcome = self.calls.rehearse("acme", &judged, self.moment()).await?;
            took.push(began.elapsed());
            anyhow::ensure!(outcome.changed >= 1, "nothing would be decided");
        }
        took.sort_unstable();
        Ok(took)
    }

    /// The plain thing: one row written in a transaction of its own.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn add_plainly(&self, count: u32) -> anyhow::Result<Vec<Duration>> {
        let mut took = Vec::new();
        for number in 0..count {
            let sql = &format!(
                "INSERT INTO orchestrator_progress (name, position) VALUES ('plain {number}', {number})"
            );
            let began = Instant::now();
            self.calls
                .store()
                .write(|tx| async move {
                    tx.execute_unprepared(sql).await.map_err(storage::Error::from)
                })
                .await?;
            took.push(began.elapsed());
        }
        took.sort_unstable();
        Ok(took)
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.day,
            cause: Cause::Meeting,
            is_present: true,
            retry: TimeDelta::seconds(5),
        }
    }

    fn judged(&self, number: u32, owner: u32, minute: u32) -> Judged {
        let start = self.day + TimeDelta::hours(8) + TimeDelta::minutes(i64::from(minute));
        let end = start + TimeDelta::minutes(30);
        let (key, room) = (format!("{number}@acme.example"), format!("9{number:010}"));
        let owner = format!("m{owner}");
        let candidate = wire::Decision {
            call_id: format!("{number:032x}"),
            company: "acme".to_owned(),
            key: Some(verdict::v1::CallKey { ical_uid: Some(key.clone()), recurrence_id: None }),
            title: Some("Quarterly review".to_owned()),
            start: Some(to_wire(start)),
            end: Some(to_wire(end)),
            conference: Some(verdict::v1::Conference {
                provider: verdict::v1::Provider::Zoom.into(),
                id: room.clone(),
            }),
            kind: wire::DecisionKind::Plan.into(),
            import_details: true,
            plan: Some(wire::Plan {
                method: provider::v1::Method::Bot.into(),
                adapter: provider::v1::Adapter::ZoomLocal.into(),
                join_at: Some(to_wire(start - TimeDelta::minutes(2))),
                latest_join: Some(to_wire(start + TimeDelta::minutes(10))),
                owner: owner.clone(),
                dedupe_key: format!("zoom/{room}/{}", start.timestamp()),
                dispatch_at: Some(to_wire(start - TimeDelta::minutes(2))),
                dispatch_by: Some(to_wire(start + TimeDelta::minutes(10))),
                ..wire::Plan::default()
            }),
            explanation: "Recorded by a bot that joins through zoom-local.".to_owned(),
            policy_version: 1,
            meeting_revision: 1,
            owner: owner.clone(),
            ..wire::Decision::default()
        };
        let contender = OwnedContender {
            key: CallKey { ical_uid: Some(key), recurrence_id: None },
            start,
            end,
            owner: owner.into(),
            conference: Conference { provider: Provider::Zoom, id: room },
            requested: false,
            owner_organizes: true,
            received_at: self.day,
        };
        Judged {
            seen: 0,
            candidate,
            contender: Some(contender),
            partial_until: None,
            traces: Vec::new(),
            through: None,
            end: None,
            again: false,
            carried: None,
            settings: None,
        }
    }
}

/// A store full of sessions, of which each waits for something.
#[derive(Debug, Clone)]
pub struct Sessions {
    calls: Calls,
    now: DateTime<Utc>,
    many: u32,
}

/// What sessions take up in the database, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// A session with its indexes.
    pub session: u64,
    /// Its timer with its indexes.
    pub timer: u64,
}

impl Sessions {
    /// Opens a store that has none yet, in PostgreSQL, and begins sessions: bots that were sent and let in, so that each has
    /// heard four signals.
    ///
    /// # Errors
    /// It cannot be opened, or is not PostgreSQL.
    pub async fn open(config: &StoreConfig, many: u32) -> anyhow::Result<Self> {
        let calls = Calls::open(config).await?;
        anyhow::ensure!(calls.store().backend() == DbBackend::Postgres, "only for PostgreSQL");
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let all = Self { calls, now, many };
        // As they are decided: only so much of a call as sessions need.
        all.run(&format!(
            "INSERT INTO orchestrator_call (company, call_id, version, start, sort_key, kind, code, provider, owner, \
             had_plan, ended, judged_policy, judged_meeting, organizes, received, traces, revision, decision) \
             SELECT 'acme', lpad(n::text, 32, '0'), 1, 0, 'x', 1, 0, 1, 'm', true, false, 1, 1, true, 0, 'x', 1, \
             decode(repeat('00', 600), 'hex') FROM generate_series(0, {many} - 1) AS n"
        ))
        .await?;
        all.run(&format!(
            "INSERT INTO orchestrator_plan (company, dedupe_key, call_id, revision) \
             SELECT 'acme', 'zoom/' || n, lpad(n::text, 32, '0'), 1 FROM generate_series(0, {many} - 1) AS n"
        ))
        .await?;
        all.run("ANALYZE").await?;
        let numbers: Vec<u32> = (0..many).collect();
        for part in numbers.chunks(1_000) {
            let begun: Vec<Running> = part.iter().map(|number| all.begun(*number)).collect();
            let released = all.calls.release("acme", &begun, now).await?;
            anyhow::ensure!(released.len() == part.len(), "not all were handed over");
        }
        all.run("DELETE FROM orchestrator_command").await?;
        for signal in [Signal::Launched, Signal::Joining, Signal::InLobby, Signal::InCall] {
            all.tell(signal, 0, many, 1_000).await?;
        }
        all.run("DELETE FROM orchestrator_command").await?;
        Ok(all)
    }

    fn begun(&self, number: u32) -> Running {
        let order = Order {
            means: vec![Means::LocalBot, Means::Bot],
            start: self.now + TimeDelta::minutes(2),
            end: self.now + TimeDelta::minutes(32),
            join_at: self.now,
            latest_join: self.now + TimeDelta::minutes(12),
            announcement: false,
            personal_room: false,
            numbers: decision::company::NumberMode::Automatic,
        };
        let id = format!("{number:032}");
        let of = ("acme", id.as_str(), 1);
        let settings = decision::session::Settings::default();
        Running::begin(of, Some(Provider::Zoom), false, &order, &settings, self.now)
    }

    /// Tells sessions a signal each, `batch` at once, as whoever follows an adapter does; how long that takes.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tell(
        &self,
        signal: Signal,
        first: u32,
        many: u32,
        batch: usize,
    ) -> anyhow::Result<Duration> {
        let told: Vec<Told> = (first..first + many)
            .map(|number| Told {
                company: "acme".to_owned(),
                call_id: format!("{:032}", number % self.many),
                plan_revision: 1,
                heard: vec![Heard::new(signal, self.now)],
                if_requested: None,
            })
            .collect();
        let began = Instant::now();
        for part in told.chunks(batch) {
            let stepped = self.calls.hear(part, &SettingsOf::new(), None, self.now).await?;
            anyhow::ensure!(stepped.heard == part.len(), "a session is unknown");
        }
        Ok(began.elapsed())
    }

    /// The plain thing: one statement for each batch that writes as much to the same rows.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn update_plainly(
        &self,
        first: u32,
        many: u32,
        batch: usize,
    ) -> anyhow::Result<Duration> {
        let numbers: Vec<u32> = (first..first + many).map(|number| number % self.many).collect();
        let began = Instant::now();
        for part in numbers.chunks(batch) {
            let ids: Vec<String> = part.iter().map(|number| format!("'{number:032}'")).collect();
            self.run(&format!(
                "UPDATE orchestrator_session SET machine = machine || ' ', stage = 'RECORDING' \
                 WHERE company = 'acme' AND plan_revision = 1 AND call_id IN ({})",
                ids.join(",")
            ))
            .await?;
        }
        Ok(began.elapsed())
    }

    /// What a session takes up.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn size(&self) -> anyhow::Result<Size> {
        let of = async |table: &str| -> anyhow::Result<u64> {
            let sql = format!("SELECT pg_total_relation_size('{table}') AS size");
            let statement = Statement::from_string(DbBackend::Postgres, sql);
            let row = self.calls.store().reader().query_one_raw(statement).await?;
            let size: i64 = row.context("no answer")?.try_get("", "size")?;
            Ok(u64::try_from(size)? / u64::from(self.many))
        };
        Ok(Size {
            session: of("orchestrator_session").await?,
            timer: of("orchestrator_timer").await?,
        })
    }

    /// The bytes of a machine, as it is written.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn machine(&self) -> anyhow::Result<u64> {
        let session = self.calls.session("acme", &format!("{:032}", 0)).await?;
        let session = session.context("no session")?;
        Ok(u64::try_from(serde_json::to_string(&session.machine)?.len())?)
    }

    async fn run(&self, sql: &str) -> anyhow::Result<()> {
        let sql = sql.to_owned();
        self.calls
            .store()
            .write(|tx| {
                let sql = sql.clone();
                async move { tx.execute_unprepared(&sql).await.map_err(storage::Error::from) }
            })
            .await?;
        Ok(())
    }
}
