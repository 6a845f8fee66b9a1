//! A vault with shares, in the form of ERC-4626. It tells no rate: what it pays is how much more a share is worth than before.
//!
//! A vault can say what it likes of its shares, and a gift to it lifts them: so its word is one rate of many, and the growth is judged
//! over hours ([`crate::domain::yields::Growth`]). How much of it can be taken out is asked of a holder and not of the vault, and stays
//! unknown.

use std::sync::Arc;

use alloy_primitives::U256;

use super::contracts::IERC4626;
use super::{amount, is_for, read};
use crate::chain::contracts::question;
use crate::chain::token::Token;
use crate::domain::position::BlockStamp;
use crate::domain::yields::{Payer, Rate, Said, YieldFault, YieldReading};
use crate::ports::{Answer, Call, YieldSource};

/// More decimals than any token has, and few enough that the question below fits.
pub const MOST_DECIMALS: u8 = 36;

/// One vault.
#[derive(Clone, Debug)]
pub struct ShareVault {
    payer: Arc<Payer>,
    /// The vault, and the decimals of its shares.
    shares: Token,
    asset: Token,
    asked: U256,
}

impl ShareVault {
    /// The vault whose shares are `shares`, in the coin `asset`.
    ///
    /// It is asked for so many shares that the answer has eighteen digits for each coin that a share is worth: of one share of a coin
    /// with six digits it would give six, and what it earns in an hour is in the seventh. Where both count in eighteen digits that is
    /// exactly one share.
    ///
    /// # Errors
    /// Decimals that no such token has.
    pub fn new(payer: Arc<Payer>, shares: Token, asset: Token) -> Result<Self, String> {
        let digits = 18u8.checked_sub(asset.decimals).filter(|_| shares.decimals <= MOST_DECIMALS);
        let asked = digits.and_then(|digits| {
            U256::from(10u8).checked_pow(U256::from(u16::from(shares.decimals).saturating_add(u16::from(digits))))
        });
        let found = format!("shares with {} decimals of a coin with {}", shares.decimals, asset.decimals);
        let asked = asked.ok_or_else(|| format!("{found}: at most {MOST_DECIMALS} and 18 can be read"))?;
        Ok(Self { payer, shares, asset, asked })
    }
}

impl YieldSource for ShareVault {
    fn payer(&self) -> &Arc<Payer> {
        &self.payer
    }

    fn calls(&self) -> Vec<Call> {
        let place = self.shares.address;
        vec![
            question(place, &IERC4626::convertToAssetsCall { shares: self.asked }),
            question(place, &IERC4626::totalAssetsCall {}),
            question(place, &IERC4626::assetCall {}),
            question(place, &IERC4626::decimalsCall {}),
        ]
    }

    fn reading(&self, answers: &[Answer], at: &BlockStamp) -> Result<YieldReading, YieldFault> {
        is_for(read::<IERC4626::assetCall>(answers, 2)?, self.asset.address)?;
        let (found, expected) = (read::<IERC4626::decimalsCall>(answers, 3)?, self.shares.decimals);
        if found != expected {
            return Err(YieldFault::Mismatched(format!("its shares have {found} decimals, {expected} are configured")));
        }
        if read::<IERC4626::totalAssetsCall>(answers, 1)?.is_zero() {
            return Err(YieldFault::Implausible("the vault is empty, and its shares are worth what it likes".to_owned()));
        }
        let worth = amount(read::<IERC4626::convertToAssetsCall>(answers, 0)?, "what a share is worth")?;
        let rate = Rate::from_wad(worth).ok_or_else(|| YieldFault::Implausible("a share is worth nothing".to_owned()))?;
        Ok(YieldReading { said: Said::Share(rate), utilisation: None, block: *at })
    }
}
