//! What a transaction may pay. A cap belongs to a class of trigger and always comes with a deadline: Ballast never waits for
//! ever for cheap gas, and never makes one pool wait for another's.

use std::time::Duration;

use crate::domain::units::{GasPrice, Price, Rounding, Timestamp, Usd, WAD, mul_div};

/// The configured rule of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasRule {
    /// Highest price at the moment of the request.
    pub cap: GasPrice,
    /// Highest price at the deadline; equal to `cap` for a flat rule.
    pub cap_at_deadline: GasPrice,
    /// How long a request stands before it expires and the pool looks again.
    pub deadline: Duration,
}

impl GasRule {
    /// The cap of a request made at `now`.
    #[must_use]
    pub fn start(&self, now: Timestamp) -> GasCap {
        GasCap { from: now, until: now.plus(self.deadline), low: self.cap, high: self.cap_at_deadline }
    }
}

impl GasCap {
    /// The same cap, but never above what `gas_used` units may cost: so many dollars at a price of ether.
    #[must_use]
    pub fn within(self, most: Usd, gas_used: u64, ether: Price) -> Self {
        let units = u128::from(gas_used).max(1);
        // Dollars over dollars for one ether, in wei, for each unit.
        let affordable = mul_div(most.wad(), WAD, ether.wad(), Rounding::Down).map_or(u128::MAX, |wei| wei / units);
        let affordable = GasPrice::from_wei(affordable);
        Self { low: self.low.min(affordable), high: self.high.min(affordable).max(self.low.min(affordable)), ..self }
    }
}

/// A cap in force: rises with the square of the waiting time from `low` to `high`, so that most of the wait is cheap and the
/// last part is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GasCap {
    /// When the request was made.
    pub from: Timestamp,
    /// When it expires.
    pub until: Timestamp,
    /// Highest price at `from`.
    pub low: GasPrice,
    /// Highest price at `until`.
    pub high: GasPrice,
}

impl GasCap {
    /// The highest price (base fee and tip together) that is acceptable at `now`.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> GasPrice {
        let total = self.until.since(self.from).as_millis();
        let waited = now.since(self.from).as_millis().min(total);
        let rise = self.high.wei().saturating_sub(self.low.wei());
        if total == 0 || rise == 0 {
            return self.low;
        }
        // Years in milliseconds stay below 2^40, so the square stays far below 2^128; a rise that would overflow is cut off.
        let squared = waited.saturating_mul(waited);
        let whole = total.saturating_mul(total);
        let risen = mul_div(rise, squared, whole, Rounding::Down);
        self.low.saturating_add(GasPrice::from_wei(risen.unwrap_or(0)))
    }

    /// Whether the request has run out of time.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> bool {
        now >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: GasRule =
        GasRule { cap: GasPrice::from_gwei(30), cap_at_deadline: GasPrice::from_gwei(330), deadline: Duration::from_secs(100) };

    #[test]
    fn the_cap_rises_with_the_square_of_the_wait_and_stops_at_the_deadline() {
        let start = Timestamp::from_secs(1_000);
        let cap = RULE.start(start);
        assert_eq!(cap.at(start), GasPrice::from_gwei(30));
        assert_eq!(cap.at(Timestamp::from_secs(1_050)), GasPrice::from_gwei(105));
        assert_eq!(cap.at(Timestamp::from_secs(1_100)), GasPrice::from_gwei(330));
        assert_eq!(cap.at(Timestamp::from_secs(9_999)), GasPrice::from_gwei(330));
        assert!(!cap.expired(Timestamp::from_secs(1_099)));
        assert!(cap.expired(Timestamp::from_secs(1_100)));
    }

    #[test]
    fn nobody_pays_more_than_it_is_worth() {
        let cap = RULE.start(Timestamp::from_secs(1_000));
        let ether = Price::from_wad(3_000 * WAD).unwrap();
        // $9.60 for 32,000 units at $3,000 are 100 gwei.
        let capped = cap.within(Usd::from_wad(WAD / 10 * 96), 32_000, ether);
        assert_eq!((capped.low, capped.high), (GasPrice::from_gwei(30), GasPrice::from_gwei(100)));
        assert_eq!(cap.within(Usd::from_wad(WAD * 1_000_000), 32_000, ether), cap);
        assert_eq!(cap.within(Usd::ZERO, 32_000, ether).at(Timestamp::from_secs(1_100)), GasPrice::from_wei(0));
    }

    #[test]
    fn a_flat_rule_stays_flat() {
        let flat = GasRule { cap_at_deadline: RULE.cap, ..RULE };
        assert_eq!(flat.start(Timestamp::from_secs(0)).at(Timestamp::from_secs(99)), RULE.cap);
    }
}
