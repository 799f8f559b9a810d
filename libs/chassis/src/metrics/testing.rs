//! Reads numbers within the process, for tests.
//!
//! Numbers belong to the process, so tests that run beside each other see each other's: compare before and after, or use
//! a label nobody else does.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};

use super::Labels;
use super::export::install;

/// Numbers are read when asked for, so the reader has nothing to do by itself.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

static PROVIDER: OnceLock<Option<SdkMeterProvider>> = OnceLock::new();
static SEEN: Mutex<Option<Seen>> = Mutex::new(None);

type Seen = HashMap<String, Vec<Row>>;

#[derive(Debug, Clone)]
struct Row {
    labels: Vec<(String, String)>,
    figures: Figures,
}

/// What is known of the values of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// How many there were.
    pub count: u64,
    /// All together.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// Begins to collect, once for the process. What was recorded before is lost.
///
/// # Panics
/// The process exports its numbers already, so that a test would read nothing.
pub fn start() {
    let ours = PROVIDER.get_or_init(|| {
        let reader = PeriodicReader::builder(Memory).with_interval(NEVER).build();
        install(
            SdkMeterProvider::builder()
                .with_reader(reader)
                .with_resource(Resource::builder_empty().build())
                .build(),
        )
    });
    assert!(ours.is_some(), "metrics are exported elsewhere");
}

/// What a counter or a gauge shows, added up over the rows that have all of `labels`; of a distribution the sum of its
/// values. Nothing where nothing was recorded.
///
/// # Panics
/// As [`start`].
#[must_use]
pub fn value(name: &str, labels: Labels<'_>) -> Option<f64> {
    figures(name, labels).map(|figures| figures.sum)
}

/// What is known of a distribution, over the rows that have all of `labels`. Nothing where nothing was recorded.
///
/// # Panics
/// As [`start`].
#[must_use]
pub fn figures(name: &str, labels: Labels<'_>) -> Option<Figures> {
    start();
    if let Some(Some(provider)) = PROVIDER.get() {
        let _ = provider.force_flush();
    }
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let rows = seen.as_ref()?.get(name)?;
    rows.iter()
        .filter(|row| {
            labels.iter().all(|(key, value)| row.labels.iter().any(|(k, v)| k == key && v == value))
        })
        .map(|row| row.figures)
        .reduce(|one, other| Figures {
            count: one.count + other.count,
            sum: one.sum + other.sum,
            min: one.min.min(other.min),
            max: one.max.max(other.max),
        })
}

/// Keeps what is exported.
#[derive(Debug)]
struct Memory;

impl PushMetricExporter for Memory {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut seen = Seen::new();
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            let rows = match metric.data() {
                AggregatedMetrics::F64(data) => rows(data, |value| value),
                #[expect(clippy::cast_precision_loss, reason = "tests count less than 2^52")]
                AggregatedMetrics::U64(data) => rows(data, |value| value as f64),
                #[expect(clippy::cast_precision_loss, reason = "tests count less than 2^52")]
                AggregatedMetrics::I64(data) => rows(data, |value| value as f64),
            };
            seen.entry(metric.name().to_owned()).or_default().extend(rows);
        }
        *SEEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn rows<T: Copy>(data: &MetricData<T>, float: impl Fn(T) -> f64) -> Vec<Row> {
    let single = |value: T| {
        let value = float(value);
        Figures { count: 1, sum: value, min: value, max: value }
    };
    match data {
        MetricData::Gauge(gauge) => gauge
            .data_points()
            .map(|point| Row { labels: labels(point.attributes()), figures: single(point.value()) })
            .collect(),
        MetricData::Sum(sum) => sum
            .data_points()
            .map(|point| Row { labels: labels(point.attributes()), figures: single(point.value()) })
            .collect(),
        MetricData::Histogram(histogram) => histogram
            .data_points()
            .map(|point| Row {
                labels: labels(point.attributes()),
                figures: Figures {
                    count: point.count(),
                    sum: float(point.sum()),
                    min: point.min().map_or(f64::INFINITY, &float),
                    max: point.max().map_or(f64::NEG_INFINITY, &float),
                },
            })
            .collect(),
        // No instrument of ours makes one.
        MetricData::ExponentialHistogram(_) => Vec::new(),
    }
}

fn labels<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> Vec<(String, String)> {
    attributes
        .map(|label| (label.key.as_str().to_owned(), label.value.as_str().into_owned()))
        .collect()
}
