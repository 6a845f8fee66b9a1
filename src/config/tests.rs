//! The room as its users see it: a directory and an environment in, settings or faults out.

mod faults;
mod good;
mod sending;
mod table;
mod yields;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Environment, Faults, Settings, load};

/// A well-known test key of local development chains.
const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// Lines of the example, to be replaced.
const RPC: &str = "rpc = [\"https://mainnet.example.invalid/v2/YOUR-TOKEN\", \"https://mainnet.example.org/YOUR-OTHER-TOKEN\"]";
const KEYSTORE: &str = "keystore = \"secrets/keeper.json\"\npassword_file = \"secrets/keeper.password\"";
const JOURNAL: &str = "# journal = \"sqlite:/data/ballast.db\"";

const LISTEN: &str = "[http]\nlisten = \"127.0.0.1:9464\"\n";

/// `config/` of the repository.
fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

/// A copy of `config/example` to spoil.
struct Copy {
    dir: TempDir,
    variables: Vec<(String, String)>,
}

impl Copy {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let example = shipped().join("example");
        for folder in ["pools", "secrets", "policies"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        for file in ["ballast.toml", "pools/treasury.toml", "secrets/keeper.json", "secrets/keeper.password"] {
            fs::copy(example.join(file), dir.path().join(file)).unwrap();
        }
        // The plainer of the built-in policies: most of its keys are numbers of the article.
        let copy = Self { dir, variables: Vec::new() };
        copy.pool("policy = \"guarded\"", "policy = \"article\"")
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap()
    }

    fn write(self, file: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path().join(file), content).unwrap();
        self
    }

    /// Replaces the first `old` in a file, which must be there.
    fn edit(self, file: &str, old: &str, new: &str) -> Self {
        let text = self.read(file);
        assert!(text.contains(old), "{old} is not in {file}");
        let text = text.replacen(old, new, 1);
        self.write(file, text)
    }

    fn main(self, old: &str, new: &str) -> Self {
        self.edit("ballast.toml", old, new)
    }

    fn pool(self, old: &str, new: &str) -> Self {
        self.edit("pools/treasury.toml", old, new)
    }

    fn append(self, file: &str, more: &str) -> Self {
        let text = self.read(file) + "\n" + more;
        self.write(file, text)
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    fn load(&self) -> Result<Settings, Faults> {
        load(self.path(), &self.variables.iter().cloned().collect::<Environment>())
    }

    fn settings(&self) -> Settings {
        self.load().unwrap_or_else(|faults| panic!("{faults}"))
    }

    fn faults(&self) -> Faults {
        self.load().expect_err("there is a fault to find")
    }
}
