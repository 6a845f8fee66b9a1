//! Episodes that no market had. A few real ones are not enough to choose numbers by, so that chance makes many: how deep a coin falls, how
//! fast, who falls with it, and whether it comes back.
//!
//! It comes back as often as the market says: a coin at price `m` that is worth `R` when it dies, dies with probability `(1-m)/(1-R)` in a
//! market that expects neither to gain nor to lose. Nobody can make money on average by guessing, only save costs and bear less.

use std::time::Duration;

use super::story::Story;
use crate::domain::ids::AssetId;
use crate::domain::position::Mandate;
use crate::domain::units::Timestamp;

/// What a dead coin is worth, and par, in hundredths of a cent.
const DEAD: u32 = 500;
const PAR: u32 = 10_000;
/// Rest before it begins.
const REST: Duration = hours(36);
/// How long an episode lasts with the rest before and after it.
const LASTS: Duration = hours(21 * 24);
/// 2020-01-01: an episode is in no history.
const BEGINS: Timestamp = Timestamp::from_secs(1_577_836_800);

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours.saturating_mul(3_600))
}

/// A price in hundredths of a cent at a time after the beginning.
type Knot = (Duration, u32);

/// One episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    words: String,
    coins: Vec<(AssetId, Vec<Knot>)>,
}

impl Episode {
    /// The episode of a seed, for a pool's coins. The first to fall takes those of its risk group with it.
    #[must_use]
    pub fn draw(mandate: &Mandate, seed: u64) -> Option<Self> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let first = rng.usize(0..mandate.assets.len().max(1));
        let asset = mandate.assets.get(first)?;
        // From a third of a percent to forty percent, small falls as likely as great ones.
        let depth = (0.0033f64.ln() + rng.f64() * (0.4f64 / 0.0033).ln()).exp();
        let low = PAR.saturating_sub(hundredths(depth));
        let falls = hours(1).mul_f64((rng.f64() * 48f64.ln()).exp());
        let dies = rng.f64() < f64::from(PAR.saturating_sub(low)) / f64::from(PAR.saturating_sub(DEAD));
        let path = if dies { dying(low, falls, &mut rng) } else { recovering(low, falls, &mut rng) };
        let group = mandate.groups.get(first).cloned().flatten();
        let mut coins = vec![(asset.clone(), path)];
        for (other, of) in mandate.assets.iter().zip(&mandate.groups).filter(|(other, _)| *other != asset) {
            if group.is_some() && *of == group {
                let share = rng.f64() * 0.9;
                let low = PAR.saturating_sub(hundredths(depth * share));
                coins.push((other.clone(), recovering(low, falls, &mut rng)));
            }
        }
        let words =
            format!("{asset} falls to {:.4} and {}", f64::from(low) / f64::from(PAR), if dies { "dies" } else { "is back" });
        Some(Self { words, coins })
    }

    /// What happens in it.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Gives it as a story.
    pub fn told<T>(&self, tell: impl FnOnce(&Story<'_>) -> T) -> T {
        let coins: Vec<(&str, &[Knot])> = self.coins.iter().map(|(asset, path)| (asset.as_str(), path.as_slice())).collect();
        tell(&Story { name: "episode", words: &self.words, branch: BEGINS, lasts: LASTS, coins: &coins })
    }
}

/// Down, up and down on the way, and at last home within hours or ten days.
fn recovering(low: u32, falls: Duration, rng: &mut fastrand::Rng) -> Vec<Knot> {
    let mut path = falling(low, falls, rng);
    let takes = hours(3).mul_f64((rng.f64() * 80f64.ln()).exp());
    let depth = f64::from(PAR.saturating_sub(low));
    let mut at = REST.saturating_add(falls);
    for back in [0.3 + 0.4 * rng.f64(), 0.2 + 0.5 * rng.f64(), 0.8 + 0.15 * rng.f64()] {
        at = at.saturating_add(takes.mul_f64(0.1 + 0.2 * rng.f64()));
        path.push((at, low.saturating_add(whole(depth * back))));
    }
    path.push((REST.saturating_add(falls).saturating_add(takes), PAR));
    path
}

/// Down, and in a week to nothing much.
fn dying(low: u32, falls: Duration, rng: &mut fastrand::Rng) -> Vec<Knot> {
    let mut path = falling(low, falls, rng);
    let takes = hours(24).saturating_add(hours(6 * 24).mul_f64(rng.f64()));
    let from = REST.saturating_add(falls);
    for (part, left) in [(0.15, 0.7), (0.35, 0.4), (0.6, 0.2)] {
        path.push((
            from.saturating_add(takes.mul_f64(part)),
            DEAD.saturating_add(whole(f64::from(low.saturating_sub(DEAD)) * left)),
        ));
    }
    path.push((from.saturating_add(takes), DEAD));
    path
}

fn falling(low: u32, falls: Duration, rng: &mut fastrand::Rng) -> Vec<Knot> {
    let depth = f64::from(PAR.saturating_sub(low));
    let half = REST.saturating_add(falls.mul_f64(0.3 + 0.4 * rng.f64()));
    vec![(REST, PAR), (half, PAR.saturating_sub(whole(depth * (0.2 + 0.5 * rng.f64())))), (REST.saturating_add(falls), low)]
}

fn hundredths(part: f64) -> u32 {
    whole(part * f64::from(PAR))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a price that chance has made; saturates")]
fn whole(number: f64) -> u32 {
    number.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::allocation::Allocation;
    use crate::domain::ids::GroupId;
    use crate::domain::units::Weight;

    fn mandate() -> Mandate {
        let thirds = vec![Weight::from_bps(3_000), Weight::from_bps(3_000), Weight::from_bps(4_000)];
        let assets = ["DAI", "USDC", "USDT"].map(AssetId::new).to_vec();
        let target = Allocation::exact(thirds).unwrap();
        let mandate = Mandate::plain(assets, target, vec![Weight::ZERO; 3], vec![Weight::ONE; 3]);
        let usdc = Some(GroupId::new("usdc"));
        Mandate { groups: vec![usdc.clone(), usdc, None], ..mandate }
    }

    #[test]
    fn an_episode_ends_as_often_in_death_as_the_market_says() {
        let mandate = mandate();
        let (mut died, mut said) = (0.0, 0.0);
        for seed in 0..4_000 {
            let episode = Episode::draw(&mandate, seed).unwrap();
            let (_, path) = &episode.coins[0];
            let low = f64::from(path[2].1) / 1e4;
            said += (1.0 - low) / 0.95;
            died += f64::from(u8::from(path.last().unwrap().1 == DEAD));
            assert!(path.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{path:?}");
            assert!(path.last().unwrap().0 < LASTS, "{path:?}");
        }
        assert!((died / said - 1.0_f64).abs() < 0.1, "{died} of {said}");
    }

    #[test]
    fn the_same_seed_makes_the_same_episode() {
        let mandate = mandate();
        assert_eq!(Episode::draw(&mandate, 5), Episode::draw(&mandate, 5));
        assert_ne!(Episode::draw(&mandate, 5), Episode::draw(&mandate, 6));
    }
}
