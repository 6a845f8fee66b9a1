//! Which venues there are, and what can be wrong with one.

/// A venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VenueName {
    /// Order books against the dollar.
    Kraken,
    /// Order books against the dollar, of USDT and DAI only.
    Coinbase,
    /// The order book of USDC against USDT.
    Binance,
    /// An oracle, whose server is called Hermes.
    Pyth,
}

impl VenueName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Kraken, Self::Coinbase, Self::Binance, Self::Pyth];

    /// A finite, stable word for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Kraken => "kraken",
            Self::Coinbase => "coinbase",
            Self::Binance => "binance",
            Self::Pyth => "pyth",
        }
    }
}

/// How a venue behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum VenueMood {
    /// As its protocol promises.
    #[default]
    Honest,
    /// Connections are taken and stay open, and nothing comes: no price, no sign of life, no answer to a ping.
    Silent,
    /// It quotes USDC at this price, whatever the market says. Coinbase has no book of USDC, and so nothing to lie about.
    Lies(f64),
    /// Everybody is sent away with HTTP status 429, and open connections break.
    Refuses,
    /// What it sends is no JSON.
    Garbage,
    /// Its clock is ahead by so many seconds; behind, if they are below zero. Binance sends no times.
    Skewed(i64),
}

/// What a venue in the mood for [`VenueMood::Garbage`] sends: the page of a proxy whose server is down.
pub(super) const GARBAGE: &str = "<html><head><title>502 Bad Gateway</title></head></html>";
