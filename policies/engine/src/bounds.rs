//! How large a rule may be, found before it is parsed: Cedar's parser and its trees recurse without a guard, and a
//! stack that overflows ends the whole broker. A set comes from people, too (`POST /policies/compare`).

use crate::error::{Fault, LoadError};
use crate::rule::Rule;
use crate::sources::Source;

/// Brackets within brackets; the shipped rules have five.
const DEEPEST: usize = 16;
/// Operators of one rule, each a level of the tree where they stand in a row; the shipped rules have a quarter of it.
const MOST_OPERATORS: usize = 256;
const MOST_RULES: usize = 500;
/// Days on which a rule begins or ends: on each of them all the others are laid out anew.
const MOST_DAYS: usize = 100;

/// Of one rule, outside its strings and comments.
#[derive(Default)]
struct Size {
    depth: usize,
    deepest: usize,
    operators: usize,
}

pub(crate) fn check(source: &Source) -> Result<(), LoadError> {
    let mut size = Size::default();
    let mut words = 0;
    for token in code(&source.text) {
        match token {
            Token::Word(word) => words += usize::from(OPERATORS.contains(&word)),
            Token::Sign(';') => (size, words) = (Size::default(), 0),
            Token::Sign(sign) => size.read(sign),
        }
        let reason = if size.deepest > DEEPEST {
            format!("a rule has more than {DEEPEST} brackets within each other")
        } else if size.operators + words > MOST_OPERATORS {
            format!("a rule has more than {MOST_OPERATORS} operators")
        } else {
            continue;
        };
        return Err(LoadError::new(&source.name, Fault::TooMuch(reason)));
    }
    Ok(())
}

/// What would take gigabytes to lay out.
pub(crate) fn check_all(rules: &[Rule]) -> Result<(), LoadError> {
    let mut days: Vec<_> = { rules.iter() }
        .flat_map(|it| [Some(it.info.effective), it.info.until])
        .flatten()
        .collect();
    days.sort_unstable();
    days.dedup();
    let reason = if rules.len() > MOST_RULES {
        format!("there are {} rules, and {MOST_RULES} at most", rules.len())
    } else if days.len() > MOST_DAYS {
        let days = days.len();
        format!("rules begin and end on {days} days, and {MOST_DAYS} at most")
    } else {
        return Ok(());
    };
    Err(LoadError::new("rules", Fault::TooMuch(reason)))
}

const OPERATORS: [&str; 6] = ["if", "in", "has", "like", "is", "when"];

impl Size {
    fn read(&mut self, sign: char) {
        match sign {
            '(' | '[' | '{' => {
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
            }
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            '&' | '|' | '+' | '-' | '*' | '.' | '!' | '<' | '>' | '=' => self.operators += 1,
            _ => {}
        }
    }
}

enum Token<'t> {
    Word(&'t str),
    Sign(char),
}

/// Words and signs, without strings, comments and white space.
fn code(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let first = rest.chars().next()?;
            if rest.starts_with("//") {
                rest = rest.split_once('\n').map_or("", |(_, later)| later);
            } else if first == '"' {
                rest = behind_string(rest);
            } else if first.is_alphanumeric() || first == '_' {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
                let (word, later) = rest.split_at(end.unwrap_or(rest.len()));
                rest = later;
                return Some(Token::Word(word));
            } else {
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                if !first.is_whitespace() {
                    return Some(Token::Sign(first));
                }
            }
        }
    })
}

/// What follows a string that the text begins with; nothing where it has no end.
fn behind_string(text: &str) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return text.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: String) -> bool {
        let name = "rules/made_up.cedar".to_owned();
        check(&Source { name, text }).is_err()
    }

    #[test]
    fn a_rule_that_would_overflow_the_stack_is_refused_before_it_is_parsed() {
        let rule = |condition: &str| {
            format!("permit(principal, action, resource) when {{ {condition} }};")
        };
        let nested = |open: &str, close: &str| rule(&(open.repeat(200) + "1" + &close.repeat(200)));
        for text in [
            nested("(", ")"),
            nested("[", "]"),
            rule(&"true && ".repeat(2000)),
            rule(&"1+".repeat(2000)),
            rule(&format!("context{}", ".a".repeat(2000))),
            rule(&"if true then true else ".repeat(2000)),
            rule(&"!".repeat(2000)),
        ] {
            assert!(refused(text.clone()), "{}", &text[..80]);
        }
    }

    /// As many rules, each from another day on where `days` says so.
    fn rules(count: usize, days: usize) -> Vec<Rule> {
        let rule = |at: usize| {
            let first: jiff::civil::Date = "2021-08-08".parse().unwrap();
            let days = i64::try_from(at % days).unwrap();
            let since = first.saturating_add(jiff::Span::new().days(days));
            format!(
                "@id(\"made_up.r{at}\") @title(\"A rule\") @source(\"a test\") @checked_on(\"2026-11-22\") \
                 @effective(\"{since}\") @effect(\"satisfied\") @words(\"so it is\")\n\
                 permit (principal, action, resource);\n"
            )
        };
        let name = "rules/made_up.cedar".to_owned();
        let text = (0..count).map(rule).collect();
        Rule::parse_file(&Source { name, text }).unwrap()
    }

    #[test]
    fn a_set_has_so_many_rules_and_days_and_one_more_of_either_is_refused() {
        check_all(&rules(MOST_RULES, 1)).unwrap();
        let said = check_all(&rules(MOST_RULES + 1, 1))
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("there are 501 rules, and 500 at most"),
            "{said}"
        );
        check_all(&rules(MOST_DAYS, MOST_DAYS)).unwrap();
        let said = check_all(&rules(MOST_DAYS + 1, MOST_DAYS + 1)).unwrap_err();
        let said = said.to_string();
        assert!(
            said.contains("begin and end on 101 days, and 100 at most"),
            "{said}"
        );
        assert!(said.contains("; write several smaller rules"), "{said}");
    }

    #[test]
    fn what_strings_and_comments_hold_is_nobodys_operator_and_each_rule_counts_for_itself() {
        let words = "@words(\"((((((((((((((((((((\\\" a && b\")";
        let one = format!(
            "{words} // ((((((((((((((((((((\npermit(principal, action, resource) when {{ 1 < 2 }};\n"
        );
        assert!(!refused(one.repeat(300)));
    }
}
