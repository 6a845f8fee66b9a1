//! The five pools of the demo: what a DAO might own. Together they hold 2.3 million dollars.

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, B256, U256, hex};

use super::coins::Coin;
use super::fault::WorldError;
use super::world::{KEEPER, KEEPER_KEY};
use crate::domain::units::Weight;

/// One coin of a pool to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenSpec {
    /// The coin.
    pub coin: Coin,
    /// Where its weight belongs.
    pub target: Weight,
    /// Its weight when the pool is born.
    pub initial: Weight,
    /// Least weight.
    pub min: Weight,
    /// Greatest weight.
    pub max: Weight,
}

/// A pool to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSpec {
    /// Its name, of letters, digits and dashes.
    pub name: String,
    /// Its coins, in the order its settings list them; the chain has an order of its own.
    pub tokens: Vec<TokenSpec>,
    /// What it holds at par, in dollars.
    pub value: u32,
    /// Its swap fee in basis points.
    pub fee_bps: u32,
    /// Who may change it.
    pub owner: Owner,
    /// Its own answer to a depeg, in the words of the settings; its policy's if absent.
    pub answer: Option<&'static str>,
}

/// Who owns a pool, for ever: the account that Ballast sends from. None of their keys is a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owner {
    /// One of the accounts of everybody's development mnemonic.
    #[default]
    Keeper,
    /// An account of its own, so that several programs can send at the same time: its key is this number.
    Numbered(u32),
}

impl Owner {
    /// Its private key, in hexadecimal.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Keeper => KEEPER_KEY.to_owned(),
            Self::Numbered(number) => hex::encode_prefixed(B256::from(U256::from(number))),
        }
    }

    /// Its account.
    ///
    /// # Errors
    /// Zero is no key.
    pub fn address(self) -> Result<Address, WorldError> {
        let Self::Numbered(number) = self else { return Ok(KEEPER) };
        let signer = PrivateKeySigner::from_bytes(&B256::from(U256::from(number)));
        let no_key = |_| WorldError::Value { what: "an owner", found: number.to_string(), expected: "a number above zero" };
        signer.map(|signer| signer.address()).map_err(no_key)
    }
}

impl TokenSpec {
    /// Born on its target, in percent, with bounds in percent.
    #[must_use]
    pub fn percent(coin: Coin, target: u32, min: u32, max: u32) -> Self {
        let weight = |percent: u32| Weight::from_bps(percent.saturating_mul(100));
        Self { coin, target: weight(target), initial: weight(target), min: weight(min), max: weight(max) }
    }

    /// Born elsewhere.
    #[must_use]
    pub fn born_at(self, percent: u32) -> Self {
        Self { initial: Weight::from_bps(percent.saturating_mul(100)), ..self }
    }
}

impl PoolSpec {
    fn new(name: &str, value: u32, fee_bps: u32, tokens: Vec<TokenSpec>) -> Self {
        Self { name: name.to_owned(), tokens, value, fee_bps, owner: Owner::Keeper, answer: None }
    }

    fn answering(self, answer: &'static str) -> Self {
        Self { answer: Some(answer), ..self }
    }
}

/// The pools of the demo. `grants` is born six points off its target; `payroll` answers a depeg as `guarded` does, the others as owners
/// with a mandate.
#[must_use]
pub fn demo() -> Vec<PoolSpec> {
    use Coin::{Dai, Usdc, Usdt};
    let token = TokenSpec::percent;
    vec![
        PoolSpec::new("treasury", 1_600_000, 5, vec![token(Dai, 40, 15, 60), token(Usdc, 35, 10, 55), token(Usdt, 25, 10, 50)]),
        PoolSpec::new("reserve", 350_000, 10, vec![token(Dai, 30, 15, 60), token(Usdc, 30, 10, 50), token(Usdt, 40, 20, 65)]),
        PoolSpec::new(
            "market-making",
            180_000,
            30,
            vec![token(Usdt, 25, 10, 50), token(Dai, 25, 10, 50), token(Usdc, 50, 25, 70)],
        ),
        PoolSpec::new("payroll", 110_000, 8, vec![token(Usdc, 60, 40, 80), token(Usdt, 40, 20, 60)]).answering("freeze"),
        PoolSpec::new(
            "grants",
            60_000,
            15,
            vec![token(Dai, 40, 20, 60).born_at(46), token(Usdc, 35, 15, 55).born_at(32), token(Usdt, 25, 10, 50).born_at(22)],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn five_different_pools_whose_weights_are_whole() {
        let pools = demo();
        let names: BTreeSet<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
        assert_eq!((pools.len(), names.len()), (5, 5));
        assert_eq!(pools.iter().map(|pool| pool.value).sum::<u32>(), 2_300_000);
        for pool in &pools {
            assert!((5..=30).contains(&pool.fee_bps) && (50_000..=2_000_000).contains(&pool.value), "{}", pool.name);
            for weight in [|token: &TokenSpec| token.target, |token: &TokenSpec| token.initial] {
                let sum = pool.tokens.iter().map(weight).fold(Weight::ZERO, Weight::saturating_add);
                assert_eq!(sum, Weight::ONE, "{}", pool.name);
            }
            assert!(pool.tokens.iter().all(|token| token.min < token.target && token.target < token.max), "{}", pool.name);
        }
        let off: Vec<&str> =
            pools.iter().filter(|p| p.tokens.iter().any(|t| t.initial != t.target)).map(|p| p.name.as_str()).collect();
        assert_eq!(off, ["grants"]);
    }
}
