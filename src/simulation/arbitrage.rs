//! Weighted maths as an arbitrageur needs it to choose a trade, in floats: what a swap gives, and which swap brings a pair to the market's price.

/// In a swap of an exact amount in, a pool takes at most this part of its balance. What comes out may be more of the other balance
/// than that: the same limit on the way out is for swaps of an exact amount out, which nobody makes here.
pub const MAX_RATIO: f64 = 0.3;

/// How close to [`MAX_RATIO`] we go ourselves: the pool's maths rounds against us.
const CAUTIOUS_RATIO: f64 = 0.2999;

/// One side of a swap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Side {
    /// Whole tokens in the pool.
    pub balance: f64,
    /// Its weight, 1 = all of the pool.
    pub weight: f64,
}

/// What comes out for `amount_in`; `None` when the pool would refuse the swap for its size.
#[must_use]
pub fn out_given_in(from: Side, to: Side, amount_in: f64, fee: f64) -> Option<f64> {
    let after_fee = amount_in * (1.0 - fee);
    if !(after_fee > 0.0 && after_fee <= from.balance * MAX_RATIO) {
        return None;
    }
    // 1 - (B / (B + a))^(w / w'), by way of logarithms of numbers close to one.
    let exponent = -(after_fee / from.balance).ln_1p() * from.weight / to.weight;
    Some(-exponent.exp_m1() * to.balance)
}

/// A swap that takes the profit out of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arbitrage {
    /// Whole tokens in.
    pub amount_in: f64,
    /// Whole tokens out.
    pub amount_out: f64,
    /// What is gained at the market's prices, before gas.
    pub profit: f64,
}

/// The most profitable swap of `from` for `to` at the market's prices, as far as one swap may go; `None` when there is no profit.
///
/// Closed form: the marginal price after fees meets the market's when the balance of what goes in has grown by
/// `r = [(1-f) (w_i/w_o) (B_o p_o)/(B_i p_i)]^(w_o/(w_i+w_o))`.
#[must_use]
pub fn arbitrage(from: Side, from_price: f64, to: Side, to_price: f64, fee: f64) -> Option<Arbitrage> {
    let gap = (1.0 - fee) * (from.weight / to.weight) * (to.balance * to_price) / (from.balance * from_price);
    // Most pairs offer nothing most of the time: no power is taken of what is not above one.
    if gap.is_nan() || gap <= 1.0 {
        return None;
    }
    let growth = gap.powf(to.weight / (from.weight + to.weight));
    let by_price = from.balance * (growth - 1.0) / (1.0 - fee);
    let by_size = from.balance * CAUTIOUS_RATIO / (1.0 - fee);
    let amount_in = by_price.min(by_size);
    let amount_out = out_given_in(from, to, amount_in, fee)?;
    let profit = amount_out * to_price - amount_in * from_price;
    (profit > 0.0).then_some(Arbitrage { amount_in, amount_out, profit })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAI: Side = Side { balance: 200_000.0, weight: 0.4 };
    const USDC: Side = Side { balance: 175_000.0, weight: 0.35 };

    fn after(from: Side, to: Side, trade: Arbitrage) -> (Side, Side) {
        let from = Side { balance: from.balance + trade.amount_in, ..from };
        (from, Side { balance: to.balance - trade.amount_out, ..to })
    }

    #[test]
    fn a_thousand_dollars_cost_58_basis_points_of_a_pool_of_half_a_million() {
        let out = out_given_in(USDC, DAI, 1_000.0, 0.0005).unwrap();
        assert!((out - 994.2).abs() < 0.1, "{out}");
        let out = out_given_in(USDC, DAI, 25_000.0, 0.0005).unwrap();
        assert!((25_000.0 - out) / 25_000.0 > 0.115, "{out}");
    }

    #[test]
    fn more_than_thirty_percent_are_refused() {
        let fee = 0.0005;
        assert!(out_given_in(USDC, DAI, USDC.balance * 0.3, fee).is_some());
        assert!(out_given_in(USDC, DAI, USDC.balance * 0.3002, fee).is_none());
        let light = Side { balance: 100.0, weight: 0.01 };
        assert!(out_given_in(USDC, light, USDC.balance * 0.05, fee).is_some_and(|out| out > 80.0), "but much may come out");
        assert!(out_given_in(USDC, DAI, 0.0, fee).is_none());
    }

    #[test]
    fn a_pair_at_its_price_offers_nothing_and_within_the_fee_neither() {
        assert_eq!(arbitrage(USDC, 1.0, DAI, 1.0, 0.0005), None);
        assert_eq!(arbitrage(DAI, 1.0, USDC, 1.0, 0.0005), None);
        assert_eq!(arbitrage(USDC, 0.9996, DAI, 1.0, 0.0005), None);
        assert!(arbitrage(USDC, 0.999, DAI, 1.0, 0.0005).is_some());
    }

    #[test]
    fn the_closed_form_is_the_best_size() {
        let trade = arbitrage(USDC, 0.97, DAI, 1.0, 0.0005).unwrap();
        for factor in [0.9, 0.99, 1.01, 1.1] {
            let out = out_given_in(USDC, DAI, trade.amount_in * factor, 0.0005).unwrap();
            assert!(out - trade.amount_in * factor * 0.97 < trade.profit, "{factor}");
        }
        let (usdc, dai) = after(USDC, DAI, trade);
        assert_eq!(arbitrage(usdc, 0.97, dai, 1.0, 0.0005), None, "nothing is left");
    }

    #[test]
    fn a_wide_gap_takes_several_swaps_each_within_the_limit() {
        let (mut from, mut to, mut swaps) = (USDC, DAI, 0);
        while let Some(trade) = arbitrage(from, 0.3, to, 1.0, 0.0005) {
            assert!(trade.amount_in * (1.0 - 0.0005) <= from.balance * MAX_RATIO);
            (from, to) = after(from, to, trade);
            swaps += 1;
        }
        assert!((2..10).contains(&swaps), "{swaps}");
    }
}
