//! Takes out of a text what nobody outside may read: secrets, and who and where somebody is.

mod patterns;

use std::ops::Range;

use patterns::{PATTERNS, Pattern, before_file};

/// What stands in the place of everything that was taken out.
const MARK: &str = "[redacted]";

/// Most looks; a text that goes on to bring forth secrets was made to.
const LOOKS: usize = 8;

/// The text without tokens, keys, passwords, addresses of people and machines, home directories, and whatever
/// else looks like a secret. It takes out too much rather than too little.
///
/// A look can bring forth what the next one finds, so it looks until it finds nothing, and takes out all
/// where that does not end. Redacting again so changes nothing.
pub fn redact(text: &str) -> String {
    let mut text = text.to_owned();
    for _ in 0..LOOKS {
        let found = found(&text);
        if found.is_empty() {
            return text;
        }
        text = without(&text, found);
    }
    MARK.to_owned()
}

/// What is to be taken out, in order and apart from one another.
fn found(text: &str) -> Vec<Range<usize>> {
    let marks: Vec<Range<usize>> = text
        .match_indices(MARK)
        .map(|(at, _)| at..at + MARK.len())
        .collect();
    let hits = PATTERNS.iter().flat_map(|pattern| hits(pattern, text));
    let mut hits: Vec<Range<usize>> = hits.map(|hit| widened(hit, &marks)).collect();
    hits.retain(|hit| !hit.is_empty() && !marks.contains(hit));
    hits.sort_by_key(|hit| (hit.start, hit.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for hit in hits {
        match merged.last_mut() {
            Some(last) if hit.start < last.end => last.end = last.end.max(hit.end),
            _ => merged.push(hit),
        }
    }
    merged
}

/// The parts of a text that a pattern calls secret.
fn hits<'t>(pattern: &'t Pattern, text: &'t str) -> impl Iterator<Item = Range<usize>> + 't {
    pattern.regex.captures_iter(text).filter_map(|captures| {
        let groups = captures.iter().skip(1).flatten().next();
        let secret = groups.or_else(|| captures.get(0))?;
        let start = secret.start();
        let length = if pattern.keeps_file {
            before_file(secret.as_str())
        } else {
            secret.len()
        };
        (pattern.is_secret)(secret.as_str()).then(|| start..start + length)
    })
}

/// A mark is taken whole: half of one would be read as text.
fn widened(hit: Range<usize>, marks: &[Range<usize>]) -> Range<usize> {
    let overlaps = |mark: &&Range<usize>| mark.start < hit.end && hit.start < mark.end;
    let touched: Vec<&Range<usize>> = marks.iter().filter(overlaps).collect();
    let start = touched
        .first()
        .map_or(hit.start, |it| it.start.min(hit.start));
    let end = touched.last().map_or(hit.end, |it| it.end.max(hit.end));
    start..end
}

fn without(text: &str, found: Vec<Range<usize>>) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut at = 0;
    for hit in found {
        rest.push_str(text.get(at..hit.start).unwrap_or_default());
        rest.push_str(MARK);
        at = hit.end;
    }
    rest.push_str(text.get(at..).unwrap_or_default());
    rest
}

#[cfg(test)]
mod tests;
