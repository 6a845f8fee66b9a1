//! The swap that brings a pool back to its weights, where nobody else does it. A pool off its weights is a gift to the first who trades
//! it back: with a treasury's account that may as well be its owner.
//!
//! For a pair of weighted balances the marginal price after the fee `f` meets the market's when the balance of what goes in has grown by
//! `r = [(1-f) (w_i/w_o) (B_o p_o)/(B_i p_i)]^(w_o/(w_i+w_o))`. What comes out of a swap is `B_o (1 - (B_i/(B_i + a))^(w_i/w_o))`.

use rust_decimal::Decimal;

use crate::domain::plan::Swap;
use crate::domain::policy::SwapRule;
use crate::domain::position::PositionFacts;
use crate::domain::power::{self, pow};
use crate::domain::units::{Price, Rounding, Usd, WAD, Weight, mul_div};

/// A pool takes at most this part of a balance in one swap; a little less, because its own maths rounds against us.
const MOST_OF_A_BALANCE: Weight = Weight::from_bps(2_990);

/// One side of a swap.
#[derive(Clone, Copy)]
struct Side {
    at: usize,
    balance: Decimal,
    decimals: u8,
    weight: Decimal,
    price: Decimal,
    /// What the treasury can put in.
    purse: u128,
}

/// How much less than the quote a swap may bring: the rule's least part, wider when the pair is restless. `deviation` is the greater of
/// the pair's deviations of a day; where it is not known, the market may be as restless as can be.
#[must_use]
pub fn slippage(rule: &SwapRule, deviation: Option<Weight>) -> Weight {
    let Some(deviation) = deviation else { return rule.max_slippage };
    let wider = mul_div(deviation.wad(), u128::from(rule.volatility_gain_bps), 10_000, Rounding::Up).unwrap_or(u128::MAX);
    rule.slippage.saturating_add(Weight::from_wad(wider)).min(rule.max_slippage)
}

/// The swap that earns most at the pegs' prices, with what the treasury has. `None` where none earns anything, or a number does not
/// fit.
#[must_use]
pub fn best(position: &PositionFacts, prices: &[Price], deviations: &[Option<Weight>], rule: &SwapRule) -> Option<Swap> {
    let fee = power::decimal(position.swap_fee.wad())?;
    let sides: Vec<Side> = (0..position.balances.len()).map(|at| side(position, prices, at)).collect::<Option<_>>()?;
    let pairs = sides.iter().flat_map(|from| sides.iter().map(move |to| (from, to))).filter(|(from, to)| from.at != to.at);
    let swap = |(from, to): (&Side, &Side)| {
        let restless = deviations.get(from.at).copied().flatten().zip(deviations.get(to.at).copied().flatten());
        swap(from, to, fee, slippage(rule, restless.map(|(one, other)| one.max(other))), rule.most)
    };
    pairs.filter_map(swap).max_by_key(|swap| swap.expected_gain)
}

fn side(position: &PositionFacts, prices: &[Price], at: usize) -> Option<Side> {
    let balance = *position.balances.get(at)?;
    let side = Side {
        at,
        balance: power::whole(balance)?,
        decimals: balance.decimals,
        weight: power::decimal(position.weights.get(at)?.wad())?,
        price: power::decimal(prices.get(at)?.wad())?,
        purse: position.purse.get(at).copied().unwrap_or_default(),
    };
    let positive = side.balance > Decimal::ZERO && side.weight > Decimal::ZERO;
    positive.then_some(side)
}

/// What comes out of the pool for `amount` after the fee, in whole tokens.
fn out_for(from: &Side, to: &Side, amount: Decimal) -> Option<Decimal> {
    let left = from.balance.checked_div(from.balance.checked_add(amount)?)?;
    let kept = pow(left, from.weight.checked_div(to.weight)?)?;
    to.balance.checked_mul(Decimal::ONE.checked_sub(kept)?)
}

fn swap(from: &Side, to: &Side, fee: Decimal, slippage: Weight, most: Usd) -> Option<Swap> {
    let keeps = Decimal::ONE.checked_sub(fee)?;
    let (value_in, value_out) = (from.balance.checked_mul(from.price)?, to.balance.checked_mul(to.price)?);
    let gap = keeps.checked_mul(from.weight.checked_div(to.weight)?)?.checked_mul(value_out.checked_div(value_in)?)?;
    if gap <= Decimal::ONE {
        return None;
    }
    let growth = pow(gap, to.weight.checked_div(from.weight.checked_add(to.weight)?)?)?;
    let by_price = from.balance.checked_mul(growth.checked_sub(Decimal::ONE)?)?.checked_div(keeps)?;
    let by_size = from.balance.checked_mul(power::decimal(MOST_OF_A_BALANCE.wad())?)?;
    let by_rule = power::decimal(most.wad())?.checked_div(from.price)?;
    let amount_in = power::raw(by_price.min(by_size).min(by_rule), from.decimals)?.min(from.purse);
    let paid = Decimal::try_from_i128_with_scale(i128::try_from(amount_in).ok()?, u32::from(from.decimals)).ok()?;
    let out = out_for(from, to, paid.checked_mul(keeps)?)?;
    let gain = out.checked_mul(to.price)?.checked_sub(paid.checked_mul(from.price)?)?;
    if gain <= Decimal::ZERO || amount_in == 0 {
        return None;
    }
    let least = mul_div(power::raw(out, to.decimals)?, WAD.saturating_sub(slippage.wad()), WAD, Rounding::Down)?;
    let expected_gain = Usd::from_wad(power::wad(gain)?);
    Some(Swap { asset_in: from.at, asset_out: to.at, amount_in, least_out: least, expected_gain })
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "amounts of a test")]
mod tests {
    use super::*;
    use crate::domain::testing::{facts, usd};
    use crate::domain::units::{SwapFee, TokenAmount};

    fn rule() -> SwapRule {
        SwapRule {
            slippage: Weight::from_bps(50),
            max_slippage: Weight::from_bps(200),
            volatility_gain_bps: 10_000,
            most: usd(1_000_000),
            accept_third_parties: false,
        }
    }

    /// $500k at 40/35/25, value shares 42.4/24.7/32.9 after somebody has bought one coin with another.
    fn pushed() -> PositionFacts {
        let mut position = facts(&[4_000, 2_500, 3_500]);
        let whole = |tokens: u128| TokenAmount { raw: tokens * 1_000_000, decimals: 6 };
        position.balances = vec![whole(164_500), whole(123_500), whole(212_000)];
        position.swap_fee = SwapFee::from_bps(5);
        position.purse = vec![u128::MAX; 3];
        position
    }

    const PAR: [Price; 3] = [Price::PAR; 3];
    const CALM: [Option<Weight>; 3] = [Some(Weight::ZERO); 3];

    #[test]
    fn the_best_swap_trades_what_is_scarce_for_what_is_plenty() {
        let swap = best(&pushed(), &PAR, &CALM, &rule()).unwrap();
        assert_eq!((swap.asset_in, swap.asset_out), (0, 2));
        let earned = swap.expected_gain.as_f64();
        assert!((6_500.0..7_500.0).contains(&earned), "{earned}");
        // After it the pair is at the market's price, but for the fee.
        let (paid, got) = (swap.amount_in as f64 / 1e6, swap.least_out as f64 / 0.995 / 1e6);
        let ratio = (164_500.0 + paid) / 0.4 / ((212_000.0 - got) / 0.35);
        assert!((ratio - 0.9995).abs() < 0.0005, "{ratio}");
    }

    #[test]
    fn a_pool_at_its_weights_offers_nothing() {
        let mut position = pushed();
        let whole = |tokens: u128| TokenAmount { raw: tokens * 1_000_000, decimals: 6 };
        position.balances = vec![whole(200_000), whole(125_000), whole(175_000)];
        assert_eq!(best(&position, &PAR, &CALM, &rule()), None);
        // Two basis points off are within the fee.
        position.balances = vec![whole(199_980), whole(125_000), whole(175_020)];
        assert_eq!(best(&position, &PAR, &CALM, &rule()), None);
    }

    #[test]
    fn no_swap_is_larger_than_the_rule_or_the_pool_allows() {
        let small = best(&pushed(), &PAR, &CALM, &SwapRule { most: usd(1_000), ..rule() }).unwrap();
        assert_eq!(small.amount_in, 1_000_000_000);
        let mut broken = pushed();
        broken.balances[0] = TokenAmount { raw: 1_000_000_000, decimals: 6 };
        let swap = best(&broken, &PAR, &CALM, &rule()).unwrap();
        assert!(swap.amount_in <= 299_000_000, "{}", swap.amount_in);
    }

    #[test]
    fn no_swap_puts_in_more_than_the_treasury_has_and_lets_the_vault_take() {
        let mut position = pushed();
        position.purse = vec![700_000_000, u128::MAX, u128::MAX];
        let swap = best(&position, &PAR, &CALM, &rule()).unwrap();
        assert!(swap.asset_in != 0 || swap.amount_in == 700_000_000, "{swap:?}");
        position.purse = vec![700_000_000, 0, 0];
        let swap = best(&position, &PAR, &CALM, &rule()).unwrap();
        assert_eq!((swap.asset_in, swap.amount_in), (0, 700_000_000));
        position.purse = Vec::new();
        assert_eq!(best(&position, &PAR, &CALM, &rule()), None);
    }

    #[test]
    fn the_bound_begins_at_half_a_percent_and_widens_to_its_maximum() {
        assert_eq!(slippage(&rule(), Some(Weight::ZERO)), Weight::from_bps(50));
        assert_eq!(slippage(&rule(), Some(Weight::from_bps(70))), Weight::from_bps(120));
        assert_eq!(slippage(&rule(), Some(Weight::from_bps(7_000))), Weight::from_bps(200));
        assert_eq!(slippage(&rule(), None), Weight::from_bps(200), "what is not known may be anything, but no more than allowed");
        let (calm, wild) = (best(&pushed(), &PAR, &CALM, &rule()), best(&pushed(), &PAR, &[None; 3], &rule()));
        assert!(wild.unwrap().least_out < calm.unwrap().least_out);
    }
}
