//! What a stream says, and how it ends.

use axum::http::header;
use axum::response::IntoResponse;
use tokio::net::TcpListener;

use super::server::{body, message, quoted};
use super::*;

#[tokio::test]
async fn a_stream_is_asked_for_and_heard_until_it_ends() {
    let server = Server::streaming(vec![say(&update(9_990, -2)), say(&update(9_985, -1))]).await;
    let heard = heard(&server, PATIENT).await;
    let quote = heard.said[1].clone().unwrap();
    let cents = |hundredths: u128| hundredths * (WAD / 10_000);
    assert_eq!(quote.price.wad(), cents(9_985));
    assert_eq!((quote.low.wad(), quote.high.wad()), (cents(9_980), cents(9_990)), "half a permille of doubt in both directions");
    assert_eq!(quote.updated_at, Timestamp::from_secs(NOW - 1));
    assert_eq!(heard.words(), ["9990", "9985"]);
    assert_eq!(heard.end, ReadingFault::Disconnected("Hermes ended the stream".to_owned()));
    let seen = &server.seen()[0];
    assert_eq!(server.seen().len(), 1, "it never tries again by itself");
    assert_eq!(seen.route, "/hermes/v2/updates/price/stream");
    assert_eq!(seen.query, format!("ids[]={FEED}&parsed=true"));
    assert_eq!((seen.accept.as_str(), seen.key.as_str()), ("text/event-stream", "Bearer very-secret-key"));
}

#[tokio::test]
async fn a_server_without_a_key_gets_none_and_a_slash_at_the_end_changes_nothing() {
    let server = Server::streaming(vec![say(&update(9_990, 0))]).await;
    let base = format!("{}/", server.base).parse().unwrap();
    let hermes = Arc::new(Hermes::new(HermesSettings { base, key: None, times: PATIENT }).unwrap());
    assert_eq!(listen(&feed(&hermes)).await.words(), ["9990"]);
    assert_eq!(server.seen()[0].key, "");
}

#[tokio::test]
async fn chunks_fall_anywhere() {
    // With a letter of three bytes, a comment, every kind of line end, and data in two lines.
    let first = update(9_990, -2).replace("\"hex\"", "\"h☂x\"");
    let second = update(9_980, -1).replacen(",\"price\"", "\ndata: ,\"price\"", 1);
    let third = update(9_970, 0);
    let text = format!(": comment ☂\r\nid: 1\r\ndata:{first}\r\n\r\nevent: message\ndata: {second}\n\ndata:{third}\n\n");
    let bytes = text.into_bytes();
    for size in [1, 2, 3, 7, 64, bytes.len()] {
        let server = Server::streaming(bytes.chunks(size).map(|chunk| Step::Say(chunk.to_vec())).collect()).await;
        assert_eq!(heard(&server, PATIENT).await.words(), ["9990", "9980", "9970"], "chunks of {size}");
    }
}

#[tokio::test]
async fn only_the_feed_that_was_asked_for_is_believed() {
    let both = |first: &str, second: &str| {
        let mut text: serde_json::Value = serde_json::from_str(first).unwrap();
        let other: serde_json::Value = serde_json::from_str(second).unwrap();
        text["parsed"].as_array_mut().unwrap().extend(other["parsed"].as_array().unwrap().clone());
        text.to_string()
    };
    let foreign = message(OTHER, &quoted(5_000, 0));
    let broken = message(OTHER, &serde_json::json!("broken"));
    let steps = vec![
        say(&foreign),
        say(&both(&foreign, &update(9_990, 0))),
        say(&both(&broken, &update(9_980, 0))),
        say(&message(&format!("0x{}", FEED.to_uppercase()), &quoted(9_970, 0))),
        say(&both(&update(9_960, 0), &update(9_950, 0))),
    ];
    let heard = heard(&Server::streaming(steps).await, PATIENT).await;
    assert_eq!(heard.words(), ["9990", "9980", "9970", "garbled"], "of two prices of one feed nobody knows which is meant");
}

#[tokio::test]
async fn garbage_is_told_and_does_not_end_the_stream() {
    let steps = vec![
        say("garbage"),
        say("{}"),
        say("{\"parsed\":null}"),
        say("[1,2"),
        Step::Say(b"just words\n\n".to_vec()),
        Step::Say(b"event: error\ndata: Error receiving update: Lagged(3)\n\n".to_vec()),
        Step::Say(b"event: news\ndata: something\n\n".to_vec()),
        Step::Say(b"\0\x01\x02:\n\n".to_vec()),
        say(&update(9_990, 0)),
    ];
    let heard = heard(&Server::streaming(steps).await, PATIENT).await;
    assert_eq!(heard.words(), ["garbled", "garbled", "garbled", "garbled", "garbled", "9990"]);
}

#[tokio::test]
async fn doubt_and_nonsense_are_faults_of_their_own() {
    let unsure = serde_json::json!({ "price": "100000000", "conf": "500001", "expo": -8, "publish_time": NOW });
    let steps = vec![say(&message(FEED, &unsure)), say(&update(30_000, 0)), say(&update(-1, 0)), say(&update(0, 0))];
    let heard = heard(&Server::streaming(steps).await, PATIENT).await;
    assert_eq!(heard.words(), ["unsure", "out_of_bounds", "not_positive", "not_positive"]);
}

/// Whatever it says: as long as nothing of our feed comes, it is silent.
async fn is_silent(steps: Vec<Step>, words: &[&str]) {
    let server = Server::streaming(steps).await;
    let began = Instant::now();
    let heard = heard(&server, HermesTimes { connect: PATIENT.connect, ..IMPATIENT }).await;
    assert_eq!((heard.words(), heard.end), (words.iter().map(|&word| word.to_owned()).collect(), ReadingFault::Silent(BRISK)));
    assert!(began.elapsed() >= BRISK);
}

#[tokio::test]
async fn a_stream_without_news_is_silent() {
    let again = |step: Step| -> Vec<Step> {
        std::iter::repeat_n([step, Step::Wait(Duration::from_millis(20))], 1_000).flatten().collect()
    };
    is_silent(vec![hold()], &[]).await;
    is_silent(again(Step::Say(b":\n\n".to_vec())), &[]).await;
    is_silent(again(say(&message(OTHER, &quoted(9_990, 0)))), &[]).await;
    is_silent(again(say(&update(9_990, 0))), &["9990"]).await;
    is_silent(vec![say(&update(9_990, 0)), Step::Say(b"data: half a mess".to_vec()), hold()], &["9990"]).await;
    // Bytes that are no text are never understood, whatever follows them.
    is_silent(vec![Step::Say(b"data: \xff\xfe\n\n".to_vec()), say(&update(9_990, 0)), hold()], &[]).await;
}

#[tokio::test]
async fn a_flood_of_old_news_does_not_hide_the_silence() {
    let flood = vec![say(&update(9_990, 0)); 200_000];
    let server = Server::streaming(flood).await;
    let heard = heard(&server, HermesTimes { silence: Duration::from_millis(100), ..PATIENT }).await;
    assert_eq!((heard.words(), heard.end.label()), (vec!["9990".to_owned()], "silent"));
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_as_such() {
    let broken = ReadingFault::Disconnected("the connection to Hermes broke".to_owned());
    let half = Step::Say(update(9_990, 0).into_bytes());
    for steps in [vec![Step::Break], vec![half.clone(), Step::Break]] {
        let heard = heard(&Server::streaming(steps).await, PATIENT).await;
        assert_eq!((heard.words().len(), heard.end), (0, broken.clone()));
    }
    // An event that the end cuts off was never said.
    let cut = heard(&Server::streaming(vec![say(&update(9_990, 0)), half]).await, PATIENT).await;
    assert_eq!((cut.words(), cut.end.label()), (vec!["9990".to_owned()], "disconnected"));
}

#[tokio::test]
async fn what_is_no_stream_of_events_is_garbled() {
    for kind in ["text/html", "application/json", "text/event-streams", ""] {
        let act = move |_: &axum::http::HeaderMap| {
            ([(header::CONTENT_TYPE, kind)], body(vec![say(&update(9_990, 0)), hold()])).into_response()
        };
        let server = Server::acting(act, |_| unreachable!()).await;
        let heard = heard(&server, PATIENT).await;
        assert_eq!((heard.words().len(), heard.end.label()), (0, "garbled"), "{kind}");
    }
    let act = |_: &axum::http::HeaderMap| {
        ([(header::CONTENT_TYPE, "Text/Event-Stream; charset=utf-8")], body(vec![say(&update(9_990, 0))])).into_response()
    };
    assert_eq!(heard(&Server::acting(act, |_| unreachable!()).await, PATIENT).await.words(), ["9990"]);
}

#[tokio::test]
async fn a_byte_order_mark_does_not_bring_us_down() {
    let good = say(&update(9_990, 0));
    let whole = vec![Step::Say(b"\xEF\xBB\xBF".to_vec()), good.clone()];
    let split = vec![Step::Say(b"\xEF".to_vec()), Step::Say(b"\xBB\xBF".to_vec()), good];
    let glued = vec![Step::Say([b"\xEF\xBB\xBFdata:".as_slice(), update(9_990, 0).as_bytes(), b"\n\n"].concat())];
    for steps in [whole, split, glued] {
        let heard = heard(&Server::streaming(steps).await, PATIENT).await;
        assert_eq!((heard.words().len(), heard.end.label()), (0, "garbled"));
    }
}

#[tokio::test]
async fn a_message_without_an_end_is_not_collected_for_ever() {
    let long = Step::Say(vec![b'x'; 16 * 1024]);
    for steps in [vec![long.clone(); 64], [vec![say(&update(9_990, 0))], vec![long; 64]].concat()] {
        let heard = heard(&Server::streaming(steps).await, PATIENT).await;
        assert_eq!(
            heard.end.to_string(),
            "the source said something that cannot be understood: a message has more than 262144 bytes"
        );
    }
}

#[tokio::test]
async fn nobody_there_and_nobody_answering() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/hermes", listener.local_addr().unwrap());
    // It is listened to, and never answered.
    let heard = listen(&feed(&hermes(&base, IMPATIENT))).await;
    assert_eq!(heard.end, ReadingFault::Disconnected("Hermes did not answer within 250ms".to_owned()));
    drop(listener);
    let heard = listen(&feed(&hermes(&base, PATIENT))).await;
    assert_eq!(heard.end, ReadingFault::Disconnected("Hermes cannot be reached".to_owned()));
}

#[tokio::test]
async fn it_may_be_dropped_at_any_moment() {
    let server = Server::streaming(vec![say(&update(9_990, 0)), hold()]).await;
    let feed = feed(&hermes(&server.base, PATIENT));
    for _ in 0..3 {
        let (told, mut hearing) = tokio::sync::mpsc::unbounded_channel();
        let hear = move |said| told.send(said).unwrap();
        tokio::select! {
            end = feed.listen(&hear) => panic!("{end}"),
            said = hearing.recv() => assert!(said.unwrap().is_ok()),
        }
    }
    assert_eq!(server.routes(), ["stream"; 3]);
}
