//! One chart as SVG: axes, lines, a legend, and a hint at every point.

use std::fmt::Write as _;

use super::escaped;
use super::scale::Scale;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 52.0;
/// Colours in the style sheet.
const COLOURS: usize = 6;

/// A point with the words that tell its values.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) x: f64,
    pub(crate) y: f64,
    hint: String,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    name: String,
    /// Which of the style sheet's colours.
    pub(crate) colour: usize,
    pub(crate) is_dashed: bool,
    pub(crate) points: Vec<Place>,
}

impl Series {
    /// A line through `points`, each with a hint.
    pub(crate) fn new(
        name: String,
        colour: usize,
        points: impl Iterator<Item = (f64, f64)>,
        hint: impl Fn(f64, f64) -> String,
    ) -> Self {
        let points = points.map(|(x, y)| Place {
            x,
            y,
            hint: hint(x, y),
        });
        Self {
            name,
            colour: colour % COLOURS,
            is_dashed: false,
            points: points.collect(),
        }
    }
}

impl Series {
    fn class(&self) -> String {
        let dashed = if self.is_dashed { " dashed" } else { "" };
        format!("line c{}{dashed}", self.colour)
    }
}

/// Lines on two axes.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    /// For those who cannot see it.
    pub(crate) label: String,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
    pub(crate) x_title: String,
    pub(crate) series: Vec<Series>,
}

impl Chart {
    /// The SVG element.
    pub(crate) fn render(&self) -> String {
        let mut svg = String::new();
        // Writing to a string does not fail; so below too.
        let _ = writeln!(
            svg,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escaped(&self.label)
        );
        self.axes(&mut svg);
        for series in &self.series {
            self.line(&mut svg, series);
        }
        if self.series.len() > 1 {
            self.legend(&mut svg);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn x_at(&self, x: f64) -> f64 {
        LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT)
    }

    fn y_at(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM)
    }

    fn axes(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (value, text) in &self.y.ticks {
            let y = self.y_at(*value);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\
                 <text class=\"y\" x=\"{:.1}\" y=\"{:.1}\">{text}</text>",
                LEFT - 8.0,
                y + 4.0
            );
        }
        for (value, text) in &self.x.ticks {
            let x = self.x_at(*value);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>\
                 <text class=\"x\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>",
                bottom + 18.0
            );
        }
        let _ = writeln!(
            svg,
            "<text class=\"x title\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            f64::midpoint(LEFT, right),
            HEIGHT - 10.0,
            escaped(&self.x_title)
        );
    }

    fn line(&self, svg: &mut String, series: &Series) {
        let class = series.class();
        let colour = series.colour;
        let mut path = String::new();
        for (i, point) in series.points.iter().enumerate() {
            let mark = if i == 0 { 'M' } else { 'L' };
            let _ = write!(
                path,
                "{mark}{:.1} {:.1}",
                self.x_at(point.x),
                self.y_at(point.y)
            );
        }
        let _ = writeln!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
        for point in &series.points {
            let _ = writeln!(
                svg,
                "<circle class=\"c{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"><title>{}: {}\
                 </title></circle>",
                self.x_at(point.x),
                self.y_at(point.y),
                escaped(&series.name),
                escaped(&point.hint)
            );
        }
    }

    fn legend(&self, svg: &mut String) {
        let mut x = LEFT;
        for series in &self.series {
            let class = series.class();
            let _ = writeln!(
                svg,
                "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"13\" x2=\"{:.1}\" y2=\"13\"/>\
                 <text class=\"key\" x=\"{:.1}\" y=\"17\">{}</text>",
                x + 18.0,
                x + 24.0,
                escaped(&series.name)
            );
            // Letters are some 7 units wide.
            let letters = u32::try_from(series.name.chars().count()).unwrap_or(0);
            x += 44.0 + 7.0 * f64::from(letters);
        }
    }
}
