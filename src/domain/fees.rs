//! What a transaction offers for its place in a block (EIP-1559): the first offer, the raised offer of a replacement, and the
//! base fee of the next block. Integer wei throughout.

use crate::domain::units::{GasPrice, Rounding, mul_div};

/// The offer of one attempt. The tip is never above the maximum: nodes refuse such a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// Most that is paid for a unit of gas, base fee and tip together (`maxFeePerGas`).
    pub max_fee: GasPrice,
    /// Most of it that the block's builder gets (`maxPriorityFeePerGas`).
    pub tip: GasPrice,
}

/// The next block costs more than the cap allows. A reason to wait, not a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gas costs {needed} in the next block; expected at most {cap}")]
pub struct FeeRefusal {
    /// Base fee of the next block and the tip together.
    pub needed: GasPrice,
    /// Highest price that is acceptable now.
    pub cap: GasPrice,
}

/// What to do with a transaction that is not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// Sign again with these fees; nodes take them in the place of the old ones.
    Replace(Fees),
    /// No replacement fits under the cap: send the same bytes again, since the old attempt may have been dropped.
    AtCap,
}

impl Fees {
    /// The first offer. Twice the next block's base fee keeps it good for six blocks even if all of them are full;
    /// the cap cuts that short.
    ///
    /// # Errors
    /// The base fee of the next block and the tip together exceed the cap, so the offer would not be included.
    pub fn initial(base_fee: GasPrice, tip: GasPrice, cap: GasPrice) -> Result<Self, FeeRefusal> {
        let refusal = FeeRefusal { needed: base_fee.saturating_add(tip), cap };
        match base_fee.wei().checked_add(tip.wei()) {
            Some(needed) if needed <= cap.wei() => {}
            _ => return Err(refusal),
        }
        let roomy = base_fee.saturating_add(base_fee).saturating_add(tip);
        Ok(Self { max_fee: roomy.min(cap), tip })
    }

    /// The offer that replaces `old`: raised enough for every node to take it, and up to the `market` (what [`Fees::initial`]
    /// would offer now) where the cap allows.
    ///
    /// Nodes ask for 10 % more on *both* fields, some for 12.5 %, and round either way: hence 12.5 % rounded up, and one wei on
    /// top.
    #[must_use]
    pub fn bump(old: &Self, market: &Self, cap: GasPrice) -> Bump {
        let (Some(least_max), Some(least_tip)) = (raised(old.max_fee), raised(old.tip)) else { return Bump::AtCap };
        if least_max > cap {
            return Bump::AtCap;
        }
        let max_fee = least_max.max(market.max_fee).min(cap);
        // Only an old offer that was itself invalid (tip above maximum) can fail here.
        if least_tip > max_fee {
            return Bump::AtCap;
        }
        Bump::Replace(Self { max_fee, tip: least_tip.max(market.tip).min(max_fee) })
    }
}

/// `ceil(price * 1.125) + 1`; `None` past 128 bits.
fn raised(price: GasPrice) -> Option<GasPrice> {
    mul_div(price.wei(), 9, 8, Rounding::Up)?.checked_add(1).map(GasPrice::from_wei)
}

/// The base fee of the block after one with these values, as EIP-1559 defines it (elasticity 2, denominator 8, divisions rounded
/// down, at least one wei upwards).
///
/// `None` when there is no such block (a gas limit below 2, more gas used than the limit) or the result does not fit. Only for
/// chains that keep the mainnet's constants; others publish theirs.
#[must_use]
pub fn next_base_fee(base_fee: GasPrice, gas_used: u64, gas_limit: u64) -> Option<GasPrice> {
    let target = gas_limit / 2;
    if target == 0 || gas_used > gas_limit {
        return None;
    }
    // Two floors in a row are the floor of the product: (base * delta / target) / 8 = base * delta / (8 * target).
    let change =
        mul_div(base_fee.wei(), u128::from(gas_used.abs_diff(target)), u128::from(target).checked_mul(8)?, Rounding::Down)?;
    let next = match gas_used.cmp(&target) {
        std::cmp::Ordering::Equal => base_fee.wei(),
        std::cmp::Ordering::Greater => base_fee.wei().checked_add(change.max(1))?,
        std::cmp::Ordering::Less => base_fee.wei().checked_sub(change)?,
    };
    Some(GasPrice::from_wei(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn gwei(gwei: u64) -> GasPrice {
        GasPrice::from_gwei(gwei)
    }

    const fn wei(wei: u128) -> GasPrice {
        GasPrice::from_wei(wei)
    }

    #[test]
    fn the_first_offer_has_room_for_twice_the_base_fee() {
        assert_eq!(Fees::initial(gwei(10), gwei(2), gwei(30)), Ok(Fees { max_fee: gwei(22), tip: gwei(2) }));
    }

    #[test]
    fn the_cap_cuts_the_room_and_then_refuses() {
        assert_eq!(Fees::initial(gwei(20), gwei(2), gwei(30)), Ok(Fees { max_fee: gwei(30), tip: gwei(2) }));
        assert_eq!(Fees::initial(gwei(28), gwei(2), gwei(30)), Ok(Fees { max_fee: gwei(30), tip: gwei(2) }), "exactly the cap");
        let refusal = Fees::initial(gwei(29), gwei(2), gwei(30)).unwrap_err();
        assert_eq!(refusal, FeeRefusal { needed: gwei(31), cap: gwei(30) });
        assert_eq!(refusal.to_string(), "gas costs 31.00 gwei in the next block; expected at most 30.00 gwei");
    }

    #[test]
    fn a_price_that_overflows_is_refused_even_without_a_cap() {
        assert!(Fees::initial(wei(u128::MAX), wei(1), wei(u128::MAX)).is_err());
    }

    #[test]
    fn a_bump_raises_both_fields_by_an_eighth_rounded_up_and_one_wei() {
        let old = Fees { max_fee: wei(1_001), tip: wei(1) };
        let market = Fees { max_fee: wei(0), tip: wei(0) };
        // 1001 * 1.125 = 1126.125; 1 * 1.125 = 1.125.
        assert_eq!(Fees::bump(&old, &market, gwei(1)), Bump::Replace(Fees { max_fee: wei(1_128), tip: wei(3) }));
    }

    #[test]
    fn a_bump_follows_the_market_up_to_the_cap() {
        let old = Fees { max_fee: gwei(10), tip: gwei(1) };
        let market = Fees { max_fee: gwei(40), tip: gwei(3) };
        assert_eq!(Fees::bump(&old, &market, gwei(60)), Bump::Replace(market));
        assert_eq!(Fees::bump(&old, &market, gwei(30)), Bump::Replace(Fees { max_fee: gwei(30), tip: gwei(3) }));
    }

    #[test]
    fn when_no_replacement_fits_under_the_cap_the_same_bytes_go_again() {
        let old = Fees { max_fee: gwei(28), tip: gwei(1) };
        let market = Fees { max_fee: gwei(50), tip: gwei(1) };
        assert_eq!(Fees::bump(&old, &market, gwei(30)), Bump::AtCap, "28 * 1.125 = 31.5");
        let exactly = wei(31_500_000_001);
        assert!(matches!(Fees::bump(&old, &market, exactly), Bump::Replace(fees) if fees.max_fee == exactly));
        assert_eq!(Fees::bump(&old, &market, wei(31_500_000_000)), Bump::AtCap);
        assert_eq!(Fees::bump(&Fees { max_fee: wei(u128::MAX), tip: wei(0) }, &market, wei(u128::MAX)), Bump::AtCap);
    }

    /// go-ethereum, consensus/misc/eip1559 `TestCalcBaseFee`, and the edges of the rule.
    #[test]
    fn the_next_base_fee_is_the_protocols() {
        for (base, used, limit, expected) in [
            (1_000_000_000, 10_000_000, 20_000_000, Some(1_000_000_000)),
            (1_000_000_000, 9_000_000, 20_000_000, Some(987_500_000)),
            (1_000_000_000, 11_000_000, 20_000_000, Some(1_012_500_000)),
            (1_000_000_000, 20_000_000, 20_000_000, Some(1_125_000_000)),
            (1_000_000_000, 0, 20_000_000, Some(875_000_000)),
            // A rise is at least one wei, a fall may be none.
            (7, 10_000_001, 20_000_000, Some(8)),
            (0, 20_000_000, 20_000_000, Some(1)),
            (7, 0, 20_000_000, Some(7)),
            // No such block.
            (7, 0, 1, None),
            (7, 21, 20, None),
            (u128::MAX, 20, 20, None),
        ] {
            assert_eq!(next_base_fee(wei(base), used, limit), expected.map(wei), "{base} {used}/{limit}");
        }
    }

    fn price() -> impl Strategy<Value = u128> {
        prop_oneof![0..=20u128, 0..=1_000_000_000_000u128, Just(u128::MAX), any::<u128>()]
    }

    proptest! {
        #[test]
        fn an_offer_includes_the_next_block_and_keeps_to_the_cap(base in price(), tip in price(), cap in price()) {
            match Fees::initial(wei(base), wei(tip), wei(cap)) {
                Ok(fees) => {
                    prop_assert!(fees.max_fee <= wei(cap));
                    prop_assert!(fees.tip <= fees.max_fee);
                    prop_assert_eq!(fees.tip, wei(tip));
                    prop_assert!(fees.max_fee.wei() >= base + tip);
                }
                Err(_) => prop_assert!(base.checked_add(tip).is_none_or(|needed| needed > cap)),
            }
        }

        #[test]
        fn every_replacement_is_taken_by_every_node(
            max_fee in price(), tip in price(), market_max in price(), market_tip in price(), cap in price()
        ) {
            let old = Fees { max_fee: wei(max_fee), tip: wei(tip.min(max_fee)) };
            let market = Fees { max_fee: wei(market_max), tip: wei(market_tip.min(market_max)) };
            match Fees::bump(&old, &market, wei(cap)) {
                Bump::Replace(new) => {
                    for (new, old) in [(new.max_fee.wei(), old.max_fee.wei()), (new.tip.wei(), old.tip.wei())] {
                        prop_assert!(new - old > old.div_ceil(8), "{} -> {}", old, new);
                    }
                    prop_assert!(new.max_fee <= wei(cap));
                    prop_assert!(new.tip <= new.max_fee);
                    prop_assert!(new.max_fee >= market.max_fee.min(wei(cap)));
                    prop_assert!(new.tip >= market.tip.min(new.max_fee));
                }
                Bump::AtCap => {
                    prop_assert!(max_fee.checked_add(max_fee.div_ceil(8) + 1).is_none_or(|least| least > cap));
                }
            }
        }

        #[test]
        fn the_base_fee_moves_by_at_most_an_eighth(base in 0..u128::MAX / 2, limit in 2..u64::MAX, permille in 0..=1_000u64) {
            // Half of an even limit is its target exactly, so that "no change" comes up too.
            let used = u64::try_from(u128::from(limit) * u128::from(permille) / 1_000).unwrap();
            let target = u128::from(limit / 2);
            let next = next_base_fee(wei(base), used, limit).unwrap().wei();
            prop_assert!(next >= base - base / 8);
            // An odd limit has room for one unit more than twice the target.
            prop_assert!(next <= base + (base / 8).max(1) + base / 8 / target + 1);
            prop_assert_eq!(next > base, u128::from(used) > target);
            if u128::from(used) == target {
                prop_assert_eq!(next, base);
            }
        }
    }
}
