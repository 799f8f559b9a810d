//! What measurements need of the store, which is nobody else's business; in builds with the feature `measure` only.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use storage::StoreConfig;

use crate::store::Calls;

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
