//! The pages of the program, as a machine that watches reads them.

use std::net::SocketAddr;

/// Status and body of a page.
pub(crate) async fn get(at: SocketAddr, page: &str) -> (u16, String) {
    // Two crypto libraries are in the tree; a client cannot be built before one of them is chosen.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().timeout(super::PATIENCE).build().unwrap();
    let answer = client.get(format!("http://{at}{page}")).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The sum of a metric's series that have all these labels; `None` when there is no such series.
pub(crate) fn metric(text: &str, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let wanted: Vec<String> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
    let series = text.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' '])) && wanted.iter().all(|label| line.contains(label.as_str()))
    });
    series.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).reduce(|sum, value| sum + value)
}
