use cedar_policy::RestrictedExpression;

/// A fact as a rule may ask about it. Cedar's own expressions cannot be compared, and whether two questions have the
/// same facts is asked often (`memo.rs`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Value {
    Bool(bool),
    Long(i64),
    Text(String),
    /// Sorted, each once.
    Set(Vec<Self>),
    Record(Vec<(&'static str, Self)>),
}

impl Value {
    /// What is said of a fact of which nothing is asked but whether it is there.
    pub(crate) const THERE: &'static Self = &Self::Bool(true);

    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Record(fields) => fields.iter().find(|(key, _)| *key == name).map(|it| &it.1),
            _ => None,
        }
    }

    /// Of a record those fields alone.
    pub(crate) fn with_fields(self, wanted: impl Fn(&str) -> bool) -> Self {
        match self {
            Self::Record(mut fields) => {
                fields.retain(|(key, _)| wanted(key));
                Self::Record(fields)
            }
            other => other,
        }
    }

    pub(super) const fn new_bool(it: bool) -> Self {
        Self::Bool(it)
    }

    pub(super) const fn new_long(it: i64) -> Self {
        Self::Long(it)
    }

    pub(super) const fn new_string(it: String) -> Self {
        Self::Text(it)
    }

    pub(super) fn new_set(items: impl IntoIterator<Item = Self>) -> Self {
        let mut items: Vec<Self> = items.into_iter().collect();
        items.sort_unstable();
        items.dedup();
        Self::Set(items)
    }

    #[expect(
        clippy::expect_used,
        reason = "the keys of records are written out in this module, none twice"
    )]
    pub(crate) fn to_cedar(&self) -> RestrictedExpression {
        match self {
            Self::Bool(it) => RestrictedExpression::new_bool(*it),
            Self::Long(it) => RestrictedExpression::new_long(*it),
            Self::Text(it) => RestrictedExpression::new_string(it.clone()),
            Self::Set(items) => RestrictedExpression::new_set(items.iter().map(Self::to_cedar)),
            Self::Record(fields) => {
                let fields = fields
                    .iter()
                    .map(|(key, value)| ((*key).to_owned(), value.to_cedar()));
                RestrictedExpression::new_record(fields).expect("no key stands twice")
            }
        }
    }
}
