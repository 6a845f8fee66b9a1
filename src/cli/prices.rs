//! `ballast prices`: what a running process thinks of its assets' prices, vote by vote.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use comfy_table::{Table, presets};

use crate::config::{self, EXIT_CODE, Environment};
use crate::http::{AssetLines, PricesPage, SourceLine};

/// The page is made of what is in memory.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks of `--watch`.
const EVERY: Duration = Duration::from_secs(2);

/// Whom to ask.
#[derive(Args, Debug)]
pub struct PricesArgs {
    /// The directory with `ballast.toml`, whose `http.listen` says where the process answers.
    #[arg(long, value_name = "DIR", required_unless_present = "url")]
    config: Option<PathBuf>,
    /// Where the process answers, in the place of --config: `http://127.0.0.1:9464`.
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    url: Option<String>,
    /// One JSON object, as the page has it.
    #[arg(long, conflicts_with = "watch")]
    json: bool,
    /// Again every two seconds, until Ctrl-C.
    #[arg(long)]
    watch: bool,
}

pub(super) async fn run(args: PricesArgs) -> ExitCode {
    let url = match (&args.url, &args.config) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, config) => match config::load(&config.clone().unwrap_or_default(), &Environment::process()) {
            Ok(settings) => format!("http://{}", settings.http.listen),
            Err(faults) => {
                eprint!("{faults}");
                return ExitCode::from(EXIT_CODE);
            }
        },
    };
    loop {
        let text = match ask(&url).await {
            Ok(text) => text,
            Err(fault) => {
                eprintln!("ballast prices: {fault}");
                return ExitCode::FAILURE;
            }
        };
        if args.json {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        match serde_json::from_str::<PricesPage>(&text) {
            Ok(page) => print!("{}", shown(&page)),
            Err(fault) => {
                eprintln!("ballast prices: {url}/prices is not the page of a Ballast of this version: {fault}");
                return ExitCode::FAILURE;
            }
        }
        if !args.watch {
            return ExitCode::SUCCESS;
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => println!(),
            () = super::asked_to_stop() => return ExitCode::SUCCESS,
        }
    }
}

async fn ask(url: &str) -> Result<String, String> {
    let away = |fault: reqwest::Error| {
        format!("no process answers at {url}: {}; is `ballast run` up, and is this its http.listen?", fault.without_url())
    };
    let client = reqwest::Client::builder().timeout(PATIENCE).build().map_err(|fault| format!("no HTTP client: {fault}"))?;
    let response = client.get(format!("{url}/prices")).send().await.map_err(away)?;
    if !response.status().is_success() {
        return Err(format!("{url} answers {} to /prices: is it a Ballast of this version?", response.status()));
    }
    response.text().await.map_err(away)
}

/// For people.
fn shown(page: &PricesPage) -> String {
    let mut text = String::new();
    for asset in &page.assets {
        // A string takes everything.
        let _ = writeln!(text, "{}\n{}\n", headline(asset), sources(asset));
    }
    for asset in &page.unanswered {
        let _ = writeln!(text, "{asset}  no answer: its watch is being restarted\n");
    }
    text
}

fn headline(asset: &AssetLines) -> String {
    let AssetLines { asset: name, state, since, trust, level, gap_bps, groups, .. } = asset;
    let level = level.as_deref().map_or("no price".to_owned(), |level| format!("${level}"));
    let mut line = format!("{name}  {state} since {since}  {trust}  {level}  {} groups, {gap_bps} bp apart", groups.len());
    if let Some(doubt) = &asset.doubt {
        let _ = write!(line, "  held: {doubt}");
    }
    if let Some(shadow) = &asset.shadow {
        let _ = write!(line, "  in the shadow of {shadow}");
    }
    line
}

fn sources(asset: &AssetLines) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(["source", "group", "says", "in", "heard", "written", "vote", "off by", "why not"]);
    for source in &asset.sources {
        let SourceLine { source, group, unit, quote, heard_ago, written_ago, vote, reason, distance_bps, .. } = source;
        let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "—".to_owned());
        table.add_row([
            source.clone(),
            group.clone(),
            known(quote),
            unit.clone(),
            ago(*heard_ago),
            written_ago.map_or_else(|| "—".to_owned(), ago),
            known(vote),
            distance_bps.map_or_else(|| "—".to_owned(), |bps| format!("{bps} bp")),
            reason.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn ago(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default().as_secs();
    format!("{} ago", humantime::format_duration(Duration::from_secs(whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_each_source_its_vote_and_why_it_has_none() {
        let source = |source: &str, quote: Option<&str>, vote: Option<&str>, reason: Option<&str>| SourceLine {
            source: source.to_owned(),
            group: "usd_books".to_owned(),
            unit: "USD".to_owned(),
            quote: quote.map(str::to_owned),
            heard_ago: 3.2,
            written_ago: quote.map(|_| 3_700.0),
            vote: vote.map(str::to_owned),
            dismissed: None,
            reason: reason.map(str::to_owned),
            distance_bps: vote.map(|_| 7),
        };
        let asset = AssetLines {
            asset: "USDC".to_owned(),
            state: "stressed".to_owned(),
            since: "2023-03-10T22:52:00Z".to_owned(),
            trust: "disputed".to_owned(),
            level: Some("0.9943".to_owned()),
            price: None,
            gap_bps: 41,
            doubt: None,
            shadow: Some("DAI".to_owned()),
            episode: 1,
            groups: Vec::new(),
            sources: vec![
                source("kraken:USDC", Some("0.9941"), Some("0.9941"), None),
                source("pyth:USDC", None, None, Some("the source is not connected: refused")),
            ],
        };
        let text = shown(&PricesPage { assets: vec![asset], unanswered: vec!["USDT".to_owned()] });
        for piece in [
            "USDC  stressed since 2023-03-10T22:52:00Z  disputed  $0.9943  0 groups, 41 bp apart  in the shadow of DAI",
            "1h 1m 40s ago",
            "7 bp",
            "the source is not connected: refused",
            "USDT  no answer",
        ] {
            assert!(text.contains(piece), "{piece} in:\n{text}");
        }
        let silent = text.lines().find(|line| line.contains("pyth:USDC")).unwrap();
        assert!(silent.contains('—') && !silent.contains("0.9"), "what is not known is not a number: {silent}");
    }
}
