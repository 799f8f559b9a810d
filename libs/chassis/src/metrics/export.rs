//! Numbers on their way out: to a collector that speaks OTLP, at intervals and once more at the end.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_otlp::{MetricExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use tonic::transport::Endpoint;
use tracing::{info, warn};

use super::METER;
use crate::chance::bits;
use crate::settings::Telemetry;

/// How long one export may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the last one may hold up the end of the process.
const FAREWELL: Duration = Duration::from_secs(2);

static EXPORTING: OnceLock<SdkMeterProvider> = OnceLock::new();

/// Lets every handle record to `provider` from now on, unless there is one already. The provider given, if it is in force.
pub(super) fn install(provider: SdkMeterProvider) -> Option<SdkMeterProvider> {
    METER.set(provider.meter("callsheet")).is_ok().then_some(provider)
}

/// Begins to export, where the settings have an address and nothing else collects. Once for the process; needs its runtime.
///
/// # Errors
/// The address is none.
pub(crate) fn start(settings: &Telemetry, service: &'static str) -> anyhow::Result<()> {
    if settings.otlp.is_empty() || METER.get().is_some() {
        return Ok(());
    }
    let channel = Endpoint::from_shared(settings.otlp.clone())
        .with_context(|| format!("`telemetry.otlp`: `{}` is no address", settings.otlp))?
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE)
        .connect_lazy();
    let exporter = MetricExporter::builder()
        .with_tonic()
        .with_channel(channel)
        .with_timeout(PATIENCE)
        .with_temporality(Temporality::Cumulative)
        .build()
        .context("cannot export metrics")?;
    let exporter = Told { exporter, failing: AtomicBool::new(false) };
    let reader = PeriodicReader::builder(exporter).with_interval(settings.otlp_interval).build();
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.namespace", "callsheet"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new("service.instance.id", instance()))
        .build();
    let provider = SdkMeterProvider::builder().with_reader(reader).with_resource(resource).build();
    if let Some(provider) = install(provider) {
        info!(address = settings.otlp, interval = ?settings.otlp_interval, "exporting metrics");
        let _ = EXPORTING.set(provider);
    }
    Ok(())
}

/// Exports once more, before the process ends.
pub(crate) async fn flush() {
    let Some(provider) = EXPORTING.get() else { return };
    let (done, flushed) = tokio::sync::oneshot::channel();
    let provider = provider.clone();
    // A thread and not a blocking task: the runtime would wait for such a task when it ends.
    let started = std::thread::Builder::new().name("last-metrics".to_owned()).spawn(move || {
        let _ = done.send(provider.force_flush().is_ok());
    });
    let flushed =
        started.is_ok() && matches!(tokio::time::timeout(FAREWELL, flushed).await, Ok(Ok(true)));
    if !flushed {
        warn!("the last metrics were not exported");
    }
}

/// An exporter that tells when it begins to fail and when it is well again, and not each time.
#[derive(Debug)]
struct Told {
    exporter: MetricExporter,
    failing: AtomicBool,
}

impl PushMetricExporter for Told {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let exported = self.exporter.export(metrics).await;
        let failed = self.failing.swap(exported.is_err(), Ordering::Relaxed);
        match &exported {
            Err(error) if !failed => warn!(%error, "metrics cannot be exported"),
            Ok(()) if failed => info!("metrics are exported again"),
            _ => {}
        }
        exported
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

/// What tells this process from another of the same service.
fn instance() -> String {
    format!("{:016x}{:016x}", bits(), bits())
}
