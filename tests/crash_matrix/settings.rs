//! The settings of a run, in files, as an operator would write them.

use std::path::Path;

use ballast::devnet::config_files::{self, CHAIN, FileOptions};
use ballast::devnet::{Coin, WorldHandle};

/// What differs from lane to lane and from run to run.
pub(crate) struct Settings<'a> {
    /// The one pool that is looked after.
    pub(crate) pool: &'a str,
    /// The target of its first coin, in percent.
    pub(crate) target: u32,
    /// Where the journal lies.
    pub(crate) journal: &'a str,
    /// The HTTP addresses of the nodes.
    pub(crate) endpoints: Vec<String>,
    /// How many blocks must lie on a block before it is final.
    pub(crate) finality: u64,
}

impl Settings<'_> {
    /// What the program reads: the world's own settings, with quick ramps, one pool only, and the lane's own endpoints.
    pub(crate) fn write(self, dir: &Path, world: &WorldHandle) {
        let files = FileOptions {
            listen: "127.0.0.1:0".to_owned(),
            journal: Some(self.journal.to_owned()),
            finality: self.finality,
            rpc: Some(self.endpoints),
            ..FileOptions::default()
        };
        config_files::write(dir, world, &files).unwrap();
        for pool in world.specs().iter().filter(|spec| spec.name != self.pool) {
            std::fs::remove_file(dir.join(format!("pools/{}.toml", pool.name))).unwrap();
        }
        edit(&dir.join("ballast.toml"), |main| {
            let chain = main["chains"][CHAIN].as_table_mut().unwrap();
            // What is pushed would go past the endpoints that are spoilt.
            chain.remove("ws_url");
            // Twice the truth: facts may be so much older before a busy machine looks like a silent chain.
            chain.insert("block_time".to_owned(), "2s".into());
            chain.insert("bump_after_blocks".to_owned(), 2.into());
            chain.insert("spacing".to_owned(), toml::toml! { drift = "0s" }.into());
        });
        edit(&dir.join("policies/demo.toml"), |policy| {
            policy.insert("min_interval".to_owned(), "2s".into());
            policy.insert("max_step".to_owned(), "100%".into());
            let ramp = policy["ramp"].as_table_mut().unwrap();
            for (key, value) in [("min", "2s"), ("max", "2s"), ("max_velocity_per_hour", "10000%"), ("start_lead", "10s")] {
                ramp.insert(key.to_owned(), value.into());
            }
        });
        edit(&dir.join(format!("pools/{}.toml", self.pool)), |pool| {
            for token in pool["tokens"].as_array_mut().unwrap() {
                let usdc = token["asset"].as_str() == Some(Coin::Usdc.name());
                let percent = if usdc { self.target } else { 100 - self.target };
                token.as_table_mut().unwrap().insert("target".to_owned(), format!("{percent}%").into());
            }
        });
    }
}

fn edit(path: &Path, change: impl FnOnce(&mut toml::Table)) {
    let mut table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    change(&mut table);
    std::fs::write(path, toml::to_string(&table).unwrap()).unwrap();
}
