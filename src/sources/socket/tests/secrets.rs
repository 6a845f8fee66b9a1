//! An address may carry a token. Nobody is told it.

use std::io::{self, Write};

use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_address_is_in_no_fault_and_in_no_log_of_ours() {
    crate::observe::testing::keep_everyone_audible();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::info!("listening");
    let lives = [
        Life::Refuses("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"),
        Life::Refuses("HTTP/1.1 503 hidden-token\r\ncontent-length: 12\r\n\r\nhidden-token"),
        Life::Refuses("hidden-token"),
        Life::Socket(vec![Act::Hear, say("hidden-token"), say(r#"{"channel":"ticker","data":"hidden-token"}"#), Act::Cut]),
        Life::Socket(vec![Act::Hear, Act::Raw(b"hidden-token"), Act::Live]),
        Life::Socket(vec![Act::Hear, say(&SNAPSHOT.replace("0.9990", "\"hidden-token\"")), Act::Cut]),
    ];
    let mut told = Vec::new();
    for life in lives {
        let venue = Venue::open(life).await;
        let url = format!("ws://user:hidden-token@{}/hidden-token?key=hidden-token", venue.address);
        let stream = kraken::stream(settings(&url, "USDC/USD", PATIENT)).unwrap();
        let heard = listen(&stream).await;
        told.push(format!("{:?} {} {stream:?} {:?}", heard.end, heard.end, heard.said));
    }
    for url in ["hidden-token", "http://hidden-token", "ws://[hidden-token"] {
        told.push(kraken::stream(settings(url, "USDC/USD", PATIENT)).unwrap_err());
    }
    let (told, log) = (told.join("\n"), String::from_utf8(log.0.lock().unwrap().clone()).unwrap());
    assert!(log.contains("listening") && told.contains("Unauthorised") && told.contains("503"), "{told}\n{log}");
    assert!(!told.contains("hidden-token"), "{told}");
    assert!(!log.contains("hidden-token"), "{log}");
}
