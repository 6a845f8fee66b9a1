//! Keys that sign, wherever they are: [`local`] in this process, [`web3signer`] behind HTTP, `aws` and `gcp` in a cloud's key
//! management (optional features of the build). All of them play [`crate::ports::TransactionSigner`].
//!
//! Nobody is believed: whatever a signer gives back is held against the transaction that was asked for and against the account that
//! is configured, before anything is written down. The same draft need not give the same bytes twice, so the bytes are the record;
//! the hash is always taken from them. What went wrong tells whether it may be tried again: [`SendFault::SignerAway`] may,
//! [`SendFault::Signer`] needs somebody to mend something.

#[cfg(feature = "aws-kms")]
pub mod aws;
#[cfg(feature = "gcp-kms")]
pub mod gcp;
pub mod local;
pub mod web3signer;

use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{SignableTransaction, Signed, TxEip1559};
use alloy::eips::eip2718::Encodable2718;
use alloy::eips::eip2930::AccessList;
use alloy::signers::Signature;
use alloy_primitives::{Address, Bytes, TxKind, U256, keccak256};

use crate::ports::{SendFault, SignedTx, TxDraft};

#[cfg(feature = "aws-kms")]
pub use self::aws::AwsKmsSigner;
#[cfg(feature = "gcp-kms")]
pub use self::gcp::GcpKmsSigner;
pub use self::local::LocalSigner;
pub use self::web3signer::{Web3Signer, Web3SignerSettings};

/// The transaction that a draft describes. It moves no ether.
///
/// # Errors
/// The tip is above the maximum fee: no node takes it.
fn transaction(draft: &TxDraft, chain_id: u64) -> Result<TxEip1559, SendFault> {
    let (tip, max_fee) = (draft.fees.tip, draft.fees.max_fee);
    if tip > max_fee {
        return Err(SendFault::Signer(format!("the tip of {tip} is above the maximum fee of {max_fee}")));
    }
    Ok(TxEip1559 {
        chain_id,
        nonce: draft.nonce,
        gas_limit: draft.gas_limit,
        max_fee_per_gas: max_fee.wei(),
        max_priority_fee_per_gas: tip.wei(),
        to: TxKind::Call(draft.call.target),
        value: U256::ZERO,
        access_list: AccessList::default(),
        input: draft.call.data.clone(),
    })
}

/// Puts a signature under a transaction.
///
/// # Errors
/// It is not the account's signature of this transaction, or one that nodes refuse (`s` in the upper half, EIP-2).
fn seal(tx: TxEip1559, signature: Signature, account: Address) -> Result<SignedTx, SendFault> {
    let signed = tx.into_signed(signature);
    attest(&signed, account)?;
    let raw = Bytes::from(signed.encoded_2718());
    Ok(SignedTx { hash: keccak256(&raw), raw })
}

/// Whether a signature is the account's. The trait's way of recovering refuses the upper half; the type's own takes it.
fn attest(signed: &Signed<TxEip1559>, account: Address) -> Result<(), SendFault> {
    match SignerRecoverable::recover_signer(signed) {
        Ok(found) if found == account => Ok(()),
        Ok(found) => Err(SendFault::Signer(format!("the signature is of {found}; expected {account}"))),
        Err(_) => Err(SendFault::Signer(format!("the signature is of nobody; expected {account}"))),
    }
}

/// Puts a bare pair `r`, `s` under a transaction, as key management services give it: which of the two possible keys it belongs to has
/// to be tried. alloy tries as well, behind a trait that hides what kind of error it was.
#[cfg(any(feature = "aws-kms", feature = "gcp-kms"))]
fn seal_bare(tx: &TxEip1559, pair: alloy::signers::k256::ecdsa::Signature, account: Address) -> Result<SignedTx, SendFault> {
    let pair = pair.normalize_s().unwrap_or(pair);
    let bare = |odd: bool| Signature::from_signature_and_parity(pair, odd);
    seal(tx.clone(), bare(false), account).or_else(|_| seal(tx.clone(), bare(true), account))
}

#[cfg(test)]
pub(in crate::chain) mod testing {
    use alloy_primitives::Address;
    use secrecy::SecretString;

    use crate::domain::fees::Fees;
    use crate::domain::units::GasPrice;
    use crate::ports::{Call, TxDraft};

    /// A private key that nobody uses in earnest, and its account (the test vector of the Web3 Secret Storage definition).
    pub(in crate::chain) const KEY: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
    pub(in crate::chain) const ACCOUNT: Address = alloy_primitives::address!("008aeeda4d805471df9b2a5b0f38a0c3bcba786b");

    pub(in crate::chain) fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    pub(in crate::chain) fn draft(max_fee: u64, tip: u64) -> TxDraft {
        let fees = Fees { max_fee: GasPrice::from_gwei(max_fee), tip: GasPrice::from_gwei(tip) };
        let call = Call { target: Address::repeat_byte(5), data: alloy_primitives::Bytes::from_static(&[1, 2, 3]) };
        TxDraft { call, nonce: 7, fees, gas_limit: 100_000 }
    }
}

#[cfg(test)]
mod tests {
    use alloy::signers::SignerSync;
    use alloy::signers::local::PrivateKeySigner;

    use super::testing::{ACCOUNT, KEY, draft};
    use super::*;

    #[test]
    fn only_the_accounts_own_signature_of_this_very_transaction_is_taken() {
        let key: PrivateKeySigner = KEY.parse().unwrap();
        let tx = transaction(&draft(30, 2), 1).unwrap();
        let signature = key.sign_hash_sync(&tx.signature_hash()).unwrap();
        assert!(seal(tx.clone(), signature, ACCOUNT).is_ok());

        let stranger = PrivateKeySigner::random();
        let foreign = stranger.sign_hash_sync(&tx.signature_hash()).unwrap();
        let fault = seal(tx.clone(), foreign, ACCOUNT).unwrap_err();
        let words = format!("the signer failed: the signature is of {}; expected {ACCOUNT}", stranger.address());
        assert_eq!(fault.to_string(), words);
        let other = transaction(&draft(31, 2), 1).unwrap();
        assert!(seal(other, signature, ACCOUNT).is_err(), "it is the signature of another transaction");

        let order = alloy_primitives::uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
        let twin = Signature::new(signature.r(), order - signature.s(), !signature.v());
        assert!(seal(tx, twin, ACCOUNT).is_err(), "nodes refuse the upper half");
    }

    #[test]
    fn a_tip_above_the_maximum_is_not_signed() {
        let fault = transaction(&draft(1, 2), 1).unwrap_err();
        assert_eq!(fault.to_string(), "the signer failed: the tip of 2.00 gwei is above the maximum fee of 1.00 gwei");
    }
}
