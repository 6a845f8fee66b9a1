//! Shares of one whole by keys, between bounds. The shares are in proportion to the keys as far as the bounds allow, so a key that grows
//! never makes its own share smaller, nor another's larger.

use std::collections::BTreeMap;

use crate::domain::ids::GroupId;
use crate::domain::units::{Rounding, Weight, mul_div};

/// What limits the shares, one entry for each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    /// Least share of each.
    pub(super) low: &'a [Weight],
    /// Greatest share of each.
    pub(super) high: &'a [Weight],
}

/// Shares `total` out by `keys`, each within its bounds, to the last wei. `None` where the bounds leave no room, or the lengths differ.
#[must_use]
pub(super) fn fill(keys: &[Weight], bounds: Bounds<'_>, total: Weight) -> Option<Vec<Weight>> {
    let Bounds { low, high } = bounds;
    if low.len() != keys.len() || high.len() != keys.len() || low.iter().zip(high).any(|(low, high)| low > high) {
        return None;
    }
    if sum(low)? > total || sum(high)? < total {
        return None;
    }
    // A key of nothing still takes what nobody else has room for.
    let keys: Vec<Weight> = keys.iter().map(|key| (*key).max(Weight::from_wad(1))).collect();
    let mut fixed: Vec<Option<Weight>> = vec![None; keys.len()];
    // Each round settles at least one share for good, or is the last.
    for _ in 0..=keys.len() {
        let shares = proportional(&keys, &fixed, total)?;
        let (mut short, mut over) = (Weight::ZERO, Weight::ZERO);
        for ((share, low), high) in shares.iter().zip(low).zip(high) {
            short = short.checked_add(low.saturating_sub(*share))?;
            over = over.checked_add(share.saturating_sub(*high))?;
        }
        if short == Weight::ZERO && over == Weight::ZERO {
            return settle(shares, high, total);
        }
        for (((fixed, share), low), high) in fixed.iter_mut().zip(&shares).zip(low).zip(high) {
            if share < low && short >= over {
                *fixed = Some(*low);
            } else if share > high && over >= short {
                *fixed = Some(*high);
            }
        }
    }
    None
}

/// The same with a greatest share for whole groups. `groups` has one entry for each share.
#[must_use]
pub(super) fn fill_grouped(
    keys: &[Weight],
    bounds: Bounds<'_>,
    groups: &[Option<GroupId>],
    group_max: &BTreeMap<GroupId, Weight>,
) -> Option<Vec<Weight>> {
    let mut capped: Vec<&GroupId> = Vec::new();
    // Each round caps one more group, or is the last.
    for _ in 0..=group_max.len() {
        let mut shares = vec![Weight::ZERO; keys.len()];
        let mut rest = Weight::ONE;
        for group in &capped {
            let cap = *group_max.get(*group)?;
            place(&mut shares, keys, bounds, cap, |at| groups.get(at).is_some_and(|of| of.as_ref() == Some(*group)))?;
            rest = Weight::from_wad(rest.wad().checked_sub(cap.wad())?);
        }
        let free = |at: usize| !groups.get(at).and_then(Option::as_ref).is_some_and(|of| capped.contains(&of));
        place(&mut shares, keys, bounds, rest, free)?;
        let weighs = |group: &GroupId| {
            let of_group = shares.iter().zip(groups).filter(|(_, of)| of.as_ref() == Some(group));
            of_group.fold(Weight::ZERO, |sum, (share, _)| sum.saturating_add(*share))
        };
        match group_max.iter().find(|(group, cap)| !capped.contains(group) && weighs(group) > **cap) {
            None => return Some(shares),
            Some((group, _)) => capped.push(group),
        }
    }
    None
}

/// Fills the places that `belongs` names.
fn place(
    shares: &mut [Weight],
    keys: &[Weight],
    bounds: Bounds<'_>,
    total: Weight,
    belongs: impl Fn(usize) -> bool,
) -> Option<()> {
    let pick = |all: &[Weight]| -> Vec<Weight> {
        all.iter().enumerate().filter(|(at, _)| belongs(*at)).map(|(_, weight)| *weight).collect()
    };
    let (keys, low, high) = (pick(keys), pick(bounds.low), pick(bounds.high));
    let filled = if keys.is_empty() && total == Weight::ZERO {
        Vec::new()
    } else {
        fill(&keys, Bounds { low: &low, high: &high }, total)?
    };
    let places = shares.iter_mut().enumerate().filter(|(at, _)| belongs(*at));
    places.zip(filled).for_each(|((_, share), filled)| *share = filled);
    Some(())
}

/// The open shares by their keys, out of what the fixed ones leave.
fn proportional(keys: &[Weight], fixed: &[Option<Weight>], total: Weight) -> Option<Vec<Weight>> {
    let taken = fixed.iter().flatten().try_fold(Weight::ZERO, |sum, share| sum.checked_add(*share))?;
    let rest = total.saturating_sub(taken);
    let open = keys.iter().zip(fixed).filter(|(_, fixed)| fixed.is_none());
    let whole = open.fold(Weight::ZERO, |sum, (key, _)| sum.saturating_add(*key));
    let share = |(key, fixed): (&Weight, &Option<Weight>)| match fixed {
        Some(fixed) => Some(*fixed),
        None => mul_div(rest.wad(), key.wad(), whole.wad(), Rounding::Down).map(Weight::from_wad),
    };
    keys.iter().zip(fixed).map(share).collect()
}

/// Gives the last wei of rounding to those who have room, the largest first.
fn settle(mut shares: Vec<Weight>, high: &[Weight], total: Weight) -> Option<Vec<Weight>> {
    let mut left = Weight::from_wad(total.wad().checked_sub(sum(&shares)?.wad())?);
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(shares.get(*at).copied()));
    for at in order {
        let (share, high) = (shares.get_mut(at)?, high.get(at)?);
        let more = high.saturating_sub(*share).min(left);
        *share = share.saturating_add(more);
        left = left.saturating_sub(more);
    }
    (left == Weight::ZERO).then_some(shares)
}

fn sum(weights: &[Weight]) -> Option<Weight> {
    weights.iter().try_fold(Weight::ZERO, |sum, weight| sum.checked_add(*weight))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::units::WAD;

    fn bps(weights: &[u32]) -> Vec<Weight> {
        weights.iter().map(|w| Weight::from_bps(*w)).collect()
    }

    fn filled(keys: &[u32], low: &[u32], high: &[u32]) -> Option<Vec<Weight>> {
        fill(&bps(keys), Bounds { low: &bps(low), high: &bps(high) }, Weight::ONE)
    }

    #[test]
    fn what_one_bound_takes_the_others_share_by_their_keys() {
        let free = [0, 0, 0];
        assert_eq!(filled(&[4_000, 3_500, 2_500], &free, &[10_000; 3]), Some(bps(&[4_000, 3_500, 2_500])));
        assert_eq!(filled(&[4_000, 4_000, 2_000], &free, &[2_000, 10_000, 10_000]).unwrap()[0], Weight::from_bps(2_000));
        let capped = filled(&[6_000, 3_000, 1_000], &free, &[4_000, 10_000, 10_000]).unwrap();
        assert_eq!(capped, bps(&[4_000, 4_500, 1_500]), "three to one");
        let floored = filled(&[8_000, 1_500, 500], &[0, 0, 2_000], &[10_000; 3]).unwrap();
        assert_eq!(floored[2], Weight::from_bps(2_000));
    }

    #[test]
    fn bounds_without_room_have_no_answer() {
        assert_eq!(filled(&[1, 1], &[6_000, 6_000], &[10_000, 10_000]), None);
        assert_eq!(filled(&[1, 1], &[0, 0], &[4_000, 4_000]), None);
        assert_eq!(filled(&[1, 1], &[0, 0], &[4_000]), None);
    }

    #[test]
    fn a_group_weighs_no_more_than_it_may() {
        let (usdc, groups) = (GroupId::new("usdc"), [Some(GroupId::new("usdc")), Some(GroupId::new("usdc")), None]);
        let (low, high) = (bps(&[1_000; 3]), bps(&[8_000; 3]));
        let shared = |cap: u32| {
            let caps = BTreeMap::from([(usdc.clone(), Weight::from_bps(cap))]);
            fill_grouped(&bps(&[4_000, 3_500, 2_500]), Bounds { low: &low, high: &high }, &groups, &caps)
        };
        assert_eq!(shared(8_000), Some(bps(&[4_000, 3_500, 2_500])), "a limit that does not bind");
        let capped = shared(6_000).unwrap();
        assert_eq!(capped[0].saturating_add(capped[1]), Weight::from_bps(6_000));
        assert_eq!(capped[2], Weight::from_bps(4_000));
        assert!(capped[0] > capped[1], "by their keys within the group");
        assert_eq!(shared(1_500), None, "less than its members must have");
    }

    fn any() -> impl Strategy<Value = (Vec<Weight>, Vec<Weight>, Vec<Weight>)> {
        prop::collection::vec((0u128..=WAD, 0u128..=WAD / 4, 0u128..=WAD), 2..8).prop_map(|parts| {
            let of = |f: fn(&(u128, u128, u128)) -> u128| parts.iter().map(|part| Weight::from_wad(f(part))).collect();
            (of(|p| p.0), of(|p| p.1), of(|p| p.1.saturating_add(p.2).min(WAD)))
        })
    }

    proptest! {
        #[test]
        fn shares_are_exact_and_within_bounds((keys, low, high) in any()) {
            let feasible = sum(&low).unwrap() <= Weight::ONE && sum(&high).unwrap() >= Weight::ONE;
            let filled = fill(&keys, Bounds { low: &low, high: &high }, Weight::ONE);
            prop_assert_eq!(filled.is_some(), feasible);
            if let Some(shares) = filled {
                prop_assert_eq!(sum(&shares), Some(Weight::ONE));
                for ((share, low), high) in shares.iter().zip(&low).zip(&high) {
                    prop_assert!(share >= low && share <= high);
                }
            }
        }

        #[test]
        fn a_larger_key_never_means_a_smaller_share_nor_more_for_another((keys, low, high) in any(), at in 0usize..8, more in 1..=WAD) {
            let at = at % keys.len();
            let mut raised = keys.clone();
            raised[at] = raised[at].saturating_add(Weight::from_wad(more));
            let shared = |keys: &[Weight]| fill(keys, Bounds { low: &low, high: &high }, Weight::ONE);
            if let (Some(before), Some(after)) = (shared(&keys), shared(&raised)) {
                // The last wei of rounding may go elsewhere.
                let slack = Weight::from_wad(16);
                prop_assert!(after[at].saturating_add(slack) >= before[at]);
                for other in (0..keys.len()).filter(|other| *other != at) {
                    prop_assert!(after[other] <= before[other].saturating_add(slack));
                }
            }
        }
    }
}
