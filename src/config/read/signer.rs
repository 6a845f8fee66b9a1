//! `[chains.NAME.keeper]`, `[chains.NAME.guardian]` and `[chains.NAME.treasury]`: where a signing key is.

use std::path::Path;

use alloy_primitives::Address;
use secrecy::ExposeSecret;

use crate::config::fault::{hidden, looks_secret};
use crate::config::inspection::Read;
use crate::config::parse::{self, Parsed, keys};
use crate::config::section::Section;
use crate::config::settings::{LOCAL_CHAINS, SignerSettings};

/// What a source of a key is named by, and what may stand beside that.
const SOURCES: [&[&str]; 5] = [
    &["keystore", "password_file"],
    &["env"],
    &["aws_kms_key", "aws_region"],
    &["gcp_kms_key"],
    &["web3signer", "web3signer_file", "address", "web3signer_token", "web3signer_token_file"],
];

/// Reads a key. It has exactly one source.
pub(in crate::config) fn signer(mut at: Section<'_>, chain_id: Option<u64>) -> Read<SignerSettings> {
    let mut written: Vec<(&str, &str)> = Vec::new();
    for keys in SOURCES {
        // Every key is asked for: that makes it known.
        let here: Vec<&str> = keys.iter().copied().filter(|key| at.has(key)).collect();
        written.extend(keys.first().copied().zip(here.first().copied()));
    }
    let signer = match written.as_slice() {
        [] => {
            let expected = "one source of the key: `keystore` and `password_file`, `aws_kms_key`, `gcp_kms_key`, or `web3signer` and \
                            `address`";
            Err(at.refuse("", expected, format!("add one of them under [{}]", at.name(""))))
        }
        [("env", _)] => from_environment(&mut at, chain_id),
        [("aws_kms_key", _)] => aws_kms(&mut at),
        [("gcp_kms_key", _)] => gcp_kms(&mut at),
        [("web3signer", _)] => web3signer(&mut at),
        [_] => keystore(&mut at),
        [(_, first), (_, second), ..] => {
            let found = format!("`{first}` beside `{second}`");
            Err(at.refuse_found(first, found, "one source of the key", "keep what names one of them, and remove the rest"))
        }
    };
    at.finish();
    signer
}

/// A role whose key is nobody else's: one account has one sequence of nonces, whoever sends.
pub(in crate::config) struct Apart<'a> {
    /// The roles whose keys it must not be.
    pub(in crate::config) others: &'a [(&'a str, Option<&'a SignerSettings>)],
    /// What is wrong with a shared key.
    pub(in crate::config) expected: &'a str,
    /// What to do instead of removing the section.
    pub(in crate::config) mend: &'a str,
}

/// Reads a key that nobody else has.
pub(in crate::config) fn apart(at: Section<'_>, chain_id: Option<u64>, apart: &Apart<'_>) -> Read<SignerSettings> {
    let mut copy = at.clone();
    let own = signer(at, chain_id)?;
    let Some((whose, _)) = apart.others.iter().find(|(_, other)| other.is_some_and(|other| same_key(other, &own))) else {
        return Ok(own);
    };
    let mend = format!("{}, or remove [{}]", apart.mend, copy.name(""));
    let source = SOURCES.into_iter().flatten().find(|key| copy.has(key)).unwrap_or(&"");
    Err(copy.refuse_found(source, format!("the key of the {whose}"), apart.expected, mend))
}

fn keystore(at: &mut Section<'_>) -> Read<SignerSettings> {
    let (path, password_file) = (at.path_to_file("keystore"), at.path_to_file("password_file"));
    Ok(SignerSettings::Keystore { path: path?, password_file: password_file? })
}

fn from_environment(at: &mut Section<'_>, chain_id: Option<u64>) -> Read<SignerSettings> {
    let var = at.required("env", variable_name)?;
    if chain_id.is_some_and(|id| !LOCAL_CHAINS.contains(&id)) {
        let mend = "create an encrypted keystore and name it in `keystore` and `password_file`";
        return Err(at.refuse("env", "a keystore: a key from the environment is accepted on chains 31337 and 1337 only", mend));
    }
    let Some(key) = at.inspection.environment.get(&var) else {
        return Err(at.refuse("env", "the name of a variable that is set", format!("set {var}")));
    };
    let digits = key.expose_secret().strip_prefix("0x").unwrap_or(key.expose_secret());
    if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(SignerSettings::Env { var, key: key.clone() });
    }
    let expected = format!("64 hexadecimal digits in {var}, with or without 0x");
    Err(at.refuse_found("env", hidden(), expected, format!("set {var} to a private key of a test account")))
}

fn variable_name(text: &str) -> Parsed<String> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(good) || looks_secret(text) {
        return parse::refuse("the name of an environment variable, never a key", "write a name such as BALLAST_TEST_KEY");
    }
    Ok(text.to_owned())
}

fn aws_kms(at: &mut Section<'_>) -> Read<SignerSettings> {
    let (key, region) = (at.required("aws_kms_key", keys::aws_key), at.optional("aws_region", keys::aws_region));
    let ((key, of_arn), region) = (key?, region?);
    if let (Some(of_arn), Some(region)) = (&of_arn, &region)
        && of_arn != region
    {
        return Err(at.refuse(
            "aws_region",
            format!("{of_arn}, the region that the key's ARN names"),
            "remove it, or correct one",
        ));
    }
    built_with(at, "aws_kms_key", "aws-kms", cfg!(feature = "aws-kms"))?;
    Ok(SignerSettings::AwsKms { key, region: region.or(of_arn) })
}

fn gcp_kms(at: &mut Section<'_>) -> Read<SignerSettings> {
    let key = at.required("gcp_kms_key", keys::gcp_key)?;
    built_with(at, "gcp_kms_key", "gcp-kms", cfg!(feature = "gcp-kms"))?;
    Ok(SignerSettings::GcpKms { key })
}

fn web3signer(at: &mut Section<'_>) -> Read<SignerSettings> {
    let url = at.required_secret("web3signer", parse::url(&["https", "http"]));
    let address = at.required("address", parse::address);
    let token = at.secret("web3signer_token", false, keys::bearer);
    Ok(SignerSettings::Web3Signer { url: url?, address: address?, token: token? })
}

/// What the program can do was decided when it was built.
fn built_with(at: &Section<'_>, key: &str, feature: &str, is: bool) -> Read<()> {
    if is {
        return Ok(());
    }
    let found = format!("a program that was built without the feature `{feature}`");
    let mend = format!("build it with `cargo build --release --features {feature}`, or name another source of the key");
    Err(at.refuse_found(key, found, "a program that was built with it", mend))
}

/// Whether two sources are known to hold one key. Two keystores with one key and different passwords are found out when they are
/// opened.
fn same_key(one: &SignerSettings, other: &SignerSettings) -> bool {
    use SignerSettings as S;
    let same = match (one, other) {
        (S::Keystore { path: one, .. }, S::Keystore { path: other, .. }) => same_content(one, other),
        (S::Env { key: one, .. }, S::Env { key: other, .. }) => {
            let digits = |key: &str| key.strip_prefix("0x").unwrap_or(key).to_lowercase();
            digits(one.expose_secret()) == digits(other.expose_secret())
        }
        (S::AwsKms { key: one, region: here }, S::AwsKms { key: other, region: there }) => {
            let id = |key: &str| key.rsplit(':').next().map(|name| name.trim_start_matches("key/").to_owned());
            // An id belongs to one key, an alias to one key of a region.
            id(one) == id(other) && (here == there || !one.contains("alias/"))
        }
        (S::GcpKms { key: one }, S::GcpKms { key: other }) => one == other,
        _ => false,
    };
    same || known_address(one).is_some_and(|address| known_address(other) == Some(address))
}

/// A copy of a keystore is the same keystore.
fn same_content(one: &Path, other: &Path) -> bool {
    std::fs::read(one).is_ok_and(|one| std::fs::read(other).is_ok_and(|other| one == other))
}

/// The account, where it is told without a password.
fn known_address(signer: &SignerSettings) -> Option<Address> {
    match signer {
        SignerSettings::Web3Signer { address, .. } => Some(*address),
        SignerSettings::Keystore { path, .. } => {
            let keystore: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
            keystore.get("address")?.as_str()?.parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::GcpKey;

    fn aws(key: &str, region: Option<&str>) -> SignerSettings {
        SignerSettings::AwsKms { key: key.to_owned(), region: region.map(str::to_owned) }
    }

    #[test]
    fn one_key_elsewhere_is_recognised_under_its_names() {
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
        let arn = aws(&format!("arn:aws:kms:eu-central-1:111122223333:key/{id}"), Some("eu-central-1"));
        assert!(same_key(&arn, &aws(id, None)), "an id belongs to one key");
        assert!(!same_key(&arn, &aws(&id.replace('1', "2"), None)));
        let alias = "alias/ballast";
        assert!(same_key(&aws(alias, None), &aws(alias, None)));
        assert!(!same_key(&aws(alias, Some("eu-west-1")), &aws(alias, Some("eu-west-2"))), "an alias belongs to its region");

        let version = |version| SignerSettings::GcpKms {
            key: GcpKey { project: "p".into(), location: "l".into(), key_ring: "r".into(), key: "k".into(), version },
        };
        assert!(same_key(&version(1), &version(1)) && !same_key(&version(1), &version(2)), "each version is a key of its own");
    }
}
