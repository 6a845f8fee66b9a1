//! Single faults, one a line.

mod keys;
mod sending;
mod sources;
mod yields;

use super::*;

pub(super) use keys::KEYS;
pub(super) use sending::SENDING;
pub(super) use sources::SOURCES;
pub(super) use yields::YIELDS;

pub(super) type Spoil = fn(Copy) -> Copy;

/// Every line: what is spoilt, and pieces of place, key, found, expected and mend.
pub(super) const TABLE: &[(&str, Spoil, [&str; 5])] = &[
    (
        "unknown key",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides]\ndrift_treshold = \"5%\""),
        ["pools/treasury.toml:", "policy_overrides.drift_treshold", "5%", "a known key: ", "did you mean `drift_threshold`?"],
    ),
    (
        "unknown table",
        |copy| copy.append("ballast.toml", "[telemetri]\nlog = \"json\""),
        ["ballast.toml:", "telemetri", "a table", "alerts, assets, chains", "`telemetry`"],
    ),
    (
        "duration without unit",
        |copy| copy.main("block_time = \"12s\"", "block_time = 12"),
        ["ballast.toml:16", "chains.mainnet.block_time", "12", "such as 30s", "write \"12s\" if 12 seconds are meant"],
    ),
    (
        "percentage without sign",
        |copy| copy.pool("\"25%\"", "25"),
        ["pools/treasury.toml:", "tokens[2].target", "25", "a percentage with its sign", "write \"25%\" if 25 percent"],
    ),
    (
        "percentage as a float",
        |copy| copy.pool("\"25%\"", "0.25"),
        ["pools/treasury.toml:", "tokens[2].target", "0.25", "such as 5%", "0.25 percent is meant"],
    ),
    (
        "wrong checksum",
        |copy| copy.main("0xA0b86991", "0xa0b86991"),
        ["ballast.toml:", "assets.USDC.on.mainnet.token", "0xa0b86991", "EIP-55", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"],
    ),
    (
        "targets of 99 %",
        |copy| copy.pool("\"25%\"", "\"24%\""),
        ["pools/treasury.toml:", "tokens", "targets that sum to 99%", "exactly 100%", "add 1%"],
    ),
    (
        "target above max",
        |copy| copy.pool("max = \"55%\"", "max = \"30%\""),
        ["pools/treasury.toml:", "tokens[1].target", "35%", "at most `max`", "raise `max`"],
    ),
    (
        "missing chain",
        |copy| copy.pool("chain = \"mainnet\"", ""),
        ["pools/treasury.toml", "chain", "nothing", "a text", "add `chain = …`"],
    ),
    (
        "unknown chain",
        |copy| copy.pool("chain = \"mainnet\"", "chain = \"mainet\""),
        ["pools/treasury.toml:3", "chain", "mainet", "the name of a configured chain: mainnet", "did you mean `mainnet`?"],
    ),
    (
        "unknown policy",
        |copy| copy.pool("policy = \"article\"", "policy = \"bold\""),
        ["pools/treasury.toml:", "policy", "bold", "configured policy: article", "policies/"],
    ),
    (
        "duplicate token",
        |copy| copy.pool("asset = \"USDT\"", "asset = \"DAI\""),
        ["pools/treasury.toml:", "tokens[2].asset", "DAI", "each asset once", "remove the duplicate"],
    ),
    (
        "asset elsewhere",
        |copy| copy.pool("asset = \"USDT\"", "asset = \"USDP\""),
        ["pools/treasury.toml:", "tokens[2].asset", "USDP", "DAI, USDC, USDT", "did you mean `USD"],
    ),
    (
        "private key in TOML",
        |copy| {
            copy.main(
                "keystore = \"secrets/keeper.json\"",
                &format!("keystore = \"secrets/keeper.json\"\nprivate_key = \"{KEY}\""),
            )
        },
        ["ballast.toml:", "keeper.private_key", "not shown", "key material never stands in the settings", "keystore"],
    ),
    (
        "private key as a variable's name",
        |copy| copy.main("chain_id = 1", "chain_id = 1337").main(KEYSTORE, &format!("env = \"{KEY}\"")),
        ["ballast.toml:", "keeper.env", "not shown", "never a key", "BALLAST_TEST_KEY"],
    ),
    (
        "key from the environment on a real chain",
        |copy| copy.main(KEYSTORE, "env = \"TEST_KEY\"").env("TEST_KEY", KEY),
        ["ballast.toml:", "keeper.env", "TEST_KEY", "31337 and 1337 only", "encrypted keystore"],
    ),
    (
        "webhook in TOML",
        |copy| copy.main("# discord_webhook_file = \"secrets/discord-webhook\"", "discord_webhook = \"https://d.example/HOOK\""),
        ["ballast.toml:", "alerts.discord_webhook", "not shown", "never stands in a TOML file", "discord_webhook_file"],
    ),
    (
        "missing keystore",
        |copy| copy.main("secrets/keeper.json", "secrets/other.json"),
        ["ballast.toml:", "keeper.keystore", "secrets/other.json", "an existing file", "relative paths begin at"],
    ),
    (
        "fault of a variable",
        |copy| copy.env("BALLAST__CHAINS__MAINNET__AGEING", "10"),
        ["environment variable BALLAST__CHAINS__MAINNET__AGEING", "chains.mainnet.ageing", "10", "a duration", "\"10s\""],
    ),
    (
        "unknown variable",
        |copy| copy.env("BALLAST__HTTP__LISTENS", "hush"),
        ["environment variable BALLAST__HTTP__LISTENS", "http.listens", "not shown", "allow_remote, listen", "`listen`"],
    ),
    (
        "remote listener",
        |copy| copy.main("127.0.0.1:9464", "0.0.0.0:9464"),
        ["ballast.toml:", "http.listen", "0.0.0.0:9464", "allow_remote = true", "keep it local"],
    ),
    (
        "secret of the wrong shape",
        |copy| copy.main("ws_url = \"wss://mainnet.example.invalid/v2/YOUR-TOKEN\"", "ws_url = \"TOKEN-ONLY\""),
        ["ballast.toml:", "chains.mainnet.ws_url", "not shown", "begins with ws:// or wss://", "whole URL"],
    ),
    (
        "secret twice",
        |copy| copy.main("block_time", "ws_url_file = \"x\"\nblock_time"),
        ["ballast.toml:", "chains.mainnet.ws_url", "both", "either `ws_url` or `ws_url_file`", "remove one"],
    ),
    (
        "step below two thresholds",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides]\nmax_step = \"9%\""),
        ["pools/treasury.toml:", "policy_overrides.max_step", "9%", "at least twice `drift_threshold`: 10%", "write \"10%\""],
    ),
    (
        "dead band above the threshold",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides]\ndead_band = \"5%\""),
        ["pools/treasury.toml:", "policy_overrides.dead_band", "5%", "less than `drift_threshold`", "lower `dead_band`"],
    ),
    (
        "re-entry that is no stricter",
        |copy| copy.append("ballast.toml", "[assets.USDT]\nreenter_bps = 100"),
        ["ballast.toml:", "assets.USDT.reenter_bps", "100", "less than `depeg_bps` (100)", "write 99 or less"],
    ),
    (
        "slow re-entry that is no stricter",
        |copy| copy.append("ballast.toml", "[assets.USDT]\nreenter_slow_bps = 100"),
        ["ballast.toml:", "assets.USDT.reenter_slow_bps", "100", "less than `depeg_bps` (100)", "write 99 or less"],
    ),
    (
        "lines out of order",
        |copy| copy.append("ballast.toml", "[assets.USDT]\nwatch_bps = 60"),
        ["ballast.toml:", "assets.USDT.watch_bps", "60", "at most `stressed_bps` (50)", "lower `watch_bps`"],
    ),
    (
        "fewer witnesses for the way back",
        |copy| copy.append("ballast.toml", "[assets.USDT.quorum]\ndefend = 4"),
        ["ballast.toml:", "assets.USDT.quorum.defend", "4", "at most `reenter`", "lower `defend`"],
    ),
    (
        "ramp upside down",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides.ramp]\nmin = \"2h\""),
        ["pools/treasury.toml:", "policy_overrides.ramp.min", "2h", "at most `max`", "raise `max`"],
    ),
    (
        "lead shorter than two blocks",
        |copy| copy.main("block_time = \"12s\"", "block_time = \"2m\""),
        ["pools/treasury.toml:", "policy", "start_lead is 3m", "two blocks of mainnet: 4m", "ramp.start_lead = \"4m\""],
    ),
    (
        "schedule that is no cron line",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides]\nschedule = { cron = \"Sunday\" }"),
        ["pools/treasury.toml:", "policy_overrides.schedule.cron", "Sunday", "five fields", "0 2 * * SUN"],
    ),
    (
        "unknown time zone",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides]\nschedule = { zone = \"Mars\" }"),
        ["pools/treasury.toml:", "policy_overrides.schedule.zone", "Mars", "IANA", "Europe/Berlin"],
    ),
    (
        "cap that falls",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides.gas.depeg]\ncap_gwei = 301\ncap_at_deadline_gwei = 300"),
        ["pools/treasury.toml:", "gas.depeg.cap_gwei", "301", "at most `cap_at_deadline_gwei`", "raise"],
    ),
    (
        "answer that is none",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides.depeg]\nanswer = \"panic\""),
        ["pools/treasury.toml:", "depeg.answer", "panic", "one of: freeze, derisk, exit, hold", "write one of them"],
    ),
    (
        "selling below what a dead coin is worth",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides.depeg.derisk]\nrecovery_floor = \"0.9\""),
        ["pools/treasury.toml:", "depeg.derisk.recovery_floor", "0.9", "at most `least_price`", "lower"],
    ),
    (
        "swap that is neither on nor off",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides]\nswap = true"),
        ["pools/treasury.toml:", "swap", "true", "false, or a table", "write false"],
    ),
    (
        "release above the gap",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides.yields]\nrelease_bps = 51"),
        ["pools/treasury.toml:", "yields.release_bps", "51", "at most `gap_bps`", "lower"],
    ),
    (
        "limits of a group that the pool does not hold",
        |copy| copy.append("pools/treasury.toml", "[risk_groups.dollar]\nmax = \"50%\""),
        ["pools/treasury.toml", "risk_groups.dollar", "dollar", "the risk group of an asset of this pool", "risk_group"],
    ),
    (
        "swaps without a treasury",
        |copy| {
            let table = "slippage = \"0.5%\"\nmax_slippage = \"2%\"\nvolatility_gain = \"100%\"\nmost_usd = \"1000\"\n";
            copy.append("pools/treasury.toml", &format!("[policy_overrides.swap]\n{table}accept_third_party_lps = false"))
        },
        ["pools/treasury.toml:", "policy", "swap", "[chains.mainnet.treasury]", "swap = false"],
    ),
    (
        "exit without a treasury",
        |copy| copy.append("pools/treasury.toml", "[policy_overrides.depeg]\nanswer = \"exit\""),
        ["pools/treasury.toml:", "policy", "exit", "[chains.mainnet.treasury]", "freeze"],
    ),
    (
        "worth without a price of ether",
        |copy| {
            let copy = copy.pool("policy = \"article\"", "policy = \"guarded\"");
            copy.main(
                "[chains.mainnet.ether_usd]\nproxy = \"0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419\"\nheartbeat = \"1h\"",
                "",
            )
        },
        ["pools/treasury.toml:", "policy", "worth", "a price of ether", "worth = false"],
    ),
    (
        "feed that cannot see a depeg",
        |copy| copy.main("heartbeat = \"23h\"", "heartbeat = \"23h\"\nlow = \"0.99\""),
        ["ballast.toml:", "assets.USDC.on.mainnet.feed.low", "0.99", "lower end of the peg band", "0.2"],
    ),
    (
        "pools in the main file",
        |copy| copy.append("ballast.toml", "[pools.other]\nchain = \"mainnet\""),
        ["ballast.toml:", "pools", "a table", "a folder of their own", "pools/NAME.toml"],
    ),
    (
        "the same pool twice",
        |copy| {
            let text = copy.read("pools/treasury.toml");
            copy.write("pools/zweite.toml", text)
        },
        ["pools/zweite.toml:", "address", "also the address of `treasury`", "each pool in one file", "remove one"],
    ),
    (
        "the same chain twice",
        |copy| {
            let text = copy.read("ballast.toml");
            let from = text.find("\n[chains.mainnet]").unwrap();
            let to = text.find("# Ether's price").unwrap();
            let twin = text[from..to].replace("mainnet]", "twin]").replace("mainnet.keeper", "twin.keeper");
            copy.append("ballast.toml", &twin)
        },
        ["ballast.toml:", "chains.twin.chain_id", "1, also the id of `mainnet`", "each chain once", "remove one"],
    ),
    (
        "the same token twice",
        |copy| copy.main("0xdAC17F958D2ee523a2206206994597C13D831ec7", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"),
        ["ballast.toml:", "assets.USDT.on.mainnet.token", "also the token of `USDC`", "its own", "correct the address"],
    ),
    (
        "not TOML",
        |copy| copy.append("pools/treasury.toml", "= SECRET"),
        ["pools/treasury.toml:", "", "no valid TOML", "TOML", "correct the line"],
    ),
    ("not UTF-8", |copy| copy.write("pools/latin.toml", [b'#', 0xe9]), ["pools/latin.toml", "", "not UTF-8", "UTF-8", "save it"]),
    (
        "a name that no metric can carry",
        |copy| {
            let text = copy.read("pools/treasury.toml").replace("0x1111", "0x2222");
            copy.write("pools/my pool.toml", text)
        },
        ["pools/my pool.toml", "", "a pool called `my pool`", "letters, digits", "rename the pool"],
    ),
    (
        "bad log filter",
        |copy| copy.append("ballast.toml", "").main("log = \"json\"", "log = \"json\"\nfilter = \"ballast=loud\""),
        ["ballast.toml:", "telemetry.filter", "ballast=loud", "a log filter", "TARGET=LEVEL"],
    ),
    (
        "a value where a table belongs",
        |copy| copy.append("ballast.toml", "[chains]\nbase = 3"),
        ["ballast.toml:", "chains.base", "3", "a table", "[chains.base]"],
    ),
];
