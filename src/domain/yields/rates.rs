//! What a year brings, with and without interest on interest, and how one becomes the other.

use std::fmt;

use alloy_primitives::U256;

use crate::domain::units::WAD;

/// Seconds in the year of every contract that is read here: 365 days.
pub const YEAR: u64 = 31_536_000;

/// 10^27: the scale of Aave's rates and of Maker's factors.
pub const RAY: u128 = 1_000_000_000_000_000_000_000_000_000;

/// From the scale of 10^27 to that of 10^18.
const RAY_PER_WAD: u128 = RAY / WAD;

/// Interest for a year, paid on what was brought and not on interest: 1e18 is 100 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Apr(u128);

impl Apr {
    /// From 1e18-scaled units.
    #[must_use]
    pub const fn from_wad(wad: u128) -> Self {
        Self(wad)
    }

    /// From a rate for the year in units of 1e-27, rounded down: what Aave says.
    #[must_use]
    pub const fn from_ray(ray: u128) -> Self {
        Self(ray / RAY_PER_WAD)
    }

    /// From a rate for the second in units of 1e-18: what Compound says.
    #[must_use]
    pub const fn from_per_second(wad: u64) -> Self {
        // Below 2^64 * 2^25.
        Self((wad as u128) * (YEAR as u128))
    }

    /// 1e18-scaled units.
    #[must_use]
    pub const fn wad(self) -> u128 {
        self.0
    }

    /// The same paid out every second, with interest on it: (1 + r / n)^n - 1 for n seconds. `None` above [`Apy::MOST`].
    #[must_use]
    pub fn compounded(self) -> Option<Apy> {
        Apy::of_growth(seconds(YEAR) * (fraction(self.0) / seconds(YEAR)).ln_1p())
    }
}

/// What a year brings, with interest on interest: 1e18 is 100 %. At most [`Apy::MOST`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Apy(u128);

impl Apy {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// 10 000 %: beyond this there is a broken answer and no yield. Lending markets of stablecoins have said 1 900 %.
    pub const MOST: Self = Self(100 * WAD);

    /// From 1e18-scaled units; `None` above [`Apy::MOST`].
    #[must_use]
    pub const fn from_wad(wad: u128) -> Option<Self> {
        if wad > Self::MOST.0 { None } else { Some(Self(wad)) }
    }

    /// From basis points: 100 are 1 %. `None` above [`Apy::MOST`].
    #[must_use]
    pub const fn from_bps(bps: u32) -> Option<Self> {
        Self::from_wad((bps as u128) * (WAD / 10_000))
    }

    /// From percent as a float, which is how servers say it; `None` below zero, above [`Apy::MOST`], and for what is no number.
    #[must_use]
    pub fn from_percent(percent: f64) -> Option<Self> {
        Self::from_fraction(percent / 100.0)
    }

    /// From the factor by which a second multiplies, in units of 1e-27: f^n - 1 for a year of n seconds. It is what Maker's and Sky's
    /// savings rates are. `None` below one, and above [`Apy::MOST`].
    #[must_use]
    pub fn from_factor(ray: U256) -> Option<Self> {
        let gain = u128::try_from(ray.checked_sub(U256::from(RAY))?).ok()?;
        Self::of_growth(seconds(YEAR) * ray_fraction(gain).ln_1p())
    }

    /// From the logarithm of a year's growth.
    pub(super) fn of_growth(logarithm: f64) -> Option<Self> {
        Self::from_fraction(logarithm.exp_m1())
    }

    /// From a fraction of one.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number is between 0 and 1e20 here")]
    pub(super) fn from_fraction(fraction: f64) -> Option<Self> {
        let wad = fraction * 1e18;
        (0.0..=1e20).contains(&wad).then(|| wad.round() as u128).and_then(Self::from_wad)
    }

    /// 1e18-scaled units.
    #[must_use]
    pub const fn wad(self) -> u128 {
        self.0
    }

    /// A fraction of one, for means, charts and people.
    #[must_use]
    pub fn as_fraction(self) -> f64 {
        fraction(self.0)
    }

    /// The distance of two yields in basis points, rounded to the nearest.
    #[must_use]
    pub const fn bps_from(self, other: Self) -> u128 {
        const BP: u128 = WAD / 10_000;
        (self.0.abs_diff(other.0) + BP / 2) / BP
    }
}

impl fmt::Display for Apy {
    /// Percent with two digits: `4.21 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 + WAD / 20_000) / (WAD / 10_000);
        write!(f, "{}.{:02} %", hundredths / 100, hundredths % 100)
    }
}

/// `base^exponent` in units of 1e-27, each product rounded to the nearest as Maker's contracts do; `None` when a product does not fit.
#[must_use]
pub fn ray_power(base: U256, exponent: u64) -> Option<U256> {
    let product = |a: U256, b: U256| Some(a.checked_mul(b)?.checked_add(U256::from(RAY / 2))? / U256::from(RAY));
    let (mut power, mut square, mut rest) = (U256::from(RAY), base, exponent);
    while rest > 0 {
        if rest % 2 == 1 {
            power = product(power, square)?;
        }
        rest /= 2;
        if rest > 0 {
            square = product(square, square)?;
        }
    }
    Some(power)
}

#[expect(clippy::cast_precision_loss, reason = "leaves the exact world on purpose")]
pub(super) fn fraction(wad: u128) -> f64 {
    wad as f64 / 1e18
}

#[expect(clippy::cast_precision_loss, reason = "leaves the exact world on purpose")]
fn ray_fraction(ray: u128) -> f64 {
    ray as f64 / 1e27
}

#[expect(clippy::cast_precision_loss, reason = "less than 2^53 until long after the sun is out")]
pub(super) fn seconds(secs: u64) -> f64 {
    secs as f64
}
