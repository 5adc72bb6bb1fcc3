//! Drawing plots side by side as SVG, readable on light and on dark pages.

use std::fmt::Write;

/// A plot of two lines over the same points.
pub(crate) struct Plot<'a> {
    /// What is plotted, with its unit.
    pub(crate) title: &'a str,
    pub(crate) lines: [Line<'a>; 2],
}

/// A line through points.
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Of one plot with its labels.
const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 300.0;

/// Room around the axes.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 52.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 46.0;

/// About so many lines across.
const STEPS: f64 = 5.0;

const STYLE: &str = "text{font:12px sans-serif;fill:#444}.t{font-weight:bold}.g{stroke:#8884}.a{stroke:#888}.l{fill:none;stroke-width:2}.l0{stroke:#1668b8}.l1{stroke:#b5500b}.m0{fill:#1668b8}.m1{fill:#b5500b}\
@media(prefers-color-scheme:dark){text{fill:#ccc}.l0{stroke:#6cb6ff}.l1{stroke:#f0914a}.m0{fill:#6cb6ff}.m1{fill:#f0914a}}";

/// Plots from left to right over a logarithmic axis of this name.
pub(crate) fn draw(axis: &str, plots: &[Plot<'_>]) -> String {
    let width = WIDTH * plots.len() as f64;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" role="img"><style>{STYLE}</style>"#
    );
    for (index, plot) in plots.iter().enumerate() {
        let x = WIDTH * index as f64;
        svg += &format!("\n<g transform=\"translate({x} 0)\">");
        svg += &plot.inside(axis);
        svg += "</g>";
    }
    svg + "\n</svg>\n"
}

impl Plot<'_> {
    fn inside(&self, axis: &str) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let low = points().map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
        let high = points().map(|(x, _)| *x).fold(0.0, f64::max);
        let most = points().map(|(_, y)| *y).fold(0.0, f64::max);
        if !(low > 0.0 && low < high && most > 0.0) {
            return format!("<text x=\"{LEFT}\" y=\"{TOP}\">too few points</text>");
        }
        let step = round_step(most / STEPS);
        let top = (most / step).ceil() * step;
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let x = |value: f64| LEFT + (right - LEFT) * (value / low).ln() / (high / low).ln();
        let y = |value: f64| bottom - (bottom - TOP) * value / top;

        let mut svg = format!(
            "<text class=\"t\" x=\"{LEFT}\" y=\"18\">{}</text>",
            self.title
        );
        let mut put = |element: std::fmt::Arguments<'_>| {
            svg.push('\n');
            svg.write_fmt(element).expect("a string takes all");
        };
        let mut value = 0.0;
        while value <= top * 1.001 {
            let at = y(value);
            put(format_args!(
                "<path class=\"g\" d=\"M{LEFT} {at:.1}H{right}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                at + 4.0,
                short(value)
            ));
            value += step;
        }
        let mut decade = 10f64.powf(low.log10().ceil());
        while decade <= high * 1.001 {
            let at = x(decade);
            put(format_args!(
                "<path class=\"g\" d=\"M{at:.1} {TOP}V{bottom}\"/><text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                bottom + 16.0,
                short(decade)
            ));
            decade *= 10.0;
        }
        put(format_args!(
            "<path class=\"a\" fill=\"none\" d=\"M{LEFT} {TOP}V{bottom}H{right}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{axis}</text>",
            f64::midpoint(LEFT, right),
            bottom + 36.0
        ));
        for (index, line) in self.lines.iter().enumerate() {
            let at = |(a, b): &(f64, f64)| format!("{:.1},{:.1}", x(*a), y(*b));
            let path: Vec<_> = line.points.iter().map(at).collect();
            put(format_args!(
                "<polyline class=\"l l{index}\" points=\"{}\"/>",
                path.join(" ")
            ));
            for (a, b) in &line.points {
                put(format_args!(
                    "<circle class=\"m{index}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>",
                    x(*a),
                    y(*b)
                ));
            }
            if let Some((a, b)) = line.points.last() {
                put(format_args!(
                    "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    x(*a) + 8.0,
                    y(*b) + 4.0,
                    line.name
                ));
            }
        }
        svg
    }
}

/// The least of 1, 2 and 5 with zeros that is not below a step.
fn round_step(step: f64) -> f64 {
    let decade = 10f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade);
    round
        .into_iter()
        .find(|round| *round >= step * 0.999)
        .unwrap_or(decade * 10.0)
}

/// A number in few characters.
fn short(value: f64) -> String {
    let (value, unit) = match value {
        v if v >= 1e6 => (v / 1e6, " M"),
        v if v >= 1e3 => (v / 1e3, " k"),
        v => (v, ""),
    };
    format!("{}{unit}", (value * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (step, round) in [
            (0.3, 0.5),
            (1.0, 1.0),
            (1.4, 2.0),
            (19.0, 20.0),
            (70.0, 100.0),
        ] {
            assert!((round_step(step) - round).abs() < 1e-9, "{step}");
        }
        assert_eq!(
            [0.3, 100.0, 30_000.0, 2e7].map(short),
            ["0.3", "100", "30 k", "20 M"]
        );
    }

    #[test]
    fn ten_times_as_much_is_as_far_to_the_right_everywhere() {
        let line = |name, high| Line {
            name,
            points: vec![(1e4, 1.0), (1e5, high), (1e6, 2.0)],
        };
        let plot = Plot {
            title: "title, unit",
            lines: [line("one", 4.0), line("two", 3.0)],
        };
        let svg = draw("axis", &[plot]);
        let after = |mark: &str, text: &str| -> Vec<f64> {
            let parts = text.split(mark).skip(1);
            let number = |part: &str| part.split('"').next().and_then(|n| n.parse().ok());
            parts.filter_map(number).collect()
        };
        let dots = after("cx=\"", &svg);
        assert_eq!(dots.len(), 6);
        assert!((dots[1] - dots[0] - (dots[2] - dots[1])).abs() < 0.2);
        let heights = after("cy=\"", &svg);
        assert!(
            heights[1] < heights[2] && heights[2] < heights[0],
            "up is more"
        );
        for text in ["title, unit", "axis", "one", "two", "10 k", "1 M"] {
            assert!(svg.contains(text), "{text}");
        }
    }

    #[test]
    fn one_point_is_no_line() {
        let line = || Line {
            name: "",
            points: vec![(1.0, 1.0)],
        };
        let plot = Plot {
            title: "",
            lines: [line(), line()],
        };
        assert!(draw("", &[plot]).contains("too few"));
    }
}
