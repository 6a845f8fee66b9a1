//! `[assets.NAME]` with `share_of`: an asset that is a share of another.

use std::collections::BTreeMap;

use crate::config::check;
use crate::config::inspection::Read;
use crate::config::parse;
use crate::config::read::yields;
use crate::config::section::Section;
use crate::config::settings::{ShareOnChain, ShareSettings};
use crate::domain::ids::{AssetId, ChainName};

/// What shares are read with.
#[derive(Clone, Copy)]
pub(in crate::config) struct Around<'a> {
    /// The names of all chains.
    pub(in crate::config) chains: &'a [String],
    /// The names of all assets with a peg.
    pub(in crate::config) assets: &'a [String],
    /// The names of all shares.
    pub(in crate::config) shares: &'a [String],
    /// The defaults of yields.
    pub(in crate::config) yields: yields::Around<'a>,
}

/// Reads one share.
pub(in crate::config) fn share(name: &str, mut at: Section<'_>, around: Around<'_>) -> Read<ShareSettings> {
    let of = at.required("share_of", parse::text).and_then(|of| {
        if around.shares.contains(&of) {
            let expected = "an asset with a price of its own: a share of a share has none to begin with";
            return Err(at.refuse("share_of", expected, "name what that share is a share of"));
        }
        check::known(&at, "share_of", "asset", &of, around.assets).map(|()| AssetId::new(&of))
    });
    let on = at.section("on", None).and_then(|section| places(&section, around));
    let named = check::name(&at, "asset", name, "-_.");
    at.finish();
    named?;
    Ok(ShareSettings { id: AssetId::new(name), of: of?, on: on? })
}

fn places(at: &Section<'_>, around: Around<'_>) -> Read<BTreeMap<ChainName, ShareOnChain>> {
    let mut places = Vec::new();
    for (chain, table) in at.entries() {
        let known = check::known(at, &chain, "chain", &chain, around.chains);
        let section = table.map(|table| at.part(at.home().to_owned(), at.name(&chain), table));
        let place = section.and_then(|section| place(section, around));
        places.push(known.and(place).map(|place| (ChainName::new(&chain), place)));
    }
    places.into_iter().collect()
}

fn place(mut at: Section<'_>, around: Around<'_>) -> Read<ShareOnChain> {
    let token = at.required("token", parse::address);
    let decimals = at.required("decimals", parse::whole(0, 18));
    let rate = yields::rate(&mut at, decimals, around.yields);
    at.finish();
    Ok(ShareOnChain { token: token?, decimals: decimals?, rate: rate? })
}
