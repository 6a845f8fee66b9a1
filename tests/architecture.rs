//! The walls between the rooms. A single crate has no compiler to keep them, so this test reads what each file names and fails when
//! a room names what it must not know.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// A wall: which files, which words they must not contain, and why.
struct Wall {
    room: &'static str,
    forbidden: &'static [&'static str],
    why: &'static str,
}

const RUNTIME: &[&str] = &["tokio", "ractor", "tracing", "sqlx", "reqwest", "axum", "prometheus"];
const EXCHANGE: &[&str] = &["Balancer", "balancer", "ManagedPool", "managed_pool", "Vault", "BPT", "updateWeightsGradually"];
const CHAIN: &[&str] = &["alloy::"];

const WALLS: &[Wall] = &[
    Wall { room: "src/domain", forbidden: RUNTIME, why: "the domain is pure: no runtime, no actor, no log, no database" },
    Wall { room: "src/domain", forbidden: CHAIN, why: "the domain may use alloy-primitives and nothing else of alloy" },
    Wall { room: "src/domain", forbidden: EXCHANGE, why: "the domain speaks of positions, not of one exchange" },
    Wall {
        room: "src/domain",
        forbidden: &["crate::ports", "crate::actors", "crate::observe", "crate::config", "crate::chain"],
        why: "dependencies point inwards",
    },
    Wall {
        room: "src/domain",
        forbidden: &["Instant::now", "SystemTime", "Utc::now", "std::env", "std::fs", "std::net"],
        why: "the domain has no clock and does no I/O: now is an argument",
    },
    Wall { room: "src/ports.rs", forbidden: RUNTIME, why: "ports are traits over the domain's own types" },
    Wall { room: "src/ports.rs", forbidden: CHAIN, why: "a port names no provider" },
    Wall { room: "src/ports.rs", forbidden: EXCHANGE, why: "ports speak of positions, not of one exchange" },
    Wall { room: "src/ports", forbidden: RUNTIME, why: "ports are traits over the domain's own types" },
    Wall { room: "src/ports", forbidden: CHAIN, why: "a port names no provider" },
    Wall { room: "src/ports", forbidden: EXCHANGE, why: "ports speak of positions, not of one exchange" },
    Wall {
        room: "src/actors",
        forbidden: &[
            "crate::chain::",
            "crate::alerts",
            "crate::journal",
            "crate::http",
            "crate::config",
            "crate::devnet",
            "alloy::",
            "reqwest",
        ],
        why: "actors act through ports; only app.rs knows the adapters",
    },
    Wall { room: "src/backtest", forbidden: RUNTIME, why: "a replay is pure: it reads files and has no runtime" },
    Wall {
        room: "src/backtest",
        forbidden: &["crate::actors", "crate::chain", "crate::config", "crate::cli", "crate::sources"],
        why: "a replay knows the decision and nothing of the program around it",
    },
    Wall { room: "src/simulation", forbidden: RUNTIME, why: "the simulation computes: it has no runtime" },
    Wall {
        room: "src/simulation",
        forbidden: &[
            "crate::actors",
            "crate::backtest",
            "crate::chain",
            "crate::config",
            "crate::devnet",
            "crate::ports",
            "std::fs",
        ],
        why: "the simulation knows plans and positions, and nobody who uses it",
    },
    Wall { room: "src/actors", forbidden: EXCHANGE, why: "actors speak of positions, not of one exchange" },
];

fn sources(room: &Path) -> Vec<PathBuf> {
    if room.is_file() {
        return vec![room.to_owned()];
    }
    // `src/domain` is the folder and the file beside it.
    let mut files: Vec<PathBuf> = Some(room.with_extension("rs")).into_iter().filter(|file| file.is_file()).collect();
    for entry in fs::read_dir(room).unwrap_or_else(|fault| panic!("{}: {fault}", room.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path).into_iter().filter(|file| !files.contains(file)).collect::<Vec<_>>());
        } else if path.extension().is_some_and(|ending| ending == "rs") && !files.contains(&path) {
            files.push(path);
        }
    }
    files
}

/// A test of an actor may use a real journal: the walls are for what runs.
fn is_test(file: &Path) -> bool {
    file.iter().any(|part| ["tests", "tests.rs", "testing", "testing.rs"].iter().any(|name| part == *name))
}

/// The code of a file: comments may name anything.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
}

#[test]
fn no_room_names_what_it_must_not_know() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut breaches = Vec::new();
    for wall in WALLS {
        let files = sources(&root.join(wall.room));
        assert!(!files.is_empty(), "{} has no sources: the wall guards nothing", wall.room);
        for file in files.into_iter().filter(|file| !is_test(file.strip_prefix(root).unwrap())) {
            let text = fs::read_to_string(&file).unwrap();
            for (line, code) in code(&text) {
                for word in wall.forbidden.iter().filter(|word| names(code, word)) {
                    let place = file.strip_prefix(root).unwrap().display();
                    breaches.push(format!("{place}:{line} names `{word}`: {}", wall.why));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{} breaches:\n{}", breaches.len(), breaches.join("\n"));
}

/// The list of what went wrong elsewhere is worth as much as the tests that it names.
#[test]
fn every_test_that_the_list_of_mistakes_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts: Vec<String> = ["src", "tests"]
        .iter()
        .flat_map(|room| sources(&root.join(room)))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let list = fs::read_to_string(root.join(".docs/mistakes.md")).unwrap();
    // The names stand in the last column of each row, between backticks.
    let rows = list.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| #"));
    let is_name =
        |word: &&str| word.contains('_') && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let named: Vec<&str> = rows
        .filter_map(|row| row.rsplit('|').nth(1))
        .flat_map(|column| column.split('`').skip(1).step_by(2))
        .filter(is_name)
        .collect();
    assert!(named.len() > 50, "the list names {} tests", named.len());
    let missing: Vec<&&str> =
        named.iter().filter(|name| !texts.iter().any(|text| text.contains(&format!("fn {name}(")))).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Whether the code names the word as a word of its own.
fn names(code: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let starts = word.starts_with(is_part) && before.is_some_and(is_part);
        let ends = word.ends_with(is_part) && after.is_some_and(is_part);
        !starts && !ends
    })
}
