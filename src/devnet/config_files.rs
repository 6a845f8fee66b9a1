//! Writes the settings for a running world, so that the demo and the tests go through the same door as `ballast run`.

use std::fmt::Write;
use std::path::Path;

use humantime::format_duration;

use super::anvil::CHAIN_ID;
use super::catalogue::{PoolSpec, TokenSpec};
use super::coins::Coin;
use super::fault::WorldError;
use super::handle::WorldHandle;
use super::oracle;
use super::savings::Savings;
use super::venues::{HERMES_KEY, VenueUrls, pyth_feed};
use crate::domain::trigger::Class;
use crate::domain::units::Weight;

/// The name of the world's chain in the settings.
pub const CHAIN: &str = "demo";
/// The environment variable that the settings expect the key of the pools' owner in: [`WorldHandle::keeper_key`].
pub const KEY_VARIABLE: &str = "BALLAST_DEMO_KEY";
/// The policy of all pools.
pub const POLICY: &str = include_str!("demo-policy.toml");

/// What the settings say beyond where things are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// Listener for metrics and health; port 0 takes any free one.
    pub listen: String,
    /// Where traces go.
    pub otlp_endpoint: Option<String>,
    /// How long an asset must be back before it counts as sound.
    pub recover: &'static str,
    /// Where the journal lies; the default, a file beside the settings, if absent.
    pub journal: Option<String>,
    /// How many blocks must lie on a block before it is final. Nobody votes in this world, so a depth decides.
    pub finality: u64,
    /// HTTP addresses in the place of the world's own, for whoever stands in between.
    pub rpc: Option<Vec<String>>,
    /// The environment variable that holds the guardian's key; no guardian if absent.
    pub guardian_variable: Option<String>,
    /// The environment variable that holds the treasury's key; no treasury if absent.
    pub treasury_variable: Option<String>,
    /// Where a private relay listens; none if absent.
    pub relay_url: Option<String>,
    /// Where the venues are that quote off the chain; the feeds on the chain are alone, and one is enough, if absent.
    pub venues: Option<VenueUrls>,
    /// Where coins earn; nothing is read of that if absent.
    pub savings: Option<Savings>,
    /// By which way the transactions of all classes go, in the words of the settings; the default if absent.
    pub route: Option<String>,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:9464".to_owned(),
            otlp_endpoint: None,
            recover: "10m",
            journal: None,
            // Enough that a story sees both states, and few enough that it need not wait.
            finality: 2,
            rpc: None,
            guardian_variable: None,
            treasury_variable: None,
            relay_url: None,
            venues: None,
            savings: None,
            route: None,
        }
    }
}

/// Writes `ballast.toml`, `pools/*.toml` and `policies/demo.toml` into `dir`, which is created if need be.
///
/// # Errors
/// A file cannot be written.
pub fn write(dir: &Path, world: &WorldHandle, options: &FileOptions) -> Result<(), WorldError> {
    put(dir, "ballast.toml", &main_file(world, options))?;
    put(dir, "policies/demo.toml", POLICY)?;
    if options.venues.is_some() {
        put(dir, "secrets/pyth-key", HERMES_KEY)?;
    }
    for (spec, place) in world.specs().iter().zip(&world.addresses().pools) {
        put(dir, &format!("pools/{}.toml", spec.name), &pool_file(spec, &place.address.to_checksum(None)))?;
    }
    Ok(())
}

fn put(dir: &Path, name: &str, text: &str) -> Result<(), WorldError> {
    let path = dir.join(name);
    let folder = path.parent().unwrap_or(dir);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
    written.map_err(|fault| WorldError::Write { path, fault })
}

fn main_file(world: &WorldHandle, options: &FileOptions) -> String {
    let (ws, block_time, finality) = (world.ws_url(), format_duration(world.block_time()), options.finality);
    let rpc = options.rpc.clone().unwrap_or_else(|| vec![world.http_url().to_owned()]).join("\", \"");
    let journal = options.journal.as_ref().map(|journal| format!("journal = \"{journal}\"\n\n")).unwrap_or_default();
    let heartbeat = format_duration(world.heartbeat());
    let (listen, decimals, recover) = (&options.listen, oracle::DECIMALS, options.recover);
    let ether = world.addresses().ether_feed.proxy;
    let mut text = format!(
        r#"# Made for a demo world that lives as long as the process that made it.

{journal}[http]
listen = "{listen}"

[chains.{CHAIN}]
chain_id = {CHAIN_ID}
rpc = ["{rpc}"]
ws_url = "{ws}"
block_time = "{block_time}"
finality = {finality}
priority_fee_gwei = 1

# Everybody knows this key. It owns the pools of the demo and nothing else.
[chains.{CHAIN}.keeper]
env = "{KEY_VARIABLE}"

[chains.{CHAIN}.ether_usd]
proxy = "{ether}"
decimals = {decimals}
heartbeat = "{heartbeat}"
"#
    );
    if let Some(variable) = &options.guardian_variable {
        add(&mut text, format_args!("\n[chains.{CHAIN}.guardian]\nenv = \"{variable}\"\n"));
    }
    if let Some(variable) = &options.treasury_variable {
        add(&mut text, format_args!("\n[chains.{CHAIN}.treasury]\nenv = \"{variable}\"\n"));
    }
    if let Some(url) = &options.relay_url {
        let relay = format_args!("kind = \"flashbots\"\nurl = \"{url}\"\nauth_key_file = \"relay-auth\"\n");
        add(&mut text, format_args!("\n[chains.{CHAIN}.relay]\n{relay}"));
    }
    if let Some(route) = &options.route {
        add(&mut text, format_args!("\n[chains.{CHAIN}.route]\n"));
        for class in Class::ALL {
            add(&mut text, format_args!("{class} = \"{route}\"\n"));
        }
    }
    for coin in Coin::ALL {
        let (token, feed) = (world.addresses().tokens.get(coin), world.addresses().feeds.get(coin).proxy);
        let coin_decimals = coin.decimals();
        // A feed that is alone is taken at its word; beside others its word is as wide as its threshold.
        let (witnesses, deviation) = match &options.venues {
            Some(venues) => (sources(coin, venues), 35),
            None => (format!("\n[assets.{coin}.quorum]\ndefend = 1\nreenter = 1\n"), 0),
        };
        add(
            &mut text,
            format_args!(
                r#"
[assets.{coin}]
watch_bps = 100
watch_for = "0s"
stressed_bps = 100
depeg_bps = 100
reenter_bps = 50
confirm = "0s"
recover = "0s"
settle = "{recover}"
gap = "5m"
{witnesses}
[assets.{coin}.on.{CHAIN}]
token = "{token}"
decimals = {coin_decimals}

[assets.{coin}.on.{CHAIN}.feed]
proxy = "{feed}"
decimals = {decimals}
heartbeat = "{heartbeat}"
deviation_bps = {deviation}
"#
            ),
        );
    }
    if let Some(savings) = &options.savings {
        add(&mut text, format_args!("{}", earnings(savings)));
    }
    if let Some(endpoint) = &options.otlp_endpoint {
        add(&mut text, format_args!("\n[telemetry]\notlp_endpoint = \"{endpoint}\"\n"));
    }
    text
}

/// What the coins earn.
fn earnings(Savings { pool, a_token, vault }: &Savings) -> String {
    format!(
        r#"
# What DAI would earn elsewhere, and what a share of a vault of USDC is worth and pays.
[assets.DAI.on.{CHAIN}.yield]
kind = "aave-v3"
pool = "{pool}"
a_token = "{a_token}"
warm_up = "1m"

[assets.sUSDC]
share_of = "USDC"
[assets.sUSDC.on.{CHAIN}]
token = "{vault}"
decimals = 6
rate = {{ vault = "{vault}", warm_up = "1m" }}
"#
    )
}

/// The sources of a coin off the chain. What they say is good for longer than in production: at a hundred times its pace the clock runs
/// on by half a minute while the machine is busy elsewhere.
fn sources(coin: Coin, venues: &VenueUrls) -> String {
    let VenueUrls { kraken, coinbase, binance, hermes } = venues;
    let age = "max_age = \"2m\"\nmax_ahead = \"1m\"";
    let mut text = String::new();
    let mut book = |venue: &str, url: &str, symbol: &str| {
        let head = format!("[assets.{coin}.sources.{venue}]\nkind = \"{venue}\"");
        add(&mut text, format_args!("\n{head}\nurl = \"{url}\"\nsymbol = \"{symbol}\"\n{age}\n"));
    };
    let name = coin.name();
    book("kraken", kraken, &format!("{name}/USD"));
    match coin {
        Coin::Usdc => book("binance", binance, "USDCUSDT"),
        Coin::Usdt | Coin::Dai => book("coinbase", coinbase, &format!("{name}-USD")),
    }
    let feed = pyth_feed(coin);
    let head = format!("[assets.{coin}.sources.pyth]\nkind = \"pyth\"\nkey_file = \"secrets/pyth-key\"");
    add(&mut text, format_args!("\n{head}\nurl = \"{hermes}\"\nfeed = \"{feed}\"\n{age}\n"));
    text
}

fn pool_file(spec: &PoolSpec, address: &str) -> String {
    let mut text =
        format!("chain = \"{CHAIN}\"\naddress = \"{address}\"\nkind = \"managed-v2\"\npolicy = \"demo\"\nmode = \"live\"\n");
    for TokenSpec { coin, target, min, max, .. } in &spec.tokens {
        let [target, min, max] = [target, min, max].map(|weight| percent(*weight));
        add(
            &mut text,
            format_args!("\n[[tokens]]\nasset = \"{coin}\"\ntarget = \"{target}\"\nmin = \"{min}\"\nmax = \"{max}\"\n"),
        );
    }
    if let Some(answer) = spec.answer {
        add(&mut text, format_args!("\n[policy_overrides.depeg]\nanswer = \"{answer}\"\n"));
    }
    text
}

/// In percent, to the last digit.
fn percent(weight: Weight) -> String {
    let unit = 10u128.pow(16);
    format!("{}.{:016}%", weight.wad().div_euclid(unit), weight.wad().rem_euclid(unit))
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    // A string takes everything.
    let _ = text.write_fmt(more);
}
