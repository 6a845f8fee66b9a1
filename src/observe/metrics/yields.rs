//! What is counted of yields, and which events move it.

use prometheus::Error;

use super::series::{Counters, Gauges, Maker};
use crate::domain::units::Weight;
use crate::domain::yields::{Apy, Rate};
use crate::observe::event::Event;

/// The series of all yields.
#[derive(Debug)]
pub(super) struct YieldSeries {
    apy: Gauges<2>,
    spot: Gauges<2>,
    utilisation: Gauges<2>,
    share_rate: Gauges<2>,
    faults: Counters<3>,
    falls: Counters<2>,
    jumps: Counters<2>,
    witness: Gauges<3>,
    difference: Gauges<3>,
    witness_faults: Counters<4>,
    differ: Counters<3>,
}

impl YieldSeries {
    #[rustfmt::skip]
    pub(super) fn new(m: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            apy: m.gauges("ballast_yield_apy", "What an asset earns in a year as a fraction of one: capped, meant over time; absent while it does not count.", ["chain", "asset"])?,
            spot: m.gauges("ballast_yield_spot_apy", "What the newest block says that an asset earns in a year, as a fraction of one; absent while it does not count.", ["chain", "asset"])?,
            utilisation: m.gauges("ballast_yield_utilisation_ratio", "How much of what was brought is lent out; absent where nothing is lent.", ["chain", "asset"])?,
            share_rate: m.gauges("ballast_share_rate", "Whole coins that one whole share is worth; absent without shares.", ["chain", "asset"])?,
            faults: m.counters("ballast_yield_faults_total", "Readings of a yield that gave none that counts.", ["chain", "asset", "reason"])?,
            falls: m.counters("ballast_share_rate_falls_total", "Times that a share was worth less than in the block before.", ["chain", "asset"])?,
            jumps: m.counters("ballast_share_rate_jumps_total", "Times that a share was worth more all at once.", ["chain", "asset"])?,
            witness: m.gauges("ballast_yield_witness_apy", "What a witness off the chain says that an asset earns; absent while it says nothing.", ["chain", "asset", "witness"])?,
            difference: m.gauges("ballast_yield_witness_difference_bps", "How far a witness is from what the chain says; absent while one of the two is not known.", ["chain", "asset", "witness"])?,
            witness_faults: m.counters("ballast_yield_witness_faults_total", "Times that a witness gave no yield.", ["chain", "asset", "witness", "reason"])?,
            differ: m.counters("ballast_yield_witness_differs_total", "Times that a witness and the chain were further apart than is allowed.", ["chain", "asset", "witness"])?,
        })
    }
}

pub(super) fn count(m: &YieldSeries, event: &Event) {
    match event {
        Event::YieldTaken { chain, asset, result, share, .. } => {
            let labels = [chain.as_str(), asset.as_str()];
            let found = result.ok();
            m.apy.show(labels, found.map(|found| found.smooth.as_fraction()));
            m.spot.show(labels, found.map(|found| found.spot.as_fraction()));
            m.utilisation.show(labels, found.and_then(|found| found.utilisation).map(Weight::as_fraction));
            m.share_rate.show(labels, share.map(Rate::as_f64));
            if let Err(reason) = result {
                m.faults.of([chain.as_str(), asset.as_str(), reason]).inc();
            }
        }
        Event::ShareRateFell { chain, asset, .. } => m.falls.of([chain.as_str(), asset.as_str()]).inc(),
        Event::ShareRateJumped { chain, asset, .. } => m.jumps.of([chain.as_str(), asset.as_str()]).inc(),
        Event::YieldCompared { chain, asset, witness, theirs, ours, .. } => {
            let labels = [chain.as_str(), asset.as_str(), witness];
            m.witness.show(labels, theirs.ok().map(Apy::as_fraction));
            let apart = theirs.ok().zip(*ours).map(|(theirs, ours)| (theirs.as_fraction() - ours.as_fraction()).abs() * 10_000.0);
            m.difference.show(labels, apart);
            if let Err(reason) = theirs {
                m.witness_faults.of([chain.as_str(), asset.as_str(), witness, reason]).inc();
            }
        }
        Event::YieldsDiffer { chain, asset, witness, .. } => {
            m.differ.of([chain.as_str(), asset.as_str(), witness]).inc();
        }
        _ => {}
    }
}
