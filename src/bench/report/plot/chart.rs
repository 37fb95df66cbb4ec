//! One chart: axes and lines as SVG, a hint at every point, and a legend above it that wraps.

use std::fmt::Write as _;

use super::escaped;
use super::scale::Scale;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 22.0;
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
    /// Its points are few, and are what counts; else they show under the pointer only.
    pub(crate) has_dots: bool,
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
            has_dots: false,
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
    /// Above the axis; empty where there is nothing to say.
    pub(crate) y_title: String,
    pub(crate) series: Vec<Series>,
}

impl Chart {
    /// The chart as HTML.
    pub(crate) fn render(&self) -> String {
        let mut html = String::new();
        if self.series.len() > 1 {
            self.legend(&mut html);
        }
        // Writing to a string does not fail; so below too.
        let _ = writeln!(
            html,
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-label=\"{}\">",
            escaped(&self.label)
        );
        self.axes(&mut html);
        for series in &self.series {
            self.line(&mut html, series);
        }
        html.push_str("</svg>\n");
        html
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
        let _ = writeln!(
            svg,
            "<text class=\"title\" x=\"{LEFT}\" y=\"{:.1}\">{}</text>",
            TOP - 9.0,
            escaped(&self.y_title)
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
        if !series.has_dots {
            let _ = writeln!(svg, "<path class=\"{class}\" d=\"{path}\"/>");
        }
        let seen = if series.has_dots { "dot" } else { "hint" };
        for point in &series.points {
            let _ = writeln!(
                svg,
                "<circle class=\"{seen} c{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}: {}\
                 </title></circle>",
                self.x_at(point.x),
                self.y_at(point.y),
                escaped(&series.name),
                escaped(&point.hint)
            );
        }
    }

    fn legend(&self, html: &mut String) {
        html.push_str("<ul class=\"legend\">\n");
        for series in &self.series {
            let mark = if series.has_dots {
                format!(
                    "<circle class=\"c{}\" cx=\"12\" cy=\"5\" r=\"4\"/>",
                    series.colour
                )
            } else {
                format!("<path class=\"{}\" d=\"M0 5L24 5\"/>", series.class())
            };
            let name = escaped(&series.name);
            let _ = writeln!(
                html,
                "<li><svg viewBox=\"0 0 24 10\">{mark}</svg>{name}</li>"
            );
        }
        html.push_str("</ul>\n");
    }
}
