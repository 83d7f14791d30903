//! `report.html`: one page, everything inline, nothing from the network.

mod alignment;
mod chart;

pub use alignment::{isolate, svg as alignment_svg, text as alignment_text};
pub(crate) use alignment::{right_to_left, shown};
pub use chart::{Line, chart};
pub(crate) use chart::{axis_number, ticks};

use crate::run::Event;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
h1,h2{line-height:1.2}table{border-collapse:collapse}td,th{padding:.3rem .7rem;border-bottom:1px solid #ddd;text-align:start;vertical-align:top}\
td.n{text-align:end;font-variant-numeric:tabular-nums}pre{background:#f5f5f5;padding:1rem;overflow:auto}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(27rem,1fr));gap:1rem}svg{max-width:100%;height:auto}\
figure{display:inline-block;margin:.5rem 1rem .5rem 0;vertical-align:top}figcaption{font-weight:600;margin-bottom:.3rem}\
@media(prefers-color-scheme:dark){body{background:#15181c;color:#e6e6e6}td,th{border-color:#333}pre{background:#20242a}}";

/// Text for HTML and SVG.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The page of a run: the task's sections, and the recipe.
pub(crate) fn page(name: &str, sections: &str, recipe: &str) -> String {
    document(name, &format!("{sections}<h2>Recipe</h2><pre>{}</pre>", escape(recipe)))
}

/// A PNG as a part of a page.
pub fn picture(png: &[u8], about: &str) -> String {
    let about = escape(about);
    let data = BASE64.encode(png);
    format!(
        "<img style=\"width:100%;max-width:28rem;image-rendering:pixelated\" alt=\"{about}\" src=\"data:image/png;base64,{data}\">"
    )
}

/// A page with a heading.
pub fn document(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><body><h1>{title}</h1>{body}</body></html>\n"
    )
}

/// What was measured under `name`, as a line of a chart.
pub(crate) fn line(events: &[Event], split: &str, name: &str, label: &str) -> Line {
    let points = events
        .iter()
        .filter(|e| e.split == split && e.name == name)
        .filter_map(|e| Some((e.step as f64, e.value?)))
        .collect();
    Line { label: label.into(), points }
}
