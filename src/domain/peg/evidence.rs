//! What every source said last, and what is left of it as a vote in dollars.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::domain::ids::{AssetId, SourceId};
use crate::domain::reading::{Quote, Reading, ReadingFault};
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::{Price, Rounding, Timestamp, WAD, mul_div};

/// A source's word in dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// Its best guess.
    pub price: Price,
    /// What it leaves open downwards.
    pub low: Price,
    /// And upwards.
    pub high: Price,
    /// 3 while it is fresh, 2 in the second half of the time for which it is good: two old ones outweigh a fresh one.
    pub weight: u32,
}

/// Why a source has no vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dismissal {
    /// What it said cannot be believed.
    Fault(ReadingFault),
    /// It has not said anything for too long.
    Expired,
    /// It quotes in an asset whose own price nobody knows.
    NoUnit(AssetId),
    /// It warns only.
    Advisory,
    /// Its group's vote is too far from everybody else's.
    Outlier,
}

impl Dismissal {
    /// A finite, stable word for metrics and reports.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Fault(fault) => fault.label(),
            Self::Expired => "expired",
            Self::NoUnit(_) => "no_unit",
            Self::Advisory => "advisory",
            Self::Outlier => "outlier",
        }
    }
}

impl fmt::Display for Dismissal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(f),
            Self::Expired => f.write_str("it has been silent for too long"),
            Self::NoUnit(asset) => write!(f, "it quotes in {asset}, whose price nobody knows"),
            Self::Advisory => f.write_str("it warns and does not vote"),
            Self::Outlier => f.write_str("it is too far from the others"),
        }
    }
}

/// The newest word of a source.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) source: Arc<Source>,
    pub(super) said: Result<Quote, ReadingFault>,
    pub(super) heard: Timestamp,
    /// Why nothing has been heard since, if it is known.
    pub(super) silence: Option<ReadingFault>,
}

/// The newest word of every source of one asset.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// In the order of their names: who came first must not matter.
    seats: Vec<Seat>,
}

impl Evidence {
    /// Takes a reading in. One that is older than what is known of its source is passed over: messages may overtake each other. That a
    /// chain is silent is stamped by our clock and the block that ends its silence by the chain's, so the block may seem to be older.
    pub fn take(&mut self, reading: &Reading) {
        match self.seats.binary_search_by(|seat| seat.source.id.cmp(reading.id())) {
            Ok(at) => {
                if let Some(seat) = self.seats.get_mut(at)
                    && (seat.heard <= reading.as_of || matches!(seat.said, Err(ReadingFault::ChainSilent)))
                {
                    if let (Ok(old), Ok(new)) = (&seat.said, &reading.quote)
                        && new.updated_at < old.updated_at
                    {
                        return;
                    }
                    match &reading.quote {
                        Err(fault) if fault.is_silence() && seat.said.is_ok() => seat.silence = Some(fault.clone()),
                        said => {
                            seat.said.clone_from(said);
                            seat.heard = reading.as_of;
                            seat.silence = None;
                        }
                    }
                }
            }
            Err(at) => {
                let (source, said, heard) = (Arc::clone(&reading.source), reading.quote.clone(), reading.as_of);
                self.seats.insert(at, Seat { source, said, heard, silence: None });
            }
        }
    }

    /// From how many groups there has been a word that stands for itself, good or bad: silence is none, and a quote in another asset
    /// may still wait for that asset's price.
    #[must_use]
    pub fn groups_heard(&self) -> usize {
        let spoke = |seat: &&Seat| match &seat.said {
            Ok(_) => seat.source.unit == Unit::Usd,
            Err(fault) => !fault.is_silence() && *fault != ReadingFault::ChainSilent,
        };
        let groups: BTreeSet<Group> = self.seats.iter().filter(spoke).map(|seat| seat.source.group).collect();
        groups.len()
    }

    /// What was said last by a source.
    #[must_use]
    pub fn of(&self, source: &SourceId) -> Option<(&Result<Quote, ReadingFault>, Timestamp)> {
        let at = self.seats.binary_search_by(|seat| seat.source.id.cmp(source)).ok()?;
        self.seats.get(at).map(|seat| (&seat.said, seat.heard))
    }

    pub(super) fn seats(&self) -> &[Seat] {
        &self.seats
    }
}

impl Seat {
    /// The vote, with `dollars` telling what an asset is worth.
    pub(super) fn vote(&self, now: Timestamp, dollars: &dyn Fn(&AssetId) -> Option<Price>) -> Result<Vote, Dismissal> {
        if self.source.advisory {
            return Err(Dismissal::Advisory);
        }
        let quote = self.said.as_ref().map_err(|fault| Dismissal::Fault(fault.clone()))?;
        let age = now.since(self.heard);
        if age > self.source.good_for {
            return Err(self.silence.clone().map_or(Dismissal::Expired, Dismissal::Fault));
        }
        let weight = if age.saturating_mul(2) > self.source.good_for { 2 } else { 3 };
        match &self.source.unit {
            Unit::Usd => Ok(Vote { price: quote.price, low: quote.low, high: quote.high, weight }),
            Unit::Asset(unit) => {
                let rate = dollars(unit).ok_or_else(|| Dismissal::NoUnit(unit.clone()))?;
                let in_dollars = |price: Price| times(price, rate).ok_or_else(|| Dismissal::NoUnit(unit.clone()));
                Ok(Vote { price: in_dollars(quote.price)?, low: in_dollars(quote.low)?, high: in_dollars(quote.high)?, weight })
            }
        }
    }
}

/// The product, rounded down; what does not fit is no price. Up to ten dollars each, as stablecoins are, it takes one division.
pub(super) fn times(price: Price, rate: Price) -> Option<Price> {
    let wad = match price.wad().checked_mul(rate.wad()) {
        Some(product) => product / WAD,
        None => mul_div(price.wad(), rate.wad(), WAD, Rounding::Down)?,
    };
    Price::from_wad(wad)
}
