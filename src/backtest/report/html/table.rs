//! Tables that are lists of cards on a phone.

use super::escape::Safe;
use std::fmt::Write;

/// A column: its head, and how it stands.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What it is.
    pub name: &'static str,
    /// Whether it is the one beside the row's name on a phone.
    pub main: bool,
    /// Text stands left, numbers right.
    pub text: bool,
}

/// A column of text.
pub const fn text(name: &'static str) -> Column {
    Column { name, main: false, text: true }
}

/// A column of numbers.
pub const fn number(name: &'static str) -> Column {
    Column { name, main: false, text: false }
}

/// The column of numbers that counts.
pub const fn main(name: &'static str) -> Column {
    Column { name, main: true, text: false }
}

/// A table; the first cell of a row is its name. A number that begins with a minus is a loss, with a plus a gain, in the main column.
#[must_use]
pub fn table<const N: usize>(caption: &str, columns: &[Column; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut page =
        format!("<table role=\"table\"><caption>{}</caption><thead role=\"rowgroup\"><tr role=\"row\">", Safe(caption));
    for column in columns {
        let class = if column.text { " class=\"t\"" } else { "" };
        let _ = write!(page, "<th role=\"columnheader\" scope=\"col\"{class}>{}</th>", column.name);
    }
    page.push_str("</tr></thead><tbody role=\"rowgroup\">");
    for row in rows {
        page.push_str("<tr role=\"row\">");
        for (place, (column, cell)) in columns.iter().zip(&row).enumerate() {
            let class = match (column.text, column.main) {
                (true, _) => " class=\"t\"",
                (_, true) if cell.starts_with('-') => " class=\"m loss\"",
                (_, true) if cell.starts_with('+') => " class=\"m gain\"",
                (_, true) => " class=\"m\"",
                _ => "",
            };
            let cell = Safe(cell);
            let _ = match place {
                0 => write!(page, "<th role=\"rowheader\" scope=\"row\">{cell}</th>"),
                _ => write!(page, "<td role=\"cell\"{class} data-n=\"{}\">{cell}</td>", column.name),
            };
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table>");
    page
}
