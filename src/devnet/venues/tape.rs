//! What a venue quotes. A [`Board`] looks at the market at each tick and draws a [`Tape`], which all connections of the venue read, so
//! that all of them say the same.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use tokio::sync::watch;

use super::mood::{VenueMood, VenueName};
use crate::devnet::coins::{Coin, PerCoin};
use crate::domain::units::Timestamp;
use crate::ports::Clock;

/// Dollars for each coin at a time.
pub(super) type Prices = dyn Fn(Timestamp) -> PerCoin<f64> + Send + Sync;

/// The part of a price that noise moves it by at most: two basis points, as far as venues are apart on a quiet day.
const NOISE: f64 = 0.000_2;
/// Half of a spread on a quiet day, as a part of the price.
const CALM_HALF: f64 = 0.000_1;
/// How much of its distance from par a price adds to half of its spread: books get thin in stress.
const STRESS: f64 = 0.01;
/// The widest half of a spread: at more, nobody would believe the book.
const WIDEST_HALF: f64 = 0.001_5;
/// What stands at the top of a book, about, in coins.
const SIZE: f64 = 250_000.0;
/// The part of a size that noise changes it by at most.
const SIZE_NOISE: f64 = 0.2;

/// What is quoted.
#[derive(Debug)]
pub(super) struct Pair {
    /// As the venue calls it.
    pub(super) name: &'static str,
    pub(super) coin: Coin,
    /// In what; dollars if nothing.
    pub(super) against: Option<Coin>,
    /// Digits of a price after the decimal point.
    pub(super) decimals: i32,
}

const fn usd(name: &'static str, coin: Coin, decimals: i32) -> Pair {
    Pair { name, coin, against: None, decimals }
}

const KRAKEN: [Pair; 3] = [usd("USDC/USD", Coin::Usdc, 4), usd("USDT/USD", Coin::Usdt, 5), usd("DAI/USD", Coin::Dai, 5)];
const COINBASE: [Pair; 2] = [usd("USDT-USD", Coin::Usdt, 5), usd("DAI-USD", Coin::Dai, 5)];
const BINANCE: [Pair; 1] = [Pair { name: "USDCUSDT", coin: Coin::Usdc, against: Some(Coin::Usdt), decimals: 5 }];
/// Pyth calls its feeds by numbers; these are the ones of its own network.
const PYTH: [Pair; 3] = [
    usd("eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a", Coin::Usdc, 8),
    usd("2b89b9dc8fdf9f34709a5b106b472f0f39bb6ca9ce04b0fd7f2e971688e2e53b", Coin::Usdt, 8),
    usd("b0948a5e5313200c632b51bb5ca32f6de0d36e9950a942d19751e833f70dabfd", Coin::Dai, 8),
];

/// The number of a coin's feed.
pub(in crate::devnet) const fn pyth_feed(coin: Coin) -> &'static str {
    let [circle, tether, maker] = &PYTH;
    match coin {
        Coin::Usdc => circle.name,
        Coin::Usdt => tether.name,
        Coin::Dai => maker.name,
    }
}

impl VenueName {
    const fn pairs(self) -> &'static [Pair] {
        match self {
            Self::Kraken => &KRAKEN,
            Self::Coinbase => &COINBASE,
            Self::Binance => &BINANCE,
            Self::Pyth => &PYTH,
        }
    }

    /// How far it is behind the market: the time until somebody trades there on the news. The books of Kraken and Binance are busy,
    /// Coinbase's books of these coins are not, and Pyth's publishers look at all of them.
    pub(super) const fn lag(self) -> Duration {
        match self {
            Self::Kraken | Self::Binance => Duration::from_secs(2),
            Self::Coinbase => Duration::from_secs(3),
            Self::Pyth => Duration::from_secs(1),
        }
    }

    /// How long its noise stays the same. Kraken and Coinbase say nothing but signs of life as long as nothing moves; Binance and
    /// Pyth always have something new.
    const fn stir(self) -> Duration {
        match self {
            Self::Kraken | Self::Coinbase => Duration::from_secs(20),
            Self::Binance | Self::Pyth => Duration::from_secs(1),
        }
    }

    const fn seed(self) -> u64 {
        match self {
            Self::Kraken => 0x4B52,
            Self::Coinbase => 0x4342,
            Self::Binance => 0x424E,
            Self::Pyth => 0x5059,
        }
    }
}

/// The top of a book.
#[derive(Clone, Debug)]
pub(super) struct Quote {
    pub(super) pair: &'static Pair,
    /// In the middle.
    pub(super) price: f64,
    /// From the middle to either side.
    pub(super) half: f64,
    pub(super) bid: f64,
    pub(super) ask: f64,
    pub(super) bid_size: f64,
    pub(super) ask_size: f64,
    /// How often bid or ask has changed.
    pub(super) moves: u64,
}

impl Quote {
    const fn blank(pair: &'static Pair) -> Self {
        Self { pair, price: 1.0, half: 0.0, bid: 0.0, ask: 0.0, bid_size: 0.0, ask_size: 0.0, moves: 0 }
    }

    fn redraw(&mut self, dollars: &PerCoin<f64>, mut noise: Noise) {
        let unit = self.pair.against.map_or(1.0, |coin| *dollars.get(coin));
        let fair = *dollars.get(self.pair.coin) / unit;
        self.price = fair * (1.0 + NOISE * noise.next());
        self.half = self.price * (CALM_HALF + STRESS * (fair - 1.0).abs()).min(WIDEST_HALF);
        let scale = 10f64.powi(self.pair.decimals);
        let bid = ((self.price - self.half) * scale).floor() / scale;
        let ask = ((self.price + self.half) * scale).ceil() / scale;
        let same = bid.to_bits() == self.bid.to_bits() && ask.to_bits() == self.ask.to_bits();
        self.moves = self.moves.saturating_add(u64::from(!same));
        (self.bid, self.ask) = (bid, ask);
        self.bid_size = SIZE * (1.0 + SIZE_NOISE * noise.next());
        self.ask_size = SIZE * (1.0 + SIZE_NOISE * noise.next());
    }
}

/// What a venue says at a moment.
#[derive(Clone, Debug)]
pub(super) struct Tape {
    pub(super) mood: VenueMood,
    /// By the venue's own clock.
    pub(super) at: Timestamp,
    /// Rises with each tape.
    pub(super) number: u64,
    pub(super) quotes: Vec<Quote>,
}

impl Tape {
    /// The quote of a pair, by the venue's name for it.
    pub(super) fn quote(&self, name: &str) -> Option<&Quote> {
        self.quotes.iter().find(|quote| quote.pair.name == name)
    }

    /// The venue's time as exchanges write it.
    pub(super) fn time(&self) -> String {
        let at = i64::try_from(self.at.millis()).ok().and_then(DateTime::from_timestamp_millis);
        at.map_or_else(|| self.at.to_string(), |at| at.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

/// Draws the tapes of a venue.
pub(super) struct Board {
    name: VenueName,
    prices: Arc<Prices>,
    clock: Arc<dyn Clock>,
    tape: watch::Sender<Tape>,
}

impl Board {
    /// An honest venue, with its first tape.
    pub(super) fn new(name: VenueName, prices: Arc<Prices>, clock: Arc<dyn Clock>) -> Self {
        let quotes = name.pairs().iter().map(Quote::blank).collect();
        let blank = Tape { mood: VenueMood::Honest, at: clock.now(), number: 0, quotes };
        let board = Self { name, prices, clock, tape: watch::Sender::new(blank) };
        board.draw();
        board
    }

    pub(super) const fn name(&self) -> VenueName {
        self.name
    }

    /// To read the newest tape; closed when the venue is.
    pub(super) fn listen(&self) -> watch::Receiver<Tape> {
        self.tape.subscribe()
    }

    /// Draws a new tape.
    pub(super) fn draw(&self) {
        self.tape.send_modify(|tape| self.redraw(tape));
    }

    /// Draws a new tape in another mood.
    pub(super) fn set_mood(&self, mood: VenueMood) {
        self.tape.send_modify(|tape| {
            tape.mood = mood;
            self.redraw(tape);
        });
    }

    fn redraw(&self, tape: &mut Tape) {
        let now = self.clock.now();
        let mut dollars = (self.prices)(now.minus(self.name.lag()));
        tape.at = now;
        match tape.mood {
            VenueMood::Lies(price) => dollars.usdc = price,
            VenueMood::Skewed(secs) if secs < 0 => tape.at = now.minus(Duration::from_secs(secs.unsigned_abs())),
            VenueMood::Skewed(secs) => tape.at = now.plus(Duration::from_secs(secs.unsigned_abs())),
            VenueMood::Honest | VenueMood::Silent | VenueMood::Refuses | VenueMood::Garbage => {}
        }
        tape.number = tape.number.saturating_add(1);
        let stretch = now.secs() / self.name.stir().as_secs().max(1);
        for (quote, index) in tape.quotes.iter_mut().zip(0..) {
            quote.redraw(&dollars, Noise::new(self.name.seed(), index, stretch));
        }
    }
}

/// Numbers that look random and are the same in every run at the same time.
struct Noise(u64);

impl Noise {
    const fn new(seed: u64, index: u64, stretch: u64) -> Self {
        Self(seed.rotate_left(48) ^ index.rotate_left(40) ^ stretch)
    }

    /// From -1 to 1. Steele, Lea and Flood's `SplitMix64`: short, and good enough for any number of seeds that differ in a bit.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let half = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or_default();
        f64::from(half) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}
