//! A PostgreSQL of our own, for tests of what is kept in one: a private cluster in a temporary folder, from the programs that are
//! installed, on a free port of the loopback interface, as durable as a real one. It dies with us, however we die, and leaves nothing
//! behind.

use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
#[cfg(unix)]
use std::os::unix::fs::{MetadataExt, chown};
#[cfg(unix)]
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use thiserror::Error;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);
const SUPERUSER: &str = "keeper";
/// It opens a server that only this machine can reach, for as long as a test runs.
const PASSWORD: &str = "not/a secret";

/// Why there is no cluster.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// The programs are not there.
    #[error("found no PostgreSQL server (initdb, postgres): install one (Debian and Ubuntu: apt-get install postgresql)")]
    NotInstalled,
    /// A program did not do its work.
    #[error("{what}: {fault}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why it did not work.
        fault: String,
    },
    /// It does not take connections.
    #[error("the server takes no connections after {patience} s; its last words: {0}", patience = PATIENCE.as_secs())]
    Deaf(String),
}

fn failed<F: ToString>(what: &'static str) -> impl FnOnce(F) -> ClusterError {
    move |fault| ClusterError::Failed { what, fault: fault.to_string() }
}

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    user: Option<User>,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// Makes a cluster and waits until it takes connections.
    ///
    /// # Errors
    /// No server is installed, or it does not start.
    pub async fn start() -> Result<Self, ClusterError> {
        let bin = programs().ok_or(ClusterError::NotInstalled)?;
        // The watchman removes it: a static is never dropped.
        let folder = tempfile::Builder::new().prefix("ballast-postgres-").tempdir().map_err(failed("a temporary folder"))?.keep();
        let user = unprivileged(&folder).map_err(failed("a user for the server"))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let port = port.map_err(failed("a free port"))?.port();
        let mut cluster = Self { bin, folder, user, port, server: None };
        cluster.init()?;
        cluster.run().await?;
        Ok(cluster)
    }

    /// Makes an empty database and gives its URL.
    ///
    /// # Errors
    /// The server cannot be reached, or has a database of that name.
    pub async fn database(&self, name: &str) -> Result<String, ClusterError> {
        let made = async {
            let mut connection = self.admin().connect().await?;
            connection.execute(AssertSqlSafe(format!("CREATE DATABASE \"{name}\" TEMPLATE template0"))).await?;
            connection.close().await
        };
        made.await.map_err(|fault: sqlx::Error| ClusterError::Failed { what: "a new database", fault: fault.to_string() })?;
        Ok(format!("postgres://{SUPERUSER}:not%2Fa%20secret@127.0.0.1:{}/{name}", self.port))
    }

    /// Where it listens.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server with SIGKILL, in the middle of whatever it does. Its data stay.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn kill(&mut self) -> Result<(), ClusterError> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        let told = server.stdin.take().map_or(Ok(()), |mut pipe| pipe.write_all(b"keep\n"));
        told.and_then(|()| server.wait()).map_err(failed("killing the server")).map(drop)
    }

    /// Starts a server that was killed again, on the same port with the same data.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&mut self) -> Result<(), ClusterError> {
        self.kill()?;
        self.run().await
    }

    fn admin(&self) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(self.port).database("postgres");
        options.username(SUPERUSER).password(PASSWORD)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env("LC_ALL", "C");
        #[cfg(unix)]
        if let Some(user) = self.user {
            command.uid(user.id).gid(user.group);
        }
        command
    }

    fn init(&self) -> Result<(), ClusterError> {
        let secret = self.folder.join("password");
        fs::write(&secret, PASSWORD).map_err(failed("the password"))?;
        if let Some(user) = self.user {
            give(&secret, user).map_err(failed("the password"))?;
        }
        let mut command = self.command(self.bin.join("initdb"));
        command.arg("--pgdata").arg(self.data()).arg("--pwfile").arg(&secret);
        // In clear text, over the loopback: hashing it for every connection takes an unoptimised test longer than the test itself.
        command.args(["--username", SUPERUSER, "--auth", "password", "--encoding", "UTF8", "--no-locale", "--no-sync"]);
        let done = command.stdin(Stdio::null()).output().map_err(failed("initdb"))?;
        if done.status.success() {
            return Ok(());
        }
        Err(ClusterError::Failed { what: "initdb", fault: String::from_utf8_lossy(&done.stderr).trim().to_owned() })
    }

    async fn run(&mut self) -> Result<(), ClusterError> {
        let deadline = Instant::now().checked_add(PATIENCE).unwrap_or_else(Instant::now);
        loop {
            self.server = Some(self.spawn()?);
            if self.listens(deadline).await {
                return Ok(());
            }
            // The processes of a server that was killed may need a moment to leave its shared memory.
            if Instant::now() >= deadline {
                return Err(ClusterError::Deaf(self.last_words()));
            }
        }
    }

    fn spawn(&self) -> Result<Child, ClusterError> {
        let log = fs::File::options().create(true).append(true).open(self.log()).map_err(failed("the server's log"))?;
        let mut command = self.command("sh");
        command.args(["-c", WATCHMAN, "postgres"]).arg(&self.folder).arg(self.bin.join("postgres")).arg("-D").arg(self.data());
        command.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        command.args(["-c", "max_connections=400", "-c", "shared_buffers=16MB"]);
        #[cfg(unix)]
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn().map_err(failed("the server"))
    }

    /// Waits for the server; false when it has ended, or time is up.
    async fn listens(&mut self, deadline: Instant) -> bool {
        while Instant::now() < deadline {
            if !matches!(self.server.as_mut().map(Child::try_wait), Some(Ok(None))) {
                return false;
            }
            if let Ok(connection) = self.admin().connect().await {
                let _ = PgConnection::close(connection).await;
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(self.log()).unwrap_or_default();
        let mut last: Vec<&str> = text.lines().rev().take(5).collect();
        last.reverse();
        last.join("; ")
    }
}

/// The server under a watchman, as with the node of the world. A word says to leave the data; silence, because the pipe from us is
/// closed, removes them with the server. Backends leave by themselves when their parent is gone, hence the patience.
const WATCHMAN: &str = r#"
exec 3<&0
folder=$1
shift
"$@" </dev/null 3<&- &
server=$!
{
  read -r word
  kill -9 "$server"
  if [ "$word" != keep ]; then
    cd /
    for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$folder" 2>/dev/null && break; sleep 0.2; done
  fi
} <&3 2>/dev/null &
watch=$!
wait "$server"
status=$?
if [ "$status" = 137 ]; then wait "$watch"; else kill "$watch" 2>/dev/null; fi
exit "$status"
"#;

/// Where the programs are: in the search path, or where distributions keep them, the newest first.
fn programs() -> Option<PathBuf> {
    let works = |bin: &Path| {
        let version = |name: &str| Command::new(bin.join(name)).arg("--version").stdout(Stdio::null()).status();
        ["initdb", "postgres"].into_iter().all(|name| version(name).is_ok_and(|status| status.success()))
    };
    let mut places: Vec<(u32, PathBuf)> = Vec::new();
    for root in ["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        for entry in fs::read_dir(root).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Ok(version) = name.trim_start_matches("postgresql@").parse() {
                places.push((version, entry.path().join("bin")));
            }
        }
    }
    places.sort_by(|a, b| b.cmp(a));
    std::iter::once(PathBuf::new()).chain(places.into_iter().map(|(_, bin)| bin)).find(|bin| works(bin))
}

/// Who runs the server.
#[derive(Clone, Copy, Debug)]
struct User {
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is one user"))]
    id: u32,
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is one user"))]
    group: u32,
}

/// PostgreSQL does not run as root, so root runs it as somebody else, who gets the folder. Who we are is told by whose the new folder
/// is.
#[cfg(unix)]
fn unprivileged(folder: &Path) -> io::Result<Option<User>> {
    if fs::metadata(folder)?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let user = |name: &str| {
        let line = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|line| line.first() == Some(&name))?;
        Some(User { id: line.get(2)?.parse().ok()?, group: line.get(3)?.parse().ok()? })
    };
    let user =
        user("postgres").or_else(|| user("nobody")).ok_or_else(|| io::Error::other("there is no user `postgres` or `nobody`"))?;
    give(folder, user)?;
    Ok(Some(user))
}

#[cfg(unix)]
fn give(path: &Path, user: User) -> io::Result<()> {
    chown(path, Some(user.id), Some(user.group))
}

#[cfg(not(unix))]
fn unprivileged(_folder: &Path) -> io::Result<Option<User>> {
    Ok(None)
}

#[cfg(not(unix))]
fn give(_path: &Path, _user: User) -> io::Result<()> {
    Ok(())
}
