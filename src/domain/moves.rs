//! What was moved lately: the changes of weights that Ballast has made in one pool, for the limits of a day and against moving to and fro.

use std::time::Duration;

use crate::domain::units::{Timestamp, Weight};

/// No more than so many are remembered: more than any limit of a day asks for.
const MOST: usize = 256;

/// One change of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// When its ramp began.
    pub at: Timestamp,
    /// Where the one before had gone.
    pub from: Vec<Weight>,
    /// Where it went.
    pub to: Vec<Weight>,
    /// Whether it defended the pool.
    pub protective: bool,
}

impl Move {
    /// How much of the pool it moved.
    #[must_use]
    pub fn turnover(&self) -> Weight {
        turnover(&self.from, &self.to)
    }
}

/// How much of a pool changes hands between two sets of weights: half the sum of all distances.
#[must_use]
pub fn turnover(from: &[Weight], to: &[Weight]) -> Weight {
    let distances = from.iter().zip(to).map(|(from, to)| from.abs_diff(*to));
    Weight::from_wad(distances.fold(0u128, |sum, distance| sum.saturating_add(distance.wad())) / 2)
}

/// The changes of one pool, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves(Vec<Move>);

impl Moves {
    /// Takes back what was written down.
    #[must_use]
    pub const fn new(moves: Vec<Move>) -> Self {
        Self(moves)
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn all(&self) -> &[Move] {
        &self.0
    }

    /// Adds one. One with the same beginning is the same one, seen again after a reorganisation.
    pub fn add(&mut self, new: Move) {
        self.0.retain(|old| old.at != new.at);
        self.0.push(new);
        self.0.sort_by_key(|old| old.at);
        let surplus = self.0.len().saturating_sub(MOST);
        self.0.drain(..surplus);
    }

    /// Forgets one that a reorganisation has undone.
    pub fn undo(&mut self, at: Timestamp) {
        self.0.retain(|old| old.at != at);
    }

    /// Those that defended nothing and began later than `age` ago.
    pub fn ordinary(&self, now: Timestamp, age: Duration) -> impl Iterator<Item = &Move> {
        self.0.iter().filter(move |old| !old.protective && now.since(old.at) < age)
    }

    /// What all moves for a defence since `since` have moved.
    #[must_use]
    pub fn defended_since(&self, since: Timestamp) -> Weight {
        let defences = self.0.iter().filter(|old| old.protective && old.at >= since);
        defences.fold(Weight::ZERO, |sum, old| sum.saturating_add(old.turnover()))
    }

    /// Whether a move from `from` to `to` takes back in part what an ordinary one of the last `horizon` did.
    #[must_use]
    pub fn reverses(&self, from: &[Weight], to: &[Weight], now: Timestamp, horizon: Duration) -> bool {
        self.ordinary(now, horizon).any(|old| along(&old.from, &old.to, from, to) < 0)
    }
}

/// How far two moves go the same way: below zero, they go against each other. In billionths, so that the products fit.
fn along(from: &[Weight], to: &[Weight], then_from: &[Weight], then_to: &[Weight]) -> i128 {
    let step = |from: &Weight, to: &Weight| {
        let part = |weight: &Weight| i128::try_from(weight.wad() / 1_000_000_000).unwrap_or(i128::MAX);
        part(to).saturating_sub(part(from))
    };
    let first = from.iter().zip(to).map(|(from, to)| step(from, to));
    let second = then_from.iter().zip(then_to).map(|(from, to)| step(from, to));
    first.zip(second).fold(0, |sum: i128, (one, other)| sum.saturating_add(one.saturating_mul(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn bps(weights: &[u32]) -> Vec<Weight> {
        weights.iter().map(|w| Weight::from_bps(*w)).collect()
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_secs(hours * 3_600)
    }

    fn moved(hours: u64, from: &[u32], to: &[u32], protective: bool) -> Move {
        Move { at: at(hours), from: bps(from), to: bps(to), protective }
    }

    #[test]
    fn five_points_from_one_coin_to_another_are_five_points() {
        assert_eq!(turnover(&bps(&[4_000, 3_500, 2_500]), &bps(&[3_500, 4_000, 2_500])), Weight::from_bps(500));
    }

    #[test]
    fn a_way_back_is_seen_within_its_horizon_and_a_way_on_is_none() {
        let moves = Moves::new(vec![moved(10, &[4_000, 3_500, 2_500], &[3_500, 4_000, 2_500], false)]);
        let back = |now, horizon| moves.reverses(&bps(&[3_500, 4_000, 2_500]), &bps(&[3_900, 3_600, 2_500]), at(now), horizon);
        assert!(back(12, 24 * HOUR));
        assert!(!back(34, 24 * HOUR), "exactly the horizon is over");
        let on = moves.reverses(&bps(&[3_500, 4_000, 2_500]), &bps(&[3_000, 4_500, 2_500]), at(12), 24 * HOUR);
        assert!(!on);
        let defence = Moves::new(vec![moved(10, &[4_000, 3_500, 2_500], &[3_500, 4_000, 2_500], true)]);
        assert!(!defence.reverses(&bps(&[3_500, 4_000, 2_500]), &bps(&[4_000, 3_500, 2_500]), at(12), 24 * HOUR), "the way home");
    }

    #[test]
    fn what_is_seen_twice_is_there_once_and_what_is_undone_is_gone() {
        let mut moves = Moves::default();
        moves.add(moved(3, &[5_000, 5_000], &[6_000, 4_000], true));
        moves.add(moved(2, &[4_000, 6_000], &[5_000, 5_000], true));
        moves.add(moved(3, &[5_000, 5_000], &[6_000, 4_000], true));
        assert_eq!(moves.all().iter().map(|m| m.at).collect::<Vec<_>>(), [at(2), at(3)]);
        assert_eq!(moves.defended_since(at(3)), Weight::from_bps(1_000));
        assert_eq!(moves.defended_since(at(2)), Weight::from_bps(2_000));
        moves.undo(at(3));
        assert_eq!(moves.all().len(), 1);
        for hour in 0..1_000 {
            moves.add(moved(hour, &[5_000, 5_000], &[6_000, 4_000], false));
        }
        assert_eq!((moves.all().len(), moves.all()[0].at), (MOST, at(1_000 - MOST as u64)));
    }
}
