//! The journal, the endpoints, finality, the relay and the budget.

use super::{JOURNAL, RPC, Spoil};

const RELAY: &str =
    "\n[chains.mainnet.relay]\nkind = \"flashbots\"\nurl = \"https://relay.example\"\nauth_key_file = \"secrets/auth\"\n";

pub(in crate::config::tests) const SENDING: &[(&str, Spoil, [&str; 5])] = &[
    (
        "journal of an unknown kind",
        |copy| copy.main(JOURNAL, "journal = \"mysql://user:TOKEN@host/db\""),
        ["ballast.toml:7", "journal", "not shown", "sqlite:PATH, or the URL of a PostgreSQL", "sqlite: or with postgres://"],
    ),
    (
        "journal without a path",
        |copy| copy.main(JOURNAL, "journal = \"sqlite:\""),
        ["ballast.toml:", "journal", "not shown", "sqlite:PATH", "such as sqlite:ballast.db"],
    ),
    (
        "journal that forgets",
        |copy| copy.main(JOURNAL, "journal = \"sqlite::memory:\""),
        ["ballast.toml:", "journal", "not shown", "sqlite:PATH", "forgets what was sent"],
    ),
    (
        "journal with parameters",
        |copy| copy.env("BALLAST__JOURNAL", "sqlite:ballast.db?mode=ro"),
        ["environment variable BALLAST__JOURNAL", "journal", "not shown", "sqlite:PATH", "there are no parameters"],
    ),
    (
        "journal whose path may be relative or not",
        |copy| copy.main(JOURNAL, "journal = \"sqlite://data/ballast.db\""),
        ["ballast.toml:", "journal", "not shown", "sqlite:PATH", "no `//`"],
    ),
    (
        "journal that is a folder",
        |copy| copy.main(JOURNAL, "journal = \"sqlite:pools\""),
        ["ballast.toml:", "journal", "a folder", "path of a file, which need not exist", "add the name of a file"],
    ),
    (
        "journal on no host",
        |copy| copy.main(JOURNAL, "journal = \"postgres:///ballast\""),
        ["ballast.toml:", "journal", "not shown", "postgres://USER@HOST/DATABASE", "write the whole URL"],
    ),
    (
        "journal twice",
        |copy| copy.main(JOURNAL, "journal = \"sqlite:a.db\"\njournal_file = \"secrets/journal\""),
        ["ballast.toml:", "journal", "both", "either `journal` or `journal_file`", "remove one"],
    ),
    (
        "journal file that holds something else",
        |copy| copy.main(JOURNAL, "journal_file = \"secrets/journal\"").write("secrets/journal", "TOKEN"),
        ["ballast.toml:", "journal_file", "secrets/journal", "a file that holds sqlite:PATH", "only line"],
    ),
    (
        "journal file that is not there",
        |copy| copy.main(JOURNAL, "journal_file = \"secrets/journal\""),
        ["ballast.toml:", "journal_file", "secrets/journal", "an existing file", "relative paths begin at"],
    ),
    (
        "no endpoint",
        |copy| copy.main(RPC, "rpc = []"),
        ["ballast.toml:", "chains.mainnet.rpc", "none", "1 to 8 addresses", "at least one node"],
    ),
    (
        "no word of an endpoint",
        |copy| copy.main(RPC, ""),
        ["ballast.toml", "chains.mainnet.rpc", "nothing", "1 to 8 addresses, each a URL", "add `rpc = …`"],
    ),
    (
        "too many endpoints",
        |copy| {
            let many: Vec<String> = (0..9).map(|number| format!("https://{number}.example")).collect();
            copy.env("BALLAST__CHAINS__MAINNET__RPC", &many.join(","))
        },
        [
            "environment variable BALLAST__CHAINS__MAINNET__RPC",
            "chains.mainnet.rpc",
            "9 of them",
            "1 to 8 addresses",
            "at most 8",
        ],
    ),
    (
        "endpoint that is no address",
        |copy| copy.main(RPC, "rpc = [\n\"https://a.example\",\n\"TOKEN-ONLY\"]"),
        ["ballast.toml:16", "chains.mainnet.rpc[1]", "address 2: a value that is not shown", "http:// or https://", "whole URL"],
    ),
    (
        "endpoint on an impossible port",
        |copy| copy.main(RPC, "rpc = [\"https://a.example:99999\"]"),
        ["ballast.toml:", "chains.mainnet.rpc[0]", "not shown", "http:// or https://", "whole URL"],
    ),
    (
        "endpoint twice in two spellings",
        |copy| copy.main(RPC, "rpc = [\"https://a.example/v2\", \"https://b.example\", \"https://A.example:443/v2/\"]"),
        ["ballast.toml:", "chains.mainnet.rpc[2]", "address 3, the same as address 1", "each address once", "another node"],
    ),
    (
        "bad line in a file of endpoints",
        |copy| {
            copy.main(RPC, "rpc_file = \"secrets/rpc\"")
                .write("secrets/rpc", "https://a.example\n\n# the spare one\nTOKEN-ONLY\n")
        },
        ["ballast.toml:", "chains.mainnet.rpc_file", "line 4: a value that is not shown", "http:// or https://", "whole URL"],
    ),
    (
        "empty file of endpoints",
        |copy| copy.main(RPC, "rpc_file = \"secrets/rpc\"").write("secrets/rpc", "# none yet\n"),
        ["ballast.toml:", "chains.mainnet.rpc_file", "none", "1 to 8 addresses", "at least one node"],
    ),
    (
        "endpoints twice",
        |copy| copy.main("block_time", "rpc_file = \"x\"\nblock_time"),
        ["ballast.toml:", "chains.mainnet.rpc", "both", "either `rpc` or `rpc_file`", "remove one"],
    ),
    (
        "endpoint under its former name",
        |copy| copy.main(RPC, "http_url = \"https://a.example\""),
        ["ballast.toml:", "chains.mainnet.http_url", "not shown", "`rpc`, which may name several nodes", "rpc = [\"https://…\"]"],
    ),
    (
        "rate limit of nothing",
        |copy| copy.main("block_time", "rate_limit = 0\nblock_time"),
        ["ballast.toml:", "chains.mainnet.rate_limit", "0", "from 1 to 10000", "in that range"],
    ),
    (
        "finality by another tag",
        |copy| copy.main("block_time", "finality = \"safe\"\nblock_time"),
        ["ballast.toml:", "chains.mainnet.finality", "safe", "\"finalized\", or a depth", "such as 64"],
    ),
    (
        "finality at once",
        |copy| copy.main("block_time", "finality = 0\nblock_time"),
        ["ballast.toml:", "chains.mainnet.finality", "0", "from 1 to 10000", "such as 64"],
    ),
    (
        "unknown way",
        |copy| copy.append("ballast.toml", "[chains.mainnet.route]\ndrift = \"privat\""),
        ["ballast.toml:", "chains.mainnet.route.drift", "privat", "private-then-public-after-N-blocks", "`private`"],
    ),
    (
        "way that is public at once",
        |copy| {
            copy.append("ballast.toml", &format!("{RELAY}[chains.mainnet.route]\ndepeg = \"private-then-public-after-0-blocks\""))
        },
        ["ballast.toml:", "chains.mainnet.route.depeg", "after-0-blocks", "N from 1 to 1000", "one of the three"],
    ),
    (
        "private way without a relay",
        |copy| copy.append("ballast.toml", "[chains.mainnet.route]\nschedule = \"private\""),
        ["ballast.toml:", "chains.mainnet.route.schedule", "private", "[chains.mainnet.relay]", "or write \"public\""],
    ),
    (
        "relay of an unknown kind",
        |copy| copy.append("ballast.toml", &RELAY.replace("flashbots", "flashbot")),
        ["ballast.toml:", "chains.mainnet.relay.kind", "flashbot", "one of: flashbots", "did you mean `flashbots`?"],
    ),
    (
        "relay that does not serve the chain",
        |copy| {
            let routes = "[chains.mainnet.route]\ndrift = \"private\"";
            copy.main("chain_id = 1", "chain_id = 137").append("ballast.toml", &format!("{RELAY}{routes}"))
        },
        [
            "ballast.toml:",
            "chains.mainnet.relay.kind",
            "flashbots",
            "serves chain 137; flashbots serves chains 1, 11155111",
            "public way",
        ],
    ),
    (
        "relay without an address",
        |copy| copy.append("ballast.toml", &RELAY.replace("url = \"https://relay.example\"\n", "")),
        [
            "ballast.toml",
            "chains.mainnet.relay.url",
            "nothing",
            "a URL that begins with https://",
            "under [chains.mainnet.relay]",
        ],
    ),
    (
        "relay key in a folder",
        |copy| copy.append("ballast.toml", &RELAY.replace("secrets/auth", "secrets")),
        ["ballast.toml:", "chains.mainnet.relay.auth_key_file", "secrets", "need not exist yet", "name of a file"],
    ),
    (
        "relay without a key",
        |copy| copy.append("ballast.toml", &RELAY.replace("auth_key_file = \"secrets/auth\"\n", "")),
        ["ballast.toml", "chains.mainnet.relay.auth_key_file", "nothing", "a text", "add `auth_key_file = …`"],
    ),
    (
        "status of a relay at no address",
        |copy| copy.append("ballast.toml", &format!("{RELAY}status_url = \"protect.example\"")),
        ["ballast.toml:", "chains.mainnet.relay.status_url", "not shown", "a URL that begins with https://", "whole URL"],
    ),
    (
        "budget of nothing",
        |copy| copy.append("ballast.toml", "[chains.mainnet.budget]\ndaily_eth = \"0\""),
        ["ballast.toml:", "budget.daily_eth", "0", "from 0.000000000000000001 to 1000000", "without a unit"],
    ),
    (
        "budget with a unit",
        |copy| copy.append("ballast.toml", "[chains.mainnet.budget]\nprotective_eth = \"1 ETH\""),
        ["ballast.toml:", "budget.protective_eth", "1 ETH", "ether as a decimal number, from 0 to", "such as \"0.5\""],
    ),
    (
        "budget below a wei",
        |copy| copy.append("ballast.toml", "[chains.mainnet.budget]\nlow_balance_eth = \"0.0000000000000000001\""),
        ["ballast.toml:", "budget.low_balance_eth", "0.0000000000000000001", "ether as a decimal number", "such as \"0.5\""],
    ),
];
