//! `pools/NAME.toml`, laid over `[defaults.pool]`; its tokens over `[defaults.token]`.

use std::collections::BTreeMap;

use alloy_primitives::Address;

use crate::config::check;
use crate::config::inspection::{Read, Reported};
use crate::config::layers::{Table, overlay};
use crate::config::parse;
use crate::config::read::policy::policy;
use crate::config::section::Section;
use crate::config::settings::{AssetSettings, ChainSettings, PoolKind, PoolSettings, ShareSettings};
use crate::domain::allocation::Allocation;
use crate::domain::ids::{AssetId, ChainName, GroupId, PoolId};
use crate::domain::mode::Mode;
use crate::domain::policy::Policy;
use crate::domain::position::Mandate;
use crate::domain::units::Weight;

/// The vault of Balancer V2 refuses weights below 1 %; above 97 % a pool holds one coin and a rest.
const LIMITS: (Weight, Weight) = (Weight::from_bps(100), Weight::from_bps(9_700));

const KINDS: [(&str, PoolKind); 1] = [(PoolKind::ManagedV2.label(), PoolKind::ManagedV2)];

const MODES: [(&str, Mode); 3] =
    [(Mode::Observe.label(), Mode::Observe), (Mode::DryRun.label(), Mode::DryRun), (Mode::Live.label(), Mode::Live)];

/// What was read before the pools; what failed is present as [`Reported`], so that nobody is told twice.
#[derive(Debug)]
pub(in crate::config) struct Known<'a> {
    pub(in crate::config) chains: &'a BTreeMap<String, Read<ChainSettings>>,
    pub(in crate::config) assets: &'a BTreeMap<String, Read<AssetSettings>>,
    pub(in crate::config) shares: &'a BTreeMap<String, Read<ShareSettings>>,
    pub(in crate::config) policies: &'a BTreeMap<String, PolicyFile>,
    pub(in crate::config) token_defaults: &'a Table,
}

/// A policy before and after it was read.
#[derive(Debug)]
pub(in crate::config) struct PolicyFile {
    /// Where it is written.
    pub(in crate::config) home: String,
    /// As written.
    pub(in crate::config) table: Table,
    /// As understood.
    pub(in crate::config) policy: Read<Policy>,
}

/// One entry of `[[tokens]]`.
struct Token {
    name: String,
    /// Where it lives on the pool's chain, once that is known.
    address: Read<Address>,
    target: Weight,
    min: Weight,
    max: Weight,
    /// Its own limit of loss, where it has one.
    max_loss: Option<Weight>,
}

/// Reads one pool.
pub(in crate::config) fn pool(name: &str, mut at: Section<'_>, known: &Known<'_>) -> Read<PoolSettings> {
    let named = check::name(&at, "pool", name, "-_");
    let chain_name = at.required("chain", parse::text);
    let chain = chain_name.clone().and_then(|name| find(&at, "chain", "chain", &name, known.chains));
    let address = at.required("address", parse::address);
    let kind = at.required("kind", parse::one_of(KINDS.as_slice()));
    let mode = at.required("mode", parse::one_of(MODES.as_slice()));
    let policy_name = at.required("policy", parse::text);
    let policy = policy_name.clone().and_then(|name| rules(&mut at, &name, known));
    if let (Ok(policy), Ok(chain)) = (&policy, &chain) {
        check::lead_covers_two_blocks(&at, policy.ramp.start_lead, chain);
        check::worth_needs_ether(&at, policy, chain);
        check::treasury_is_there(&at, policy, chain);
    }
    let mandate = mandate(&mut at, chain_name.as_deref().ok(), known);
    at.finish();
    named?;
    chain?;
    Ok(PoolSettings {
        id: PoolId::new(name),
        chain: ChainName::new(&chain_name?),
        address: address?,
        kind: kind?,
        mode: mode?,
        mandate: mandate?,
        policy_name: policy_name?,
        policy: policy?,
    })
}

/// A thing that another table defines, by its name.
fn find<'k, T>(at: &Section<'_>, key: &str, what: &str, name: &str, all: &'k BTreeMap<String, Read<T>>) -> Read<&'k T> {
    let names: Vec<String> = all.keys().cloned().collect();
    check::known(at, key, what, name, &names)?;
    all.get(name).ok_or(Reported)?.as_ref().map_err(|reported| *reported)
}

/// The named policy with the pool's own overrides on top.
fn rules(at: &mut Section<'_>, name: &str, known: &Known<'_>) -> Read<Policy> {
    let overrides = at.optional_section("policy_overrides", None)?;
    let names: Vec<String> = known.policies.keys().cloned().collect();
    check::known(at, "policy", "policy", name, &names)?;
    let file = known.policies.get(name).ok_or(Reported)?;
    match overrides {
        None => file.policy.clone(),
        Some(over) => {
            let whole = overlay(&file.table, over.table());
            policy(at.part(file.home.clone(), "policy_overrides".into(), whole))
        }
    }
}

/// Targets and bounds, in ascending order of the token addresses: the order in which the vault lists them.
fn mandate(at: &mut Section<'_>, chain: Option<&str>, known: &Known<'_>) -> Read<Mandate> {
    let mut names = Vec::new();
    let mut sum = Ok(Weight::ZERO);
    let mut tokens = Vec::new();
    for section in at.list("tokens", known.token_defaults)? {
        let (target, token) = token(section, chain, &mut names, known);
        sum = sum.and_then(|sum: Weight| Ok(sum.saturating_add(target?)));
        tokens.push(token);
    }
    if tokens.len() < 2 {
        let found = format!("{} of them", tokens.len());
        return Err(at.refuse_found("tokens", found, "at least two tokens", "add [[tokens]] entries"));
    }
    let sum = sum?;
    if sum != Weight::ONE {
        return Err(check::sum_of_targets(at, sum));
    }
    let mut tokens: Vec<Token> = tokens.into_iter().collect::<Read<_>>()?;
    let mut addresses = Vec::new();
    for token in &tokens {
        addresses.push(token.address?);
    }
    tokens.sort_by_key(|token| token.address.ok());
    let targets = tokens.iter().map(|token| token.target).collect();
    // A share falls with its coin, and earns by itself.
    let coin_of = |token: &Token| match known.shares.get(&token.name) {
        Some(share) => share.as_ref().ok().map(|share| share.of.to_string()),
        None => Some(token.name.clone()),
    };
    let group_of = |token: &Token| {
        let asset = known.assets.get(&coin_of(token)?)?.as_ref().ok()?;
        asset.risk_group.as_deref().map(GroupId::new)
    };
    let groups: Vec<Option<GroupId>> = tokens.iter().map(group_of).collect();
    let limits = at.optional_section("risk_groups", None)?.map_or_else(|| Ok(Vec::new()), |at| group_limits(&at, &groups))?;
    Ok(Mandate {
        base_target: Allocation::exact(targets).map_err(|_| check::sum_of_targets(at, sum))?,
        min: tokens.iter().map(|token| token.min).collect(),
        max: tokens.iter().map(|token| token.max).collect(),
        groups,
        group_max: limits.iter().filter_map(|(group, max, _)| Some((group.clone(), (*max)?))).collect(),
        accrues: tokens.iter().map(|token| known.shares.contains_key(&token.name)).collect(),
        max_loss: tokens.iter().map(|token| token.max_loss).collect(),
        group_max_loss: limits.iter().filter_map(|(group, _, loss)| Some((group.clone(), (*loss)?))).collect(),
        assets: tokens.into_iter().map(|token| AssetId::new(&token.name)).collect(),
    })
}

/// A risk group, the most that it may weigh, and the most that may be lost if it dies.
type GroupLimits = (GroupId, Option<Weight>, Option<Weight>);

/// `[risk_groups.NAME]`: limits of assets that fall together.
fn group_limits(at: &Section<'_>, groups: &[Option<GroupId>]) -> Read<Vec<GroupLimits>> {
    let limit = |(name, table): (String, Read<Table>)| {
        let mut inner = at.part(at.home().to_owned(), at.name(&name), table?);
        let group = GroupId::new(&name);
        let known = groups.contains(&Some(group.clone()));
        let max = inner.optional("max", parse::percent(1, 10_000));
        let loss = inner.optional("max_loss_if_group_dies", parse::percent(0, 10_000));
        if !known {
            let expected = "the risk group of an asset of this pool";
            inner.refuse_found("", format!("a group called `{name}`"), expected, "name the `risk_group` of one of its assets");
        }
        inner.finish();
        if known { Ok((group, max?, loss?)) } else { Err(Reported) }
    };
    let all: Vec<Read<GroupLimits>> = at.entries().into_iter().map(limit).collect();
    all.into_iter().collect()
}

/// Bounds default to the target less and plus `band`, within the limits of a pool.
fn token(mut at: Section<'_>, chain: Option<&str>, names: &mut Vec<String>, known: &Known<'_>) -> (Read<Weight>, Read<Token>) {
    let range = || parse::percent(100, 9_700);
    let name = at.required("asset", parse::text);
    let target = at.required("target", range());
    let band = at.required("band", parse::percent(0, 10_000));
    let (min, max) = (at.optional("min", range()), at.optional("max", range()));
    let max_loss = at.optional("max_loss_if_coin_dies", parse::percent(0, 10_000));
    let address = name.as_ref().map_err(|reported| *reported).and_then(|name| address_of(&at, name, chain, known));
    let fresh = name.as_ref().map_or(Err(Reported), |name| check::fresh(&at, name, names));
    let (low, high) = LIMITS;
    let min = min.and_then(|min| min.map_or_else(|| Ok(target?.saturating_sub(band?).max(low)), Ok));
    let max = max.and_then(|max| max.map_or_else(|| Ok(target?.saturating_add(band?).min(high)), Ok));
    check::at_most(&at, ("min", min), ("target", target));
    check::at_most(&at, ("target", target), ("max", max));
    at.finish();
    let token =
        fresh.and_then(|()| Ok(Token { name: name?, address, target: target?, min: min?, max: max?, max_loss: max_loss? }));
    (target, token)
}

fn address_of(at: &Section<'_>, name: &str, chain: Option<&str>, known: &Known<'_>) -> Read<Address> {
    let missing = |chain: &str| {
        let expected = format!("an asset that is configured on {chain}");
        Err(at.refuse("asset", expected, format!("add [assets.{name}.on.{chain}] with its token, decimals and feed")))
    };
    if let Some(share) = known.shares.get(name) {
        let share = share.as_ref().map_err(|reported| *reported)?;
        let chain = chain.filter(|chain| known.chains.contains_key(*chain)).ok_or(Reported)?;
        return share.on.get(&ChainName::new(chain)).map_or_else(|| missing(chain), |place| Ok(place.token));
    }
    let asset = find(at, "asset", "asset", name, known.assets)?;
    let chain = chain.filter(|chain| known.chains.contains_key(*chain)).ok_or(Reported)?;
    match asset.on.get(&ChainName::new(chain)) {
        Some(place) => Ok(place.token),
        None => missing(chain),
    }
}
