//! Files that are not what they should be.

use super::*;

/// What is wrong with the files of a folder, line by line.
fn faults(files: &[(&str, String)]) -> Vec<String> {
    let folder = folder(files);
    match History::load(folder.path(), &BARS) {
        Err(ReplayFault::Data(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_faults_of_all_files_are_told_at_once() {
    let rows = "\
2023-03-10T12:00:00Z,1,1,1,1,5
yesterday,1,1,1,-1,many
2023-03-10T12:02:30Z,1,1,1,0,5
2023-03-10T12:03:00Z,1,1.01,0.99,1.02,5
2023-03-10T12:02:00Z,1,1,1,1,5
2023-03-10T12:05:00Z,1,1,1
";
    let chainlink = "snapshot_utc,asset,price_usd\n2023-03-10T11:00:01Z,EUR,1e0\n".to_owned();
    let told = faults(&[("chainlink_implied_hourly_x.csv", chainlink), ("k_usdcusd_1m_x.csv", format!("{BAR}{rows}"))]);
    let minute = "expected the beginning of a minute, as 2023-03-10T22:47:00Z";
    let wanted = [
        "chainlink_implied_hourly_x.csv:2, asset: found `EUR`, expected USDC, USDT or DAI".to_owned(),
        "chainlink_implied_hourly_x.csv:2, price_usd: found `1e0`, expected a plain decimal above zero".to_owned(),
        format!("k_usdcusd_1m_x.csv:3, minute_start_utc: found `yesterday`, {minute}"),
        "k_usdcusd_1m_x.csv:3, close: found `-1`, expected a plain decimal above zero".to_owned(),
        "k_usdcusd_1m_x.csv:3, volume_base: found `many`, expected a plain decimal, not below zero".to_owned(),
        format!("k_usdcusd_1m_x.csv:4, minute_start_utc: found `2023-03-10T12:02:30Z`, {minute}"),
        "k_usdcusd_1m_x.csv:4, close: found `0`, expected a plain decimal above zero".to_owned(),
        "k_usdcusd_1m_x.csv:5, close: found $1.0200, expected a price from $0.9900 to $1.0100, the low and the high of this row"
            .to_owned(),
        "k_usdcusd_1m_x.csv:6, minute_start_utc: found 2023-03-10T12:02:00Z, expected a later minute than that of the row above"
            .to_owned(),
        "k_usdcusd_1m_x.csv:7, close: found nothing, expected a value".to_owned(),
        "k_usdcusd_1m_x.csv:7, volume_base: found nothing, expected a value".to_owned(),
    ];
    assert_eq!(told, wanted);
}

#[test]
fn a_missing_column_is_named() {
    let told = faults(&[("k_usdcusd_1m_x.csv", "minute_start_utc,low,close\n2023-03-10T12:00:00Z,1,1\n".to_owned())]);
    let missing = |column: &str| format!("k_usdcusd_1m_x.csv:1, {column}: found no such column, expected a column of this name");
    assert_eq!(told, ["high", "volume_base"].map(missing));
}

#[test]
fn bytes_that_are_no_text_end_neither_the_file_nor_the_list() {
    let folder = folder(&[]);
    let mut bytes = BAR.as_bytes().to_vec();
    bytes.extend(b"2023-03-10T12:00:00Z,1,1,1,\xff,5\n2023-03-10T12:01:00Z,1,1,1,no,5\n");
    fs::write(folder.path().join("k_usdcusd_1m_x.csv"), bytes).unwrap();
    let fault = History::load(folder.path(), &BARS).unwrap_err().to_string();
    let wanted = "2 faults in the data\n\
                  k_usdcusd_1m_x.csv:2: found bytes that are not UTF-8, expected UTF-8\n\
                  k_usdcusd_1m_x.csv:3, close: found `no`, expected a plain decimal above zero";
    assert_eq!(fault, wanted);
}

#[test]
fn a_foreign_value_is_one_short_line() {
    let long = format!("{BAR}2023-03-10T12:00:00Z,1,1,1,\"a\u{1b}[2J\n{}\",5\n", "x".repeat(500));
    let told = faults(&[("k_usdcusd_1m_x.csv", long)]);
    assert!(told[0].len() < 200 && !told[0].chars().any(char::is_control), "{told:?}");
}

#[test]
fn a_file_that_is_not_there_is_a_source_that_is_absent() {
    let bars = format!("{BAR}2023-03-10T12:00:00Z,1,1,1,1,500000\n");
    let notes = ("notes.csv", "not ours".to_owned());
    let folder = folder(&[("k_usdcusd_1m_x.csv", bars), notes, ("k_ethusd_1m_x.csv", "another asset".to_owned())]);
    let history = load(folder.path());
    assert_eq!(history.series.len(), 1);
    assert_eq!(history.absent.len(), 3, "{:?}", history.absent);
    assert!(history.absent.iter().all(|absent| !absent.contains("order books")));
    assert!(of(&quorum(&history, history.tape()), "USDC").is_unknown(), "one group is no quorum");
}

#[test]
fn a_folder_without_any_file_is_a_fault() {
    let empty = folder(&[("README.md", "nothing".to_owned()), ("k_usdcusd_1m_x.csv", BAR.to_owned())]);
    assert!(matches!(History::load(empty.path(), &BARS), Err(ReplayFault::Nothing(_))));
    let gone = empty.path().join("gone");
    let fault = History::load(&gone, &BARS).unwrap_err();
    assert!(matches!(fault, ReplayFault::Folder { .. }) && fault.to_string().contains("gone"), "{fault}");
}
