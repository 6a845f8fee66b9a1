//! The table as a picture: loss against duration, the model as lines and the contracts as dots.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::grid::{COSTS, DURATIONS};
use crate::outcome::{Outcome, Prophet};
use crate::report::{Report, spoken};
use crate::trial::Trial;

/// Told apart by those who see colours in another way, and on a black-and-white print by their order.
const COLOURS: [RGBColor; 4] = [RGBColor(0, 114, 178), RGBColor(0, 140, 100), RGBColor(160, 60, 140), RGBColor(213, 94, 0)];
const SIZE: (u32, u32) = (860, 480);
const SECONDS: std::ops::Range<f64> = 10.0..420_000.0;
const DOLLARS: std::ops::Range<f64> = 10.0..4_500.0;
/// Points of a line: the model has steps, and they are to be seen as such.
const POINTS: u32 = 900;

/// Draws into a file, on a panel of its own: what is behind it does not matter.
pub(crate) fn draw(path: &Path, report: &Report) {
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE).unwrap();
    let mut chart = ChartBuilder::on(&root)
        .margin(14)
        .caption("$500k, weights from 40/35/25 to 35/40/25, fee 5 bp, blocks of 12 s", ("sans-serif", 19))
        .x_label_area_size(48)
        .y_label_area_size(66)
        .build_cartesian_2d(
            SECONDS.log_scale().with_key_points(DURATIONS.map(|duration| duration.as_secs_f64()).into()),
            DOLLARS.log_scale().with_key_points(vec![10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0]),
        )
        .unwrap();
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_desc("duration of the ramp")
        .y_desc("loss of the pool")
        .x_label_formatter(&|secs| spoken(std::time::Duration::from_secs_f64(*secs)))
        .y_label_formatter(&|dollars| format!("${dollars}"))
        .label_style(("sans-serif", 16))
        .draw()
        .unwrap();

    for (row, (cost, colour)) in COSTS.into_iter().zip(COLOURS).enumerate() {
        let cells: Vec<&Outcome> = report.cells.iter().skip(row).step_by(COSTS.len()).collect();
        let chosen = &report.chosen[row];
        let model = line(&cells[0].trial);
        let end = *model.last().unwrap();
        chart.draw_series(LineSeries::new(model, colour.stroke_width(2))).unwrap();
        let style = ("sans-serif", 16).into_font().color(&colour).pos(Pos::new(HPos::Left, VPos::Center));
        chart.draw_series([Text::new(format!("${cost} a swap"), (end.0 * 1.15, end.1), style)]).unwrap();
        let place = |outcome: &Outcome| (outcome.trial.duration.as_secs_f64(), outcome.loss);
        let all = cells.iter().copied().chain([chosen]).map(place);
        chart.draw_series(all.map(|dot| Circle::new(dot, 6, WHITE.filled()))).unwrap();
        chart.draw_series(cells.iter().map(|cell| Circle::new(place(cell), 4, colour.filled()))).unwrap();
        chart.draw_series([Circle::new(place(chosen), 4, colour.stroke_width(2))]).unwrap();
    }
    let style = ("sans-serif", 16).into_font().color(&BLACK.mix(0.75));
    let lines = [
        "lines: the model",
        "dots: the real contracts (where costs share one, the last is seen)",
        "rings: the real contracts, for as long as the planner chooses",
    ];
    for (text, dollars) in lines.into_iter().zip([3_000.0, 2_250.0, 1_690.0]) {
        chart.draw_series([Text::new(text, (1_050.0, dollars), style.clone())]).unwrap();
    }
    root.present().unwrap();
}

/// What the model says of a trial's move for every duration.
fn line(of: &Trial) -> Vec<(f64, f64)> {
    let (first, last) = (DURATIONS[0].as_secs_f64(), DURATIONS[4].as_secs_f64());
    let at = |point: u32| {
        let duration = DURATIONS[0].mul_f64((last / first).powf(f64::from(point) / f64::from(POINTS)));
        let trial = Trial { duration, ..of.clone() };
        (duration.as_secs_f64(), Prophet { spoiled: false }.loss(&trial))
    };
    (0..=POINTS).map(at).collect()
}
