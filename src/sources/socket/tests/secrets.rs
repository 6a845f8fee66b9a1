//! An address may carry a token. Nobody is told it.

use super::*;
use crate::observe::testing::Lines;

#[tokio::test]
async fn the_address_is_in_no_fault_and_in_no_log_of_ours() {
    let (log, _guard) = Lines::kept(tracing::Level::TRACE);
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
    let (told, log) = (told.join("\n"), log.text());
    assert!(log.contains("listening") && told.contains("Unauthorised") && told.contains("503"), "{told}\n{log}");
    assert!(!told.contains("hidden-token"), "{told}");
    assert!(!log.contains("hidden-token"), "{log}");
}
