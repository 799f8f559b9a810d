//! Numbers about a process, for those who watch it: counters, gauges and distributions.
//!
//! ```
//! use chassis::metrics::{self, Counter, Gauge, Histogram};
//!
//! // In one file of the service, with a comment on what each means and which labels it has:
//! /// Timers handled, by `kind`.
//! static HANDLED: Counter = metrics::counter("callsheet.timers.handled");
//! /// How much later than due a timer was handled, by `kind`.
//! static LATENESS: Histogram = metrics::histogram("callsheet.timer.lateness", "s");
//! /// Meetings still to be decided anew.
//! static BACKLOG: Gauge = metrics::gauge("callsheet.storm.backlog", "{meeting}");
//!
//! metrics::testing::start(); // in a test; a program exports to `telemetry.otlp`
//! HANDLED.add(1, &[("kind", "dispatch")]);
//! LATENESS.record(0.25, &[("kind", "dispatch")]);
//! BACKLOG.record(17.0, &[]);
//! assert_eq!(metrics::testing::value("callsheet.timers.handled", &[("kind", "dispatch")]), Some(1.0));
//! assert_eq!(metrics::testing::value("callsheet.storm.backlog", &[]), Some(17.0));
//! ```
//!
//! As long as nobody collects, recording is one look at a word of memory. Numbers belong to the process: services that
//! live in one share them.
//!
//! A label takes few values, known in advance: a kind, a code, a peer. No ids, no companies' or people's names, no
//! content of meetings; each set of values is a row kept for ever.
//!
//! # Those of the chassis
//!
//! | name | unit | labels | meaning |
//! |---|---|---|---|
//! | `callsheet.peer.circuit` | 1 | `peer` | whether calls to a peer pass: 0 they do, 1 one may probe, 2 they do not |
//! | `callsheet.peer.refused` | | `peer` | calls not made because they did not |
//! | `callsheet.peer.repeated` | | `peer` | calls made once more, because they had not begun |
//! | `rpc.server.call.duration` | s | `rpc.system.name`, `rpc.method`, `rpc.response.status_code` | how long a request was served, until its answer or stream ended; `_OTHER` is a method nobody has |

use std::sync::{Arc, OnceLock};

use opentelemetry::metrics::Meter;
use opentelemetry::{KeyValue, StringValue, metrics as otel};
use tonic::Code;

mod export;
pub mod testing;

pub(crate) use export::{flush, start};

/// Names and values of labels, any order.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

/// Where numbers go, once somebody collects them.
static METER: OnceLock<Meter> = OnceLock::new();

/// Upper ends of the classes of a distribution of seconds: from a quick call to a timer an outage delayed by an hour.
const SECONDS: [f64; 21] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
    30.0, 60.0, 300.0, 900.0, 3600.0,
];

/// Upper ends of the classes of any other distribution: sizes of batches, mostly.
const COUNTS: [f64; 14] = [
    0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0, 10_000.0, 100_000.0,
];

/// Something that is counted and never becomes less. Cheap to clone; makes a `static`, too.
#[derive(Debug, Clone)]
pub struct Counter {
    name: &'static str,
    made: OnceLock<otel::Counter<u64>>,
}

/// A counter of that name, dotted and in the plural: `"callsheet.timers.handled"`.
#[must_use]
pub const fn counter(name: &'static str) -> Counter {
    Counter { name, made: OnceLock::new() }
}

impl Counter {
    /// Counts `amount` more.
    pub fn add(&self, amount: u64, labels: Labels<'_>) {
        let Some(meter) = METER.get() else { return };
        self.made
            .get_or_init(|| meter.u64_counter(self.name).build())
            .add(amount, &attributes(labels));
    }
}

/// A number that goes up and down, of which the last value counts. Cheap to clone; makes a `static`, too.
#[derive(Debug, Clone)]
pub struct Gauge {
    name: &'static str,
    unit: &'static str,
    made: OnceLock<otel::Gauge<f64>>,
}

/// A gauge of that name; the unit as UCUM writes it: `"s"`, `"By"`, `"{meeting}"`.
#[must_use]
pub const fn gauge(name: &'static str, unit: &'static str) -> Gauge {
    Gauge { name, unit, made: OnceLock::new() }
}

impl Gauge {
    /// It is `value` now.
    pub fn record(&self, value: f64, labels: Labels<'_>) {
        let Some(meter) = METER.get() else { return };
        self.made
            .get_or_init(|| meter.f64_gauge(self.name).with_unit(self.unit).build())
            .record(value, &attributes(labels));
    }
}

/// How a number is distributed. Cheap to clone; makes a `static`, too.
#[derive(Debug, Clone)]
pub struct Histogram {
    name: &'static str,
    unit: &'static str,
    made: OnceLock<otel::Histogram<f64>>,
}

/// A distribution of that name; the unit as UCUM writes it. Spans of time are in seconds, `"s"`, and have classes from a
/// millisecond to an hour.
#[must_use]
pub const fn histogram(name: &'static str, unit: &'static str) -> Histogram {
    Histogram { name, unit, made: OnceLock::new() }
}

impl Histogram {
    /// One more value.
    pub fn record(&self, value: f64, labels: Labels<'_>) {
        if let Some(made) = self.made() {
            made.record(value, &attributes(labels));
        }
    }

    fn made(&self) -> Option<&otel::Histogram<f64>> {
        let meter = METER.get()?;
        Some(self.made.get_or_init(|| {
            let classes = if self.unit == "s" { SECONDS.to_vec() } else { COUNTS.to_vec() };
            meter.f64_histogram(self.name).with_unit(self.unit).with_boundaries(classes).build()
        }))
    }
}

/// Whether anybody collects. Worth asking before something is worked out only to be recorded.
#[must_use]
pub fn collected() -> bool {
    METER.get().is_some()
}

fn attributes(labels: Labels<'_>) -> Vec<KeyValue> {
    labels.iter().map(|(key, value)| KeyValue::new(*key, (*value).to_owned())).collect()
}

/// One request served: the name is that of the conventions for RPC.
static SERVED: Histogram = histogram("rpc.server.call.duration", "s");

/// Notes that a request was served. `method` is one a service has, in full: `callsheet.consent.v1.ConsentService/RecordChoice`.
pub(crate) fn served(method: Option<&Arc<str>>, code: Code, seconds: f64) {
    let Some(made) = SERVED.made() else { return };
    let method = method.map_or(StringValue::from("_OTHER"), |method| Arc::clone(method).into());
    made.record(
        seconds,
        &[
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", method),
            KeyValue::new("rpc.response.status_code", name(code)),
        ],
    );
}

/// A code as the protocol's documents spell it.
pub(crate) fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
