//! The comparison in files: one page for people that needs no network, and tables for programs.
//!
//! `index.html` holds everything that it shows, the library of its charts included. `study.json` is what the command prints with
//! `--json`, `values.csv` has every contender's value once an hour, and `acts.csv` every transaction.

mod series;

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::course::Course;
use super::study::Study;
use super::world::World;
use series::{Band, Line, Standing};

const PAGE: &str = include_str!("report/page.html");
const SCRIPT: &str = include_str!("report/page.js");

/// Everything that the page shows.
#[derive(Serialize)]
struct Page<'a> {
    study: &'a Study,
    /// Prices by asset.
    prices: Vec<Line>,
    /// Where the bot knew each peg to stand.
    bands: Vec<Band>,
    /// Values of the contenders, in basis points of the first.
    values: Vec<Line>,
    /// The same less that of the first contender.
    ahead: Vec<Line>,
    /// Falls from the peak, in percent.
    drawdowns: Vec<Line>,
    /// Weights, shares and trading of the contenders.
    standing: Vec<Standing>,
}

/// Writes the files into a folder, which is made if it is not there.
///
/// # Errors
/// What the system says.
pub fn write(folder: &Path, world: &World, study: &Study, courses: &[Course]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let page = Page {
        study,
        prices: series::prices(world),
        bands: series::bands(world),
        values: courses.iter().map(|course| series::values(world, course)).collect(),
        ahead: match courses.first() {
            Some(first) => courses.iter().map(|course| series::ahead(world, course, first)).collect(),
            None => Vec::new(),
        },
        drawdowns: courses.iter().map(|course| series::drawdowns(world, course)).collect(),
        standing: courses.iter().map(|course| series::standing(world, course)).collect(),
    };
    fs::write(folder.join("index.html"), html(&page)?)?;
    fs::write(folder.join("study.json"), serde_json::to_string_pretty(study)?)?;
    values(&folder.join("values.csv"), world, courses)?;
    acts(&folder.join("acts.csv"), courses)
}

fn html(page: &Page<'_>) -> io::Result<String> {
    // Within a script nothing ends it but its own end.
    let data = serde_json::to_string(page)?.replace("</", "<\\/");
    // In this order, so that nothing is put into what was put in before.
    let parts = [("<!-- charts -->", charts()), ("\"data\"", data), ("/* script */", SCRIPT.to_owned())];
    let (mut html, mut rest) = (String::new(), PAGE);
    for (place, part) in parts {
        let Some((before, after)) = rest.split_once(place) else { continue };
        html.push_str(before);
        html.push_str(&part);
        rest = after;
    }
    Ok(html + rest)
}

/// The library of the charts. It comes with another for formulas, of which there are none here.
fn charts() -> String {
    let both = plotly::Plot::offline_js_sources();
    let second = both.match_indices("<script type=\"text/javascript\">").nth(1).map(|(at, _)| at);
    second.and_then(|at| both.get(..at)).unwrap_or(&both).to_owned()
}

fn values(path: &Path, world: &World, courses: &[Course]) -> io::Result<()> {
    let mut file = csv::Writer::from_path(path)?;
    let names = courses.iter().map(|course| course.name.clone());
    file.write_record(std::iter::once("time_utc".to_owned()).chain(names))?;
    for tick in (0..world.ticks()).step_by(series::HOUR) {
        let of = courses.iter().map(|course| course.equity.get(tick).map_or_else(String::new, |value| format!("{value:.6}")));
        file.write_record(std::iter::once(world.time(tick).to_string()).chain(of))?;
    }
    file.flush()
}

fn acts(path: &Path, courses: &[Course]) -> io::Result<()> {
    let mut file = csv::Writer::from_path(path)?;
    file.write_record(["policy", "time_utc", "trigger", "plan", "outcome", "gas_gwei", "gas_usd", "expected_usd", "words"])?;
    for course in courses {
        for act in &course.acts {
            let expected = act.expected.map_or_else(String::new, |expected| format!("{expected:.2}"));
            file.write_record([
                &course.name,
                &act.at.to_string(),
                act.trigger,
                act.plan,
                act.outcome,
                &format!("{:.4}", act.gas_gwei),
                &format!("{:.6}", act.gas_usd),
                &expected,
                &act.line,
            ])?;
        }
    }
    file.flush()
}
