//! What contracts pay on a coin: [`aave_v3`] and [`compound_v3`] lend it out, [`savings_rate`] is Maker's and Sky's, [`erc4626`] is any
//! vault with shares.
//!
//! The batch asks all its questions at once, so none can use the answer to another. Where one contract says where the next one is, both
//! are configured and the first has to name the second: contracts that do not belong together give a fault, and never a number.

pub mod aave_v3;
pub mod compound_v3;
mod contracts;
pub mod erc4626;
pub mod savings_rate;
#[cfg(test)]
#[expect(clippy::unnecessary_wraps, reason = "its helpers make answers, and answers are results")]
mod tests;

use alloy::sol_types::SolCall;
use alloy_primitives::Address;

use crate::chain::contracts::answered;
use crate::domain::units::{Rounding, Weight, mul_div};
use crate::domain::yields::YieldFault;
use crate::ports::Answer;

/// Decodes an answer strictly.
fn read<C: SolCall>(answers: &[Answer], at: usize) -> Result<C::Return, YieldFault> {
    answered::<C>(answers.get(at)).map_err(|fault| YieldFault::Unreadable(format!("{}: {fault}", C::SIGNATURE)))
}

/// The contract is for the coin that it is configured for.
fn is_for(found: Address, expected: Address) -> Result<(), YieldFault> {
    if found == expected {
        return Ok(());
    }
    Err(YieldFault::Mismatched(format!("it is for the token {found}, {expected} is configured")))
}

/// A number of a contract, as far as it can be one of a real token.
fn amount(found: alloy_primitives::U256, what: &str) -> Result<u128, YieldFault> {
    u128::try_from(found).map_err(|_| YieldFault::Implausible(format!("{what} is {found}")))
}

/// How much is not there of what everybody together could ask for: rounded up, for it is held against a limit.
fn lent_out(there: u128, owed: u128) -> Weight {
    let part = mul_div(owed.saturating_sub(there), Weight::ONE.wad(), owed, Rounding::Up);
    // Where nothing is owed, nobody is kept from leaving.
    part.map_or(Weight::ZERO, Weight::from_wad)
}
