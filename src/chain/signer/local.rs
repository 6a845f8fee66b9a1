//! A key in this process: from an encrypted keystore, or (for tests and local chains) from a text.
//!
//! The key lives in one [`SigningKey`](alloy::signers::k256::ecdsa::SigningKey), which overwrites itself when it is dropped (crate
//! `ecdsa`, `impl Drop for SigningKey`, which zeroises the scalar); so does what this file holds on the way there: the password, the
//! text of its file, the decrypted bytes. Out of reach is what `eth-keystore` holds while it decrypts (the derived key).

use std::fmt;
use std::path::Path;

use alloy::network::TxSignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, hex};
use async_trait::async_trait;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::{seal, transaction};
use crate::ports::{SendFault, SignedTx, TransactionSigner, TxDraft};

/// A key that signs at once and always the same. It shows its address and nothing else.
#[derive(Clone)]
pub struct LocalSigner(PrivateKeySigner);

impl fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalSigner").field(&self.0.address()).finish()
    }
}

impl LocalSigner {
    /// From an encrypted keystore file (Web3 Secret Storage, version 3). Deriving its key takes a second or so and blocks.
    ///
    /// # Errors
    /// The file cannot be read, or the password is not its own.
    pub fn from_keystore(path: &Path, password: &SecretString) -> Result<Self, SendFault> {
        let fault = |words: String| SendFault::Signer(format!("{}: {words}", path.display()));
        // alloy's own way of opening a keystore leaves the decrypted bytes in freed memory.
        let key = eth_keystore::decrypt_key(path, password.expose_secret()).map_err(|error| fault(error.to_string()))?;
        let key = Zeroizing::new(key);
        PrivateKeySigner::from_slice(&key).map(Self).map_err(|_| fault("what it keeps is no private key".to_owned()))
    }

    /// The same, with the password in the first line of a file.
    ///
    /// # Errors
    /// A file cannot be read, or the password is not the keystore's.
    pub fn from_keystore_and_password_file(path: &Path, password_file: &Path) -> Result<Self, SendFault> {
        let text = std::fs::read_to_string(password_file).map(Zeroizing::new);
        let text = text.map_err(|error| SendFault::Signer(format!("{}: {error}", password_file.display())))?;
        let password = SecretString::from(text.lines().next().unwrap_or_default());
        Self::from_keystore(path, &password)
    }

    /// From a private key of 64 hexadecimal digits, with or without `0x`.
    ///
    /// # Errors
    /// It is none.
    pub fn from_key(key: &SecretString) -> Result<Self, SendFault> {
        // The parsers' own errors are left out: they may quote what they parsed.
        let fault = || SendFault::Signer("the key is not a private key of 64 hexadecimal digits".to_owned());
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(key.expose_secret().trim(), bytes.as_mut_slice()).map_err(|_| fault())?;
        PrivateKeySigner::from_slice(bytes.as_slice()).map(Self).map_err(|_| fault())
    }
}

#[async_trait]
impl TransactionSigner for LocalSigner {
    fn address(&self) -> Address {
        self.0.address()
    }

    /// Never waits: the answer is there when it is first asked for.
    async fn sign(&self, draft: &TxDraft, chain_id: u64) -> Result<SignedTx, SendFault> {
        let mut tx = transaction(draft, chain_id)?;
        let signature = self.0.sign_transaction_sync(&mut tx).map_err(|error| SendFault::Signer(error.to_string()))?;
        seal(tx, signature, self.0.address())
    }
}

#[cfg(test)]
mod tests {
    use alloy::consensus::TxEnvelope;
    use alloy::eips::eip2718::Decodable2718;
    use alloy::signers::k256::ecdsa::SigningKey;
    use alloy_primitives::{TxKind, U256, keccak256};
    use secrecy::zeroize::ZeroizeOnDrop;

    use super::super::testing::{ACCOUNT, KEY, draft, secret};
    use super::*;

    /// The test vector of the Web3 Secret Storage definition.
    const KEYSTORE: &str = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
        "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{"c":262144,
        "dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
        "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},
        "id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}"#;

    #[tokio::test]
    async fn the_bytes_decode_to_the_draft_and_the_same_draft_gives_the_same_bytes() {
        let signer = LocalSigner::from_key(&secret(&format!("0x{KEY}\n"))).unwrap();
        let tx = signer.sign(&draft(30, 2), 31_337).await.unwrap();
        assert_eq!(tx, signer.sign(&draft(30, 2), 31_337).await.unwrap());
        assert_eq!(tx.hash, keccak256(&tx.raw));
        let TxEnvelope::Eip1559(tx) = TxEnvelope::decode_2718(&mut tx.raw.as_ref()).unwrap() else { panic!("other type") };
        assert_eq!(tx.recover_signer().unwrap(), ACCOUNT);
        let tx = tx.tx();
        assert_eq!((tx.chain_id, tx.nonce, tx.gas_limit, tx.value), (31_337, 7, 100_000, U256::ZERO));
        assert_eq!((tx.max_fee_per_gas, tx.max_priority_fee_per_gas), (30_000_000_000, 2_000_000_000));
        assert_eq!((tx.to, tx.input.as_ref()), (TxKind::Call(Address::repeat_byte(5)), &[1, 2, 3][..]));
    }

    #[test]
    fn a_keystore_opens_with_its_password_only() {
        let dir = tempfile::tempdir().unwrap();
        let (path, password) = (dir.path().join("keeper.json"), dir.path().join("keeper.password"));
        std::fs::write(&path, KEYSTORE).unwrap();
        std::fs::write(&password, "testpassword\nand a note\n").unwrap();
        assert_eq!(LocalSigner::from_keystore(&path, &secret("testpassword")).unwrap().address(), ACCOUNT);
        assert_eq!(LocalSigner::from_keystore_and_password_file(&path, &password).unwrap().address(), ACCOUNT);
        let fault = LocalSigner::from_keystore(&path, &secret("hunter22")).unwrap_err().to_string();
        assert!(fault.contains("keeper.json") && !fault.contains("hunter22"), "{fault}");
        let none = dir.path().join("none");
        assert!(LocalSigner::from_keystore(&none, &secret("x")).is_err());
        let fault = LocalSigner::from_keystore_and_password_file(&path, &none).unwrap_err();
        assert!(matches!(&fault, SendFault::Signer(words) if words.contains("none")), "{fault}");
    }

    #[test]
    fn a_bad_key_is_refused_and_never_shown() {
        for bad in ["", "0x12", "hunter22", &"0".repeat(64), &format!("{KEY}00")] {
            let fault = LocalSigner::from_key(&secret(bad)).unwrap_err();
            assert_eq!(fault.to_string(), "the signer failed: the key is not a private key of 64 hexadecimal digits");
        }
        let shown = format!("{:?}", LocalSigner::from_key(&secret(KEY)).unwrap());
        assert!(!shown.contains(KEY) && shown.to_lowercase().contains("008aeeda4d"), "{shown}");
    }

    /// The bytes of a dropped key cannot be looked at without `unsafe`; that its type promises to overwrite them can.
    #[test]
    fn a_dropped_key_overwrites_itself() {
        fn promises<T: ZeroizeOnDrop>() {}
        promises::<SigningKey>();
    }
}
