//! `[assets.NAME.on.CHAIN.yield]`, laid over `[defaults.yield.KIND]`, and its `defi_llama` over `[defaults.defi_llama]`.

use std::time::Duration;

use crate::config::check;
use crate::config::inspection::Read;
use crate::config::layers::{Table, as_table, as_text, overlay};
use crate::config::parse::{self, Parsed};
use crate::config::section::Section;
use crate::config::settings::{DefiLlamaSettings, YieldKind, YieldSettings};
use crate::domain::units::Weight;
use crate::domain::yields::{Apy, GrowthRule, YieldRule};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const MONTH: Duration = Duration::from_hours(30 * 24);

/// Who can pay.
#[derive(Clone, Copy)]
enum Kind {
    AaveV3,
    CompoundV3,
    Dsr,
    Ssr,
    Erc4626,
}

const KINDS: [(&str, Kind); 5] = [
    ("aave-v3", Kind::AaveV3),
    ("compound-v3", Kind::CompoundV3),
    ("dsr", Kind::Dsr),
    ("ssr", Kind::Ssr),
    ("erc4626", Kind::Erc4626),
];

/// What yields are read with.
#[derive(Clone, Copy)]
pub(in crate::config) struct Around<'a> {
    /// `[defaults.yield]`: a table for each kind.
    pub(in crate::config) defaults: &'a Table,
    /// `[defaults.defi_llama]`.
    pub(in crate::config) defi_llama: &'a Table,
}

impl Around<'_> {
    fn over(&self, kind: &str, table: &Table) -> Table {
        // A kind that is none has no defaults; it is refused where it is read.
        let defaults = self.defaults.get(kind).and_then(as_table);
        defaults.map_or_else(|| table.clone(), |base| overlay(base, table))
    }
}

/// Reads the yield of an asset on a chain, if it has one.
pub(in crate::config) fn on_chain(at: &mut Section<'_>, around: Around<'_>) -> Read<Option<YieldSettings>> {
    let Some(written) = at.optional_section("yield", None)? else { return Ok(None) };
    let kind = written.table().get("kind").and_then(as_text).unwrap_or_default();
    let mut at = at.part(at.home().to_owned(), at.name("yield"), around.over(&kind, written.table()));
    let (kind, lends) = match at.required("kind", parse::one_of(&KINDS))? {
        Kind::AaveV3 => {
            let (pool, a_token) = (at.required("pool", parse::address), at.required("a_token", parse::address));
            (pool.and_then(|pool| Ok(YieldKind::AaveV3 { pool, a_token: a_token? })), true)
        }
        Kind::CompoundV3 => (at.required("comet", parse::address).map(|comet| YieldKind::CompoundV3 { comet }), true),
        Kind::Dsr => (at.required("pot", parse::address).map(|pot| YieldKind::Dsr { pot }), false),
        Kind::Ssr => (at.required("vault", parse::address).map(|vault| YieldKind::Ssr { vault }), false),
        Kind::Erc4626 => {
            let (vault, decimals) = (at.required("vault", parse::address), at.required("decimals", parse::whole(0, 36)));
            (vault.and_then(|vault| Ok(YieldKind::Erc4626 { vault, decimals: decimals? })), false)
        }
    };
    rest(at, kind, lends, around).map(Some)
}

/// Reads who says what a share is worth.
pub(in crate::config) fn rate(at: &mut Section<'_>, decimals: Read<u8>, around: Around<'_>) -> Read<YieldSettings> {
    let written = at.section("rate", None)?;
    let mut at = at.part(at.home().to_owned(), at.name("rate"), around.over("erc4626", written.table()));
    let vault = at.required("vault", parse::address);
    let kind = vault.and_then(|vault| Ok(YieldKind::Erc4626 { vault, decimals: decimals? }));
    rest(at, kind, false, around)
}

/// What all kinds have, and what those have that lend, or that have shares.
fn rest(mut at: Section<'_>, kind: Read<YieldKind>, lends: bool, around: Around<'_>) -> Read<YieldSettings> {
    let half_life = at.required("half_life", parse::duration(MINUTE, MONTH));
    let warm_up = at.required("warm_up", parse::duration(MINUTE, MONTH));
    let cap = at.required("cap", cap);
    let max_utilisation = if lends { at.required("max_utilisation", parse::percent(1, 10_000)) } else { Ok(Weight::ONE) };
    let growth = if lends { Ok(GrowthRule::USUAL) } else { growth(&mut at) };
    check::at_most(&at, ("warm_up", warm_up), ("half_life", half_life));
    let check = at.optional_section("defi_llama", Some(around.defi_llama));
    let check = check.and_then(|found| found.map(defi_llama).transpose());
    at.finish();
    let (half_life, warm_up, cap, max_utilisation) = (half_life?, warm_up?, cap?, max_utilisation?);
    let rule = YieldRule { half_life, warm_up, cap, max_utilisation, growth: growth? };
    Ok(YieldSettings { kind: kind?, rule, check: check? })
}

fn growth(at: &mut Section<'_>) -> Read<GrowthRule> {
    let window = at.required("window", parse::duration(GrowthRule::USUAL.least, MONTH));
    let jump_bps = at.required("jump_bps", parse::whole(1, 10_000));
    Ok(GrowthRule { window: window?, jump_bps: jump_bps?, ..GrowthRule::USUAL })
}

fn defi_llama(mut at: Section<'_>) -> Read<DefiLlamaSettings> {
    let url = at.required_secret("url", parse::url(&["https", "http"]));
    let pool = at.required("pool", uuid);
    let every = at.required("every", parse::duration(5 * MINUTE, DAY));
    let max_age = at.required("max_age", parse::duration(HOUR, MONTH));
    let differ_bps = at.required("differ_bps", parse::whole(1, 10_000));
    at.finish();
    let (url, pool) = (url?, pool?);
    Ok(DefiLlamaSettings { url, pool, every: every?, max_age: max_age?, differ_bps: differ_bps? })
}

fn cap(text: &str) -> Parsed<Apy> {
    let cap = parse::percent(1, 10_000)(text)?;
    Apy::from_wad(cap.wad()).map_or_else(|| parse::refuse("a yield", "write \"20%\""), Ok)
}

/// 32 hexadecimal digits in groups.
fn uuid(text: &str) -> Parsed<String> {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let digits = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if lengths == [8, 4, 4, 4, 12] && digits {
        return Ok(text.to_lowercase());
    }
    parse::refuse(
        "the id of a pool: 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12",
        "copy it from the pool's page at DefiLlama",
    )
}
