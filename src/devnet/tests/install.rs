//! Finding and installing, with a shell script in the part of npm.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::devnet::toolbox::{Toolbox, ToolboxError, ToolboxOptions, find};

/// Does what npm would, slowly, and counts how often. Its last file is the one that npm writes last.
const NPM: &str = r#"#!/bin/sh
[ "$*" = "ci --ignore-scripts --omit=dev" ] || exit 9
echo run >> runs
rm -rf node_modules
mkdir -p node_modules/@balancer-labs/v2-deployments/dist/tasks
sleep 0.3
for platform in linux-amd64 linux-arm64 darwin-amd64 darwin-arm64; do
  mkdir -p node_modules/@foundry-rs/anvil-$platform/bin && touch node_modules/@foundry-rs/anvil-$platform/bin/anvil
done
touch node_modules/.package-lock.json
"#;

fn options(folder: &Path, npm: Option<&str>) -> ToolboxOptions {
    fs::write(folder.join("package.json"), "{}").unwrap();
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).unwrap();
    if let Some(script) = npm {
        fs::write(programs.join("npm"), script).unwrap();
        fs::set_permissions(programs.join("npm"), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let search_path = format!("{}:/usr/bin:/bin", programs.display());
    let search_path = if npm.is_some() { search_path } else { programs.display().to_string() };
    ToolboxOptions { contracts: Some(folder.to_owned()), search_path: Some(search_path.into()), ..ToolboxOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_install_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), Some(NPM));
    let all = futures::future::join_all((0..8).map(|_| find(&options))).await;
    let found: Vec<Toolbox> = all.into_iter().map(Result::unwrap).collect();
    assert!(found.iter().all(|tools| tools.contracts == folder.path() && tools.anvil.is_file()));
    assert_eq!(fs::read_to_string(folder.path().join("runs")).unwrap(), "run\n");
    find(&options).await.unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("runs")).unwrap(), "run\n", "what is there is not installed again");
}

#[tokio::test]
async fn what_is_missing_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let bare = options(folder.path(), None);
    let fault = find(&bare).await.unwrap_err().to_string();
    assert!(fault.contains("install Node.js 20 or later with npm, or pass --anvil PATH"), "{fault}");
    assert!(fault.contains("node_modules") && !fault.contains('\n'), "{fault}");

    let anvil = folder.path().join("anvil");
    let given = ToolboxOptions { anvil: Some(anvil.clone()), ..bare.clone() };
    assert!(matches!(find(&given).await, Err(ToolboxError::NoSuchProgram(path)) if path == anvil));
    fs::write(&anvil, "").unwrap();
    let fault = find(&given).await.unwrap_err().to_string();
    assert!(fault.ends_with("install Node.js 20 or later with npm"), "the contracts are missing still: {fault}");

    let elsewhere = ToolboxOptions { contracts: Some(folder.path().join("elsewhere")), ..bare };
    assert!(matches!(find(&elsewhere).await, Err(ToolboxError::NoContracts(_))));
    let broken = options(folder.path(), Some("#!/bin/sh\necho 'npm error network' >&2\nexit 1\n"));
    let fault = find(&broken).await.unwrap_err().to_string();
    assert!(fault.ends_with("failed: npm error network"), "{fault}");
}

#[tokio::test]
async fn a_given_node_and_installed_contracts_are_enough() {
    let folder = tempfile::tempdir().unwrap();
    let anvil = folder.path().join("my-anvil");
    fs::write(&anvil, "").unwrap();
    let options = ToolboxOptions { anvil: Some(anvil.clone()), ..options(folder.path(), Some(NPM)) };
    assert_eq!(find(&options).await.unwrap().anvil, anvil);
}
