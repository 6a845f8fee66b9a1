//! How a connection ends, and that it does.

use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;

/// How the connection to Kraken ends whose websocket does this.
async fn end(acts: Vec<Act>, times: SocketTimes) -> Heard {
    listen(&kraken(acts, times).await.1).await
}

async fn refused(answer: &'static str) -> ReadingFault {
    let venue = Venue::open(Life::Refuses(answer)).await;
    listen(&kraken::stream(settings(&format!("ws://{}", venue.address), "USDC/USD", PATIENT)).unwrap()).await.end
}

fn disconnected(end: &ReadingFault) {
    assert!(matches!(end, ReadingFault::Disconnected(_)), "{end:?}");
}

#[tokio::test]
async fn an_open_connection_that_says_nothing_is_ended_though_it_answers_pings() {
    assert_eq!(end(vec![Act::Live], IMPATIENT).await.end, ReadingFault::Silent(BRISK));
    let after_a_price = end(vec![Act::Hear, say(SNAPSHOT), Act::Live], IMPATIENT).await;
    assert_eq!((after_a_price.said.len(), after_a_price.end), (1, ReadingFault::Silent(BRISK)));
}

#[tokio::test]
async fn a_connection_that_is_open_at_one_end_only_is_ended() {
    assert_eq!(end(vec![Act::Deaf], IMPATIENT).await.end, ReadingFault::Silent(BRISK));
    let venue = Venue::open(Life::Stares).await;
    let stream = kraken::stream(settings(&format!("ws://{}", venue.address), "USDC/USD", IMPATIENT)).unwrap();
    disconnected(&listen(&stream).await.end);
    let nobody = kraken::stream(settings("ws://127.0.0.1:1", "USDC/USD", PATIENT)).unwrap();
    disconnected(&listen(&nobody).await.end);
}

#[tokio::test]
async fn heartbeats_do_not_keep_a_connection_that_never_says_a_price() {
    assert_eq!(end(vec![Act::Hear, Act::Repeat(BEAT.to_owned())], IMPATIENT).await.end, ReadingFault::Silent(BRISK));
}

#[tokio::test]
async fn nor_one_whose_last_price_was_followed_by_garbage() {
    let acts = vec![Act::Hear, say(SNAPSHOT), say("garbage"), Act::Repeat(BEAT.to_owned())];
    let heard = end(acts, IMPATIENT).await;
    assert_eq!((heard.said.len(), heard.end), (2, ReadingFault::Silent(BRISK)));
}

#[tokio::test(start_paused = true)]
async fn a_venue_that_reads_nothing_holds_us_no_longer_than_one_that_says_nothing() {
    for room in [1, 64, 4_096] {
        let (ours, _theirs) = tokio::io::duplex(room);
        let socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let stream = kraken::stream(settings("ws://x", "USDC/USD", SocketTimes { ping: BRISK / 3, ..IMPATIENT })).unwrap();
        let began = Instant::now();
        assert_eq!(stream.follow(socket, &|_| {}).await, ReadingFault::Silent(BRISK));
        assert_eq!(began.elapsed(), BRISK);
    }
}

#[tokio::test]
async fn a_flood_of_what_does_not_concern_us_is_silence() {
    let status = r#"{"channel":"status","type":"update","data":[]}"#.to_owned();
    let heard = end(vec![Act::Hear, say(SNAPSHOT), Act::Repeat(status)], IMPATIENT).await;
    assert_eq!((heard.said.len(), heard.end), (1, ReadingFault::Silent(BRISK)));
}

#[tokio::test]
async fn garbage_is_told_each_time_and_ends_the_connection_when_nothing_else_comes() {
    let heard = end(vec![Act::Hear, say("garbage"), Act::Bytes(vec![0, 159]), say(SNAPSHOT), Act::Close], PATIENT).await;
    let good: Vec<bool> = heard.said.iter().map(Result::is_ok).collect();
    assert_eq!(good, [false, false, true], "one wrong word is no reason to go");
    let acts = vec![Act::Hear, say(SNAPSHOT), Act::Bytes(vec![1]), say(BEAT), Act::Close];
    let heard = end(acts, PATIENT).await;
    assert_eq!((heard.said.len(), heard.said[1].is_err()), (2, true), "after bytes the last word does not stand");
    let mut acts = vec![Act::Hear, say(SNAPSHOT)];
    for _ in 0..MOST_BAD {
        acts.extend([say("garbage"), say(BEAT)]);
    }
    acts.push(Act::Live);
    let heard = end(acts, PATIENT).await;
    assert!(matches!(heard.end, ReadingFault::Garbled(_)), "{:?}", heard.end);
    assert_eq!(
        heard.said.len(),
        1 + usize::try_from(MOST_BAD).unwrap(),
        "heartbeats between them excuse nothing and repeat nothing"
    );
}

#[tokio::test]
async fn what_breaks_the_websocket_ends_it() {
    let invalid_text = &[0x81, 0x02, 0xff, 0xfe];
    for raw in [invalid_text.as_slice(), &[0xff; 16], b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let heard = end(vec![Act::Hear, say(SNAPSHOT), Act::Raw(raw), Act::Live], PATIENT).await;
        assert!(matches!(heard.end, ReadingFault::Garbled(_)), "{:?}", heard.end);
        assert_eq!(heard.said.len(), 1);
    }
    let huge = "9".repeat(MOST_BYTES + 1);
    let heard = end(vec![Act::Hear, say(&huge), Act::Live], PATIENT).await;
    assert!(matches!(&heard.end, ReadingFault::Garbled(words) if words.len() < 100), "{:?}", heard.end);
}

#[tokio::test]
async fn an_end_with_or_without_a_farewell_is_an_end() {
    for last in [Act::Close, Act::Cut] {
        let heard = end(vec![Act::Hear, say(SNAPSHOT), last], PATIENT).await;
        assert_eq!(heard.said.len(), 1);
        disconnected(&heard.end);
    }
}

#[tokio::test]
async fn a_server_that_pings_is_answered() {
    let heard = end(vec![Act::Hear, say(SNAPSHOT), Act::Ping, say(BEAT), Act::Close], PATIENT).await;
    assert_eq!(heard.said.len(), 2, "it goes on only when its ping was answered");
}

#[tokio::test]
async fn a_venue_that_is_asked_too_often_says_for_how_long_to_leave_it_alone() {
    for (answer, pause) in [
        ("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n", 60),
        ("HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n", 7),
        ("HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n", 1),
        ("HTTP/1.1 429 Too Many Requests\r\nretry-after: 99999999999\r\ncontent-length: 0\r\n\r\n", 3_600),
        ("HTTP/1.1 429 Too Many Requests\r\nretry-after: soon\r\ncontent-length: 0\r\n\r\n", 60),
    ] {
        assert_eq!(refused(answer).await, ReadingFault::RateLimited(Duration::from_secs(pause)), "{answer}");
    }
}

#[tokio::test]
async fn a_venue_that_opens_no_websocket_is_one_that_cannot_be_reached() {
    for answer in
        ["HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"]
    {
        assert_eq!(refused(answer).await, ReadingFault::Unauthorised);
    }
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 301 Moved Permanently\r\nlocation: ws://elsewhere/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
        "",
    ] {
        disconnected(&refused(answer).await);
    }
}

#[tokio::test]
async fn a_server_without_tls_behind_an_address_with_tls_is_one_that_cannot_be_reached() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let venue = Venue::open(Life::Refuses("HTTP/1.1 400 Bad Request\r\n\r\n")).await;
    let stream = kraken::stream(settings(&format!("wss://{}", venue.address), "USDC/USD", PATIENT)).unwrap();
    disconnected(&listen(&stream).await.end);
}
