//! Sources of prices.

use super::*;

const USDT_FEED: &str = "feed = \"0x2b89b9dc8fdf9f34709a5b106b472f0f39bb6ca9ce04b0fd7f2e971688e2e53b\"";

/// The same lines as in the table above this one.
pub(in crate::config::tests) const SOURCES: &[(&str, Spoil, [&str; 5])] = &[
    (
        "kind of a source that is none",
        |copy| copy.append("ballast.toml", "[assets.USDT.sources.other]\nkind = \"krakn\""),
        ["ballast.toml:", "assets.USDT.sources.other.kind", "krakn", "kraken, coinbase, binance, pyth", "did you mean `kraken`?"],
    ),
    (
        "exchange without a symbol",
        |copy| copy.append("ballast.toml", "[assets.USDT.sources.other]\nkind = \"kraken\""),
        ["ballast.toml", "assets.USDT.sources.other.symbol", "nothing", "a text", "add `symbol = …`"],
    ),
    (
        "size that is no number",
        |copy| copy.main("symbol = \"USDT/USD\"", "symbol = \"USDT/USD\"\nsize = \"1e4\""),
        ["ballast.toml:", "assets.USDT.sources.kraken.size", "1e4", "tokens as a decimal number", "\"10000\""],
    ),
    (
        "prices in an asset that nobody has configured",
        |copy| {
            copy.append("ballast.toml", "[assets.DAI.sources.binance]\nkind = \"binance\"\nsymbol = \"DAIFRAX\"\nunit = \"FRAX\"")
        },
        ["ballast.toml:", "assets.DAI.sources.binance.unit", "FRAX", "USDC, USDT", "[assets.FRAX]"],
    ),
    (
        "prices in the asset itself",
        |copy| copy.append("ballast.toml", "[assets.DAI.sources.binance]\nkind = \"binance\"\nsymbol = \"X\"\nunit = \"DAI\""),
        ["ballast.toml:", "assets.DAI.sources.binance.unit", "DAI", "another asset", "the other one of the pair"],
    ),
    (
        "feed of Pyth that is no id",
        |copy| copy.main(USDT_FEED, "feed = \"0x2b89\""),
        ["ballast.toml:", "assets.USDT.sources.pyth.feed", "0x2b89", "64 hexadecimal digits", "list of price feeds"],
    ),
    (
        "key of a source in a TOML file",
        |copy| copy.main(USDT_FEED, &format!("{USDT_FEED}\nkey = \"sesame\"")),
        ["ballast.toml:", "assets.USDT.sources.pyth.key", "not shown", "never stands in a TOML file", "`key_file`"],
    ),
    (
        "average of a pair that the pool does not tell",
        |copy| copy.main("against_index = 2", "against_index = 2\nask = \"average\""),
        ["ballast.toml:", "sources.threepool.ask", "average", "a coin in its first", "\"trade\""],
    ),
    (
        "coin against itself",
        |copy| copy.main("against_index = 2", "against_index = 1"),
        ["ballast.toml:", "sources.threepool.against_index", "1", "another place than `index`", "the other coin"],
    ),
    (
        "more witnesses than there are",
        |copy| copy.append("ballast.toml", "[assets.DAI.quorum]\nreenter = 4"),
        [
            "ballast.toml:",
            "assets.DAI.quorum.reenter",
            "4",
            "3 at most: its sources are of 3 independent groups (chainlink, pyth, usd_books)",
            "add sources of other groups",
        ],
    ),
    (
        "sequencer without a feed",
        |copy| copy.append("ballast.toml", "[chains.mainnet.sequencer]"),
        ["ballast.toml", "chains.mainnet.sequencer.proxy", "nothing", "a checksummed address", "add `proxy = …`"],
    ),
];
