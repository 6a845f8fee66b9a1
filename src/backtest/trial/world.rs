//! What is the same for every policy: what coins cost, what was known of them, what gas cost, how much was traded and what lending paid,
//! at every tick of a stretch of time.

use std::sync::OnceLock;
use std::time::Duration;

use super::archive::{Archive, GasDay, Rate};
use super::lanes::Lanes;
use super::market::Market;
use super::pegs::PegTape;
use super::steps::Steps;
use super::story::Story;
use crate::backtest::court::{Judge, Span, in_closes};
use crate::domain::ids::AssetId;
use crate::domain::peg::{PegRule, VoteRule};
use crate::domain::position::{BlockStamp, Mandate};
use crate::domain::units::{GasPrice, Price, Timestamp, WAD, Weight};
use crate::domain::yields::{Apy, GrowthRule, Said, YieldReading, YieldRule, YieldTrack};

/// For how long pegs are judged before the first tick, so that nothing begins blind.
pub const WARM_UP: Duration = Duration::from_hours(24);

/// The price of ether in a story, in dollars.
const ETHER: Price = match Price::from_wad(2_000 * WAD) {
    Some(price) => price,
    None => Price::PAR,
};

/// How pegs are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Law {
    /// Lines and windows.
    pub rule: PegRule,
    /// How sources vote.
    pub votes: VoteRule,
    /// How long after an asset is disabled a human lets it back; `None`: never.
    pub operator: Option<Duration>,
}

/// Everything that happens by itself.
#[derive(Clone, Debug)]
pub struct World {
    /// What it is called.
    pub name: String,
    /// From when, and how far apart the ticks are.
    pub span: Span,
    /// What coins cost.
    pub market: Market,
    /// What is known of their pegs.
    pub pegs: PegTape,
    /// What gas costs.
    pub gas: Steps<GasDay>,
    /// The part of a pool's liquidity that is traded in a day by whoever does not do it for profit.
    pub turnover: Steps<Weight>,
    /// What each asset earns elsewhere, in basis points a year, as the bot counts it.
    pub earns: Vec<Steps<Option<u64>>>,
    /// What was assumed or done to the data.
    pub notes: Vec<String>,
    /// Made when first asked for, from all of the above.
    lanes: OnceLock<Lanes>,
}

/// Why there is no such world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorldFault {
    /// Nothing is known of a price.
    #[error("there is no price of {asset} at {at}: name a time within the data with --from and --to, or add a file that has one")]
    NoPrice {
        /// The asset.
        asset: AssetId,
        /// When.
        at: Timestamp,
    },
    /// Nothing is known of gas.
    #[error(
        "there is no price of gas at {0}: add ethereum_gas_daily_PERIOD.csv for these days, or name a time within the data with \
         --from and --to"
    )]
    NoGas(Timestamp),
    /// Nothing is left of the time.
    #[error("there is no time between {from} and {until}, expected a day at least")]
    Short {
        /// The beginning.
        from: Timestamp,
        /// The end.
        until: Timestamp,
    },
}

impl World {
    /// The moment of a tick.
    #[must_use]
    pub fn time(&self, tick: usize) -> Timestamp {
        let ticks = u32::try_from(tick).unwrap_or(u32::MAX);
        self.span.from.plus(self.span.step.saturating_mul(ticks))
    }

    /// The first tick that is not before a moment.
    #[must_use]
    pub(super) fn tick_at(&self, at: Timestamp) -> usize {
        let ticks = at.since(self.span.from).as_millis().div_ceil(self.span.step.as_millis().max(1));
        usize::try_from(ticks).unwrap_or(usize::MAX)
    }

    /// How many ticks there are.
    #[must_use]
    pub fn ticks(&self) -> usize {
        self.market.ticks().min(self.pegs.ticks())
    }

    /// Its numbers as runs read them.
    pub(super) fn lanes(&self) -> &Lanes {
        self.lanes.get_or_init(|| Lanes::of(self))
    }

    /// History as it happened.
    ///
    /// # Errors
    /// Something is not known at some time of it.
    pub fn of_history(archive: &Archive, span: Span, mandate: &Mandate, law: Law) -> Result<Self, WorldFault> {
        let Span { from, until, step } = span;
        if until.since(from) < Duration::from_hours(24) {
            return Err(WorldFault::Short { from, until });
        }
        let market = archive.market(&mandate.assets, span).map_err(|(asset, at)| WorldFault::NoPrice { asset, at })?;
        let mut notes = Vec::new();
        let bench = bench(archive, mandate, law, step, &mut notes);
        let pegs = PegTape::judge(archive.tape(), span, WARM_UP, &bench, law.operator, &mandate.assets);
        let name = "as it happened".to_owned();
        Self { name, span, market, pegs, notes, ..Self::quiet(span, mandate) }.with_weather(archive)
    }

    /// History until a story leaves it, and then the story.
    ///
    /// # Errors
    /// Something is not known at some time of the history.
    pub fn of_branch(
        archive: &Archive,
        story: &Story<'_>,
        from: Timestamp,
        mandate: &Mandate,
        law: Law,
        seed: u64,
    ) -> Result<Self, WorldFault> {
        let (step, branch, until) = (story.span().step, story.branch, story.span().until);
        if branch.since(from) < Duration::from_hours(24) {
            return Err(WorldFault::Short { from, until: branch });
        }
        let past = Span { from, until: branch.plus(step), step };
        let mut market = archive.market(&mandate.assets, past).map_err(|(asset, at)| WorldFault::NoPrice { asset, at })?;
        let begins: Vec<Price> = market.prices.iter().filter_map(|of| of.last().copied()).collect();
        let told = story.tell(&mandate.assets, &begins, seed);
        for (of, story) in market.prices.iter_mut().zip(told.market.prices) {
            of.pop();
            of.extend(story);
        }
        for (of, story) in market.coverage.iter_mut().zip(&told.market.coverage) {
            of.synthetic = story.synthetic;
        }
        let mut notes = vec![format!("from {branch} on it is a story: {}", story.words)];
        let bench = bench(archive, mandate, law, step, &mut notes);
        let tape = archive.tape().into_iter().filter(|(at, _)| *at < branch).chain(told.tape);
        let span = Span { from, until, step };
        let pegs = PegTape::judge(tape, span, WARM_UP, &bench, law.operator, &mandate.assets);
        let name = story.words.to_owned();
        Self { name, span, market, pegs, notes, ..Self::quiet(span, mandate) }.with_weather(archive)
    }

    /// A story without any history. Gas is dear while coins fall, as it always was.
    #[must_use]
    pub fn of_story(story: &Story<'_>, mandate: &Mandate, law: Law, seed: u64) -> Self {
        let span = story.span();
        let begins = vec![Price::PAR; mandate.assets.len()];
        let told = story.tell(&mandate.assets, &begins, seed);
        let Law { rule, votes, operator } = law;
        let judge = |asset: &AssetId| Judge {
            asset: asset.clone(),
            rule: in_closes(rule, span.step),
            votes,
            alike: alike(mandate, asset),
        };
        let bench: Vec<Judge> = mandate.assets.iter().map(judge).collect();
        let pegs = PegTape::judge(told.tape, span, Duration::ZERO, &bench, operator, &mandate.assets);
        let weather =
            "a fifth of all liquidity is traded in a day; gas costs 25 gwei, and 100 while a coin is more than 1 % below par";
        let notes = vec![story.words.to_owned(), weather.to_owned()];
        let mut world = Self { name: story.name.to_owned(), market: told.market, pegs, notes, ..Self::quiet(span, mandate) };
        let falls =
            |tick: usize| world.market.prices.iter().any(|of| of.get(tick).is_some_and(|price| price.bps_below_par() > 100));
        let dear: Vec<(usize, u64)> = (0..world.market.ticks()).map(|tick| (tick, if falls(tick) { 100 } else { 25 })).collect();
        for (tick, gwei) in dear {
            world.gas.note(tick, GasDay { price: GasPrice::from_gwei(gwei), ether: ETHER });
        }
        world
    }

    /// A world in which nothing is known but its time.
    fn quiet(span: Span, mandate: &Mandate) -> Self {
        Self {
            name: String::new(),
            span,
            market: Market { assets: mandate.assets.clone(), prices: Vec::new(), coverage: Vec::new() },
            pegs: PegTape::default(),
            gas: Steps::default(),
            turnover: Steps::constant(Weight::from_bps(2_000)),
            earns: vec![Steps::constant(None); mandate.assets.len()],
            notes: Vec::new(),
            lanes: OnceLock::new(),
        }
    }

    /// Gas, volumes and yields as the files have them.
    fn with_weather(mut self, archive: &Archive) -> Result<Self, WorldFault> {
        let Span { from, until, step } = self.span;
        let tick = |at: Timestamp| usize::try_from(at.since(from).as_secs() / step.as_secs().max(1)).unwrap_or(usize::MAX);
        for (day, of) in archive.gas.range(..until) {
            self.gas.note(tick(*day), *of);
        }
        if archive.gas.range(..=from).next_back().is_none_or(|(day, _)| from.since(*day) >= WARM_UP) {
            return Err(WorldFault::NoGas(from));
        }
        self.turnover = Steps::constant(Weight::ZERO);
        for (day, of) in archive.turnover.range(..until) {
            self.turnover.note(tick(*day), *of);
        }
        if archive.turnover.is_empty() {
            self.notes.push("nobody but arbitrageurs trades: there is no file of volumes".to_owned());
        }
        let days = archive.gas.range(from..until).count();
        let wanted = usize::try_from(until.since(from).as_secs() / 86_400).unwrap_or(usize::MAX);
        if days < wanted {
            self.notes.push(format!("gas is known of {days} days of {wanted}; the others have that of the day before"));
        }
        if let Some((last, _)) = archive.gas.last_key_value()
            && until.since(*last) > WARM_UP
        {
            self.notes.push(format!("gas, volumes and yields after {last} are those of that day"));
        }
        self.earns = self.market.assets.iter().map(|asset| earns(archive, asset, self.span)).collect();
        Ok(self)
    }
}

/// The judges, those first in whose units others are quoted. A quorum is never larger than the number of groups that have a word on an
/// asset in this data: what is not there cannot vote, and a deployment would have other sources.
fn bench(
    archive: &Archive,
    mandate: &Mandate,
    Law { rule, votes, .. }: Law,
    step: Duration,
    notes: &mut Vec<String>,
) -> Vec<Judge> {
    let of_pool = |asset: &AssetId| mandate.assets.contains(asset);
    let assets: Vec<AssetId> = archive.history.assets.iter().filter(|asset| of_pool(asset)).cloned().collect();
    let rule = in_closes(rule, step);
    assets
        .iter()
        .map(|asset| {
            let groups = archive.groups(asset).max(1);
            let votes = VoteRule { defend: votes.defend.min(groups), reenter: votes.reenter.min(groups), ..votes };
            notes.push(format!(
                "{asset}: {groups} groups of sources; {} of them conclude that it is below a line, {} that it is back",
                votes.defend, votes.reenter
            ));
            Judge { asset: asset.clone(), rule, votes, alike: alike(mandate, asset) }
        })
        .collect()
}

/// The assets of the same risk group.
fn alike(mandate: &Mandate, asset: &AssetId) -> Vec<AssetId> {
    let group = mandate.position_of(asset).and_then(|at| mandate.groups.get(at).cloned().flatten());
    let Some(group) = group else { return Vec::new() };
    let others = mandate.assets.iter().zip(&mandate.groups);
    others.filter(|(other, of)| of.as_ref() == Some(&group) && *other != asset).map(|(other, _)| other.clone()).collect()
}

/// How a rate becomes a yield that counts: the built-in rule for markets of Aave v3.
fn yield_rule() -> YieldRule {
    YieldRule {
        half_life: Duration::from_hours(24),
        warm_up: Duration::from_hours(6),
        cap: Apy::from_bps(2_000).unwrap_or(Apy::ZERO),
        max_utilisation: Weight::from_bps(9_500),
        growth: GrowthRule::USUAL,
    }
}

/// What an asset earns, as the bot would count it from the rates that it reads.
fn earns(archive: &Archive, asset: &AssetId, span: Span) -> Steps<Option<u64>> {
    let mut steps = Steps::constant(None);
    let Some(rates) = archive.rates.get(asset) else { return steps };
    let mut track = YieldTrack::new(yield_rule(), Duration::from_hours(2));
    for (at, Rate { apr, utilisation }) in rates.range(span.from.minus(WARM_UP.saturating_mul(2))..span.until) {
        let block = BlockStamp { number: 0, hash: super::pegs::BLOCK, timestamp: *at };
        let Some(apy) = apr.compounded() else { continue };
        let look = track.take(&YieldReading { said: Said::Rate { apy, share: None }, utilisation: *utilisation, block });
        let earns = look.yields.ok().and_then(|found| u64::try_from(found.smooth.wad() / (WAD / 10_000)).ok());
        let tick = usize::try_from(at.since(span.from).as_secs().div_ceil(span.step.as_secs().max(1))).unwrap_or(usize::MAX);
        steps.note(tick, earns);
    }
    steps
}
