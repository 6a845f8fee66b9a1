//! Yields, and assets that are shares.

use super::*;

/// What DAI earns, to be put after the other tables of the example.
const AAVE: &str = "[assets.DAI.on.mainnet.yield]
kind = \"aave-v3\"
pool = \"0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2\"
a_token = \"0x018008bfb33d285247A21d44E50697654f754e63\"
";

/// A share of DAI.
const SHARE: &str = "[assets.sDAI]
share_of = \"DAI\"
[assets.sDAI.on.mainnet]
token = \"0x83F20F44975D03b1b09e64809B757c47f942BEeA\"
decimals = 18
rate = { vault = \"0x83F20F44975D03b1b09e64809B757c47f942BEeA\" }
";

fn aave(copy: Copy, more: &str) -> Copy {
    copy.append("ballast.toml", &format!("{AAVE}{more}"))
}

fn share(copy: Copy, old: &str, new: &str) -> Copy {
    assert!(SHARE.contains(old), "{old} is not in the share");
    copy.append("ballast.toml", &SHARE.replacen(old, new, 1))
}

/// The same lines as in the table above this one.
pub(in crate::config::tests) const YIELDS: &[(&str, Spoil, [&str; 5])] = &[
    (
        "kind of a yield that is none",
        |copy| copy.append("ballast.toml", "[assets.DAI.on.mainnet.yield]\nkind = \"aavev3\""),
        ["ballast.toml:", "assets.DAI.on.mainnet.yield.kind", "aavev3", "aave-v3, compound-v3, dsr, ssr, erc4626", "`aave-v3`?"],
    ),
    (
        "yield without a kind",
        |copy| copy.append("ballast.toml", "[assets.DAI.on.mainnet.yield]\ncap = \"10%\""),
        ["ballast.toml", "assets.DAI.on.mainnet.yield.kind", "nothing", "one of: aave-v3", "add `kind = …`"],
    ),
    (
        "reserve without its token",
        |copy| copy.append("ballast.toml", &AAVE.replace("a_token", "# a_token")),
        ["ballast.toml", "assets.DAI.on.mainnet.yield.a_token", "nothing", "a checksummed address", "add `a_token = …`"],
    ),
    (
        "cap without its sign",
        |copy| aave(copy, "cap = 20"),
        ["ballast.toml:", "assets.DAI.on.mainnet.yield.cap", "20", "a percentage with its sign", "write \"20%\""],
    ),
    (
        "utilisation of more than all",
        |copy| aave(copy, "max_utilisation = \"101%\""),
        ["ballast.toml:", "yield.max_utilisation", "101%", "from 0.01% to 100%", "in that range"],
    ),
    (
        "warm-up beyond the half-life",
        |copy| aave(copy, "warm_up = \"25h\""),
        ["ballast.toml:", "yield.warm_up", "25h", "at most `half_life`", "lower `warm_up`"],
    ),
    (
        "window of a reserve, which has no shares",
        |copy| aave(copy, "window = \"24h\""),
        ["ballast.toml:", "assets.DAI.on.mainnet.yield.window", "24h", "a known key: a_token, cap", "known keys"],
    ),
    (
        "utilisation of a savings rate, which lends nothing",
        |copy| {
            let dsr = "[assets.DAI.on.mainnet.yield]\nkind = \"dsr\"\npot = \"0x197E90f9FAD81970bA7976f33CbD77088E5D7cf7\"\n";
            copy.append("ballast.toml", &format!("{dsr}max_utilisation = \"90%\""))
        },
        ["ballast.toml:", "yield.max_utilisation", "90%", "a known key: cap, defi_llama", "known keys"],
    ),
    (
        "window of less than an hour",
        |copy| share(copy, "rate = { vault", "rate = { window = \"30m\", vault"),
        ["ballast.toml:", "assets.sDAI.on.mainnet.rate.window", "30m", "from 1h to 30days", "in that range"],
    ),
    (
        "leap of nothing",
        |copy| share(copy, "rate = { vault", "rate = { jump_bps = 0, vault"),
        ["ballast.toml:", "assets.sDAI.on.mainnet.rate.jump_bps", "0", "from 1 to 10000", "in that range"],
    ),
    (
        "witness without its pool",
        |copy| aave(copy, "[assets.DAI.on.mainnet.yield.defi_llama]\nevery = \"1h\""),
        ["ballast.toml", "yield.defi_llama.pool", "nothing", "the id of a pool", "add `pool = …`"],
    ),
    (
        "witness with a pool that is no id",
        |copy| aave(copy, "[assets.DAI.on.mainnet.yield.defi_llama]\npool = \"aave-v3-dai\""),
        ["ballast.toml:", "yield.defi_llama.pool", "aave-v3-dai", "32 hexadecimal digits", "the pool's page"],
    ),
    (
        "witness that is asked all the time",
        |copy| {
            let pool = "pool = \"aa70268e-4b52-42bf-a116-608b370f9501\"\n";
            aave(copy, &format!("[assets.DAI.on.mainnet.yield.defi_llama]\n{pool}every = \"1m\""))
        },
        ["ballast.toml:", "yield.defi_llama.every", "1m", "from 5m to 1day", "in that range"],
    ),
    (
        "share of nothing that is known",
        |copy| share(copy, "share_of = \"DAI\"", "share_of = \"USDS\""),
        ["ballast.toml:", "assets.sDAI.share_of", "USDS", "a configured asset: DAI, USDC, USDT", "did you mean `USD"],
    ),
    (
        "share of a share",
        |copy| share(copy, "share_of = \"DAI\"", "share_of = \"sDAI\""),
        ["ballast.toml:", "assets.sDAI.share_of", "sDAI", "a price of its own", "name what that share is a share of"],
    ),
    (
        "share where its coin is not",
        |copy| {
            let polygon =
                "[chains.polygon]\nchain_id = 137\nrpc = [\"https://p.example\"]\nblock_time = \"2s\"\n[chains.polygon.keeper]\n";
            let copy = copy.append("ballast.toml", &format!("{polygon}{KEYSTORE}"));
            share(copy, "on.mainnet", "on.polygon")
        },
        ["ballast.toml", "assets.sDAI.share_of", "DAI", "an asset that is on polygon too", "[assets.DAI.on.polygon]"],
    ),
    (
        "share with a feed",
        |copy| share(copy, "rate =", "feed = { proxy = \"0xAed0c38402a5d19df6E4c03F4E2DceD6e29c1ee9\" }\nrate ="),
        ["ballast.toml:", "assets.sDAI.on.mainnet.feed", "a table", "a known key: decimals, rate, token", "known keys"],
    ),
    (
        "share with a line below par",
        |copy| share(copy, "share_of = \"DAI\"", "share_of = \"DAI\"\ndepeg_bps = 50"),
        ["ballast.toml:", "assets.sDAI.depeg_bps", "50", "a known key: on, share_of", "known keys"],
    ),
    (
        "share without its rate",
        |copy| share(copy, "rate =", "# rate ="),
        ["ballast.toml", "assets.sDAI.on.mainnet.rate", "nothing", "a table", "add [assets.sDAI.on.mainnet.rate]"],
    ),
    (
        "share with the token of its coin",
        |copy| {
            share(
                copy,
                "token = \"0x83F20F44975D03b1b09e64809B757c47f942BEeA\"",
                "token = \"0x6B175474E89094C44Da98b954EedeAC495271d0F\"",
            )
        },
        ["ballast.toml", "assets.sDAI.on.mainnet.token", "also the token of `DAI`", "a token of its own", "correct the address"],
    ),
    (
        "prices in a share",
        |copy| {
            let source = "[assets.USDT.sources.binance]\nkind = \"binance\"\nsymbol = \"USDTSDAI\"\nunit = \"sDAI\"\n";
            share(copy, "[assets.sDAI]", &format!("{source}[assets.sDAI]"))
        },
        [
            "ballast.toml:",
            "assets.USDT.sources.binance.unit",
            "sDAI",
            "a configured asset: DAI, USDC, USDT",
            "did you mean `DAI`?",
        ],
    ),
];
