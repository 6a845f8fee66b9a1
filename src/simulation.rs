//! Balancer V2's managed pools in memory, to the last digit: what the chain would do, computed without one. [`fixed`] and [`log_exp`] are
//! its numbers, [`weighted`] its swaps, [`breaker`] what stops them, [`pool`] a pool with its fee, its decimals and its
//! ramps, [`position`] the same in the words of decisions,
//! [`arbitrage`] what a trader who looks for profit would do.
//!
//! Nothing here decides anything; whoever replays history asks it what a trade brings and what a ramp has come to.

pub mod arbitrage;
pub mod breaker;
pub mod fixed;
pub mod log_exp;
pub mod pool;
pub mod position;
mod reciprocal;
pub mod weighted;

#[cfg(test)]
mod tests;

use thiserror::Error;

/// Why the contracts would revert. The numbers are Balancer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MathFault {
    /// A sum is too large.
    #[error("BAL#000: a sum overflows")]
    Overflow,
    /// A difference is below zero.
    #[error("BAL#001: a difference is below zero")]
    Underflow,
    /// A product is too large.
    #[error("BAL#003: a product overflows")]
    MulOverflow,
    /// Something is divided by nothing.
    #[error("BAL#004: a division by zero")]
    ZeroDivision,
    /// What is divided is too large.
    #[error("BAL#005: a quotient overflows")]
    DivInternal,
    /// The base of a power is too large.
    #[error("BAL#006: the base of a power is out of bounds")]
    XOutOfBounds,
    /// The exponent of a power is too large.
    #[error("BAL#007: the exponent of a power is out of bounds")]
    YOutOfBounds,
    /// A power is too large or too small.
    #[error("BAL#008: a power is out of bounds")]
    ProductOutOfBounds,
    /// A natural exponent is too large or too small.
    #[error("BAL#009: a natural exponent is out of bounds")]
    InvalidExponent,
    /// A swap brings more than 30 % of a balance.
    #[error("BAL#304: a swap brings more than 30 % of a balance")]
    MaxInRatio,
    /// A swap takes more than 30 % of a balance.
    #[error("BAL#305: a swap takes more than 30 % of a balance")]
    MaxOutRatio,
    /// A change that has to end before it begins.
    #[error("BAL#326: it ends before it begins")]
    TimeTravel,
    /// Trading is off.
    #[error("BAL#327: trading is off")]
    SwapsDisabled,
    /// A trade would move a token's price out of its breaker's bounds.
    #[error("BAL#356: a circuit breaker trips")]
    BreakerTripped,
    /// There is no such token in the pool.
    #[error("BAL#309: no such token")]
    InvalidToken,
}
