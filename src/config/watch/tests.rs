use std::fs;
use std::path::Path;

use super::*;

fn example() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example");
    for folder in ["pools", "secrets"] {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    for file in ["ballast.toml", "pools/treasury.toml", "secrets/keeper.json", "secrets/keeper.password"] {
        fs::copy(from.join(file), dir.path().join(file)).unwrap();
    }
    dir
}

fn environment() -> Environment {
    [("BALLAST_KEYSTORE_PASSWORD", "x".to_owned())].into_iter().collect()
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

fn mode(news: Option<Result<Reread, Faults>>) -> (String, bool) {
    let reread = news.expect("news").unwrap_or_else(|faults| panic!("{faults}"));
    let mode = reread.settings.pools.values().next().unwrap().mode;
    (mode.to_string(), reread.restart)
}

#[test]
fn files_count_when_they_have_changed_and_stand_still() {
    let dir = example();
    let mut watch = Watch::begin(dir.path(), environment());
    assert!(watch.look().is_none() && watch.look().is_none(), "nothing has changed");
    let pool = dir.path().join("pools/treasury.toml");
    edit(&pool, "mode = \"observe\"", "mode = \"dry-run\"");
    assert!(watch.look().is_none(), "somebody may still be writing");
    edit(&pool, "mode = \"dry-run\"", "mode = \"observe\" # still");
    assert!(watch.look().is_none(), "and was");
    edit(&pool, "mode = \"observe\" # still", "mode = \"dry-run\"");
    assert!(watch.look().is_none());
    assert_eq!(mode(watch.look()), ("dry-run".to_owned(), false));
    assert!(watch.look().is_none(), "once");
    assert_eq!(mode(watch.insist()), ("dry-run".to_owned(), false), "whoever insists is answered");
}

#[test]
fn faults_are_told_once_and_a_mended_file_counts() {
    let dir = example();
    let mut watch = Watch::begin(dir.path(), environment());
    let pool = dir.path().join("pools/treasury.toml");
    edit(&pool, "mode = \"observe\"", "mode = \"sleep\"");
    watch.look();
    let faults = watch.look().unwrap().unwrap_err().to_string();
    assert!(faults.contains("pools/treasury.toml") && faults.contains("sleep"), "{faults}");
    assert!(watch.look().is_none());
    edit(&pool, "mode = \"sleep\"", "mode = \"live\"");
    watch.look();
    assert_eq!(mode(watch.look()), ("live".to_owned(), false));
}

#[test]
fn the_main_file_counts_at_the_next_start_and_hidden_files_never() {
    let dir = example();
    let mut watch = Watch::begin(dir.path(), environment());
    fs::write(dir.path().join("pools/.treasury.toml.swp"), "nonsense").unwrap();
    fs::write(dir.path().join("pools/.other.toml"), "nonsense").unwrap();
    fs::write(dir.path().join("pools/notes.md"), "nonsense").unwrap();
    assert!(watch.look().is_none() && watch.look().is_none());
    let main = dir.path().join("ballast.toml");
    let text = fs::read_to_string(&main).unwrap();
    fs::write(&main, format!("{text}\n# another word\n")).unwrap();
    watch.look();
    assert_eq!(mode(watch.look()), ("observe".to_owned(), true));
}

/// A mounted `ConfigMap` changes by a symlink that comes to point to another folder, all at once.
#[cfg(unix)]
#[test]
fn a_volume_that_swaps_its_symlink_is_followed() {
    use std::os::unix::fs::symlink;
    let (dir, from) = (tempfile::tempdir().unwrap(), example());
    fs::copy(from.path().join("ballast.toml"), dir.path().join("ballast.toml")).unwrap();
    fs::rename(from.path().join("secrets"), dir.path().join("secrets")).unwrap();
    let pools = dir.path().join("pools");
    for (version, mode) in [("..1", "observe"), ("..2", "live")] {
        let folder = pools.join(version);
        fs::create_dir_all(&folder).unwrap();
        fs::copy(from.path().join("pools/treasury.toml"), folder.join("treasury.toml")).unwrap();
        edit(&folder.join("treasury.toml"), "mode = \"observe\"", &format!("mode = \"{mode}\""));
    }
    symlink("..1", pools.join("..data")).unwrap();
    symlink("..data/treasury.toml", pools.join("treasury.toml")).unwrap();
    let mut watch = Watch::begin(dir.path(), environment());
    assert!(watch.look().is_none() && watch.look().is_none());
    symlink("..2", pools.join("..data_tmp")).unwrap();
    fs::rename(pools.join("..data_tmp"), pools.join("..data")).unwrap();
    watch.look();
    assert_eq!(mode(watch.look()), ("live".to_owned(), false));
}
