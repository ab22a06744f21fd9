//! A chart: a grid with labels beside it, and lines, areas and marks in it.
//!
//! Places are shares of the chart's size, so that it fits any width; labels are text of one size. So the plot, the labels of its values
//! and the labels of its times are a picture each, in a grid of the page.

use super::axis::{self, Tick};
use crate::market::Timestamp;
use std::fmt::Write;

/// From here on a scale is logarithmic: else all that happened far below the highest value would be one flat line.
const LARGE_FACTOR: f64 = 8.0;
/// Room for the labels of values in digits, at least, so that charts below each other are as wide.
const LEAST_LABEL: usize = 7;

/// What of time and value a plot shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    from: Timestamp,
    until: Timestamp,
    low: f64,
    high: f64,
    /// Equal factors are equally far apart.
    by_factor: bool,
}

impl Frame {
    /// A frame with a little room above and below; logarithmic where the highest value is many times the lowest.
    #[must_use]
    pub fn around(from: Timestamp, until: Timestamp, low: f64, high: f64) -> Self {
        if low > 0.0 && high / low > LARGE_FACTOR {
            let room = (high / low).powf(0.05);
            return Self { from, until, low: low / room, high: high * room, by_factor: true };
        }
        let room = if high > low { 0.05 * (high - low) } else { (0.01 * high.abs()).max(1e-9) };
        Self { from, until, low: low - room, high: high + room, by_factor: false }
    }

    /// A frame that ends at the highest value.
    #[must_use]
    pub const fn below(from: Timestamp, until: Timestamp, low: f64, high: f64) -> Self {
        Self { from, until, low, high, by_factor: false }
    }

    /// From the left, in percent.
    #[must_use]
    pub fn x(&self, at: Timestamp) -> f64 {
        let span = self.until.since_ms(self.from).max(1) as f64;
        (100.0 * at.since_ms(self.from) as f64 / span).clamp(0.0, 100.0)
    }

    /// From the top, in percent.
    #[must_use]
    pub fn y(&self, value: f64) -> f64 {
        let share = if self.by_factor {
            (self.high / value.max(self.low)).ln() / (self.high / self.low).ln()
        } else {
            (self.high - value) / (self.high - self.low)
        };
        (100.0 * share).clamp(0.0, 100.0)
    }

    /// A point of a path, in tenths of a percent.
    fn point(&self, (at, value): (Timestamp, f64)) -> String {
        format!("{:.1} {:.1}", 10.0 * self.x(at), 10.0 * self.y(value))
    }

    /// A path through these points.
    #[must_use]
    pub fn line(&self, points: &[(Timestamp, f64)]) -> String {
        let mut path = String::with_capacity(12 * points.len());
        for (place, point) in points.iter().enumerate() {
            path.push(if place == 0 { 'M' } else { 'L' });
            path.push_str(&self.point(*point));
        }
        path
    }

    /// The area between two paths, there and back.
    #[must_use]
    pub fn area(&self, there: &[(Timestamp, f64)], back: &[(Timestamp, f64)]) -> String {
        let round: Vec<_> = there.iter().chain(back.iter().rev()).copied().collect();
        if round.is_empty() { String::new() } else { format!("{}Z", self.line(&round)) }
    }

    /// What is to be said of the scale.
    #[must_use]
    pub const fn scale_note(&self) -> &'static str {
        if self.by_factor { ", logarithmic scale" } else { "" }
    }

    fn values(&self) -> Vec<Tick<f64>> {
        if self.by_factor { axis::factors(self.low, self.high) } else { axis::values(self.low, self.high) }
    }

    /// The lowest value of the frame.
    #[must_use]
    pub const fn bottom(&self) -> f64 {
        self.low
    }

    /// A plot with its values' labels: `inside` is drawn in tenths of a percent, `above` in percent. `unit` follows each label.
    #[must_use]
    pub fn plot(&self, class: &str, name: &str, unit: &str, inside: &str, above: &str) -> String {
        let (values, times) = (self.values(), axis::times(self.from, self.until));
        let mut page = format!("<svg class=\"plot {class}\" role=\"img\" aria-label=\"{name}\"><g class=\"grid\">");
        for tick in &values {
            let y = self.y(tick.at);
            let _ = write!(page, "<line x1=\"0\" x2=\"100%\" y1=\"{y:.2}%\" y2=\"{y:.2}%\"/>");
        }
        for (place, tick) in times.iter().enumerate() {
            let (x, class) = (self.x(tick.at), wide_only(place));
            let _ = write!(page, "<line{class} x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"100%\"/>");
        }
        let _ = write!(
            page,
            "</g><svg width=\"100%\" height=\"100%\" viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\">{inside}</svg>{above}</svg>\
             <svg class=\"values {class}\" aria-hidden=\"true\">"
        );
        for tick in &values {
            let _ =
                write!(page, "<text x=\"8\" y=\"{:.2}%\" dy=\".35em\">{}{unit}</text>", self.y(tick.at), tick.label);
        }
        page.push_str("</svg>");
        page
    }

    /// The labels of the times, below everything.
    #[must_use]
    pub fn times(&self) -> String {
        let mut page = "<svg class=\"times\" aria-hidden=\"true\">".to_owned();
        for (place, Tick { at, label }) in axis::times(self.from, self.until).iter().enumerate() {
            let x = self.x(*at);
            let anchor = match x {
                ..3.0 => "start",
                97.0.. => "end",
                _ => "middle",
            };
            let class = wide_only(place);
            let _ = write!(page, "<text{class} x=\"{x:.2}%\" y=\"16\" text-anchor=\"{anchor}\">{label}</text>");
        }
        page.push_str("</svg>");
        page
    }

    /// How wide the labels of the values are, in digits.
    #[must_use]
    pub fn label_width(&self) -> usize {
        self.values().iter().map(|tick| tick.label.chars().count()).max().unwrap_or(0).max(LEAST_LABEL)
    }
}

/// Every second label is too much for a phone.
const fn wide_only(place: usize) -> &'static str {
    if place % 2 == 1 { " class=\"wide\"" } else { "" }
}

/// Of each of so many columns the first, the lowest, the highest and the last point: the line looks the same.
#[must_use]
pub fn thinned(points: &[(Timestamp, f64)], columns: usize) -> Vec<(Timestamp, f64)> {
    if points.len() <= 4 * columns {
        return points.to_vec();
    }
    let mut kept = Vec::with_capacity(4 * columns);
    for chunk in points.chunks(points.len().div_ceil(columns)) {
        let by_value = |a: &usize, b: &usize| chunk[*a].1.total_cmp(&chunk[*b].1);
        let (low, high) = ((0..chunk.len()).min_by(by_value), (0..chunk.len()).max_by(by_value));
        let mut places = [Some(0), low, high, Some(chunk.len() - 1)].into_iter().flatten().collect::<Vec<_>>();
        places.sort_unstable();
        places.dedup();
        kept.extend(places.into_iter().map(|place| chunk[place]));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_stands_where_its_share_is() {
        let frame = Frame::below(Timestamp(1000), Timestamp(3000), 50.0, 100.0);
        assert_eq!((frame.x(Timestamp(1500)), frame.y(75.0)), (25.0, 50.0));
        assert_eq!((frame.x(Timestamp(0)), frame.y(1e9)), (0.0, 0.0), "never outside");
        assert_eq!(frame.line(&[(Timestamp(1000), 100.0), (Timestamp(3000), 50.0)]), "M0.0 0.0L1000.0 1000.0");
        let wide = Frame::around(Timestamp(0), Timestamp(1), 1.0, 10_000.0);
        assert!((wide.y(100.0) - 50.0).abs() < 1e-9 && wide.y(0.0) == 100.0 && wide.values().len() == 5);
        let flat = Frame::around(Timestamp(0), Timestamp(0), 5.0, 5.0);
        assert!(flat.x(Timestamp(0)).is_finite() && (flat.y(5.0) - 50.0).abs() < 1e-9);
    }

    #[test]
    fn a_thinned_line_keeps_its_extremes() {
        let points: Vec<_> =
            (0..10_000).map(|at| (Timestamp(at), if at == 5_001 { 9.0 } else { (at % 3) as f64 })).collect();
        let kept = thinned(&points, 100);
        assert!(kept.len() <= 400 && kept.contains(&points[5_001]));
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
    }
}
