//! The three coins of the world.

use std::fmt;

use crate::domain::ids::AssetId;

/// A stablecoin of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coin {
    /// 18 decimals.
    Dai,
    /// 6 decimals.
    Usdc,
    /// 6 decimals, returns nothing, and an allowance can only be changed by way of zero.
    Usdt,
}

impl Coin {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dai, Self::Usdc, Self::Usdt];

    /// Ticker, which is also its name in the settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dai => "DAI",
            Self::Usdc => "USDC",
            Self::Usdt => "USDT",
        }
    }

    /// Digits after the decimal point.
    #[must_use]
    pub const fn decimals(self) -> u8 {
        match self {
            Self::Dai => 18,
            Self::Usdc | Self::Usdt => 6,
        }
    }

    /// As the domain knows it.
    #[must_use]
    pub fn asset(self) -> AssetId {
        AssetId::new(self.name())
    }
}

impl fmt::Display for Coin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One value for each coin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerCoin<T> {
    /// Of DAI.
    pub dai: T,
    /// Of USDC.
    pub usdc: T,
    /// Of USDT.
    pub usdt: T,
}

impl<T> PerCoin<T> {
    /// Asks `value` for each coin, in the order of [`Coin::ALL`].
    pub fn from_fn(mut value: impl FnMut(Coin) -> T) -> Self {
        Self { dai: value(Coin::Dai), usdc: value(Coin::Usdc), usdt: value(Coin::Usdt) }
    }

    /// The value of a coin.
    pub const fn get(&self, coin: Coin) -> &T {
        match coin {
            Coin::Dai => &self.dai,
            Coin::Usdc => &self.usdc,
            Coin::Usdt => &self.usdt,
        }
    }

    /// The value of a coin, to change it.
    pub const fn get_mut(&mut self, coin: Coin) -> &mut T {
        match coin {
            Coin::Dai => &mut self.dai,
            Coin::Usdc => &mut self.usdc,
            Coin::Usdt => &mut self.usdt,
        }
    }
}
