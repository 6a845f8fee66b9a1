//! Where the keys are.

use super::{KEY, KEYSTORE, Spoil};

const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const SIGNER: &str = "web3signer = \"https://signer.example\"\naddress = \"0x1111111111111111111111111111111111111111\"";

pub(in crate::config::tests) const KEYS: &[(&str, Spoil, [&str; 5])] = &[
    (
        "no source of a key",
        |copy| copy.main(KEYSTORE, ""),
        [
            "ballast.toml",
            "chains.mainnet.keeper",
            "nothing",
            "one source of the key: `keystore`",
            "under [chains.mainnet.keeper]",
        ],
    ),
    (
        "two sources of a key",
        |copy| copy.main(KEYSTORE, &format!("{KEYSTORE}\ngcp_kms_key = \"x\"")),
        ["ballast.toml:", "keeper.keystore", "`keystore` beside `gcp_kms_key`", "one source of the key", "remove the rest"],
    ),
    (
        "remains of another source",
        |copy| copy.main(KEYSTORE, &format!("{SIGNER}\npassword_file = \"secrets/keeper.password\"")),
        ["ballast.toml:", "keeper.password_file", "`password_file` beside `web3signer`", "one source", "remove the rest"],
    ),
    (
        "name that AWS does not give",
        |copy| copy.main(KEYSTORE, "aws_kms_key = \"arn:aws:s3:::bucket\""),
        ["ballast.toml:", "keeper.aws_kms_key", "not shown", "arn:aws:kms:REGION:ACCOUNT:key/ID", "copy the ARN"],
    ),
    (
        "region by its title",
        |copy| copy.main(KEYSTORE, &format!("aws_kms_key = \"{ARN}\"\naws_region = \"Frankfurt\"")),
        ["ballast.toml:", "keeper.aws_region", "Frankfurt", "such as eu-central-1", "not its title"],
    ),
    (
        "region that is not the key's",
        |copy| copy.main(KEYSTORE, &format!("aws_kms_key = \"{ARN}\"\naws_region = \"us-east-1\"")),
        ["ballast.toml:", "keeper.aws_region", "us-east-1", "eu-central-1, the region that the key's ARN names", "remove it"],
    ),
    (
        "key of Google without its version",
        |copy| copy.main(KEYSTORE, "gcp_kms_key = \"projects/p/locations/global/keyRings/r/cryptoKeys/k\""),
        ["ballast.toml:", "keeper.gcp_kms_key", "not shown", "cryptoKeyVersions/N", "add the version"],
    ),
    (
        "name that Google does not give",
        |copy| copy.main(KEYSTORE, "gcp_kms_key = \"projects//locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1\""),
        ["ballast.toml:", "keeper.gcp_kms_key", "not shown", "cryptoKeyVersions/N", "copy the resource name"],
    ),
    (
        "signer without an account",
        |copy| copy.main(KEYSTORE, "web3signer = \"https://signer.example\""),
        ["ballast.toml", "keeper.address", "nothing", "a checksummed address", "add `address = …`"],
    ),
    (
        "account without a signer",
        |copy| copy.main(KEYSTORE, "address = \"0x1111111111111111111111111111111111111111\""),
        ["ballast.toml", "keeper.web3signer", "nothing", "a URL that begins with https://", "add `web3signer = …`"],
    ),
    (
        "signer at no address",
        |copy| copy.main(KEYSTORE, &SIGNER.replace("https://", "")),
        ["ballast.toml:", "keeper.web3signer", "not shown", "begins with https:// or http://", "whole URL"],
    ),
    (
        "token in TOML",
        |copy| copy.main(KEYSTORE, &format!("{SIGNER}\nweb3signer_token = \"TOKEN\"")),
        ["ballast.toml:", "keeper.web3signer_token", "not shown", "never stands in a TOML file", "web3signer_token_file"],
    ),
    (
        "token that no header can carry",
        |copy| {
            copy.main(KEYSTORE, &format!("{SIGNER}\nweb3signer_token_file = \"secrets/token\""))
                .write("secrets/token", "Bearer TOKEN")
        },
        ["ballast.toml:", "keeper.web3signer_token_file", "secrets/token", "without white space", "only line"],
    ),
    (
        "guardian with the keeper's keystore",
        |copy| copy.append("ballast.toml", &format!("[chains.mainnet.guardian]\n{KEYSTORE}")),
        ["ballast.toml:", "chains.mainnet.guardian.keystore", "the key of the keeper", "another key: a freeze", "second key"],
    ),
    (
        "guardian with a copy of it",
        |copy| {
            let text = copy.read("secrets/keeper.json");
            let guardian = format!("[chains.mainnet.guardian]\n{KEYSTORE}").replace("keeper.json", "guardian.json");
            copy.write("secrets/guardian.json", text).append("ballast.toml", &guardian)
        },
        ["ballast.toml:", "chains.mainnet.guardian", "the key of the keeper", "another key", "remove [chains.mainnet.guardian]"],
    ),
    (
        "guardian with the account of the keeper's keystore",
        |copy| {
            copy.write("secrets/keeper.json", "{\"version\": 3, \"address\": \"1111111111111111111111111111111111111111\"}")
                .append("ballast.toml", &format!("[chains.mainnet.guardian]\n{SIGNER}"))
        },
        ["ballast.toml:", "chains.mainnet.guardian", "the key of the keeper", "another key", "second key"],
    ),
    (
        "guardian with the keeper's key in another variable",
        |copy| {
            copy.main("chain_id = 1", "chain_id = 1337")
                .main(KEYSTORE, "env = \"KEEPER\"")
                .append("ballast.toml", "[chains.mainnet.guardian]\nenv = \"GUARDIAN\"")
                .env("KEEPER", KEY)
                .env("GUARDIAN", &KEY.trim_start_matches("0x").to_uppercase())
        },
        ["ballast.toml:", "chains.mainnet.guardian", "the key of the keeper", "another key", "second key"],
    ),
    (
        "treasury with the keeper's keystore",
        |copy| copy.append("ballast.toml", &format!("[chains.mainnet.treasury]\n{KEYSTORE}")),
        ["ballast.toml:", "chains.mainnet.treasury.keystore", "the key of the keeper", "another key", "account of their own"],
    ),
    (
        "treasury with the guardian's account",
        |copy| {
            copy.append("ballast.toml", &format!("[chains.mainnet.guardian]\n{SIGNER}"))
                .append("ballast.toml", &format!("[chains.mainnet.treasury]\n{SIGNER}"))
        },
        [
            "ballast.toml:",
            "chains.mainnet.treasury",
            "the key of the guardian",
            "another key",
            "remove [chains.mainnet.treasury]",
        ],
    ),
    (
        "guardian of which nothing is told",
        |copy| copy.append("ballast.toml", "[chains.mainnet.guardian]"),
        ["ballast.toml", "chains.mainnet.guardian", "nothing", "one source of the key", "under [chains.mainnet.guardian]"],
    ),
    #[cfg(not(feature = "aws-kms"))]
    (
        "key in AWS without the feature",
        |copy| copy.main(KEYSTORE, &format!("aws_kms_key = \"{ARN}\"")),
        ["ballast.toml:", "keeper.aws_kms_key", "without the feature `aws-kms`", "built with it", "--features aws-kms"],
    ),
    #[cfg(not(feature = "gcp-kms"))]
    (
        "key at Google without the feature",
        |copy| copy.main(KEYSTORE, "gcp_kms_key = \"projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1\""),
        ["ballast.toml:", "keeper.gcp_kms_key", "without the feature `gcp-kms`", "built with it", "--features gcp-kms"],
    ),
];
