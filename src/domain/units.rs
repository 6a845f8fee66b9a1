//! Numbers with their unit in the type. Everything is an integer with checked maths; nothing here is ever a float, except
//! [`Weight::as_fraction`] and its siblings, which leave the exact world for statistics and never come back.

use std::fmt;
use std::time::Duration;

use alloy_primitives::U256;

/// 10^18: the scale of weights, prices and dollars.
pub const WAD: u128 = 1_000_000_000_000_000_000;

/// Which way a division that does not come out even is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

/// `a * b / d` with a 256-bit intermediate, so that only the result can overflow.
///
/// `None` when `d` is zero or the result does not fit in 128 bits.
#[must_use]
pub fn mul_div(a: u128, b: u128, d: u128, rounding: Rounding) -> Option<u128> {
    if d == 0 {
        return None;
    }
    // Two 128-bit factors cannot overflow 256 bits, so the wrapping operators below are exact.
    let product = U256::from(a).checked_mul(U256::from(b))?;
    let (quotient, remainder) = product.div_rem(U256::from(d));
    let quotient = match rounding {
        Rounding::Up if !remainder.is_zero() => quotient.checked_add(U256::from(1u8))?,
        _ => quotient,
    };
    u128::try_from(quotient).ok()
}

/// A share of a pool, 1e18 = all of it. A set of weights that belongs to one pool sums to exactly [`Weight::ONE`];
/// [`crate::domain::allocation::Allocation`] keeps that promise, a single `Weight` cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u128);

impl Weight {
    /// Nothing of a pool.
    pub const ZERO: Self = Self(0);
    /// All of a pool.
    pub const ONE: Self = Self(WAD);

    /// From 1e18-normalised units, the form the chain uses.
    #[must_use]
    pub const fn from_wad(wad: u128) -> Self {
        Self(wad)
    }

    /// From basis points of the pool: 10 000 = all of it.
    #[must_use]
    pub const fn from_bps(bps: u32) -> Self {
        // u32::MAX * 1e14 < 2^128: cannot overflow.
        Self((bps as u128) * (WAD / 10_000))
    }

    /// 1e18-normalised units, the form the chain uses.
    #[must_use]
    pub const fn wad(self) -> u128 {
        self.0
    }

    /// Sum, or `None` past 128 bits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// Difference, zero when `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Sum, at most the largest number.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// This share of it, rounded down.
    #[must_use]
    pub fn share(self, of: Self) -> Self {
        // A product of two shares of one is below one; anything larger is cut off.
        Self(mul_div(self.0, of.0, WAD, Rounding::Down).unwrap_or(u128::MAX))
    }

    /// The distance between two weights, whichever is larger.
    #[must_use]
    pub const fn abs_diff(self, other: Self) -> Self {
        Self(self.0.abs_diff(other.0))
    }

    /// A plain fraction of one, for statistics and for people. Never fed back into a weight.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "leaves the exact world on purpose")]
    pub fn as_fraction(self) -> f64 {
        self.0 as f64 / WAD as f64
    }
}

impl fmt::Display for Weight {
    /// Percent with two digits: `35.00 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = self.0.saturating_add(WAD / 20_000) / (WAD / 10_000);
        write!(f, "{}.{:02} %", hundredths / 100, hundredths % 100)
    }
}

/// What a pool keeps of every swap, 1e18 = all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwapFee(u128);

impl SwapFee {
    /// From 1e18-normalised units, the form the chain uses.
    #[must_use]
    pub const fn from_wad(wad: u128) -> Self {
        Self(wad)
    }

    /// From basis points: 10 000 = all of it.
    #[must_use]
    pub const fn from_bps(bps: u32) -> Self {
        // u32::MAX * 1e14 < 2^128: cannot overflow.
        Self((bps as u128) * (WAD / 10_000))
    }

    /// 1e18-normalised units, the form the chain uses.
    #[must_use]
    pub const fn wad(self) -> u128 {
        self.0
    }

    /// A plain fraction of one, for statistics and for people.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "leaves the exact world on purpose")]
    pub fn as_fraction(self) -> f64 {
        self.0 as f64 / WAD as f64
    }
}

impl fmt::Display for SwapFee {
    /// Percent with up to four digits: `0.05 %`, `12 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millionths = self.0.saturating_add(WAD / 2_000_000) / (WAD / 1_000_000);
        let text = format!("{}.{:04}", millionths / 10_000, millionths % 10_000);
        write!(f, "{} %", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// US dollars for one whole token, scaled by 1e18. Never zero: a price of zero is a read fault, not a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(u128);

impl Price {
    /// One dollar.
    pub const PAR: Self = Self(WAD);
    /// One cent.
    pub const CENT: Self = Self(WAD / 100);

    /// From 1e18-scaled dollars; `None` for zero.
    #[must_use]
    pub const fn from_wad(wad: u128) -> Option<Self> {
        if wad == 0 { None } else { Some(Self(wad)) }
    }

    /// 1e18-scaled dollars.
    #[must_use]
    pub const fn wad(self) -> u128 {
        self.0
    }

    /// From a plain decimal number such as `0.9987`, above zero and below 10^15, rounded down to 18 decimals: no sign, no exponent, no
    /// grouping.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decimal_wad(text).and_then(Self::from_wad)
    }

    /// All its digits as a decimal number: `0.9988`. What [`Price::parse`] reads back.
    #[must_use]
    pub fn exactly(self) -> String {
        let text = format!("{}.{:018}", self.0 / WAD, self.0 % WAD);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }

    /// How far below one dollar, in basis points rounded down; zero at par and above.
    #[must_use]
    pub const fn bps_below_par(self) -> u128 {
        WAD.saturating_sub(self.0) / (WAD / 10_000)
    }

    /// Dollars as a float, for charts and logs.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "leaves the exact world on purpose")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / WAD as f64
    }
}

/// A plain decimal number, not negative and below 10^15, scaled by 1e18 and rounded down; `None` for anything else.
#[must_use]
pub fn decimal_wad(text: &str) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 15 {
        return None;
    }
    let kept = fraction.get(..fraction.len().min(18))?;
    let scale = 10u128.checked_pow(u32::try_from(18usize.checked_sub(kept.len())?).ok()?)?;
    let whole = whole.parse::<u128>().ok()?.checked_mul(WAD)?;
    whole.checked_add(kept.parse::<u128>().ok()?.checked_mul(scale)?)
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenthousandths = self.0.saturating_add(WAD / 20_000) / (WAD / 10_000);
        write!(f, "${}.{:04}", tenthousandths / 10_000, tenthousandths % 10_000)
    }
}

/// US dollars scaled by 1e18.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u128);

impl Usd {
    /// No dollars.
    pub const ZERO: Self = Self(0);

    /// From 1e18-scaled dollars.
    #[must_use]
    pub const fn from_wad(wad: u128) -> Self {
        Self(wad)
    }

    /// 1e18-scaled dollars.
    #[must_use]
    pub const fn wad(self) -> u128 {
        self.0
    }

    /// Sum, or `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// Difference, zero when `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Sum, at most the largest number.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// So many times as much, at most the largest number.
    #[must_use]
    pub const fn times(self, factor: u32) -> Self {
        Self(self.0.saturating_mul(factor as u128))
    }

    /// This share of it, rounded down; `None` on overflow.
    #[must_use]
    pub fn share(self, of: Weight) -> Option<Self> {
        mul_div(self.0, of.wad(), WAD, Rounding::Down).map(Self)
    }

    /// Dollars as a float, for statistics, charts and logs.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "leaves the exact world on purpose")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / WAD as f64
    }

    /// The one way back from a model's floats: an estimate for records and comparisons, never an amount that is sent. What is no
    /// number, or below zero, is nothing; what is too large is the largest.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an estimate; saturates"
    )]
    pub fn estimate(dollars: f64) -> Self {
        Self((dollars * WAD as f64) as u128)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.0.saturating_add(WAD / 200) / (WAD / 100);
        write!(f, "${}.{:02}", cents / 100, cents % 100)
    }
}

/// An amount of a token in its smallest unit, together with how many of those make a whole token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenAmount {
    /// Smallest units, as the token contract counts. The Vault stores at most 112 bits.
    pub raw: u128,
    /// Decimal places of the token: 18 for DAI, 6 for USDC and USDT.
    pub decimals: u8,
}

impl TokenAmount {
    /// What the amount is worth at `price`, rounded down. `None` on overflow or more than 38 decimals.
    #[must_use]
    pub fn value(self, price: Price) -> Option<Usd> {
        let one = 10u128.checked_pow(u32::from(self.decimals))?;
        mul_div(self.raw, price.wad(), one, Rounding::Down).map(Usd)
    }
}

/// Wei for one unit of gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GasPrice(u128);

impl GasPrice {
    /// From wei.
    #[must_use]
    pub const fn from_wei(wei: u128) -> Self {
        Self(wei)
    }

    /// From whole gwei.
    #[must_use]
    pub const fn from_gwei(gwei: u64) -> Self {
        // u64::MAX * 1e9 < 2^94.
        Self((gwei as u128) * 1_000_000_000)
    }

    /// Wei.
    #[must_use]
    pub const fn wei(self) -> u128 {
        self.0
    }

    /// Sum, at most the largest number (which no cap admits).
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Gwei as a float, for charts and logs.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "leaves the exact world on purpose")]
    pub fn as_gwei(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl fmt::Display for GasPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} gwei", self.as_gwei())
    }
}

/// What a transaction cost: gas used times the price paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GasCost {
    /// Units of gas.
    pub gas_used: u64,
    /// Wei for each of them.
    pub price: GasPrice,
}

impl GasCost {
    /// Total in wei; `None` on overflow.
    #[must_use]
    pub fn wei(self) -> Option<u128> {
        u128::from(self.gas_used).checked_mul(self.price.wei())
    }

    /// Total in dollars at a price of ether, rounded down; `None` on overflow.
    #[must_use]
    pub fn usd(self, ether: Price) -> Option<Usd> {
        TokenAmount { raw: self.wei()?, decimals: 18 }.value(ether)
    }
}

/// An amount of ether in wei: what transactions cost, what a lane may spend in a day, what an account holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wei(u128);

impl Wei {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Wraps an amount.
    #[must_use]
    pub const fn new(wei: u128) -> Self {
        Self(wei)
    }

    /// The amount.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }

    /// The sum; `None` on overflow.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// What is left; nothing when `other` is more.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The most that so much gas costs at a price; `None` on overflow.
    #[must_use]
    pub fn of_gas(gas: u64, price: GasPrice) -> Option<Self> {
        u128::from(gas).checked_mul(price.wei()).map(Self)
    }
}

impl fmt::Display for Wei {
    /// In ether, with six decimals rounded down.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ETHER: u128 = 1_000_000_000_000_000_000;
        let micro = self.0.rem_euclid(ETHER).div_euclid(1_000_000_000_000);
        write!(f, "{}.{micro:06} ETH", self.0.div_euclid(ETHER))
    }
}

/// A point on the policy clock or in a block header: milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From whole seconds, the chain's unit.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// From milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Whole seconds, rounded down.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0 / 1_000
    }

    /// Milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Time since `earlier`; zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Later by `by`; stays at the end of time on overflow.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Earlier by `by`, not before the epoch.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).ok().and_then(chrono::DateTime::from_timestamp_millis) {
            Some(at) => write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%SZ")),
            None => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_comes_back_from_floats_once_and_saturates() {
        assert_eq!(Usd::estimate(66.75), Usd::from_wad(66 * WAD + WAD / 4 * 3));
        assert_eq!([0.0, -1.0, f64::NAN].map(Usd::estimate), [Usd::ZERO; 3]);
        assert_eq!(Usd::estimate(f64::INFINITY), Usd::from_wad(u128::MAX));
    }

    #[test]
    fn fees_read_as_people_write_them() {
        let fees = [SwapFee::from_bps(5), SwapFee::from_bps(1_200), SwapFee::from_wad(WAD / 1_000_000)];
        assert_eq!(fees.map(|fee| fee.to_string()), ["0.05 %", "12 %", "0.0001 %"]);
    }

    #[test]
    fn mul_div_keeps_the_full_product_and_rounds_as_told() {
        assert_eq!(mul_div(u128::MAX, u128::MAX, u128::MAX, Rounding::Down), Some(u128::MAX));
        assert_eq!(mul_div(7, 1, 2, Rounding::Down), Some(3));
        assert_eq!(mul_div(7, 1, 2, Rounding::Up), Some(4));
        assert_eq!(mul_div(1, 1, 0, Rounding::Down), None);
        assert_eq!(mul_div(u128::MAX, 2, 1, Rounding::Down), None);
    }

    #[test]
    fn six_and_eighteen_decimals_of_the_same_worth_are_equal() {
        let usdc = TokenAmount { raw: 1_500_000, decimals: 6 };
        let dai = TokenAmount { raw: 1_500_000_000_000_000_000, decimals: 18 };
        let price = Price::from_wad(970_000_000_000_000_000).unwrap();
        assert_eq!(usdc.value(price), dai.value(price));
        assert_eq!(usdc.value(price).unwrap().to_string(), "$1.46");
    }

    #[test]
    fn bps_below_par_looks_downwards_only() {
        assert_eq!(Price::from_wad(WAD * 99 / 100).unwrap().bps_below_par(), 100);
        assert_eq!(Price::from_wad(WAD * 102 / 100).unwrap().bps_below_par(), 0);
        assert_eq!(Price::from_wad(0), None);
    }

    #[test]
    fn gas_cost_in_dollars() {
        let cost = GasCost { gas_used: 93_000, price: GasPrice::from_gwei(30) };
        assert_eq!(cost.usd(Price::from_wad(3_000 * WAD).unwrap()).unwrap().to_string(), "$8.37");
    }

    #[test]
    fn a_weight_is_shown_in_percent() {
        assert_eq!(Weight::from_bps(3_500).to_string(), "35.00 %");
        assert_eq!(Weight::from_wad(333_333_333_333_333_333).to_string(), "33.33 %");
    }
}
