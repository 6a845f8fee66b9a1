//! A decision as it is kept: what was seen, what was considered, and what came of it. Kept in the journal, bounded, for whoever asks
//! afterwards why something was done or not.

use crate::domain::allocation::Valuation;
use crate::domain::decide::{Deliberation, Facts};
use crate::domain::ids::AssetId;
use crate::domain::position::Mandate;
use crate::domain::units::{GasPrice, Price, SwapFee, Timestamp, Usd, Weight};

/// The newest records of a pool that are kept; older ones are forgotten.
pub const KEPT: u64 = 1_000;

/// A decision, or a row of decisions with the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    /// When it was first taken.
    pub first: Timestamp,
    /// When it was last taken; what follows is from then.
    pub last: Timestamp,
    /// How often it was written down in between.
    pub count: u64,
    /// Its code.
    pub code: String,
    /// What it is about beyond its code.
    pub topic: String,
    /// In a line, for people.
    pub line: String,
    /// The numbers behind it, by name.
    pub numbers: Vec<(String, String)>,
    /// What was considered, in order.
    pub considered: Vec<(String, String)>,
    /// What was seen of the pool; `None` when it could not be read.
    pub seen: Option<SeenPool>,
}

/// What was seen of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPool {
    /// The block.
    pub block: u64,
    /// Its assets, in the chain's order.
    pub assets: Vec<SeenAsset>,
    /// What it was worth; `None` where a price was not known.
    pub value: Option<Usd>,
    /// Whether it could be traded with.
    pub swap_enabled: bool,
    /// What it kept of a swap.
    pub swap_fee: SwapFee,
    /// The part of it that others than the treasury own.
    pub of_others: Option<Weight>,
    /// What gas cost.
    pub gas: Option<GasPrice>,
    /// What ether cost.
    pub ether: Option<Price>,
}

/// What was seen of one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenAsset {
    /// The asset.
    pub asset: AssetId,
    /// Its weight.
    pub weight: Weight,
    /// Its value share.
    pub share: Option<Weight>,
    /// Its price.
    pub price: Option<Price>,
    /// Where its peg stood.
    pub peg: String,
    /// What it earned where that was read, in basis points a year.
    pub earns: Option<u64>,
}

impl DecisionRecord {
    /// A decision of this moment.
    #[must_use]
    pub fn of(deliberation: &Deliberation, topic: String, facts: &Facts<'_>, mandate: &Mandate) -> Self {
        let owned = |(name, value): (&str, String)| (name.to_owned(), value);
        Self {
            first: facts.now,
            last: facts.now,
            count: 1,
            code: deliberation.decision.code().to_owned(),
            topic,
            line: deliberation.decision.to_string(),
            numbers: deliberation.decision.numbers().into_iter().map(owned).collect(),
            considered: deliberation.considered.iter().map(|c| owned((c.what, c.found.clone()))).collect(),
            seen: SeenPool::of(facts, mandate),
        }
    }

    /// Whether another decision is the same, taken again.
    #[must_use]
    pub fn repeats(&self, earlier: &Self) -> bool {
        self.code == earlier.code && self.topic == earlier.topic
    }

    /// The earlier one, taken again.
    #[must_use]
    pub fn after(self, earlier: &Self) -> Self {
        Self { first: earlier.first, count: earlier.count.saturating_add(self.count), ..self }
    }
}

impl SeenPool {
    fn of(facts: &Facts<'_>, mandate: &Mandate) -> Option<Self> {
        let position = facts.position?;
        let valuation = facts.valuation();
        let shares = valuation.as_ref().and_then(Valuation::shares);
        let asset = |(at, (asset, weight)): (usize, (&AssetId, &Weight))| SeenAsset {
            asset: asset.clone(),
            weight: *weight,
            share: shares.as_ref().and_then(|shares| shares.get(at).copied()),
            price: facts.price(at),
            peg: facts.pegs.get(at).map_or("unknown", |peg| peg.state.label()).to_owned(),
            earns: facts.earns.get(at).copied().flatten(),
        };
        Some(Self {
            block: position.block.number,
            assets: mandate.assets.iter().zip(&position.weights).enumerate().map(asset).collect(),
            value: valuation.map(|valuation| valuation.total),
            swap_enabled: position.controls.swap_enabled,
            swap_fee: position.swap_fee,
            of_others: position.ownership.of_others(),
            gas: facts.gas,
            ether: facts.ether,
        })
    }
}
