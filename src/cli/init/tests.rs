//! The file that is written.

use alloy_primitives::Address;

use super::*;
use crate::chain::survey::{Owner, SurveyedToken};
use crate::domain::ids::PoolId;
use crate::domain::mode::Mode;
use crate::domain::units::{SwapFee, Timestamp, WAD, Weight};

/// The pool of the example, by its real tokens, at weights that come out uneven.
fn found() -> PoolSurvey {
    let token = |address: &str, symbol: &str, decimals, weight| SurveyedToken {
        address: address.parse().unwrap(),
        symbol: Some(symbol.to_owned()),
        decimals,
        weight: Weight::from_wad(weight),
        asset_manager: None,
    };
    PoolSurvey {
        chain_id: 1,
        block: 100,
        at: Timestamp::from_secs(1_700_000_000),
        address: Address::repeat_byte(0x22),
        vault: Address::repeat_byte(8),
        owner: Owner::Key(Address::repeat_byte(7)),
        tokens: vec![
            token("0x6B175474E89094C44Da98b954EedeAC495271d0F", "DAI", 18, WAD / 3),
            token("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USDC", 6, WAD / 3),
            token("0xdAC17F958D2ee523a2206206994597C13D831ec7", "USDT", 6, WAD - WAD / 3 * 2),
        ],
        swap_fee: SwapFee::from_bps(5),
        swap_enabled: true,
        paused: false,
        pause_window_end: Timestamp::from_secs(1_600_000_000),
        ramp_until: None,
    }
}

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example")
}

#[test]
fn the_file_loads_and_only_observes() {
    let (dir, environment) = (example(), Environment::default());
    let settings = config::load(&dir, &environment).unwrap();
    let chain = settings.chains.values().next().unwrap();
    let assets = assets(&found(), &settings, chain, &dir).unwrap();
    let text = file::text(&found(), chain, &assets, &dir, "thirds");
    let settings =
        config::load_with(&dir, &environment, Pools::With("thirds", &text)).unwrap_or_else(|faults| panic!("{faults}\n{text}"));
    let pool = &settings.pools[&PoolId::new("thirds")];
    assert_eq!((pool.mode, pool.address, pool.policy_name.as_str()), (Mode::Observe, Address::repeat_byte(0x22), "guarded"));
    let targets: Vec<String> = pool.mandate.base_target.weights().iter().map(ToString::to_string).collect();
    assert_eq!(targets, ["33.33 %", "33.33 %", "33.34 %"], "a hundred, to the last digit");
    assert!(text.contains("# - Its owner is the plain key 0x0707070707070707070707070707070707070707"), "{text}");
    assert!(text.contains("Its makers can pause it no more"), "{text}");
}

#[test]
fn a_token_that_nobody_knows_is_a_section_to_add() {
    let (dir, mut found) = (example(), found());
    found.tokens[1] =
        SurveyedToken { address: Address::repeat_byte(3), symbol: Some("wei\u{202e}rd$".to_owned()), ..found.tokens[1].clone() };
    let settings = config::load(&dir, &Environment::default()).unwrap();
    let chain = settings.chains.values().next().unwrap();
    let Err(OpsFault::Refused(told)) = assets(&found, &settings, chain, &dir) else { panic!("it is known") };
    assert!(
        told.contains("[assets.weird.on.mainnet]\ntoken = \"0x0303030303030303030303030303030303030303\"\ndecimals = 6"),
        "{told}"
    );
}

#[test]
fn risks_name_what_is_out_of_the_owners_hands() {
    let told = |change: fn(&mut PoolSurvey)| {
        let mut found = found();
        change(&mut found);
        file::risks(&found).join("\n")
    };
    assert!(told(|f| f.owner = Owner::Governance).contains("it can only be observed"));
    assert!(told(|f| f.owner = Owner::Contract(Address::repeat_byte(6))).contains("needs that contract's consent"));
    assert!(told(|f| f.tokens[0].asset_manager = Some(Address::repeat_byte(5))).contains("may move the pool's balance of DAI"));
    assert!(told(|f| f.swap_enabled = false).contains("Trading is off"));
    assert!(told(|f| f.paused = true).contains("paused by its makers"));
    assert!(told(|f| f.ramp_until = Some(Timestamp::from_secs(1_700_000_600))).contains("in flight until 2023-11-14T22:23:20Z"));
}
