//! Byte code to deploy: our own contracts are embedded, Balancer's is read from its npm package when the world starts.

use std::path::Path;

use alloy_primitives::{Address, Bytes, hex, keccak256};
use serde_json::Value;

use super::fault::WorldError;
use super::toolbox::balancer_tasks;

/// A plain ERC-20 token.
pub const TEST_TOKEN: &str = include_str!("../../deploy/contracts/artifacts/TestToken.json");
/// A token with the habits of USDT.
pub const TETHER_LIKE_TOKEN: &str = include_str!("../../deploy/contracts/artifacts/TetherLikeToken.json");
/// Ether as a token.
pub const WRAPPED_ETHER: &str = include_str!("../../deploy/contracts/artifacts/WrappedEther.json");
/// The aggregator behind a feed.
pub const FEED_AGGREGATOR: &str = include_str!("../../deploy/contracts/artifacts/FeedAggregator.json");
/// The proxy in front of it.
pub const FEED_PROXY: &str = include_str!("../../deploy/contracts/artifacts/FeedProxy.json");
/// A vault with shares, which also answers as a savings rate does.
pub const SAVINGS_VAULT: &str = include_str!("../../deploy/contracts/artifacts/SavingsVault.json");
/// A lending pool in the style of Aave v3.
pub const LENDING_RESERVE: &str = include_str!("../../deploy/contracts/artifacts/LendingReserve.json");
/// Many reads in one call.
pub const BATCH_READER: &str = include_str!("../../deploy/contracts/artifacts/BatchReader.json");

/// Somebody who trades in a pool of Uniswap v3.
#[cfg(test)]
pub(crate) const UNISWAP_TRADER: &str = include_str!("../../deploy/contracts/artifacts/UniswapTrader.json");

/// The creation code in an embedded artefact.
///
/// # Errors
/// The artefact is not what `forge` writes.
pub fn creation(artifact: &str) -> Result<Vec<u8>, WorldError> {
    code_in(artifact, "bytecode").map_err(|fault| WorldError::Decode { what: "an embedded artefact", fault })
}

/// The code in an embedded artefact as it is once it is deployed.
///
/// # Errors
/// The artefact is not what `forge` writes.
pub fn runtime(artifact: &str) -> Result<Bytes, WorldError> {
    let code = code_in(artifact, "deployedBytecode").map_err(|fault| WorldError::Decode { what: "an embedded artefact", fault });
    code.map(Bytes::from)
}

/// The creation code of one of Balancer's contracts, with its libraries put in.
///
/// # Errors
/// The file is missing, or a library is.
pub fn balancer(contracts: &Path, task: &str, name: &str, libraries: &[(&str, Address)]) -> Result<Vec<u8>, WorldError> {
    let path = balancer_tasks(contracts).join(task).join("bytecode").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).map_err(|fault| fault.to_string());
    let code = text.and_then(|text| code_in(&link(text, libraries), "creationCode"));
    code.map_err(|fault| WorldError::Bytecode { path, fault })
}

/// The creation code of Uniswap's factory, which holds that of its pools.
#[cfg(test)]
pub(crate) fn uniswap_factory(contracts: &Path) -> Result<Vec<u8>, WorldError> {
    let path = super::toolbox::uniswap_contracts(contracts).join("UniswapV3Factory.sol/UniswapV3Factory.json");
    let text = std::fs::read_to_string(&path).map_err(|fault| fault.to_string());
    text.and_then(|text| code_in(&text, "bytecode")).map_err(|fault| WorldError::Bytecode { path, fault })
}

/// Replaces the placeholder of each library, `__$…$__` around a hash of its full name, by its address.
fn link(mut text: String, libraries: &[(&str, Address)]) -> String {
    for (full_name, address) in libraries {
        let hash = hex::encode(keccak256(full_name.as_bytes()));
        let placeholder = format!("__${}$__", hash.get(..34).unwrap_or(&hash));
        text = text.replace(&placeholder, &hex::encode(address));
    }
    text
}

fn code_in(json: &str, key: &str) -> Result<Vec<u8>, String> {
    let json: Value = serde_json::from_str(json).map_err(|fault| fault.to_string())?;
    let field = json.get(key).ok_or_else(|| format!("it has no `{key}`"))?;
    let text = field.as_str().or_else(|| field.get("object")?.as_str()).ok_or_else(|| format!("`{key}` is no text"))?;
    hex::decode(text).map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_artefact_holds_code() {
        for artifact in [TEST_TOKEN, TETHER_LIKE_TOKEN, WRAPPED_ETHER, FEED_AGGREGATOR, FEED_PROXY, BATCH_READER, UNISWAP_TRADER]
        {
            assert!(creation(artifact).unwrap().len() > runtime(artifact).unwrap().len());
        }
    }

    #[test]
    fn a_library_takes_the_place_of_its_hash() {
        let name = "contracts/lib/CircuitBreakerLib.sol:CircuitBreakerLib";
        let linked = link("ab__$6670886e635fd86503a30ff6f4e4ebb80f$__cd".into(), &[(name, Address::repeat_byte(0x11))]);
        assert_eq!(linked, format!("ab{}cd", "11".repeat(20)));
        assert!(code_in(r#"{"creationCode":"__$00$__"}"#, "creationCode").is_err(), "an unlinked library is noticed");
    }
}
