//! Names of lanes, for people: `keeper@mainnet`. The journal knows a lane by its chain's number and its account; the settings know
//! which key that is, where the account is known without opening the key.

use std::fmt;
use std::path::Path;

use alloy_primitives::Address;
use serde::Deserialize;

use super::OpsFault;
use super::words::plain;
use crate::chain::signer::LocalSigner;
use crate::config::{ChainSettings, Settings, SignerSettings};
use crate::domain::ids::ChainName;
use crate::domain::operation::{LaneKey, LaneRole};
use crate::ports::TransactionSigner;
use crate::ports::journal::LaneRecord;

/// The configured chains with the accounts that are known.
pub(super) struct Names(Vec<Chain>);

struct Chain {
    name: ChainName,
    id: u64,
    accounts: Vec<(LaneRole, Address)>,
}

/// A lane's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LaneName {
    /// Its chain, if it is configured.
    pub(super) chain: Option<ChainName>,
    /// What it is for, if its account is known.
    pub(super) role: Option<LaneRole>,
    /// What the journal knows it by.
    pub(super) key: LaneKey,
}

impl fmt::Display for LaneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.role {
            Some(role) => write!(f, "{role}@")?,
            None => write!(f, "{}@", self.key.signer)?,
        }
        match &self.chain {
            Some(chain) => write!(f, "{chain}"),
            None => write!(f, "{}", self.key.chain_id),
        }
    }
}

impl Names {
    pub(super) fn of(settings: &Settings) -> Self {
        Self(settings.chains.values().map(Chain::of).collect())
    }

    /// The name of a lane.
    pub(super) fn name(&self, key: &LaneKey) -> LaneName {
        let chain = self.0.iter().find(|chain| chain.id == key.chain_id);
        let role =
            chain.and_then(|chain| chain.accounts.iter().find(|(_, account)| *account == key.signer)).map(|(role, _)| *role);
        LaneName { chain: chain.map(|chain| chain.name.clone()), role, key: *key }
    }

    /// The lane that an operator means by `keeper@CHAIN`, `guardian@CHAIN` or `ADDRESS@CHAIN`; a chain that is not configured any more
    /// goes by its number.
    pub(super) fn find<'a>(&self, text: &str, lanes: &'a [LaneRecord]) -> Result<&'a LaneRecord, OpsFault> {
        let known = || match lanes.iter().map(|lane| self.name(&lane.key).to_string()).collect::<Vec<_>>() {
            none if none.is_empty() => "it has none".to_owned(),
            names => format!("it has {}", names.join(", ")),
        };
        let (who, chain) = text.split_once('@').unwrap_or((text, ""));
        let is_chain = |lane: &LaneRecord| match self.0.iter().find(|known| known.name.as_str() == chain) {
            Some(known) => known.id == lane.key.chain_id,
            None => chain.parse() == Ok(lane.key.chain_id),
        };
        let is_account = |lane: &LaneRecord| match who.parse::<Address>() {
            Ok(account) => account == lane.key.signer,
            Err(_) => self.name(&lane.key).role.is_some_and(|role| role.label() == who),
        };
        lanes.iter().find(|lane| is_chain(lane) && is_account(lane)).ok_or_else(|| {
            let text = plain(text);
            OpsFault::Refused(format!("the journal has no lane `{text}`; {}", known()))
        })
    }
}

impl Chain {
    fn of(settings: &ChainSettings) -> Self {
        let keeper = account_of(&settings.keeper).map(|account| (LaneRole::Keeper, account));
        let other = |role, source: &Option<SignerSettings>| source.as_ref().and_then(account_of).map(|account| (role, account));
        let (guardian, treasury) = (other(LaneRole::Guardian, &settings.guardian), other(LaneRole::Treasury, &settings.treasury));
        let accounts = keeper.into_iter().chain(guardian).chain(treasury).collect();
        Self { name: settings.name.clone(), id: settings.chain_id, accounts }
    }
}

/// The account of a key, where it can be told without a password and without asking anybody.
fn account_of(signer: &SignerSettings) -> Option<Address> {
    match signer {
        SignerSettings::Env { key, .. } | SignerSettings::PrivateKey(key) => {
            LocalSigner::from_key(key).ok().map(|signer| signer.address())
        }
        SignerSettings::Keystore { path, .. } => account_in(path),
        SignerSettings::Web3Signer { address, .. } => Some(*address),
        SignerSettings::AwsKms { .. } | SignerSettings::GcpKms { .. } => None,
    }
}

/// Most programs write the account into the keystore beside the encrypted key; none has to.
fn account_in(keystore: &Path) -> Option<Address> {
    #[derive(Deserialize)]
    struct Open {
        address: Option<String>,
    }
    let text = std::fs::read_to_string(keystore).ok()?;
    serde_json::from_str::<Open>(&text).ok()?.address?.parse().ok()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::address;

    use super::*;

    const KEEPER: Address = address!("70997970C51812dc3A010C7d01b50e0d17dc79C8");

    fn names() -> Names {
        Names(vec![
            Chain { name: ChainName::new("demo"), id: 31_337, accounts: vec![(LaneRole::Keeper, KEEPER)] },
            Chain { name: ChainName::new("mainnet"), id: 1, accounts: Vec::new() },
        ])
    }

    fn lane(chain_id: u64, signer: Address) -> LaneRecord {
        let key = LaneKey { chain_id, signer };
        LaneRecord { key, epoch: 1, holder: "test".to_owned(), next_nonce: None, stopped: None }
    }

    #[test]
    fn a_lane_goes_by_its_role_where_the_account_is_known_and_by_its_address_where_not() {
        let name = |chain_id, signer| names().name(&LaneKey { chain_id, signer }).to_string();
        assert_eq!(name(31_337, KEEPER), "keeper@demo");
        assert_eq!(name(1, KEEPER), format!("{KEEPER}@mainnet"));
        assert_eq!(name(5, KEEPER), format!("{KEEPER}@5"));
    }

    #[test]
    fn a_lane_is_found_by_every_name_that_it_goes_by_and_by_no_other() {
        let lanes = [lane(1, KEEPER), lane(5, KEEPER), lane(31_337, KEEPER), lane(31_337, Address::ZERO)];
        let found = |text: &str| names().find(text, &lanes).map(|lane| lane.key).map_err(|fault| fault.to_string());
        assert_eq!(found("keeper@demo"), Ok(lanes[2].key));
        assert_eq!(found(&format!("{KEEPER}@demo")), Ok(lanes[2].key));
        assert_eq!(found(&format!("{}@demo", Address::ZERO).to_lowercase()), Ok(lanes[3].key));
        assert_eq!(found(&format!("{KEEPER}@mainnet")), Ok(lanes[0].key));
        assert_eq!(found(&format!("{KEEPER}@5")), Ok(lanes[1].key));
        for nobody in ["", "keeper", "@demo", "guardian@demo", "keeper@mainnet", "keeper@5", "keeper@nowhere"] {
            let fault = found(nobody).unwrap_err();
            assert!(fault.contains(&format!("no lane `{nobody}`; it has {KEEPER}@mainnet, ")), "{fault}");
        }
    }

    #[test]
    fn the_account_of_a_keystore_is_read_beside_the_encrypted_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keeper.json");
        let account = |text: &str| {
            std::fs::write(&path, text).unwrap();
            account_in(&path)
        };
        assert_eq!(account(r#"{"address":"70997970c51812dc3a010c7d01b50e0d17dc79c8","crypto":{},"version":3}"#), Some(KEEPER));
        assert_eq!(account(r#"{"crypto":{},"version":3}"#), None);
        assert_eq!(account("no keystore"), None);
        assert_eq!(account_in(&dir.path().join("nowhere")), None);
    }
}
