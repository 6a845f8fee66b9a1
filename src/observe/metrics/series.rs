//! Series with their number of labels in the type: a wrong number does not compile, so asking for a series cannot fail.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{
    Counter, CounterVec, Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// Registers what it makes.
pub(super) struct Maker<'a>(pub(super) &'a Registry);

macro_rules! family {
    ($(#[$doc:meta])* $family:ident of $vec:ident gives $series:ident, made by $make:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(super) struct $family<const N: usize>($vec);

        impl<const N: usize> $family<N> {
            /// The series with these labels; it begins to exist when it is asked for.
            pub(super) fn of(&self, labels: [&str; N]) -> $series {
                self.0.with_label_values(&labels)
            }
        }

        impl Maker<'_> {
            pub(super) fn $make<const N: usize>(&self, name: &str, help: &str, labels: [&str; N]) -> Result<$family<N>, Error> {
                Ok($family(self.register($vec::new(Opts::new(name, help), &labels)?)?))
            }
        }
    };
}

family!(
    /// Floats that go up and down.
    Gauges of GaugeVec gives Gauge, made by gauges
);
family!(
    /// Integers that go up and down.
    IntGauges of IntGaugeVec gives IntGauge, made by int_gauges
);
family!(
    /// Integers that go up.
    Counters of IntCounterVec gives IntCounter, made by counters
);
family!(
    /// Floats that go up.
    Sums of CounterVec gives Counter, made by sums
);

/// Distributions of durations in seconds.
#[derive(Clone, Debug)]
pub(super) struct Histograms<const N: usize>(HistogramVec);

impl<const N: usize> Histograms<N> {
    pub(super) fn of(&self, labels: [&str; N]) -> Histogram {
        self.0.with_label_values(&labels)
    }
}

/// Takes away every series of a family that has this value for this label.
macro_rules! forget {
    ($vec:expr, $name:expr, $value:expr) => {
        for metric in $vec.collect().iter().flat_map(prometheus::proto::MetricFamily::get_metric) {
            let labels: HashMap<&str, &str> = metric.get_label().iter().map(|label| (label.name(), label.value())).collect();
            if labels.get($name) == Some(&$value) {
                // It was there a moment ago; who took it away since has done the same.
                drop($vec.remove(&labels));
            }
        }
    };
}

impl<const N: usize> Gauges<N> {
    /// Shows a value, or takes the series away: what is not known is absent, never zero.
    pub(super) fn show(&self, labels: [&str; N], value: Option<f64>) {
        match value {
            Some(value) => self.of(labels).set(value),
            // An error says that there was no such series.
            None => drop(self.0.remove_label_values(&labels)),
        }
    }

    pub(super) fn forget(&self, name: &str, value: &str) {
        forget!(self.0, name, value);
    }
}

impl<const N: usize> IntGauges<N> {
    fn forget(&self, name: &str, value: &str) {
        forget!(self.0, name, value);
    }
}

impl<const N: usize> Counters<N> {
    /// The collector itself, for an adapter that counts what no event tells.
    pub(super) fn vec(&self) -> IntCounterVec {
        self.0.clone()
    }
}

/// One subject is in one of a few states: its present state is 1, those it has been in are 0.
#[derive(Debug)]
pub(super) struct States {
    series: IntGauges<2>,
    present: Mutex<HashMap<String, &'static str>>,
}

impl States {
    pub(super) fn set(&self, subject: &str, state: &'static str) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = present.insert(subject.to_owned(), state) {
            self.series.of([subject, before]).set(0);
        }
        self.series.of([subject, state]).set(1);
    }

    pub(super) fn forget(&self, name: &str, subject: &str) {
        self.present.lock().unwrap_or_else(PoisonError::into_inner).remove(subject);
        self.series.forget(name, subject);
    }
}

impl Maker<'_> {
    pub(super) fn register<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C, Error> {
        self.0.register(Box::new(collector.clone()))?;
        Ok(collector)
    }

    pub(super) fn int_gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.register(IntGauge::new(name, help)?)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.register(IntCounter::new(name, help)?)
    }

    pub(super) fn states(&self, name: &str, help: &str, labels: [&str; 2]) -> Result<States, Error> {
        Ok(States { series: self.int_gauges(name, help, labels)?, present: Mutex::default() })
    }

    pub(super) fn histograms<const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: [&str; N],
        buckets: &[f64],
    ) -> Result<Histograms<N>, Error> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        Ok(Histograms(self.register(HistogramVec::new(options, &labels)?)?))
    }
}
