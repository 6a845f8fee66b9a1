//! Sources of one asset, what they say, and the watch that hears them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use ballast::actors::board::Board;
use ballast::actors::peg_watch::{PegWatch, PegWatchArgs, PegWatchMsg};
use ballast::clock::WallClock;
use ballast::domain::ids::{AssetId, SourceId};
use ballast::domain::peg::{Band, Explanation, Peg, PegRule, Trust, VoteRule};
use ballast::domain::reading::{Quote, Reading, ReadingFault};
use ballast::domain::source::{Group, Source, Unit};
use ballast::domain::units::{Price, Timestamp};
use ballast::journal::memory::MemoryJournal;
use ballast::observe::Observer;
use ballast::observe::heartbeat::Heartbeats;
use ballast::observe::metrics::Metrics;
use ballast::ports::Clock;
use ractor::{Actor, ActorRef};

pub(crate) const SOURCES: u32 = 200;
pub(crate) const GOOD_FOR: Duration = Duration::from_secs(120);

/// One basis point of a dollar.
const BP: u128 = 100_000_000_000_000;

/// A watch over one asset, beside two others in one of which a third of the sources quote.
pub(crate) struct Market {
    pub(crate) clock: Arc<WallClock>,
    pub(crate) board: Board<Peg>,
    pub(crate) sources: Vec<Arc<Source>>,
    watch: ActorRef<PegWatchMsg>,
    others: BTreeMap<AssetId, Board<Peg>>,
}

impl Market {
    pub(crate) async fn open() -> Self {
        let clock = Arc::new(WallClock::read());
        let [asset, tether, dai] = ["USDC", "USDT", "DAI"].map(AssetId::new);
        let unheard = |asset: &AssetId| Board::new(Peg::unheard(asset.clone(), clock.now()));
        let (board, others) = (unheard(&asset), [&tether, &dai].map(|other| (other.clone(), unheard(other))).into());
        let args = PegWatchArgs {
            asset: asset.clone(),
            rule: rule(),
            votes: VoteRule { defend: 2, reenter: 3, agree_bps: 30, untrusted_bps: 150, outlier_bps: 30, outlier_mads: 4 },
            others,
            risk_group: vec![dai],
            board: board.clone(),
            recorder: None,
            journal: Arc::new(MemoryJournal::default()),
            clock: clock.clone(),
            observer: Observer::new(Metrics::new().unwrap(), clock.clone()),
            hearts: Heartbeats::default(),
        };
        let others = args.others.clone();
        let watch = Actor::spawn(None, PegWatch, args).await.unwrap().0;
        let sources = (0..SOURCES).map(|number| source(number, &asset, &tether)).collect();
        let market = Self { clock, board, sources, watch, others };
        market.hears().await;
        market
    }

    /// Waits until the watch knows its past; before that it hears nobody.
    async fn hears(&self) {
        while self.explain().await.ballots.is_empty() {
            self.others_stand_at_par(self.clock.now());
            self.tell(self.reading(0, 0, self.clock.now()));
        }
    }

    pub(crate) fn tell(&self, reading: Reading) {
        self.watch.cast(PegWatchMsg::Reading(reading)).unwrap();
    }

    /// What follows from everything that was told before.
    pub(crate) async fn explain(&self) -> Explanation {
        ractor::call!(self.watch, PegWatchMsg::Explain).unwrap()
    }

    pub(crate) fn others_stand_at_par(&self, now: Timestamp) {
        for other in self.others.values() {
            other.modify(|peg| (peg.trust, peg.level, peg.as_of) = (Trust::Trusted, Some(Price::PAR), now));
        }
    }

    /// A source says that the asset is so many basis points below par, give or take a few that change from reading to reading.
    pub(crate) fn reading(&self, number: u32, below_bps: u32, at: Timestamp) -> Reading {
        let source = Arc::clone(&self.sources[number as usize]);
        let noise = u128::from(noise(u64::from(number), at.millis()) % 1_000) * BP / 250;
        let price = Price::from_wad(Price::PAR.wad() + 2 * BP - u128::from(below_bps) * BP - noise).unwrap();
        // A block every twelve seconds.
        let block = source.group.is_on_chain().then(|| B256::left_padding_from(&(at.secs() / 12).to_be_bytes()));
        Reading { source, quote: Ok(Quote::within(price, 5, at)), as_of: at, block }
    }

    /// The same source has nothing to say, for a reason of its own.
    pub(crate) fn fault(&self, number: u32, at: Timestamp) -> Reading {
        let fault = match number % 4 {
            0 => ReadingFault::Disconnected("the other side has hung up".to_owned()),
            1 => ReadingFault::Stale { age: 2 * GOOD_FOR, limit: GOOD_FOR },
            2 => ReadingFault::Garbled("a word that nobody knows".to_owned()),
            _ => ReadingFault::FromTheFuture { ahead: Duration::from_secs(90) },
        };
        Reading { quote: Err(fault), ..self.reading(number, 0, at) }
    }

    pub(crate) fn close(self) {
        self.watch.stop(None);
    }
}

/// A number that looks like chance and is the same in every run.
pub(crate) const fn noise(one: u64, other: u64) -> u64 {
    let mixed = (one.wrapping_add(1)).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ other.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 32
}

fn source(number: u32, asset: &AssetId, tether: &AssetId) -> Arc<Source> {
    let group = Group::ALL[number as usize % Group::ALL.len()];
    let unit = match group {
        Group::CrossBooks | Group::Dex => Unit::Asset(tether.clone()),
        _ => Unit::Usd,
    };
    let id = SourceId::new(&format!("{group}:{number}"));
    Arc::new(Source { id, asset: asset.clone(), unit, group, advisory: number % 50 == 49, good_for: GOOD_FOR })
}

/// The lines of the defaults with shorter holds, so that a day holds several episodes from their beginning to their end.
fn rule() -> PegRule {
    let band = |below_bps, minutes: u64| Band { below_bps, hold: Duration::from_secs(60 * minutes) };
    PegRule {
        watch: band(25, 15),
        stressed: band(50, 5),
        depegged: band(100, 5),
        crashed: band(200, 1),
        reenter: band(25, 30),
        reenter_slow: band(50, 60),
        settle: Duration::from_secs(2 * 3_600),
        disable_after: Duration::from_secs(72 * 3_600),
        gap: Duration::from_secs(60),
    }
}
