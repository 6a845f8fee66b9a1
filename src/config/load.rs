//! From a directory and an environment to [`Settings`]: gather the files, stack them, read every part, check them together.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::check;
use super::environment::Environment;
use super::fault::{Fault, Faults, hidden};
use super::inspection::{Inspection, Read, Reported};
use super::layers::{self, Table, nested, overlay};
use super::read::pool::{Known, PolicyFile};
use super::read::{asset, chain, policy, pool, service, share, yields};
use super::section::Section;
use super::settings::Settings;
use crate::domain::ids::{AssetId, ChainName, PoolId};

/// The file beside the folders of pools and policies.
pub(super) const MAIN: &str = "ballast.toml";

/// Name and text of the built-in layer. Names of what is built in begin with [`layers::BUILT_IN`].
pub(super) const DEFAULTS: (&str, &str) = ("built-in default.toml", include_str!("../../config/default.toml"));

/// Names, places and texts of the built-in policies. A file of the same name in `DIR/policies` takes their place.
pub(super) const POLICIES: [(&str, &str, &str); 2] = [
    ("article", "built-in policies/article.toml", include_str!("../../config/policies/article.toml")),
    ("guarded", "built-in policies/guarded.toml", include_str!("../../config/policies/guarded.toml")),
];

/// Reads the settings in `dir`, with `environment` over them.
///
/// # Errors
/// Everything that is wrong, in any file, at once. Opens no socket and writes nothing.
pub fn load(dir: &Path, environment: &Environment) -> Result<Settings, Faults> {
    load_with(dir, environment, Pools::AsTheyAre)
}

/// Which pool files count.
#[derive(Clone, Copy, Debug)]
pub enum Pools<'a> {
    /// Those that are there, and one at least.
    AsTheyAre,
    /// Those that are there, or none.
    OrNone,
    /// Those that are there, and this one as it would be written: its name and its text.
    With(&'a str, &'a str),
}

/// The same with other pool files than those that are there: what is to be written can be checked before it is.
///
/// # Errors
/// As for [`load`].
pub fn load_with(dir: &Path, environment: &Environment, pools: Pools<'_>) -> Result<Settings, Faults> {
    let inspection = Inspection::new(dir, environment);
    let settings = gather(&inspection, pools).and_then(|files| settings(&inspection, files));
    let faults = inspection.into_faults();
    settings.ok().filter(|_| faults.0.is_empty()).ok_or(faults)
}

/// The tree of values, and where its policies are written.
struct Files {
    main: String,
    tree: Table,
    policy_homes: BTreeMap<String, String>,
}

fn gather(inspection: &Inspection<'_>, which: Pools<'_>) -> Read<Files> {
    let main = inspection.dir.join(MAIN);
    let mut root = file(inspection, &main);
    let mut tables = vec![text(inspection, DEFAULTS.0, DEFAULTS.1)];
    if let Ok(root) = &mut root {
        for folder in ["pools", "policies"] {
            if let Some(value) = root.remove(folder) {
                let place = layers::origin(&value).unwrap_or_default().to_owned();
                let expected = format!("no such table here: {folder} have a folder of their own");
                let mend = format!("move each entry to a file, {folder}/NAME.toml, without the [{folder}.NAME] line");
                inspection.report(Fault { place, key: folder.into(), found: "a table".into(), expected, mend });
            }
        }
        tables.push(root.clone());
    }
    let mut policy_homes = BTreeMap::new();
    for (name, home, toml) in POLICIES {
        policy_homes.insert(name.to_owned(), home.to_owned());
        tables.push(nested("policies", name, text(inspection, home, toml)));
    }
    for (name, home, table) in folder(inspection, "policies") {
        let Some(table) = table else { continue };
        if policy_homes.insert(name.clone(), home).is_some() {
            // The built-in policy of that name is replaced whole, not laid under.
            tables.retain(|layer| !is_policy(layer, &name));
        }
        tables.push(nested("policies", &name, table));
    }
    let mut pools = folder(inspection, "pools");
    if let Pools::With(name, content) = which {
        let home = inspection.dir.join("pools").join(format!("{name}.toml")).display().to_string();
        pools.retain(|(other, ..)| other != name);
        let table = text(inspection, &home, content);
        pools.push((name.to_owned(), home, Some(table)));
    }
    if pools.is_empty() && !matches!(which, Pools::OrNone) && inspection.dir.is_dir() {
        let place = inspection.dir.join("pools").display().to_string();
        let mend = "copy a pool file there, for example pools/treasury.toml of config/example".into();
        let found = "no file NAME.toml".into();
        inspection.report(Fault {
            place,
            key: String::new(),
            found,
            expected: "one file for each pool, at least one".into(),
            mend,
        });
    }
    for (name, _, table) in pools {
        tables.extend(table.map(|table| nested("pools", &name, table)));
    }
    for name in inspection.environment.unreadable() {
        inspection.report(Fault {
            place: format!("environment variable {name}"),
            key: String::new(),
            found: hidden(),
            expected: "valid Unicode".into(),
            mend: "set it again, or unset it".into(),
        });
    }
    root?;
    let main = main.display().to_string();
    let tree = layers::stack(tables, inspection.environment).map_err(|strange| {
        let (found, expected) = (strange.to_string(), "keys that are plain names: letters, digits, - and _".into());
        inspection.report(Fault {
            place: main.clone(),
            key: String::new(),
            found,
            expected,
            mend: "rename or remove them".into(),
        })
    })?;
    Ok(Files { main, tree, policy_homes })
}

fn is_policy(layer: &Table, name: &str) -> bool {
    layer.get("policies").and_then(layers::as_table).is_some_and(|policies| policies.contains_key(name))
}

/// Every `NAME.toml` of a folder, in order of the names, with its path and (if it can be read) its content.
fn folder(inspection: &Inspection<'_>, name: &str) -> Vec<(String, String, Option<Table>)> {
    let Ok(entries) = fs::read_dir(inspection.dir.join(name)) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if is_settings(&path) {
            files.push((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), path));
        }
    }
    files.sort();
    files.into_iter().map(|(stem, path)| (stem, path.display().to_string(), file(inspection, &path).ok())).collect()
}

/// Whether a file of a folder counts. Editors and mounted volumes leave hidden files; they are nobody's pools.
pub(super) fn is_settings(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    path.extension().is_some_and(|extension| extension == "toml") && !hidden
}

pub(super) fn file(inspection: &Inspection<'_>, path: &Path) -> Read<Table> {
    let place = path.display().to_string();
    let bytes = fs::read(path).map_err(|error| {
        let mend = if inspection.dir.is_dir() {
            "create it, or let Ballast read it; config/example is a directory to copy"
        } else {
            "pass the right directory with --config; config/example is one to copy"
        };
        let (found, expected) = (error.to_string(), "a TOML file that can be read".to_owned());
        inspection.report(Fault { place: place.clone(), key: String::new(), found, expected, mend: mend.into() })
    })?;
    let content = String::from_utf8(bytes).map_err(|_| {
        let (found, expected) = ("bytes that are not UTF-8".into(), "TOML in UTF-8".into());
        inspection.report(Fault { place: place.clone(), key: String::new(), found, expected, mend: "save it as UTF-8".into() })
    })?;
    Ok(text(inspection, &place, &content))
}

pub(super) fn text(inspection: &Inspection<'_>, place: &str, content: &str) -> Table {
    let (table, errors) = layers::parse(place, content);
    for error in errors {
        let (found, expected) = (format!("no valid TOML: {}", error.why), "TOML".into());
        let mend = "correct the line; texts, durations and percentages stand in quotes".into();
        inspection.report(Fault { place: error.place, key: String::new(), found, expected, mend });
    }
    table
}

fn settings(inspection: &Inspection<'_>, files: Files) -> Read<Settings> {
    let mut root = Section::new(inspection, files.main, String::new(), files.tree);
    let mut defaults = root.section("defaults", None)?;
    let mut default = |name: &str| defaults.section(name, None).map(|section| section.table().clone());
    let (for_chain, for_asset, for_pool) = (default("chain")?, default("asset")?, default("pool")?);
    let (for_feed, for_ether, for_token) = (default("feed")?, default("ether_feed")?, default("token")?);
    let (for_source, for_sequencer) = (default("source")?, default("sequencer")?);
    let (for_yield, for_llama) = (default("yield")?, default("defi_llama")?);
    defaults.finish();

    let journal = service::journal(&mut root);
    let http = root.section("http", None).and_then(service::http);
    let telemetry = root.section("telemetry", None).and_then(service::telemetry);
    let alerts = root.section("alerts", None).and_then(service::alerts);
    let chains: BTreeMap<_, _> = sections(&mut root, "chains", &for_chain)
        .into_iter()
        .map(|(name, at)| (name.clone(), at.and_then(|at| chain::chain(&name, at, &for_ether, &for_sequencer))))
        .collect();
    let names: Vec<String> = chains.keys().cloned().collect();
    let (shares, assets) = shares_and_assets(&mut root, &for_asset);
    let names_of = |found: &Named<'_>| found.iter().map(|(name, _)| name.clone()).collect::<Vec<String>>();
    let (asset_names, share_names) = (names_of(&assets), names_of(&shares));
    let yields = yields::Around { defaults: &for_yield, defi_llama: &for_llama };
    let around = asset::Around { feed: &for_feed, source: &for_source, yields, chains: &names, assets: &asset_names };
    let assets: BTreeMap<_, _> =
        assets.into_iter().map(|(name, at)| (name.clone(), at.and_then(|at| asset::asset(&name, at, around)))).collect();
    let around = share::Around { chains: &names, assets: &asset_names, shares: &share_names, yields };
    let shares: BTreeMap<_, _> =
        shares.into_iter().map(|(name, at)| (name.clone(), at.and_then(|at| share::share(&name, at, around)))).collect();
    check::pairs_meet(&root, &assets);
    check::shares_meet(&root, &shares, &assets);
    let policies: BTreeMap<_, _> = sections(&mut root, "policies", &Table::new())
        .into_iter()
        .map(|(name, at)| (name.clone(), policy_file(&name, at, &files.policy_homes)))
        .collect();
    let known = Known { chains: &chains, assets: &assets, shares: &shares, policies: &policies, token_defaults: &for_token };
    let mut pools = BTreeMap::new();
    for (name, at) in sections(&mut root, "pools", &for_pool) {
        let home = inspection.dir.join("pools").join(format!("{name}.toml")).display().to_string();
        let at = at.map(|at| at.part(home, String::new(), at.table().clone()));
        if let Ok(at) = at {
            pools.insert(name.clone(), (at.clone(), pool::pool(&name, at, &known)));
        }
    }
    check::distinct(&root, &chains, (&assets, &shares), &pools);
    root.finish();
    Ok(Settings {
        directory: inspection.dir.to_owned(),
        journal: journal?,
        chains: chains.into_iter().map(|(name, chain)| Ok((ChainName::new(&name), chain?))).collect::<Read<_>>()?,
        assets: assets.into_iter().map(|(name, asset)| Ok((AssetId::new(&name), asset?))).collect::<Read<_>>()?,
        shares: shares.into_iter().map(|(name, share)| Ok((AssetId::new(&name), share?))).collect::<Read<_>>()?,
        pools: pools.into_iter().map(|(name, (_, pool))| Ok((PoolId::new(&name), pool?))).collect::<Read<_>>()?,
        http: http?,
        telemetry: telemetry?,
        alerts: alerts?,
    })
}

/// Named tables.
type Named<'a> = Vec<(String, Read<Section<'a>>)>;

/// The tables of assets: those that are shares of others, and those with a peg, which are laid over their defaults.
fn shares_and_assets<'a>(root: &mut Section<'a>, defaults: &Table) -> (Named<'a>, Named<'a>) {
    let all = sections(root, "assets", &Table::new());
    let is_share = |at: &Read<Section<'_>>| at.as_ref().is_ok_and(|at| at.table().contains_key("share_of"));
    let (shares, assets): (Named<'a>, Named<'a>) = all.into_iter().partition(|(_, at)| is_share(at));
    let over = |at: Section<'a>| at.part(at.home().to_owned(), at.name(""), overlay(defaults, at.table()));
    (shares, assets.into_iter().map(|(name, at)| (name, at.map(over))).collect())
}

/// The named tables under `key`, each laid over its defaults.
fn sections<'a>(root: &mut Section<'a>, key: &str, defaults: &Table) -> Named<'a> {
    let Ok(Some(all)) = root.optional_section(key, None) else { return Vec::new() };
    let part = |(name, table): (String, Read<Table>)| {
        let at = table.map(|table| all.part(all.home().to_owned(), all.name(&name), overlay(defaults, &table)));
        (name, at)
    };
    all.entries().into_iter().map(part).collect()
}

/// A policy file is its own root: its keys are named as they stand in it.
fn policy_file(name: &str, at: Read<Section<'_>>, homes: &BTreeMap<String, String>) -> PolicyFile {
    let home = homes.get(name).cloned().unwrap_or_else(|| format!("policies/{name}.toml"));
    let Ok(at) = at else { return PolicyFile { home, table: Table::new(), policy: Err(Reported) } };
    let table = at.table().clone();
    let at = at.part(home.clone(), String::new(), table.clone());
    PolicyFile { home, table, policy: check::name(&at, "policy", name, "-_").and(policy::policy(at)) }
}
