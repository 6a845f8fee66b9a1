//! Signs and sends. Nonces are given, never fetched behind the caller's back; the raw bytes are the record.
//!
//! [`network`] sends by all endpoints; [`merge`] says what their answers to a broadcast mean together, [`sight`] what they know of a
//! transaction, [`rejection`] what a node means by its words.

mod merge;
mod network;
mod receipt;
mod rejection;
mod sight;

use std::fmt;
use std::path::Path;

use alloy::consensus::{SignableTransaction, TxEip1559};
use alloy::eips::eip2718::Encodable2718;
use alloy::eips::eip2930::AccessList;
use alloy::network::TxSignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, TxKind, U256};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use crate::ports::{SendFault, SignedTx, TransactionSigner, TxDraft};

pub use self::network::NetworkSender;

/// A key that signs. It shows its address and nothing else.
#[derive(Clone)]
pub struct Signer(PrivateKeySigner);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.address()).finish()
    }
}

impl Signer {
    /// From an encrypted keystore file (Web3 Secret Storage, version 3). Deriving its key takes a second or so and blocks.
    ///
    /// # Errors
    /// The file cannot be read, or the password is not its own.
    pub fn from_keystore(path: &Path, password: &SecretString) -> Result<Self, SendFault> {
        PrivateKeySigner::decrypt_keystore(path, password.expose_secret())
            .map(Self)
            .map_err(|error| SendFault::Signer(format!("{}: {error}", path.display())))
    }

    /// From a private key of 64 hexadecimal digits, with or without `0x`.
    ///
    /// # Errors
    /// It is none.
    pub fn from_key(key: &SecretString) -> Result<Self, SendFault> {
        // The parser's own error is left out: it may quote what it parsed.
        let parsed = key.expose_secret().trim().parse();
        parsed.map(Self).map_err(|_| SendFault::Signer("the key is not a private key of 64 hexadecimal digits".to_owned()))
    }

    /// The account.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.0.address()
    }

    /// Signs a draft as an EIP-1559 transaction of a chain.
    ///
    /// # Errors
    /// The tip is above the maximum fee, or the signing fails.
    pub fn sign(&self, draft: &TxDraft, chain_id: u64) -> Result<SignedTx, SendFault> {
        if draft.fees.tip > draft.fees.max_fee {
            return Err(SendFault::Signer(format!(
                "the tip of {} is above the maximum fee of {}",
                draft.fees.tip, draft.fees.max_fee
            )));
        }
        let mut tx = TxEip1559 {
            chain_id,
            nonce: draft.nonce,
            gas_limit: draft.gas_limit,
            max_fee_per_gas: draft.fees.max_fee.wei(),
            max_priority_fee_per_gas: draft.fees.tip.wei(),
            to: TxKind::Call(draft.call.target),
            value: U256::ZERO,
            access_list: AccessList::default(),
            input: draft.call.data.clone(),
        };
        let signature = self.0.sign_transaction_sync(&mut tx).map_err(|error| SendFault::Signer(error.to_string()))?;
        let signed = tx.into_signed(signature);
        Ok(SignedTx { hash: *signed.hash(), raw: signed.encoded_2718().into() })
    }
}

#[async_trait]
impl TransactionSigner for Signer {
    fn address(&self) -> Address {
        self.address()
    }

    async fn sign(&self, draft: &TxDraft, chain_id: u64) -> Result<SignedTx, SendFault> {
        self.sign(draft, chain_id)
    }
}

#[cfg(test)]
mod tests {
    use alloy::consensus::TxEnvelope;
    use alloy::eips::eip2718::Decodable2718;
    use alloy_primitives::{Bytes, address, keccak256};

    use super::*;
    use crate::domain::fees::Fees;
    use crate::domain::units::GasPrice;
    use crate::ports::Call;

    const KEY: &str = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";
    const ACCOUNT: Address = address!("008aeeda4d805471df9b2a5b0f38a0c3bcba786b");
    /// The test vector of the Web3 Secret Storage definition.
    const KEYSTORE: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{"c":262144,
        "dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
        "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    fn draft(max_fee: u64, tip: u64) -> TxDraft {
        let fees = Fees { max_fee: GasPrice::from_gwei(max_fee), tip: GasPrice::from_gwei(tip) };
        let call = Call { target: Address::repeat_byte(5), data: Bytes::from_static(&[1, 2, 3]) };
        TxDraft { call, nonce: 7, fees, gas_limit: 100_000 }
    }

    #[test]
    fn the_bytes_decode_to_the_draft_and_the_same_draft_gives_the_same_bytes() {
        let signer = Signer::from_key(&secret(&format!("0x{KEY}\n"))).unwrap();
        let tx = signer.sign(&draft(30, 2), 31_337).unwrap();
        assert_eq!(tx, signer.sign(&draft(30, 2), 31_337).unwrap());
        assert_eq!(tx.hash, keccak256(&tx.raw));
        let TxEnvelope::Eip1559(tx) = TxEnvelope::decode_2718(&mut tx.raw.as_ref()).unwrap() else { panic!("other type") };
        assert_eq!(tx.recover_signer().unwrap(), ACCOUNT);
        let tx = tx.tx();
        assert_eq!((tx.chain_id, tx.nonce, tx.gas_limit, tx.value), (31_337, 7, 100_000, U256::ZERO));
        assert_eq!((tx.max_fee_per_gas, tx.max_priority_fee_per_gas), (30_000_000_000, 2_000_000_000));
        assert_eq!((tx.to, tx.input.as_ref()), (TxKind::Call(Address::repeat_byte(5)), &[1, 2, 3][..]));
    }

    #[test]
    fn a_tip_above_the_maximum_is_not_signed() {
        let signer = Signer::from_key(&secret(KEY)).unwrap();
        let fault = signer.sign(&draft(1, 2), 1).unwrap_err();
        assert_eq!(fault.to_string(), "the signer failed: the tip of 2.00 gwei is above the maximum fee of 1.00 gwei");
    }

    #[test]
    fn a_keystore_opens_with_its_password_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keeper.json");
        std::fs::write(&path, KEYSTORE).unwrap();
        assert_eq!(Signer::from_keystore(&path, &secret("testpassword")).unwrap().address(), ACCOUNT);
        let fault = Signer::from_keystore(&path, &secret("hunter22")).unwrap_err().to_string();
        assert!(fault.contains("keeper.json") && !fault.contains("hunter22"), "{fault}");
        assert!(Signer::from_keystore(&dir.path().join("none.json"), &secret("x")).is_err());
    }

    #[test]
    fn a_bad_key_is_refused_and_never_shown() {
        for bad in ["", "0x12", "hunter22", &"0".repeat(64), &format!("{KEY}00")] {
            let fault = Signer::from_key(&secret(bad)).unwrap_err();
            assert_eq!(fault.to_string(), "the signer failed: the key is not a private key of 64 hexadecimal digits");
        }
        let shown = format!("{:?}", Signer::from_key(&secret(KEY)).unwrap());
        assert!(!shown.contains(KEY) && shown.to_lowercase().contains("008aeeda4d"), "{shown}");
    }
}
