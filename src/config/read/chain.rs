//! `[chains.NAME]`, laid over `[defaults.chain]`.

use std::num::NonZeroU32;
use std::time::Duration;

use secrecy::SecretString;

use crate::config::check;
use crate::config::inspection::Read;
use crate::config::layers::Table;
use crate::config::parse;
use crate::config::read::asset::feed;
use crate::config::read::sending;
use crate::config::read::signer::{self, Apart};
use crate::config::section::Section;
use crate::config::settings::{ChainSettings, SequencerSettings, SignerSettings};
use crate::domain::ids::ChainName;
use crate::domain::units::GasPrice;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// More endpoints of one chain than this bear no better witness, and each is asked for every receipt.
const MOST_ENDPOINTS: usize = 8;

/// Reads one chain.
pub(in crate::config) fn chain(name: &str, mut at: Section<'_>, ether_feed: &Table, sequencer: &Table) -> Read<ChainSettings> {
    let chain_id = at.required("chain_id", parse::whole(1, u64::MAX));
    let ws_url = at.secret("ws_url", true, parse::url(&["ws", "wss"]));
    let rpc = endpoints(&mut at);
    let rate_limit = at.optional("rate_limit", parse::whole(1, 10_000));
    let block_time = at.required("block_time", parse::duration(Duration::from_millis(100), HOUR));
    let read_every = at.required("read_every", parse::whole(1, 10_000));
    let priority_fee = at.required("priority_fee_gwei", parse::gwei(GasPrice::from_wei(0), GasPrice::from_gwei(1_000)));
    let explorer_tx = at.optional("explorer_tx", parse::url(&["http", "https"]));
    let ether_usd = at.optional_section("ether_usd", Some(ether_feed)).and_then(|found| found.map(feed).transpose());
    let sequencer = at.optional_section("sequencer", Some(sequencer)).and_then(|found| found.map(sequencer_feed).transpose());
    let spacing = at.section("spacing", None).and_then(sending::spacing);
    let ageing = at.required("ageing", parse::duration(Duration::from_secs(1), DAY));
    let bump_after_blocks = at.required("bump_after_blocks", parse::whole(1, 1_000));
    let finality = at.required("finality", parse::finality);
    let cancel_cap = at.required("cancel_cap_gwei", parse::gwei(GasPrice::from_wei(1), GasPrice::from_gwei(100_000)));
    let reader_gas_per_call = at.required("reader_gas_per_call", parse::whole(21_000, 1_000_000_000));
    let reader_gas = at.required("reader_gas", parse::whole(21_000, 1_000_000_000));
    let relay = at.optional_section("relay", None);
    let relay = relay.and_then(|found| found.map(|section| sending::relay(section, chain_id.ok())).transpose());
    let route = at.section("route", None).and_then(|section| sending::route(section, name, &relay));
    let budget = at.section("budget", None).and_then(sending::budget);
    let keeper = at.section("keeper", None).and_then(|section| signer::signer(section, chain_id.ok()));
    let others = [("keeper", keeper.as_ref().ok())];
    let apart = Apart {
        others: &others,
        expected: "another key: a freeze that shares the keeper's nonces waits for the keeper's transactions",
        mend: "create a second key for the guardian",
    };
    let guardian = own_key(&mut at, "guardian", chain_id.ok(), &apart);
    let others = [("keeper", keeper.as_ref().ok()), ("guardian", guardian.as_ref().ok().and_then(Option::as_ref))];
    let apart = Apart {
        others: &others,
        expected: "another key: one account has one sequence of nonces, whoever sends",
        mend: "move the treasury's shares to an account of their own",
    };
    let treasury = own_key(&mut at, "treasury", chain_id.ok(), &apart);
    let named = check::name(&at, "chain", name, "-_");
    check::at_most(&at, ("reader_gas_per_call", reader_gas_per_call), ("reader_gas", reader_gas));
    check::at_most(&at, ("priority_fee_gwei", priority_fee), ("cancel_cap_gwei", cancel_cap));
    at.finish();
    named?;
    Ok(ChainSettings {
        name: ChainName::new(name),
        chain_id: chain_id?,
        ws_url: ws_url?,
        rpc: rpc?,
        rate_limit: rate_limit?.and_then(NonZeroU32::new),
        block_time: block_time?,
        read_every: read_every?,
        priority_fee: priority_fee?,
        explorer_tx: explorer_tx?,
        ether_usd: ether_usd?,
        sequencer: sequencer?,
        spacing: spacing?,
        ageing: ageing?,
        bump_after_blocks: bump_after_blocks?,
        finality: finality?,
        cancel_cap: cancel_cap?,
        reader_gas_per_call: reader_gas_per_call?,
        reader_gas: reader_gas?,
        route: route?,
        relay: relay?,
        budget: budget?,
        keeper: keeper?,
        guardian: guardian?,
        treasury: treasury?,
    })
}

/// The key of a role that a chain need not have.
fn own_key(at: &mut Section<'_>, role: &str, chain_id: Option<u64>, apart: &Apart<'_>) -> Read<Option<SignerSettings>> {
    at.optional_section(role, None)?.map(|section| signer::apart(section, chain_id, apart)).transpose()
}

fn sequencer_feed(mut at: Section<'_>) -> Read<SequencerSettings> {
    let proxy = at.required("proxy", parse::address);
    let grace = at.required("grace", parse::duration(Duration::ZERO, DAY));
    at.finish();
    Ok(SequencerSettings { proxy: proxy?, grace: grace? })
}

/// The endpoints. Settings that were written for one of them name it differently, and their reader is told so.
fn endpoints(at: &mut Section<'_>) -> Read<Vec<SecretString>> {
    let former = ["http_url", "http_url_file"].map(|key| at.has(key).then_some(key));
    match former.into_iter().flatten().next() {
        None => at.addresses("rpc", MOST_ENDPOINTS, &["http", "https"]),
        Some(key) => {
            // Not unknown, but not worth a fault of its own.
            let _ = (at.has("rpc"), at.has("rpc_file"));
            let (new, form) = if key == "http_url" { ("rpc", "[\"https://…\"]") } else { ("rpc_file", "\"…\"") };
            Err(at.refuse(key, format!("`{new}`, which may name several nodes"), format!("write `{new} = {form}` instead")))
        }
    }
}
