//! Opening: what works, and what is said when it does not.

use std::fs;

use futures::future::join_all;
use secrecy::SecretString;
use tokio::net::TcpListener;

use super::support::{Place, Writer, at, lane, order};
use crate::journal::sql::open::{Tuning, open_tuned};
use crate::journal::{OpenFault, open};
use crate::ports::journal::Operations;

const PASSWORD: &str = "hunter%2F2";

async fn refused(url: &str, place: &Place) -> OpenFault {
    let Err(fault) = open(&SecretString::from(url.to_owned()), place.path()).await else { panic!("`{url}` opens") };
    let (shown, full) = (fault.to_string(), format!("{fault:?}"));
    assert!(!shown.contains("hunter") && !full.contains("hunter"), "the password is shown: {full}");
    fault
}

#[tokio::test]
async fn a_file_is_made_with_its_folders_whatever_they_are_called() {
    let place = Place::sqlite();
    for name in ["sqlite:a/b/journal.db", "sqlite://c/journal.db", "sqlite:100 % sure #1.db"] {
        open(&name.to_owned().into(), place.path()).await.unwrap().open_lane(&lane(1), "test", at(0)).await.unwrap();
    }
    let absolute = place.path().join("absolute/journal.db");
    let url = format!("sqlite:{}", absolute.display()).into();
    open(&url, std::path::Path::new("/nowhere")).await.unwrap();
    for made in ["a/b/journal.db", "c/journal.db", "100 % sure #1.db", "absolute/journal.db"] {
        assert!(place.path().join(made).is_file(), "{made}");
    }
}

#[tokio::test]
async fn an_address_that_makes_no_sense_is_refused_with_what_would() {
    let place = Place::sqlite();
    for url in ["mysql://keeper:hunter2@db/journal", "journal.db", "", "keeper:hunter2@db", "/var/hunter2:1"] {
        let fault = refused(url, &place).await;
        assert!(matches!(fault, OpenFault::Scheme { .. }), "{url}: {fault}");
        assert!(fault.to_string().contains("expected `sqlite:PATH` or `postgres://"), "{fault}");
    }
    for url in [
        "sqlite:",
        "sqlite::memory:",
        "sqlite:journal.db?mode=ro",
        "postgres://keeper:hunter2@db:port/journal",
        "postgres://keeper@db/journal?passwort=hunter2",
    ] {
        let fault = refused(url, &place).await;
        assert!(matches!(fault, OpenFault::Address(_)), "{url}: {fault}");
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0, "nothing was made");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_refused_by_its_name() {
    let place = Place::sqlite();
    let file = place.path().join("journal.db");
    drop(place.open().await);
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).unwrap();
    for url in ["sqlite:journal.db", "sqlite:journal.db/below.db", "sqlite:."] {
        let fault = refused(url, &place).await;
        assert!(matches!(fault, OpenFault::NotWritable { .. }), "{url}: {fault}");
        assert!(fault.to_string().contains(&place.path().display().to_string()), "{fault}");
    }
    let text = place.path().join("notes.txt");
    fs::write(&text, "Buy milk. ".repeat(100)).unwrap();
    let fault = refused("sqlite:notes.txt", &place).await;
    assert!(matches!(fault, OpenFault::NotWritable { .. }), "{fault}");
    assert!(fs::read_to_string(&text).unwrap().starts_with("Buy milk."), "a file that is no journal stays as it is");
}

#[tokio::test]
async fn a_server_that_is_not_there_does_not_answer_or_refuses_is_named_without_the_password() {
    let place = Place::postgres().await;
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = deaf.local_addr().unwrap().port();
    let url: SecretString = format!("postgres://keeper:{PASSWORD}@127.0.0.1:{port}/journal").into();
    let tuning = Tuning { patience: std::time::Duration::from_millis(300), ..Tuning::default() };
    let Err(fault) = open_tuned(&url, place.path(), tuning).await else { panic!("it opens") };
    assert_eq!(
        fault.to_string(),
        format!("the journal's server 127.0.0.1:{port}/journal cannot be used: no answer within 300ms")
    );
    drop(deaf);

    let fault = refused(&format!("postgres://keeper:{PASSWORD}@127.0.0.1:{port}/journal"), &place).await;
    assert!(fault.to_string().contains(&format!("127.0.0.1:{port}/journal cannot be used:")), "{fault}");

    let url = secrecy::ExposeSecret::expose_secret(&place.url);
    let wrong = url.replace("not%2Fa%20secret", PASSWORD);
    assert_ne!(wrong, *url);
    let fault = refused(&wrong, &place).await;
    assert!(fault.to_string().contains("password authentication failed"), "{fault}");
    let (server, _) = url.rsplit_once('/').unwrap();
    let fault = refused(&format!("{server}/nobody_made_this"), &place).await;
    assert!(fault.to_string().contains("nobody_made_this"), "{fault}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    for place in [Place::sqlite(), Place::postgres().await] {
        let journal = open_tuned(&place.url, place.path(), Tuning::default()).await.unwrap();
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     SELECT 9000, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
        journal.execute(newer).await.unwrap();
        drop(journal);
        let fault = open(&place.url, place.path()).await.err().unwrap();
        assert!(matches!(fault, OpenFault::Newer { version: 9_000, .. }), "{fault}");
        assert!(fault.to_string().contains("newer version of Ballast"), "{fault}");
    }
}

#[tokio::test]
async fn words_that_this_version_does_not_know_are_a_fault_and_never_a_default() {
    for place in [Place::sqlite(), Place::postgres().await] {
        let journal = open_tuned(&place.url, place.path(), Tuning::default()).await.unwrap();
        let writer = Writer::of(&journal, lane(1)).await;
        let record = writer.enqueue(&order("a", 1)).await;
        for statement in ["UPDATE operation SET class = 'whim'", "UPDATE operation SET class = 'drift', plan = '{\"sell\":{}}'"] {
            journal.execute(statement).await.unwrap();
            let fault = journal.find(&record.id.to_string()).await.unwrap_err();
            assert_eq!(fault.label(), "failed", "{fault}");
            assert!(journal.reread_lane(&writer.pen).await.is_err());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processes_that_start_at_the_same_time_do_not_disturb_each_other() {
    for place in [Place::sqlite(), Place::postgres().await] {
        let journals = join_all((0..6).map(|_| open(&place.url, place.path()))).await;
        let journals: Vec<_> = journals.into_iter().map(|journal| journal.unwrap_or_else(|fault| panic!("{fault}"))).collect();
        let key = lane(1);
        let epochs = join_all(journals.iter().map(|journal| journal.open_lane(&key, "one of six", at(0)))).await;
        let mut epochs: Vec<_> = epochs.into_iter().map(|opened| opened.unwrap().pen.epoch).collect();
        epochs.sort_unstable();
        assert_eq!(epochs, [1, 2, 3, 4, 5, 6]);
    }
}
