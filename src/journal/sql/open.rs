//! How a journal is opened, and what makes its commits durable: in SQLite a log that is synced at each commit, in PostgreSQL a commit
//! that waits for the server's log. A journal that cannot be opened says what to do about it, and never its password.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use secrecy::{ExposeSecret, SecretString};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Error, Executor, Row};
use thiserror::Error as ThisError;

use super::{Kind, SqlJournal};
use crate::ports::Journal;

static COMMON: Migrator = sqlx::migrate!("src/journal/migrations");
static ONLY_SQLITE: Migrator = sqlx::migrate!("src/journal/migrations/sqlite");
static ONLY_POSTGRES: Migrator = sqlx::migrate!("src/journal/migrations/postgres");

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole method may take, its connection included.
const PATIENCE: Duration = Duration::from_secs(10);

/// A log that readers do not wait for, synced at each commit (and down to the plate on macOS, where a sync alone is not one).
const SQLITE: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA foreign_keys = ON;";

/// A commit waits for the disk even where the server was told otherwise. Time-outs of the server's own: a statement or a lock that
/// takes too long fails, and a client that vanished in the middle of a transaction does not keep its successor out.
const POSTGRES: &str = "SET statement_timeout = 5000; SET lock_timeout = 5000; SET idle_in_transaction_session_timeout = 10000; \
     SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write');";

/// The parameters that a PostgreSQL address may have. Others would be ignored in silence.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Why there is no journal.
#[derive(Debug, ThisError)]
pub enum OpenFault {
    /// It is neither.
    #[error("the journal's address begins with `{found}`; expected `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`")]
    Scheme {
        /// What comes before the colon.
        found: String,
    },
    /// The rest of the address makes no sense.
    #[error("the journal's address cannot be used: {0}")]
    Address(String),
    /// The file or its folder.
    #[error("the journal {} cannot be written: {fault}", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: String,
    },
    /// The server.
    #[error("the journal's server {server} cannot be used: {fault}")]
    Unreachable {
        /// Host, port and database.
        server: String,
        /// Why.
        fault: String,
    },
    /// A newer version has been here. An older one does not know the newer rules, so it keeps away.
    #[error(
        "the journal {place} was written by a newer version of Ballast (its migration {version} is unknown here): run that version"
    )]
    Newer {
        /// The file, or the server.
        place: String,
        /// The migration.
        version: i64,
    },
    /// The tables could not be made.
    #[error("the tables of the journal {place} cannot be made: {fault}")]
    Migration {
        /// The file, or the server.
        place: String,
        /// Why.
        fault: String,
    },
}

/// What a test changes.
#[derive(Clone, Debug)]
pub(crate) struct Tuning {
    pub(crate) patience: Duration,
    /// The size of a SQLite file in pages at most, 0 for no limit: a full disk that works everywhere.
    pub(crate) max_pages: Arc<AtomicU32>,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { patience: PATIENCE, max_pages: Arc::default() }
    }
}

/// Opens the journal at `sqlite:PATH` (relative to `directory`; folders and file are made) or at `postgres://…`, and brings its tables
/// up to date. A pooler in front of PostgreSQL has to keep a session together.
///
/// # Errors
/// It cannot be used; see [`OpenFault`].
pub async fn open(url: &SecretString, directory: &Path) -> Result<Arc<dyn Journal>, OpenFault> {
    Ok(Arc::new(open_tuned(url, directory, Tuning::default()).await?))
}

pub(crate) async fn open_tuned(url: &SecretString, directory: &Path, tuning: Tuning) -> Result<SqlJournal, OpenFault> {
    install_default_drivers();
    let url = url.expose_secret();
    match url.split_once(':') {
        Some(("sqlite", path)) => sqlite(path.strip_prefix("//").unwrap_or(path), directory, tuning).await,
        Some(("postgres" | "postgresql", _)) => postgres(url, tuning).await,
        // What has no colon may be anything, even a secret in the wrong place.
        Some((found, _)) if found.chars().all(|c| c.is_ascii_alphanumeric()) => {
            Err(OpenFault::Scheme { found: format!("{found}:") })
        }
        _ => Err(OpenFault::Scheme { found: "no scheme".to_owned() }),
    }
}

async fn sqlite(path: &str, directory: &Path, tuning: Tuning) -> Result<SqlJournal, OpenFault> {
    if path.is_empty() || path == ":memory:" || path.contains('?') {
        return Err(OpenFault::Address("expected the path of a file after `sqlite:`, without parameters".to_owned()));
    }
    let path = directory.join(path);
    writable(&path).await?;
    let at = |mode: &str| address(&path, mode);
    let (create, read) = (at("rwc")?, at("rw")?);
    // Another process may be making the same tables, and SQLite has no lock for migrations: the second time they are there. Nor does
    // it wait where two turn a new file's log on at once.
    let in_the_way = |fault: &OpenFault| match fault {
        OpenFault::Migration { .. } => true,
        OpenFault::NotWritable { fault, .. } => fault.contains("database is locked"),
        _ => false,
    };
    let again = ConstantBuilder::default().with_delay(Duration::from_millis(100)).with_max_times(10);
    (|| sqlite_tables(&create, &path)).retry(again).when(in_the_way).await?;
    let limit = tuning.max_pages;
    let writers = AnyPoolOptions::new().max_connections(1).acquire_timeout(CONNECT).idle_timeout(None).max_lifetime(None);
    let writers = writers.after_connect(move |connection, _| {
        let pages = limit.load(Ordering::Acquire);
        Box::pin(async move {
            connection.execute(SQLITE).await?;
            if pages > 0 {
                connection.execute(sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"))).await?;
            }
            Ok(())
        })
    });
    let readers = AnyPoolOptions::new().max_connections(2).acquire_timeout(CONNECT).idle_timeout(None).max_lifetime(None);
    let readers = readers.after_connect(|connection, _| {
        Box::pin(async move { connection.execute("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON;").await.map(drop) })
    });
    Ok(SqlJournal {
        kind: Kind::Sqlite,
        writers: writers.connect_lazy_with(create),
        readers: readers.connect_lazy_with(read),
        patience: tuning.patience,
    })
}

/// A file that is marked read-only is respected even where the process may write everything.
async fn writable(path: &Path) -> Result<(), OpenFault> {
    let refused = |fault: String| OpenFault::NotWritable { path: path.to_owned(), fault };
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(|fault| refused(fault.to_string()))?;
    }
    match tokio::fs::metadata(path).await {
        Ok(found) if found.is_dir() => Err(refused("it is a folder".to_owned())),
        Ok(found) if found.permissions().readonly() => Err(refused("it is read-only".to_owned())),
        Ok(_) => Ok(()),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(fault) => Err(refused(fault.to_string())),
    }
}

/// The file as an address. Every byte that could mean something else is escaped.
fn address(path: &Path, mode: &str) -> Result<AnyConnectOptions, OpenFault> {
    let text = path.to_str().ok_or_else(|| OpenFault::Address("the path is not UTF-8".to_owned()))?;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            plain if plain.is_ascii_alphanumeric() => escaped.push(char::from(plain)),
            other => escaped.extend(format!("%{other:02X}").chars()),
        }
    }
    format!("sqlite://{escaped}?mode={mode}").parse().map(quiet).map_err(|fault: Error| OpenFault::Address(fault.to_string()))
}

/// The library would log every statement.
fn quiet(options: AnyConnectOptions) -> AnyConnectOptions {
    options.disable_statement_logging()
}

async fn sqlite_tables(options: &AnyConnectOptions, path: &Path) -> Result<(), OpenFault> {
    let refused = |fault: Error| OpenFault::NotWritable { path: path.to_owned(), fault: reason(fault) };
    let mut connection = options.connect().await.map_err(refused)?;
    let made = match connection.execute(SQLITE).await {
        Ok(_) => migrate(&mut connection, &ONLY_SQLITE, &path.display().to_string()).await,
        Err(fault) => Err(refused(fault)),
    };
    let _ = connection.close().await;
    made
}

async fn postgres(url: &str, tuning: Tuning) -> Result<SqlJournal, OpenFault> {
    // The parser's own words may quote the address.
    let options: AnyConnectOptions = url
        .parse()
        .map(quiet)
        .map_err(|_| OpenFault::Address("it is no URL: is a special character of the password not escaped as %XX?".to_owned()))?;
    let parameter = |(key, _): (std::borrow::Cow<'_, str>, _)| key.into_owned();
    let known = |key: &String| PARAMETERS.contains(&key.as_str()) || key.starts_with("options[");
    if let Some(unknown) = options.database_url.query_pairs().map(parameter).find(|key| !known(key)) {
        return Err(OpenFault::Address(format!("it has the parameter `{unknown}`; expected one of {}", PARAMETERS.join(", "))));
    }
    let host = options.database_url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost").to_owned();
    let port = options.database_url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let server = format!("{host}{port}{}", options.database_url.path());
    let patience = tuning.patience;
    match tokio::time::timeout(patience, postgres_tables(&options, &server)).await {
        Ok(made) => made?,
        Err(_) => return Err(OpenFault::Unreachable { server, fault: format!("no answer within {patience:?}") }),
    }
    let pool = AnyPoolOptions::new().max_connections(4).acquire_timeout(CONNECT.min(patience));
    let pool: AnyPool = pool
        .after_connect(|connection, _| Box::pin(async move { connection.execute(POSTGRES).await.map(drop) }))
        .connect_lazy_with(options);
    Ok(SqlJournal { kind: Kind::Postgres, writers: pool.clone(), readers: pool, patience })
}

async fn postgres_tables(options: &AnyConnectOptions, server: &str) -> Result<(), OpenFault> {
    let refused = |fault: Error| OpenFault::Unreachable { server: server.to_owned(), fault: reason(fault) };
    let mut connection = options.connect().await.map_err(refused)?;
    connection.execute(POSTGRES).await.map_err(refused)?;
    let setting = connection.fetch_one("SELECT current_setting('fsync') AS fsync").await.map_err(refused)?;
    if setting.try_get::<String, _>("fsync").is_ok_and(|fsync| fsync != "on") {
        // Some hosted servers keep their promise in another way, so this is no reason to refuse.
        tracing::warn!(
            server,
            "the journal's server runs with fsync off: unless its host keeps it safe, a power cut loses commits"
        );
    }
    let made = migrate(&mut connection, &ONLY_POSTGRES, server).await;
    let _ = connection.close().await;
    made
}

async fn migrate(connection: &mut AnyConnection, own: &Migrator, place: &str) -> Result<(), OpenFault> {
    let all = COMMON.iter().chain(own.iter()).cloned().collect();
    match Migrator::with_migrations(all).run(&mut *connection).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(version)) => Err(OpenFault::Newer { place: place.to_owned(), version }),
        Err(MigrateError::Execute(fault) | MigrateError::ExecuteMigration(fault, _)) => {
            Err(OpenFault::Migration { place: place.to_owned(), fault: reason(fault) })
        }
        Err(fault) => Err(OpenFault::Migration { place: place.to_owned(), fault: fault.to_string() }),
    }
}

/// Why, without the address.
fn reason(fault: Error) -> String {
    match fault {
        Error::Database(refusal) => refusal.message().to_owned(),
        Error::Io(fault) => fault.to_string(),
        Error::Configuration(_) => "its address cannot be used".to_owned(),
        other => other.to_string(),
    }
}
