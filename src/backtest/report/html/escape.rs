//! Text that may stand in HTML.

use std::fmt;

/// A text in which nothing is a tag, an entity or the end of an attribute.
pub struct Safe<'a>(pub &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => fmt::Write::write_char(f, other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_letter_ends_a_text() {
        let text = Safe("<b title='a\"b'>&amp;").to_string();
        assert_eq!(text, "&lt;b title=&#39;a&quot;b&#39;&gt;&amp;amp;");
    }
}
