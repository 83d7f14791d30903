//! Placeholders of interface strings (`%s`, `{0}`, `%(name)s`) pass through translation unchanged:
//! they are replaced by numbered tokens before and put back after.

use regex::Regex;
use std::sync::LazyLock;

/// Placeholders that one sentence may have; further ones are ordinary text.
pub const MOST: usize = 10;

static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        %\([A-Za-z_]\w*\)[-+\#0]*\d*(?:\.\d+)?[a-zA-Z]      # %(name)s
        | %\{[A-Za-z_]\w*\}                                 # %{name}
        | %(?:\d+\$)?[-+\#0]*\d*(?:\.\d+)?(?:hh|h|ll|l|z|L)?(?:[sdiuxXcfeEgGp](?-u:\b)|@)   # %s, %1$d, %.2f, %@
        | \$?\{[^{}\s][^{}]{0,40}\}                         # {0}, {name}, ${name}
        | \{\}                                              # {}
        ",
    )
    .expect("the pattern is valid")
});

/// The token that stands for placeholder `index`.
pub fn token(index: usize) -> String {
    format!("<ph{index}>")
}

/// Placeholders of `text` in order, at most [`MOST`].
pub fn find(text: &str) -> Vec<&str> {
    PATTERN.find_iter(text).take(MOST).map(|m| m.as_str()).collect()
}

/// `text` with its placeholders replaced by tokens numbered by their place in `known`; what is not
/// in `known` stays.
pub fn mask(text: &str, known: &[&str]) -> String {
    let mut used = vec![false; known.len()];
    PATTERN
        .replace_all(text, |found: &regex::Captures<'_>| {
            let free = (0..known.len()).find(|&i| !used[i] && known[i] == &found[0]);
            match free {
                Some(index) => {
                    used[index] = true;
                    token(index)
                }
                None => found[0].to_string(),
            }
        })
        .into_owned()
}

/// `text` with its tokens replaced by the placeholders again.
pub fn restore(text: &str, known: &[&str]) -> String {
    static TOKEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"<ph(\d)>").expect("the pattern is valid"));
    TOKEN
        .replace_all(text, |found: &regex::Captures<'_>| {
            let index: usize = found[1].parse().unwrap_or(usize::MAX);
            known.get(index).map_or_else(|| found[0].to_string(), ToString::to_string)
        })
        .into_owned()
}

/// Do the two sides have the same placeholders, in any order?
pub fn agree(source: &str, target: &str) -> bool {
    let sorted = |text| {
        let mut all: Vec<&str> = PATTERN.find_iter(text).map(|m| m.as_str()).collect();
        all.sort_unstable();
        all
    };
    sorted(source) == sorted(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_programs_write() {
        let text = "a %s b %1$d c {0} d {name} e %(user)s f %.2f g %% h 50% off i ${x} j {} k %{count}";
        let want = ["%s", "%1$d", "{0}", "{name}", "%(user)s", "%.2f", "${x}", "{}", "%{count}"];
        assert_eq!(find(text), want);
        assert_eq!(find("%sها %d\u{200C}مین %1$sتنظیم %@ 100%"), ["%s", "%d", "%1$s", "%@"]);
    }

    #[test]
    fn masking_and_restoring_is_the_identity_in_any_order() {
        let source = "{0} از {1} — %s %s";
        let known = find(source);
        assert_eq!(mask(source, &known), "<ph0> از <ph1> — <ph2> <ph3>");
        assert_eq!(restore(&mask(source, &known), &known), source);
        assert_eq!(mask("%s: {1} of {0} (%s) {9}", &known), "<ph2>: <ph1> of <ph0> (<ph3>) {9}");
        assert!(agree(source, "%s %s {1}{0}") && !agree(source, "%s {1}{0}"));
    }
}
