//! Where a signing key is.

use std::fmt;
use std::path::PathBuf;

use alloy_primitives::Address;
use secrecy::SecretString;

/// Where a signing key comes from. No form of it stands in a TOML file.
#[derive(Clone, Debug)]
pub enum SignerSettings {
    /// An encrypted keystore file (Web3 Secret Storage v3). Both files exist.
    Keystore {
        /// The keystore.
        path: PathBuf,
        /// A file whose first line is its password.
        password_file: PathBuf,
    },
    /// An environment variable that holds a hexadecimal key. For tests: accepted only on chains 31337 and 1337.
    Env {
        /// Name of the variable.
        var: String,
        /// What it held when the settings were loaded: 64 hexadecimal digits, with or without `0x`.
        key: SecretString,
    },
    /// A key in AWS KMS, which never leaves it. Only in a program that was built with the feature `aws-kms`.
    AwsKms {
        /// The key's id, its alias (`alias/NAME`) or its ARN.
        key: String,
        /// Its region, also where the ARN names it; the one of the AWS environment if absent.
        region: Option<String>,
    },
    /// A key in Google Cloud KMS, which never leaves it. Only in a program that was built with the feature `gcp-kms`.
    GcpKms {
        /// Which version of which key.
        key: GcpKey,
    },
    /// A key behind a web3signer, asked over HTTP.
    Web3Signer {
        /// Where it answers. Secret, because an address may hold a password.
        url: SecretString,
        /// The account of the key: a signer holds many.
        address: Address,
        /// What is sent as `Authorization: Bearer …`, if it asks for that.
        token: Option<SecretString>,
    },
    /// A hexadecimal key that the program itself made up. The demo builds it in code; it has no TOML form.
    PrivateKey(SecretString),
}

/// One version of a key in Google Cloud KMS. No part is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcpKey {
    /// The project's id.
    pub project: String,
    /// The location: `global`, or a region such as `europe-west1`.
    pub location: String,
    /// The key ring.
    pub key_ring: String,
    /// The key.
    pub key: String,
    /// Its version: 1 or higher.
    pub version: u64,
}

impl fmt::Display for GcpKey {
    /// The resource name, as the console shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, location, key_ring, key, version } = self;
        write!(f, "projects/{project}/locations/{location}/keyRings/{key_ring}/cryptoKeys/{key}/cryptoKeyVersions/{version}")
    }
}
