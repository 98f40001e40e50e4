use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use broker_client::wire::Page;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Query parameters; what is wrong with them is said in a problem document.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|rejection| Problem::invalid(plain(&rejection.body_text())))
    }
}

/// Without what says how it was read: `limit: invalid digit found in string`.
fn plain(words: &str) -> String {
    let begin = "Failed to deserialize query string: ";
    words.strip_prefix(begin).unwrap_or(words).to_owned()
}

/// A path parameter that is an id; one that is none names nothing that is there.
#[derive(Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<S, T> FromRequestParts<S> for Id<T>
where
    S: Send + Sync,
    T: FromStr<Err: Display> + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = axum::extract::Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::invalid(rejection.body_text()))?;
        id(&text.0).map(Self)
    }
}

/// The ids of a thing and of one that belongs to it.
#[derive(Debug)]
pub(crate) struct Items<T, U>(pub(crate) T, pub(crate) U);

impl<S, T, U> FromRequestParts<S> for Items<T, U>
where
    S: Send + Sync,
    T: FromStr<Err: Display> + Send,
    U: FromStr<Err: Display> + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<(String, String)>::from_request_parts(parts, state);
        let path = path.await;
        let (thing, item) = path
            .map_err(|rejection| Problem::invalid(rejection.body_text()))?
            .0;
        Ok(Self(id(&thing)?, id(&item)?))
    }
}

/// The same with the name of something below both.
#[derive(Debug)]
pub(crate) struct Below<T, U>(pub(crate) T, pub(crate) U, pub(crate) String);

impl<S, T, U> FromRequestParts<S> for Below<T, U>
where
    S: Send + Sync,
    T: FromStr<Err: Display> + Send,
    U: FromStr<Err: Display> + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path =
            axum::extract::Path::<(String, String, String)>::from_request_parts(parts, state);
        let (thing, item, name) = path
            .await
            .map_err(|rejection| Problem::invalid(rejection.body_text()))?
            .0;
        Ok(Self(id(&thing)?, id(&item)?, name))
    }
}

/// What has another form than an id names nothing; the words say which form it has.
fn id<T: FromStr<Err: Display>>(text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|error: T::Err| Problem::not_found(error.to_string()))
}

/// What a list may be asked that is at hand whole: all of it, or page by page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whole {
    limit: Option<u32>,
    cursor: Option<String>,
}

impl Whole {
    pub(crate) const fn new(limit: Option<u32>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// The page after the item that the cursor names; without a limit all that follows.
    pub(crate) fn page<T: Serialize>(
        &self,
        mut items: Vec<T>,
        name: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Problem> {
        if let Some(cursor) = &self.cursor {
            let at = items.iter().position(|item| name(item) == *cursor);
            items.drain(..=at.ok_or_else(foreign_cursor)?);
        }
        self.cut(items, name)
    }

    /// The same of a list that items leave as they are dealt with: its cursor is the place of one in the list, whether
    /// that is there still or not. Places are as `place` writes them, and their texts stand in the order of the list.
    pub(crate) fn page_from<T: Serialize, I>(
        &self,
        mut items: Vec<T>,
        place: impl Fn(&T) -> (String, I),
    ) -> Result<Page<T>, Problem>
    where
        I: Display + FromStr,
    {
        let name = |item: &T| {
            let (before, id) = place(item);
            format!("{before}.{id}")
        };
        if let Some(cursor) = &self.cursor {
            let id = cursor.rsplit_once('.').map(|(_, id)| id.parse::<I>());
            if id.is_none_or(|it| it.is_err()) {
                return Err(foreign_cursor());
            }
            items.retain(|item| name(item) > *cursor);
        }
        self.cut(items, name)
    }

    fn cut<T: Serialize>(
        &self,
        mut items: Vec<T>,
        name: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Problem> {
        let Some(asked) = self.limit else {
            return Ok(page(items, None::<String>));
        };
        let limit = limit(Some(asked))? as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(name);
        Ok(page(items, next))
    }
}

fn foreign_cursor() -> Problem {
    Problem::invalid("cursor: not one that this list gave; take `next_cursor` of its last page")
}

pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked {
        None => Ok(50),
        Some(limit) if (1..=200).contains(&limit) => Ok(limit),
        Some(limit) => Err(Problem::invalid(format!(
            "limit: {limit} is out of range; allowed: 1 to 200"
        ))),
    }
}

pub(crate) fn cursor<T: FromStr>(asked: Option<&str>) -> Result<Option<T>, Problem> {
    let parse = |text: &str| text.parse().map_err(|_| foreign_cursor());
    asked.map(parse).transpose()
}

pub(crate) fn page<T: Serialize>(items: Vec<T>, next: Option<impl ToString>) -> Page<T> {
    Page {
        items,
        next_cursor: next.map(|next| next.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use broker_model::PersonId;

    use super::*;

    #[test]
    fn the_next_page_begins_where_the_last_ended_also_when_its_items_were_dealt_with() {
        let person = |it: u8| format!("per_{it:032x}").parse::<PersonId>().unwrap();
        // As the list is sorted: by day, then by id.
        let all = [("2026-11-01", 9), ("2026-11-02", 1), ("2026-11-02", 2)];
        let all = all.map(|(day, it)| (day.to_owned(), person(it)));
        let first = Whole::new(Some(2), None).page_from(all.to_vec(), Clone::clone);
        let Ok(Page { items, next_cursor }) = first else {
            panic!("no page");
        };
        assert_eq!(items, all[..2]);
        let rest = Whole::new(Some(2), next_cursor);
        let Ok(left) = rest.page_from(all[2..].to_vec(), Clone::clone) else {
            panic!("the cursor is of one that is gone, and is a place all the same");
        };
        assert_eq!(left.items, all[2..]);
        let foreign = Whole::new(None, Some("elsewhere".to_owned()));
        assert!(foreign.page_from(all.to_vec(), Clone::clone).is_err());
    }
}
