//! Which figures of a site's document nobody has read at their source.

use serde::de::value::Error as Named;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize, forward_to_deserialize_any};
use serde_json::{Map, Value};

use super::{Partition, Site, System};
use crate::InvalidSpec;

/// Names of fields that stand beside it, whose values are recalled, second-hand, or derived from such.
///
/// No decision reads it: jobs are placed by what the document says, sure or not. People are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uncertain(Vec<String>);

/// The tables of a document: each has an `uncertain` of its own, apart from `source`.
const TABLES: [&str; 12] = [
    "source",
    "contact",
    "factory",
    "system",
    "funding",
    "access",
    "storage",
    "area",
    "partition",
    "rules",
    "billing",
    "uncertain",
];

impl Uncertain {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether nobody has read the value of that field at its source.
    pub fn names(&self, field: &str) -> bool {
        self.iter().any(|it| it == field)
    }

    /// Each name once, and of a field that the table has and gives.
    pub(super) fn check<'de, T>(&self, at: &str, table: &T, wrong: &mut Vec<InvalidSpec>)
    where
        T: Serialize + Deserialize<'de>,
    {
        if self.is_empty() {
            return;
        }
        let given = given(table);
        let fields = fields_of::<T>();
        for (place, name) in self.iter().enumerate() {
            let reason = if TABLES.contains(&name) && fields.contains(&name) {
                format!(
                    "`{name}` is a table: what is uncertain in it is named by its own `uncertain`"
                )
            } else if !fields.contains(&name) {
                format!("`{name}` is no field of this table")
            } else if !given.contains_key(name) {
                format!("`{name}` is not given here: what is not known is no uncertain figure")
            } else if self.iter().take(place).any(|it| it == name) {
                format!("`{name}` stands there twice")
            } else {
                continue;
            };
            let all: Vec<&str> = { given.keys().map(String::as_str) }
                .filter(|it| !TABLES.contains(it))
                .collect();
            let dot = if at.is_empty() { "" } else { "." };
            wrong.push(InvalidSpec {
                field: format!("{at}{dot}uncertain[{place}]"),
                reason,
                allowed: format!("each once, and only what is given: {}", all.join(", ")),
            });
        }
    }
}

/// What a table says: an empty list says nothing.
fn given(table: &impl Serialize) -> Map<String, Value> {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    match serde_json::to_value(table) {
        Ok(Value::Object(members)) => members.into_iter().filter(|it| says(&it.1)).collect(),
        _ => Map::new(),
    }
}

/// The names by which a struct is read, asked of what serde derived for it, so that no list of them can
/// fall behind.
fn fields_of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut asked = Asked(&[]);
    // It reads nothing, so it always fails.
    let _ = T::deserialize(&mut asked);
    asked.0
}

struct Asked(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut Asked {
    type Error = Named;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Named> {
        Err(Named::custom("no struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Named> {
        self.0 = fields;
        Err(Named::custom("asked for its names alone"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// What is uncertain of one part of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncertainOf {
    /// `arrhenius`, `arrhenius/gpu`; empty for what is said of the site as a whole.
    pub part: String,
    /// `nodes`, `billing.unit`, `storage.area[home].quota_gb`.
    pub fields: Vec<String>,
}

impl Site {
    /// All of it, in the order of the document; parts of which nothing is uncertain are left out.
    pub fn uncertainties(&self) -> Vec<UncertainOf> {
        let mut all = vec![UncertainOf {
            part: String::new(),
            fields: joined([
                ("", &self.uncertain),
                ("contact.", &self.contact.uncertain),
                ("factory.", &self.factory.uncertain),
            ]),
        }];
        for system in &self.systems {
            all.push(system.uncertainties());
            let of = |it: &Partition| it.uncertainties(system);
            all.extend(system.partitions.iter().map(of));
        }
        all.retain(|it| !it.fields.is_empty());
        all
    }

    pub(super) fn check_uncertain(&self, wrong: &mut Vec<InvalidSpec>) {
        self.uncertain.check("", self, wrong);
        self.contact
            .uncertain
            .check("contact", &self.contact, wrong);
        self.factory
            .uncertain
            .check("factory", &self.factory, wrong);
    }
}

impl System {
    fn uncertainties(&self) -> UncertainOf {
        let mut fields = joined([
            ("", &self.uncertain),
            ("funding.", &self.funding.uncertain),
            ("access.", &self.access.uncertain),
            ("storage.", &self.storage.uncertain),
        ]);
        for area in &self.storage.areas {
            let name = format!("storage.area[{}].", area.name);
            fields.extend(joined([(name.as_str(), &area.uncertain)]));
        }
        UncertainOf {
            part: self.id.to_string(),
            fields,
        }
    }

    pub(super) fn check_uncertain(&self, at: &str, wrong: &mut Vec<InvalidSpec>) {
        let (funding, access, storage) = (&self.funding, &self.access, &self.storage);
        self.uncertain.check(at, self, wrong);
        funding
            .uncertain
            .check(&format!("{at}.funding"), funding, wrong);
        access
            .uncertain
            .check(&format!("{at}.access"), access, wrong);
        storage
            .uncertain
            .check(&format!("{at}.storage"), storage, wrong);
        for (place, area) in storage.areas.iter().enumerate() {
            let at = format!("{at}.storage.area[{place}]");
            area.uncertain.check(&at, area, wrong);
        }
    }
}

impl Partition {
    fn uncertainties(&self, system: &System) -> UncertainOf {
        let mut fields = joined([("", &self.uncertain), ("rules.", &self.rules.uncertain)]);
        if let Some(billing) = &self.billing {
            fields.extend(joined([("billing.", &billing.uncertain)]));
        }
        UncertainOf {
            part: format!("{}/{}", system.id, self.id),
            fields,
        }
    }

    pub(super) fn check_uncertain(&self, at: &str, wrong: &mut Vec<InvalidSpec>) {
        self.uncertain.check(at, self, wrong);
        let rules = &self.rules;
        rules.uncertain.check(&format!("{at}.rules"), rules, wrong);
        if let Some(billing) = &self.billing {
            billing
                .uncertain
                .check(&format!("{at}.billing"), billing, wrong);
        }
    }
}

fn joined<const N: usize>(tables: [(&str, &Uncertain); N]) -> Vec<String> {
    let named = |(table, of): (&str, &Uncertain)| {
        of.iter()
            .map(|it| format!("{table}{it}"))
            .collect::<Vec<_>>()
    };
    tables.into_iter().flat_map(named).collect()
}

#[cfg(test)]
mod tests;
