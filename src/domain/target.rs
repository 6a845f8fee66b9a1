//! Where the weights should go: back to the base target in quiet times, away from a token below its band in bad ones.
//!
//! Two promises hold for everything that leaves this module: the weights sum to exactly one, and no token that may not gain gains.

mod fill;
mod tilt;

pub use tilt::{NoTarget, Signals, Target, tilted};

use crate::domain::allocation::{Allocation, largest_distance};
use crate::domain::position::Mandate;
use crate::domain::units::{Rounding, Weight, mul_div};

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Sound and trusted: may gain and lose.
    Sound,
    /// Not below its band, but not known to be sound either: may not gain, is not sold.
    Suspect,
    /// Below its band: is sold.
    Below,
}

/// Why no defence can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDefence {
    /// The tokens below their band already stand at their least weight.
    AtTheFloor,
    /// No sound token has room to take what would be sold.
    NoRoom,
    /// The weights do not fit the mandate, or a number overflows.
    Malformed,
}

/// The next step away from the tokens below their band: of each no more than its `excess`, at most `max_step` for any token, within the
/// mandate's bounds, what is sold going to the sound tokens by their base targets.
///
/// # Errors
/// [`NoDefence`] when nothing can or need be sold.
pub fn defend(
    current: &[Weight],
    standing: &[Standing],
    mandate: &Mandate,
    excess: &[Weight],
    max_step: Weight,
) -> Result<Allocation, NoDefence> {
    let current = Allocation::normalised(current).map_err(|_| NoDefence::Malformed)?;
    let current = current.weights();
    let base = mandate.base_target.weights();
    if [standing.len(), base.len(), mandate.min.len(), mandate.max.len(), excess.len()].iter().any(|len| *len != current.len()) {
        return Err(NoDefence::Malformed);
    }
    // A token that already stands outside of its bounds is not forced back by a defence: it just may not go further out.
    let sellable = |((weight, standing), min): ((&Weight, &Standing), &Weight)| match standing {
        Standing::Below => weight.saturating_sub(*min).min(max_step),
        Standing::Sound | Standing::Suspect => Weight::ZERO,
    };
    let room = |(((weight, standing), _), max): (((&Weight, &Standing), &Weight), &Weight)| match standing {
        Standing::Sound => max.saturating_sub(*weight).min(max_step),
        Standing::Suspect | Standing::Below => Weight::ZERO,
    };
    let tokens = || current.iter().zip(standing).zip(&mandate.min).zip(&mandate.max);
    let supply = current.iter().zip(standing).zip(&mandate.min).map(sellable);
    let supply: Vec<Weight> = supply.zip(excess).map(|(sellable, excess)| sellable.min(*excess)).collect();
    let demand: Vec<Weight> = tokens().map(room).collect();
    let total_supply = total(&supply);
    let moved = total_supply.min(total(&demand));
    if total_supply == Weight::ZERO {
        return Err(NoDefence::AtTheFloor);
    }
    if moved == Weight::ZERO {
        return Err(NoDefence::NoRoom);
    }
    let sold = share_out(moved, &supply, &supply).ok_or(NoDefence::Malformed)?;
    let bought = share_out(moved, base, &demand).ok_or(NoDefence::Malformed)?;
    let next =
        current.iter().zip(&sold).zip(&bought).map(|((w, out), inn)| w.saturating_sub(*out).saturating_add(*inn)).collect();
    Allocation::exact(next).map_err(|_| NoDefence::Malformed)
}

/// The next step towards `target`. A way longer than `max_step` is cut into equal legs, so that with `max_step` at least twice the
/// drift threshold the last leg is still long enough to be started.
#[must_use]
pub fn step_towards(current: &[Weight], target: &Allocation, max_step: Weight) -> Option<Allocation> {
    let (_, distance) = largest_distance(current, target.weights())?;
    if distance <= max_step {
        return Some(target.clone());
    }
    let legs = distance.wad().div_ceil(max_step.wad().max(1));
    let mut next = Vec::with_capacity(current.len());
    for (from, to) in current.iter().zip(target.weights()) {
        let leg = mul_div(from.abs_diff(*to).wad(), 1, legs, Rounding::Down).map(Weight::from_wad)?;
        next.push(if to > from { from.saturating_add(leg) } else { from.saturating_sub(leg) });
    }
    Allocation::normalised(&next).ok()
}

/// The first token that would gain on the way to `target` and may not.
#[must_use]
pub fn forbidden_gain(current: &[Weight], target: &Allocation, standing: &[Standing], tolerance: Weight) -> Option<usize> {
    current
        .iter()
        .zip(target.weights())
        .zip(standing)
        .position(|((from, to), standing)| *standing != Standing::Sound && to.saturating_sub(*from) > tolerance)
}

fn total(weights: &[Weight]) -> Weight {
    weights.iter().fold(Weight::ZERO, |sum, weight| sum.saturating_add(*weight))
}

/// Shares `amount` out by `keys`, nobody above their limit, to the last wei. `None` when the limits together are too small.
fn share_out(amount: Weight, keys: &[Weight], limits: &[Weight]) -> Option<Vec<Weight>> {
    let mut given = vec![Weight::ZERO; limits.len()];
    let mut left = amount;
    // Each round fills at least one limit or gives everything away, so as many rounds as tokens are enough; the last wei of
    // rounding are handed out afterwards.
    for _ in 0..limits.len() {
        let open: Vec<Weight> = given.iter().zip(limits).map(|(given, limit)| limit.saturating_sub(*given)).collect();
        let key_of =
            |(key, open): (&Weight, &Weight)| if *open == Weight::ZERO { Weight::ZERO } else { (*key).max(Weight::from_wad(1)) };
        let keys: Vec<Weight> = keys.iter().zip(&open).map(key_of).collect();
        let sum = total(&keys);
        if left == Weight::ZERO || sum == Weight::ZERO {
            break;
        }
        let round = left;
        for ((given, key), open) in given.iter_mut().zip(&keys).zip(&open) {
            let share = mul_div(round.wad(), key.wad(), sum.wad(), Rounding::Down).map(Weight::from_wad)?.min(*open);
            *given = given.saturating_add(share);
            left = left.saturating_sub(share);
        }
    }
    for (given, limit) in given.iter_mut().zip(limits) {
        let more = limit.saturating_sub(*given).min(left);
        *given = given.saturating_add(more);
        left = left.saturating_sub(more);
    }
    (left == Weight::ZERO).then_some(given)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::AssetId;
    use crate::domain::units::WAD;

    fn bps(weights: &[u32]) -> Vec<Weight> {
        weights.iter().map(|w| Weight::from_bps(*w)).collect()
    }

    fn mandate(base: &[u32], min: &[u32], max: &[u32]) -> Mandate {
        let assets = base.iter().enumerate().map(|(i, _)| AssetId::new(&i.to_string())).collect();
        Mandate::plain(assets, Allocation::exact(bps(base)).unwrap(), bps(min), bps(max))
    }

    /// Nobody limits what may be sold.
    fn all(current: &[Weight], standing: &[Standing], mandate: &Mandate, step: Weight) -> Result<Allocation, NoDefence> {
        defend(current, standing, mandate, &vec![Weight::ONE; current.len()], step)
    }

    use Standing::{Below, Sound, Suspect};

    #[test]
    fn one_token_is_sold_into_the_others_by_their_base_targets() {
        let mandate = mandate(&[4_000, 3_500, 2_500], &[2_000, 1_500, 500], &[6_000, 5_500, 4_500]);
        let next = all(&bps(&[4_000, 3_500, 2_500]), &[Sound, Below, Sound], &mandate, Weight::from_bps(1_300)).unwrap();
        assert_eq!(next.weights(), bps(&[4_800, 2_200, 3_000]));
    }

    #[test]
    fn two_tokens_share_the_room_of_the_third() {
        let mandate = mandate(&[4_000, 3_500, 2_500], &[2_000, 1_500, 500], &[6_000, 5_500, 4_500]);
        let next = all(&bps(&[4_000, 3_500, 2_500]), &[Below, Below, Sound], &mandate, Weight::from_bps(1_000)).unwrap();
        assert_eq!(next.weights(), bps(&[3_500, 3_000, 3_500]));
    }

    #[test]
    fn no_more_is_sold_than_is_too_much() {
        let mandate = mandate(&[4_000, 3_500, 2_500], &[2_000, 1_500, 500], &[6_000, 5_500, 4_500]);
        let (current, standing) = (bps(&[4_000, 3_500, 2_500]), [Sound, Below, Sound]);
        let next = |excess: u32| defend(&current, &standing, &mandate, &bps(&[0, excess, 0]), Weight::from_bps(1_000));
        assert_eq!(next(260).unwrap().weights()[1], Weight::from_bps(3_240));
        assert_eq!(next(0), Err(NoDefence::AtTheFloor));
    }

    #[test]
    fn a_suspect_token_is_neither_bought_nor_sold() {
        let mandate = mandate(&[4_000, 3_500, 2_500], &[2_000, 1_500, 500], &[6_000, 5_500, 4_500]);
        let next = all(&bps(&[4_000, 3_500, 2_500]), &[Suspect, Below, Sound], &mandate, Weight::from_bps(500)).unwrap();
        assert_eq!(next.weights(), bps(&[4_000, 3_000, 3_000]));
    }

    #[test]
    fn no_defence_has_a_reason() {
        let mandate = mandate(&[4_000, 3_500, 2_500], &[2_000, 1_500, 500], &[6_000, 5_500, 4_500]);
        let step = Weight::from_bps(1_000);
        assert_eq!(all(&bps(&[5_000, 1_500, 3_500]), &[Sound, Below, Sound], &mandate, step), Err(NoDefence::AtTheFloor));
        assert_eq!(all(&bps(&[4_000, 3_500, 2_500]), &[Below, Below, Below], &mandate, step), Err(NoDefence::NoRoom));
        assert_eq!(all(&bps(&[4_000, 6_000]), &[Below, Sound], &mandate, step), Err(NoDefence::Malformed));
    }

    #[test]
    fn a_long_way_is_cut_into_equal_legs() {
        let target = Allocation::exact(bps(&[4_000, 3_500, 2_500])).unwrap();
        let leg = step_towards(&bps(&[5_200, 3_500, 1_300]), &target, Weight::from_bps(1_000)).unwrap();
        assert_eq!(leg.weights(), bps(&[4_600, 3_500, 1_900]));
        let last = step_towards(leg.weights(), &target, Weight::from_bps(1_000)).unwrap();
        assert_eq!(last, target);
    }

    fn any_pool() -> impl Strategy<Value = (Vec<Weight>, Mandate, Vec<Standing>, Weight)> {
        let token = (1u128..=WAD, 1u128..=WAD, 0u32..4_000, 0u32..4_000, prop_oneof![Just(Sound), Just(Suspect), Just(Below)]);
        (prop::collection::vec(token, 2..8), 1u32..5_000).prop_map(|(tokens, step)| {
            let of = |f: fn(&(u128, u128, u32, u32, Standing)) -> u128| {
                Allocation::normalised(&tokens.iter().map(|t| Weight::from_wad(f(t))).collect::<Vec<_>>()).unwrap()
            };
            let (current, base) = (of(|t| t.0), of(|t| t.1));
            let bound = |below: bool| {
                let spread = |(w, t): (&Weight, &(u128, u128, u32, u32, Standing))| {
                    let (down, up) = (Weight::from_bps(t.2), Weight::from_bps(t.3));
                    if below { w.saturating_sub(down) } else { w.saturating_add(up).min(Weight::ONE) }
                };
                base.weights().iter().zip(&tokens).map(spread).collect()
            };
            let assets = (0..tokens.len()).map(|i| AssetId::new(&i.to_string())).collect();
            let (min, max) = (bound(true), bound(false));
            let mandate = Mandate::plain(assets, base, min, max);
            (current.weights().to_vec(), mandate, tokens.iter().map(|t| t.4).collect(), Weight::from_bps(step))
        })
    }

    proptest! {
        #[test]
        fn a_defence_is_exact_bounded_and_never_buys_the_wrong_token((current, mandate, standing, step) in any_pool()) {
            if let Ok(next) = all(&current, &standing, &mandate, step) {
                prop_assert_eq!(next.weights().iter().map(|w| w.wad()).sum::<u128>(), WAD);
                for (i, (from, to)) in current.iter().zip(next.weights()).enumerate() {
                    prop_assert!(from.abs_diff(*to) <= step);
                    match standing[i] {
                        Sound => prop_assert!(to >= from && *to <= mandate.max[i].max(*from)),
                        Suspect => prop_assert_eq!(to, from),
                        Below => prop_assert!(to <= from && *to >= mandate.min[i].min(*from)),
                    }
                }
            }
        }

        #[test]
        fn legs_arrive_exactly_and_never_overshoot((current, mandate, _, step) in any_pool()) {
            let target = &mandate.base_target;
            let mut at = current;
            for _ in 0..20_000 {
                if at == target.weights() { break; }
                let next = step_towards(&at, target, step).unwrap();
                prop_assert_eq!(next.weights().iter().map(|w| w.wad()).sum::<u128>(), WAD);
                let (_, before) = largest_distance(&at, target.weights()).unwrap();
                let (_, after) = largest_distance(next.weights(), target.weights()).unwrap();
                prop_assert!(after < before);
                at = next.weights().to_vec();
            }
            prop_assert_eq!(at, target.weights());
        }
    }
}
