//! What coins really cost, minute by minute: the prices at which arbitrageurs trade, and by which everything is valued. What the bot
//! sees is another matter: see [`super::pegs`].

use serde::Serialize;

use crate::domain::ids::AssetId;
use crate::domain::units::Price;

/// The prices of all assets at every tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Market {
    /// The assets, in the order of the pool.
    pub assets: Vec<AssetId>,
    /// For each asset its price at every tick.
    pub prices: Vec<Vec<Price>>,
    /// Where they come from.
    pub coverage: Vec<Coverage>,
}

/// Where the prices of one asset come from, in ticks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The asset.
    pub asset: String,
    /// A trade of that very minute.
    pub traded: usize,
    /// The last trade, carried on because nobody traded for a while.
    pub carried: usize,
    /// A product of two prices: that of the coin it was traded against, and what it cost in it.
    pub crossed: usize,
    /// A value of the hour before.
    pub hourly: usize,
    /// Made up.
    pub synthetic: usize,
}

impl Market {
    /// How many ticks there are.
    #[must_use]
    pub fn ticks(&self) -> usize {
        self.prices.iter().map(Vec::len).min().unwrap_or_default()
    }

    /// The prices at a tick, into `prices`.
    pub fn look(&self, tick: usize, prices: &mut Vec<Price>) {
        prices.clear();
        prices.extend(self.prices.iter().filter_map(|of| of.get(tick)));
    }
}
