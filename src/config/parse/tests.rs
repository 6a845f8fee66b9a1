use proptest::prelude::*;

use super::*;

fn mend<T: std::fmt::Debug>(parsed: Parsed<T>) -> String {
    parsed.unwrap_err().mend
}

#[test]
fn decimals_are_exact_or_refused() {
    assert_eq!(decimal("0.1", 18), Some(100_000_000_000_000_000));
    assert_eq!(decimal("30", 9), Some(30_000_000_000));
    assert_eq!(decimal("1.500", 1), Some(15), "zeros at the end lose nothing");
    assert_eq!(decimal("1.55", 1), None, "a lost digit is no rounding matter");
    for bad in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1_0", "0x1", " 1", "1.2.3", "NaN", "inf"] {
        assert_eq!(decimal(bad, 18), None, "{bad}");
    }
    assert_eq!(decimal(&u128::MAX.to_string(), 18), None);
}

#[test]
fn a_percentage_needs_its_sign() {
    let parse = percent(1, 10_000);
    assert_eq!(parse("5%"), Ok(Weight::from_bps(500)));
    assert_eq!(parse("0.1 %"), Ok(Weight::from_bps(10)));
    assert_eq!(parse("33.3333333333333333%").unwrap().wad(), 333_333_333_333_333_333);
    assert_eq!(mend(parse("5")), "write \"5%\" if 5 percent is meant");
    assert_eq!(parse("101%").unwrap_err().expected, "a percentage with its sign such as 5%, from 0.01% to 100%");
    assert!(parse("%").is_err() && parse("-1%").is_err() && parse("5%%").is_err());
}

#[test]
fn a_duration_needs_its_unit() {
    let parse = duration(Duration::ZERO, Duration::from_hours(1));
    assert_eq!(parse("1m 30s"), Ok(Duration::from_secs(90)));
    assert_eq!(parse("0s"), Ok(Duration::ZERO));
    assert_eq!(mend(parse("30")), "write \"30s\" if 30 seconds are meant");
    assert_eq!(mend(parse("0")), "write \"0s\" if 0 seconds are meant");
    assert_eq!(mend(parse("2h")), "write a duration in that range");
    assert_eq!(mend(parse("soon")), "write a number and its unit: ms, s, m, h or d");
}

#[test]
fn an_address_needs_its_checksum() {
    let usdc = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48";
    assert!(address(usdc).is_ok());
    for wrong in [usdc.to_lowercase(), usdc.replace("A0b", "a0b"), usdc.replace("0x", "")] {
        assert!(mend(address(&wrong)).ends_with(usdc), "{wrong}");
    }
    assert!(mend(address("0x0000000000000000000000000000000000000000")).contains("zero address"));
    assert!(mend(address("0x1234")).contains("explorer"));
}

#[test]
fn gas_dollars_and_urls() {
    let parse = gwei(GasPrice::from_wei(0), GasPrice::from_gwei(1_000));
    assert_eq!(parse("0.000000001"), Ok(GasPrice::from_wei(1)));
    assert!(parse("30 gwei").is_err() && parse("1001").is_err());
    assert_eq!(dollars("0.2").unwrap().wad(), 200_000_000_000_000_000);
    assert!(dollars("0").is_err() && dollars("$1").is_err());
    let parse = url(&["http", "https"]);
    assert!(parse("https://node.example/v2/key").is_ok());
    for bad in ["", "node.example", "ws://node.example", "https://", "https:///path", "https://a b"] {
        let refusal = parse(bad).unwrap_err();
        assert_eq!(refusal.expected, "a URL that begins with http:// or https://", "{bad}");
    }
}

#[test]
fn ether_is_exact_and_within_its_range() {
    let parse = ether(Wei::new(1), Wei::new(2_000_000_000_000_000_000));
    assert_eq!(parse("0.5"), Ok(Wei::new(500_000_000_000_000_000)));
    assert_eq!(parse("0.000000000000000001"), Ok(Wei::new(1)));
    assert_eq!(parse("0").unwrap_err().expected, "ether as a decimal number, from 0.000000000000000001 to 2");
    for bad in ["2.000000000000000001", "0.0000000000000000005", "0.5 ETH", "5e-1", "-1", ""] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_route_is_spelled_in_one_way() {
    assert_eq!((route("public"), route("private")), (Ok(Route::Public), Ok(Route::Private)));
    assert_eq!(route("private-then-public-after-25-blocks"), Ok(Route::PrivateThenPublic { after_blocks: 25 }));
    for bad in ["", "Public", "private-then-public", "private-then-public-after--blocks", "private-then-public-after-1001-blocks"]
    {
        assert!(route(bad).is_err(), "{bad}");
    }
}

#[test]
fn names_of_keys_elsewhere_are_taken_apart_or_refused() {
    let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let arn = format!("arn:aws:kms:eu-central-1:111122223333:key/{id}");
    assert_eq!(keys::aws_key(&arn).unwrap(), (arn.clone(), Some("eu-central-1".to_owned())));
    let multi = "mrk-1234abcd12ab34cd56ef1234567890ab".to_owned();
    for good in [id.to_owned(), multi, "alias/ballast/keeper".into(), arn.replace("arn:aws:", "arn:aws-cn:")] {
        assert_eq!(keys::aws_key(&good).unwrap().0, good);
    }
    let bad = ["", "keeper", "alias/", "AKIAIOSFODNN7EXAMPLE", "arn:aws:kms:eu-central-1:1:key/x"];
    for bad in bad.into_iter().map(str::to_owned).chain([arn.replace("kms", "s3"), arn.replace("3333", ""), format!("{arn}0")]) {
        assert!(keys::aws_key(&bad).is_err(), "{bad}");
    }

    let name = "projects/example.com:keys/locations/europe-west1/keyRings/ring/cryptoKeys/keeper/cryptoKeyVersions/3";
    let key = keys::gcp_key(name).unwrap();
    let parts = [&key.project, &key.location, &key.key_ring, &key.key].map(String::as_str);
    assert_eq!((parts, key.version), (["example.com:keys", "europe-west1", "ring", "keeper"], 3));
    assert_eq!(key.to_string(), name);
    for bad in [name.replace("/3", "/0"), name.replace("/3", "/latest"), name.replace("ring/", "/"), format!("{name}/x")] {
        assert!(keys::gcp_key(&bad).is_err(), "{bad}");
    }
}

#[test]
fn hints_are_near_or_absent() {
    assert_eq!(did_you_mean("drift_treshold", &["drift_threshold", "dead_band"]).unwrap(), "did you mean `drift_threshold`?");
    assert_eq!(did_you_mean("usdc", &["USDC", "USDT"]).unwrap(), "did you mean `USDC`?");
    assert_eq!(did_you_mean("colour", &["min_interval", "schedule"]), None);
    assert_eq!(distance("kitten", "sitting"), 3);
}

#[test]
fn names_stay_plain() {
    assert!(is_name("two-coins_1", "-_") && is_name("USDC.e", "-_."));
    assert!(!is_name("", "-_") && !is_name("-x", "-_") && !is_name("a b", "-_") && !is_name("a.b", "-_"));
}

proptest! {
    #[test]
    fn every_percentage_is_read_back_exactly(wad in 0u128..=1_000_000_000_000_000_000) {
        let weight = Weight::from_wad(wad);
        prop_assert_eq!(percent(0, 10_000)(&exactly(weight)), Ok(weight));
    }

    #[test]
    fn no_digit_of_a_percentage_is_lost(units in 0u128..100, fraction in "[0-9]{1,16}") {
        let digits: u128 = format!("{units}{fraction:0<16}").parse().unwrap();
        let parsed = percent(0, 10_000)(&format!("{units}.{fraction}%")).unwrap();
        prop_assert_eq!(parsed.wad(), digits);
    }

    #[test]
    fn no_text_upsets_a_parser(text in ".{0,40}") {
        let _ = percent(0, 10_000)(&text);
        let _ = duration(Duration::ZERO, Duration::MAX)(&text);
        let _ = gwei(GasPrice::from_wei(0), GasPrice::from_gwei(1))(&text);
        let _ = (journal(&text), route(&text), finality(&text), keys::aws_key(&text), keys::gcp_key(&text), keys::bearer(&text));
        let _ = journal(&format!("sqlite:{text}"));
        let _ = journal(&format!("postgres://{text}"));
        let _ = (address(&text), dollars(&text), url(&["https"])(&text), did_you_mean(&text, &["a", "spacing"]));
    }
}
