//! What could have happened: a story goes on from a moment of history, or begins with nothing, and tells what each coin costs from then
//! on. What was said of the coins is made from it, by sources as they are: books that trade every minute, a feed that is
//! as quick, and an oracle that writes when the price has moved.
//!
//! The same seed makes the same story, to the last digit.

use std::sync::Arc;
use std::time::Duration;

use super::market::{Coverage, Market};
use crate::backtest::court::Span;
use crate::backtest::{files, tape};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::reading::Reading;
use crate::domain::source::{Group, Source, Unit};
use crate::domain::units::{Price, Timestamp, WAD};

const MINUTE: Duration = Duration::from_mins(1);
/// What an oracle waits for before it writes, in basis points, and how long that takes.
const ORACLE_BPS: u128 = 25;
const ORACLE_DELAY: Duration = MINUTE;
const HEARTBEAT: Duration = days(1);
/// How far a price and each book's word jump about, in hundredths of a basis point.
const JITTER: u128 = 100;

/// A story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story<'a> {
    /// What it is called on the command line.
    pub name: &'a str,
    /// In words.
    pub words: &'a str,
    /// When it leaves history; a story without history begins here.
    pub branch: Timestamp,
    /// How long it goes on.
    pub lasts: Duration,
    /// What each coin costs at moments after the branch, in hundredths of a cent; on straight lines in between, and at par without any.
    pub coins: &'a [(&'a str, &'a [(Duration, u32)])],
}

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours.saturating_mul(3_600))
}

const fn days(days: u64) -> Duration {
    hours(days.saturating_mul(24))
}

/// USDC at its lowest trade: 2023-03-11T07:15:00Z.
const LOW: Timestamp = Timestamp::from_secs(1_678_518_900);
/// Before anybody worried: 2023-03-09T12:00:00Z.
const QUIET: Timestamp = Timestamp::from_secs(1_678_363_200);
/// A coin that dies: half of what is left in a day, and half of that in the next.
const DIES: &[(Duration, u32)] = &[
    (hours(24), 6_500),
    (hours(48), 4_000),
    (hours(72), 2_400),
    (hours(96), 1_400),
    (hours(120), 900),
    (hours(144), 650),
    (hours(168), 500),
];
const RECOVERS: &[(Duration, u32)] = &[(hours(24), 9_700), (hours(48), 9_950), (hours(60), 9_990), (hours(72), 10_000)];

/// What March 2023 could have been.
pub const MARCH: [Story<'static>; 5] = [
    Story {
        name: "dies",
        words: "USDC dies after its low, and DAI recovers",
        branch: LOW,
        lasts: days(30),
        coins: &[("USDC", DIES), ("DAI", RECOVERS)],
    },
    Story {
        name: "dies-with-dai",
        words: "USDC dies after its low, and DAI loses half",
        branch: LOW,
        lasts: days(30),
        coins: &[("USDC", DIES), ("DAI", &[(hours(24), 8_000), (hours(72), 6_000), (hours(168), 5_000)])],
    },
    Story {
        name: "stays",
        words: "USDC stays at 0.90 for 90 days, and DAI at 0.95",
        branch: LOW,
        lasts: days(90),
        coins: &[("USDC", &[(hours(6), 9_000)]), ("DAI", &[(hours(6), 9_500)])],
    },
    Story {
        name: "jumps",
        words: "USDC jumps to 0.25 in one block, and DAI to 0.95 within an hour",
        branch: QUIET,
        lasts: days(30),
        coins: &[("USDC", &[(MINUTE, 2_500)]), ("DAI", &[(hours(1), 9_500)])],
    },
    Story {
        name: "bleeds",
        words: "USDC bleeds to 0.70 over 60 days, and DAI to 0.85",
        branch: QUIET,
        lasts: days(75),
        coins: &[("USDC", &[(days(60), 7_000)]), ("DAI", &[(days(60), 8_500)])],
    },
];

/// What is replayed when there is no data: made up from beginning to end, and no evidence of anything.
pub const SYNTHETIC: Story<'static> = Story {
    name: "synthetic",
    words: "SYNTHETIC, no market ever did this: a week of rest, USDC falls to 0.88 within five hours with DAI behind it, both are back \
            after two days, and a week of rest",
    branch: Timestamp::from_secs(1_672_531_200),
    lasts: days(16),
    coins: &[
        (
            "USDC",
            &[
                (days(7), 10_000),
                (hours(169), 9_920),
                (hours(171), 9_600),
                (hours(173), 8_800),
                (hours(180), 9_300),
                (hours(200), 9_700),
                (hours(214), 9_960),
                (hours(222), 9_990),
                (hours(230), 10_000),
            ],
        ),
        (
            "DAI",
            &[
                (days(7), 10_000),
                (hours(170), 9_940),
                (hours(173), 9_000),
                (hours(190), 9_600),
                (hours(214), 9_970),
                (hours(222), 9_995),
                (hours(230), 10_000),
            ],
        ),
    ],
};

/// What a story makes: what coins cost, and what was said of them.
#[derive(Clone, Debug)]
pub struct Told {
    /// What coins cost from the branch on.
    pub market: Market,
    /// What was said of them, in order of time.
    pub tape: Vec<(Timestamp, Reading)>,
}

impl Story<'_> {
    /// Tells it for a pool's assets, which cost `begins` at the branch.
    #[must_use]
    pub fn tell(&self, assets: &[AssetId], begins: &[Price], seed: u64) -> Told {
        let mut rng = fastrand::Rng::with_seed(seed);
        let span = self.span();
        let (mut prices, mut coverage, mut tape) = (Vec::new(), Vec::new(), Vec::new());
        for (asset, begins) in assets.iter().zip(begins) {
            let of = self.prices(asset, *begins, &mut rng);
            tape.extend(said(asset, &of, span, &mut rng));
            coverage.push(Coverage { asset: asset.to_string(), synthetic: of.len(), ..Coverage::default() });
            prices.push(of);
        }
        let tape = files::in_order(tape.into_iter());
        Told { market: Market { assets: assets.to_vec(), prices, coverage }, tape }
    }

    /// Its time.
    #[must_use]
    pub fn span(&self) -> Span {
        Span { from: self.branch, until: self.branch.plus(self.lasts), step: MINUTE }
    }

    fn prices(&self, asset: &AssetId, begins: Price, rng: &mut fastrand::Rng) -> Vec<Price> {
        let points = self.coins.iter().find(|(coin, _)| *coin == asset.as_str()).map_or(&[][..], |(_, points)| *points);
        let mut prices = Vec::new();
        let (mut at, mut next) = (Duration::ZERO, points.iter());
        let mut from = (Duration::ZERO, begins.wad());
        // A coin without a story goes home within a day.
        let mut to = next.next().map_or((days(1), WAD), knot);
        while at < self.lasts {
            while at > to.0
                && let Some(later) = next.next()
            {
                (from, to) = (to, knot(later));
            }
            prices.push(jittered(between(from, to, at), rng));
            at = at.saturating_add(MINUTE);
        }
        prices
    }
}

/// What the sources say of a coin.
fn said(asset: &AssetId, prices: &[Price], span: Span, rng: &mut fastrand::Rng) -> Vec<Reading> {
    let source = |name: &str, group: Group, good_for: Duration| {
        let id = SourceId::new(&format!("{name}:{asset}"));
        Arc::new(Source { id, asset: asset.clone(), unit: Unit::Usd, group, advisory: false, good_for })
    };
    let book = source("book", Group::UsdBooks, tape::BARS.good_for);
    let pyth = source("pyth", Group::Pyth, tape::BARS.good_for);
    // By the name that it has in history, so that its next word takes the place of its last.
    let oracle = source("chainlink", Group::Chainlink, tape::CHAINLINK_GOOD_FOR);
    let mut said = Vec::new();
    let mut written: Option<(Timestamp, Price)> = None;
    let mut now = span.from;
    for price in prices {
        // The bar of a minute is known when it is over; prices are those of its end.
        said.push(tape::said(&book, jittered(price.wad(), rng), tape::BARS.half_spread_bps, now));
        said.push(tape::said(&pyth, jittered(price.wad(), rng), tape::BARS.half_spread_bps, now));
        let moved =
            |last: Price| price.wad().abs_diff(last.wad()).saturating_mul(10_000) >= last.wad().saturating_mul(ORACLE_BPS);
        if written.is_none_or(|(at, last)| moved(last) || now.since(at) >= HEARTBEAT) {
            let late = if written.is_none() { now } else { now.plus(ORACLE_DELAY) };
            written = Some((now, *price));
            said.push(tape::said(&oracle, *price, tape::CHAINLINK_BPS, late));
        }
        now = now.plus(span.step);
    }
    said
}

/// A moment, and a price in hundredths of a cent.
fn knot((at, price): &(Duration, u32)) -> (Duration, u128) {
    (*at, u128::from(*price).saturating_mul(WAD / 10_000))
}

/// On the straight line.
fn between(from: (Duration, u128), to: (Duration, u128), at: Duration) -> u128 {
    if at >= to.0 {
        return to.1;
    }
    let (gone, whole) = (at.saturating_sub(from.0).as_secs(), to.0.saturating_sub(from.0).as_secs().max(1));
    let moved = from.1.abs_diff(to.1) / u128::from(whole) * u128::from(gone);
    if to.1 < from.1 { from.1.saturating_sub(moved) } else { from.1.saturating_add(moved) }
}

/// A price that jumps about a little.
fn jittered(wad: u128, rng: &mut fastrand::Rng) -> Price {
    let step = wad / 1_000_000;
    let moved = step.saturating_mul(rng.u128(0..=JITTER.saturating_mul(2)));
    let wad = wad.saturating_sub(step.saturating_mul(JITTER)).saturating_add(moved);
    Price::from_wad(wad).unwrap_or(Price::CENT)
}

/// A story by its name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Story<'static>> {
    MARCH.iter().find(|story| story.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(seed: u64) -> Told {
        SYNTHETIC.tell(&[AssetId::new("USDC"), AssetId::new("USDT")], &[Price::PAR, Price::PAR], seed)
    }

    #[test]
    fn the_same_seed_tells_the_same_story_and_another_does_not() {
        let (one, same, other) = (told(1), told(1), told(2));
        assert_eq!((&one.market, &one.tape), (&same.market, &same.tape));
        assert_ne!(one.market.prices, other.market.prices);
    }

    #[test]
    fn a_coin_goes_where_the_story_says_and_its_sources_follow_late() {
        let told = told(1);
        let usdc = &told.market.prices[0];
        let at = |hours: usize| usdc[hours * 60].as_f64();
        assert!((at(100) - 1.0).abs() < 2e-4 && (at(173) - 0.88).abs() < 2e-4 && (at(300) - 1.0).abs() < 2e-4);
        assert!((told.market.prices[1][173 * 60].as_f64() - 1.0).abs() < 2e-4, "nobody said anything of it");
        let oracle: Vec<&Reading> =
            told.tape.iter().map(|(_, reading)| reading).filter(|r| r.id().as_str() == "chainlink:USDC").collect();
        assert!(oracle.len() > 50, "{}", oracle.len());
        for reading in oracle.iter().skip(1) {
            let tick = usize::try_from(reading.as_of.since(SYNTHETIC.branch).as_secs() / 60).unwrap();
            assert_eq!(reading.quote.as_ref().unwrap().price, usdc[tick - 1], "a minute late");
        }
    }
}
