//! What must hold between values. Each rule says why in what it expects.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use crate::domain::ids::ChainName;
use crate::domain::peg::VoteRule;
use crate::domain::policy::{DepegAnswer, Policy};
use crate::domain::reading::FeedRule;
use crate::domain::units::{Price, Weight};

use super::inspection::{Read, Reported};
use super::parse::{did_you_mean, exactly, is_name};
use super::section::Section;
use super::settings::{AssetOnChain, AssetSettings, ChainSettings, PoolSettings, ShareSettings, StreamSettings, voting_groups};

/// Names go into metrics, URLs and variables.
pub(super) fn name(at: &Section<'_>, what: &str, name: &str, marks: &str) -> Read<()> {
    if is_name(name, marks) {
        return Ok(());
    }
    let marks: Vec<String> = marks.chars().map(|mark| format!("`{mark}`")).collect();
    let expected = format!("a name of 1 to 64 letters, digits and {}, that begins with a letter or digit", marks.join(" "));
    Err(at.refuse_found("", format!("a {what} called `{name}`"), expected, format!("rename the {what}")))
}

/// A name that another table must define.
pub(super) fn known(at: &Section<'_>, key: &str, what: &str, name: &str, names: &[String]) -> Read<()> {
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    let list = if names.is_empty() { "there is none yet".to_owned() } else { names.join(", ") };
    let mend = did_you_mean(name, names).unwrap_or_else(|| match what {
        "policy" => "write that policy's file into policies/, or name one of those".into(),
        what => format!("add [{what}s.{name}] to ballast.toml"),
    });
    Err(at.refuse(key, format!("the name of a configured {what}: {list}"), mend))
}

/// An asset that the pool has not listed before.
pub(super) fn fresh(at: &Section<'_>, name: &str, names: &mut Vec<String>) -> Read<()> {
    if names.iter().any(|known| known == name) {
        return Err(at.refuse("asset", "each asset once", "remove the duplicate, or name another asset"));
    }
    names.push(name.to_owned());
    Ok(())
}

/// `low <= high`, where both could be read.
pub(super) fn at_most<T: PartialOrd>(at: &Section<'_>, low: (&str, Read<T>), high: (&str, Read<T>)) {
    if let (Ok(least), Ok(greatest)) = (low.1, high.1)
        && least > greatest
    {
        let (expected, mend) = (format!("at most `{}`", high.0), format!("lower `{}` or raise `{}`", low.0, high.0));
        at.refuse(low.0, expected, mend);
    }
}

/// `low < high`, where both could be read.
pub(super) fn less<T: PartialOrd>(at: &Section<'_>, low: (&str, Read<T>), high: (&str, Read<T>)) {
    if let (Ok(least), Ok(greatest)) = (low.1, high.1)
        && least >= greatest
    {
        let (expected, mend) = (format!("less than `{}`", high.0), format!("lower `{}` or raise `{}`", low.0, high.0));
        at.refuse(low.0, expected, mend);
    }
}

/// Coming back must be stricter than leaving.
pub(super) fn reentry(at: &Section<'_>, key: &str, depeg: Option<u32>, reenter: Option<u32>) {
    if let (Some(depeg), Some(reenter)) = (depeg, reenter)
        && reenter >= depeg
    {
        let expected = format!("less than `depeg_bps` ({depeg}), or a price on the line would flip the state at every round");
        at.refuse(key, expected, format!("write {} or less", depeg.saturating_sub(1)));
    }
}

/// Lines that must lie below each other, in this order.
pub(super) fn order(at: &Section<'_>, lines: &[(&str, Option<u32>)]) {
    for pair in lines.windows(2) {
        if let [(upper, Some(above)), (lower, Some(below))] = pair
            && above > below
        {
            let expected = format!("at most `{lower}` ({below}): its state comes before that one");
            at.refuse(upper, expected, format!("lower `{upper}` or raise `{lower}`"));
        }
    }
}

/// A move that is cut into equal legs must not end with a leg too small to fire.
pub(super) fn step_covers_two_thresholds(at: &Section<'_>, step: Option<Weight>, threshold: Option<Weight>) {
    if let (Some(step), Some(threshold)) = (step, threshold) {
        let least = threshold.saturating_add(threshold);
        if step < least {
            let expected = format!("at least twice `drift_threshold`: {}", exactly(least));
            at.refuse("max_step", expected, format!("write \"{}\", or lower `drift_threshold`", exactly(least)));
        }
    }
}

/// A ramp that starts sooner than its transaction can be included is cancelled every time.
pub(super) fn lead_covers_two_blocks(at: &Section<'_>, lead: Duration, chain: &ChainSettings) {
    let least = chain.block_time.saturating_mul(2);
    if lead < least {
        let least = humantime::format_duration(least);
        let expected = format!("`ramp.start_lead` of at least two blocks of {}: {least}", chain.name);
        let found = format!("a policy whose start_lead is {}", humantime::format_duration(lead));
        at.refuse_found(
            "policy",
            found,
            expected,
            format!("set ramp.start_lead = \"{least}\" under [policy_overrides], or more"),
        );
    }
}

/// What a move is worth cannot be told without the price of the gas that it takes, and what cannot be told is never done.
pub(super) fn worth_needs_ether(at: &Section<'_>, policy: &Policy, chain: &ChainSettings) {
    if policy.worth.is_some() && chain.ether_usd.is_none() {
        let expected =
            format!("a price of ether for {}: its `worth` is counted in dollars, and no move would ever be made", chain.name);
        let mend = format!("add [chains.{}.ether_usd], or set worth = false under [policy_overrides]", chain.name);
        at.refuse_found("policy", "a policy with `worth`".to_owned(), expected, mend);
    }
}

/// What needs the treasury's key would silently never happen without it.
pub(super) fn treasury_is_there(at: &Section<'_>, policy: &Policy, chain: &ChainSettings) {
    if chain.treasury.is_some() {
        return;
    }
    let expected = || format!("[chains.{}.treasury], the key of the account that holds the pool's shares", chain.name);
    if policy.depeg.answer == DepegAnswer::Exit {
        let mend = "add it, or write answer = \"freeze\" in its [depeg]";
        at.refuse_found("policy", "a policy that answers a depeg with `exit`", expected(), mend);
    }
    if policy.swap.is_some() {
        let mend = "add it, or set swap = false under [policy_overrides]";
        at.refuse_found("policy", "a policy with `swap`", expected(), mend);
    }
}

/// A feed that calls a depegged price unbelievable would blind Ballast when it matters.
pub(super) fn feed_sees_the_band(at: &Section<'_>, feed: &FeedRule, depeg_bps: Option<u32>) {
    let band = depeg_bps.map(|bps| Weight::ONE.saturating_sub(Weight::from_bps(bps)).wad());
    if band.is_some_and(|band| feed.low.wad() >= band) {
        at.refuse("low", "less than the lower end of the peg band", "write \"0.2\"");
    }
    if feed.high < Price::PAR {
        at.refuse("high", "at least one dollar", "write \"2.0\"");
    }
}

/// A quorum that the sources can never reach blinds an asset for ever, or never lets it back.
pub(super) fn enough_groups(
    at: &Section<'_>,
    votes: &VoteRule,
    streams: &[StreamSettings],
    on: &BTreeMap<ChainName, AssetOnChain>,
) {
    let groups = voting_groups(streams, on);
    let names: Vec<&str> = groups.iter().map(|group| group.label()).collect();
    let have = format!("its sources are of {} independent groups ({})", groups.len(), names.join(", "));
    let mend = "add sources of other groups under [assets.NAME.sources], or lower the quorum for this asset";
    if votes.defend > groups.len() {
        at.refuse("defend", format!("{} at most: {have}, so that no price could ever be believed", groups.len()), mend);
    } else if votes.reenter > groups.len() {
        at.refuse("reenter", format!("{} at most: {have}, so that it could never come back", groups.len()), mend);
    } else if votes.reenter > 1 && groups.iter().all(|group| group.is_on_chain()) {
        at.refuse("reenter", "1, or a source off the chain: coming back takes a witness on a chain and one off", mend);
    }
}

/// A price in another asset needs that asset on the same chain.
pub(super) fn pairs_meet(root: &Section<'_>, assets: &BTreeMap<String, Read<AssetSettings>>) {
    for (name, asset) in assets {
        let places = asset.iter().flat_map(|asset| &asset.on);
        for (chain, source) in places.flat_map(|(chain, place)| place.sources.iter().map(move |source| (chain, source))) {
            let other = source.against().and_then(|against| Some((against, assets.get(against.as_str())?.as_ref().ok()?)));
            if let Some((against, settings)) = other
                && !settings.on.contains_key(chain)
            {
                let key = format!("assets.{name}.on.{chain}.sources.{}.against", source.name);
                let mend = format!("add [assets.{against}.on.{chain}], or name another asset");
                root.refuse_found(&key, against.to_string(), format!("an asset that is on {chain} too"), mend);
            }
        }
    }
}

/// What a share is worth is told in its coin, so the coin has to be on the same chain.
pub(super) fn shares_meet(root: &Section<'_>, shares: &All<ShareSettings>, assets: &All<AssetSettings>) {
    for (name, share) in shares {
        let Ok(share) = share else { continue };
        let Some(Ok(coin)) = assets.get(share.of.as_str()) else { continue };
        for chain in share.on.keys().filter(|chain| !coin.on.contains_key(*chain)) {
            let key = format!("assets.{name}.share_of");
            let mend = format!("add [assets.{}.on.{chain}], or remove [assets.{name}.on.{chain}]", share.of);
            root.refuse_found(&key, share.of.to_string(), format!("an asset that is on {chain} too"), mend);
        }
    }
}

/// Weights of a pool are shares of one whole.
pub(super) fn sum_of_targets(at: &Section<'_>, sum: Weight) -> Reported {
    let (off, verb) = (exactly(sum.abs_diff(Weight::ONE)), if sum > Weight::ONE { "take" } else { "add" });
    let found = format!("targets that sum to {}", exactly(sum));
    at.refuse_found("tokens", found, "targets that sum to exactly 100%", format!("{verb} {off}"))
}

/// Everything of a kind by its name, read or not.
type All<T> = BTreeMap<String, Read<T>>;

/// One writer for each chain, one owner for each contract.
pub(super) fn distinct(
    root: &Section<'_>,
    chains: &BTreeMap<String, Read<ChainSettings>>,
    (assets, shares): (&All<AssetSettings>, &All<ShareSettings>),
    pools: &BTreeMap<String, (Section<'_>, Read<PoolSettings>)>,
) {
    let mut ids = Seen::default();
    for (name, chain) in chains {
        if let Ok(chain) = chain {
            ids.check(chain.chain_id, name, |other| {
                let found = format!("{}, also the id of `{other}`", chain.chain_id);
                let expected = "each chain once: two entries would send with two ideas of the next nonce";
                root.refuse_found(&format!("chains.{name}.chain_id"), found, expected, "remove one of the two chains");
            });
        }
    }
    let mut tokens = Seen::default();
    let mut places = Vec::new();
    for (name, asset) in assets {
        places.extend(asset.iter().flat_map(|asset| &asset.on).map(|(chain, place)| (name, chain, place.token)));
    }
    for (name, share) in shares {
        places.extend(share.iter().flat_map(|share| &share.on).map(|(chain, place)| (name, chain, place.token)));
    }
    for (name, chain, token) in places {
        tokens.check((chain, token), name, |other| {
            let found = format!("{token}, also the token of `{other}`");
            let key = format!("assets.{name}.on.{chain}.token");
            root.refuse_found(&key, found, "a token of its own for each asset", "correct the address, or remove one asset");
        });
    }
    let mut addresses = Seen::default();
    for (name, (at, pool)) in pools {
        if let Ok(pool) = pool {
            addresses.check((&pool.chain, pool.address), name, |other| {
                let found = format!("{}, also the address of `{other}`", pool.address);
                let expected = "each pool in one file: two would undo each other's work";
                at.refuse_found("address", found, expected, "correct the address, or remove one of the two files");
            });
        }
    }
}

/// Who was first with a value.
#[derive(Debug)]
struct Seen<'n, T>(BTreeMap<T, &'n str>);

impl<T> Default for Seen<'_, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'n, T: Ord + Debug> Seen<'n, T> {
    fn check(&mut self, value: T, name: &'n str, twice: impl FnOnce(&str)) {
        match self.0.get(&value) {
            Some(other) => twice(other),
            None => {
                self.0.insert(value, name);
            }
        }
    }
}
