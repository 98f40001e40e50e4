use std::fmt;

/// Why a policy was not loaded: where, why, and what to do. Prints as one line.
#[derive(Debug)]
pub struct LoadError {
    file: String,
    line: Option<usize>,
    rule: Option<String>,
    fault: Fault,
}

/// What is wrong with a rule or a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    #[error("it cannot be read")]
    Unreadable(#[source] std::io::Error),
    #[error("no table of this name is known")]
    UnknownTable,
    /// Of a policy that was kept: the facts of its time are laid out otherwise now.
    #[error("it was made for a program that lays out other facts")]
    OtherSchema,
    #[error("{0}")]
    TooMuch(String),
    #[error("it holds no rule")]
    NoRules,
    #[error("{0}")]
    Syntax(String),
    #[error("rules with slots such as `?principal` are not decided")]
    Slot,
    #[error("the annotation `@{0}` is missing")]
    MissingAnnotation(&'static str),
    #[error("the annotation `@{0}` is not known")]
    UnknownAnnotation(String),
    #[error("`@{annotation}` is `{value}`, which is no date")]
    BadDate {
        annotation: &'static str,
        value: String,
    },
    #[error("`@effect` is `{0}`")]
    BadEffect(String),
    #[error("`@effect` is `{effect}` on a `{keyword}`")]
    EffectMismatch {
        effect: String,
        keyword: &'static str,
    },
    #[error(
        "`@asked_of` is `{0}`, which no question lacks or another rule of the file does not say"
    )]
    AskedOf(String),
    #[error("its `@until` is not after its `@effective`")]
    NeverInForce,
    #[error("its id does not begin with `{0}.`, the name of its file")]
    ForeignId(String),
    #[error("an earlier rule has this id")]
    DuplicateId,
    #[error("`@words` names `{{{0}}}`, which is no fact")]
    UnknownFact(String),
    #[error("`@words` has a brace without its partner")]
    LooseBrace,
    #[error("`@source` {0}")]
    BadSource(String),
    #[error("{0}")]
    Invalid(String),
    #[error("on {0} rules of this file can object but none can be satisfied")]
    NeverSatisfied(jiff::civil::Date),
    #[error("{0}")]
    Table(String),
    #[error("{0}")]
    Words(String),
    #[error("it says that somebody checked it on {0}, which has not come")]
    CheckedAhead(jiff::civil::Date),
    #[error("on {0} the AI Pact pledge would be the only evidence of ethics")]
    PledgeAlone(jiff::civil::Date),
}

impl Fault {
    /// What the person who wrote the file can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => {
                "a policy is a folder with modes/*.toml, rules/*.cedar and tables/*.toml, readable"
            }
            Self::UnknownTable => "policies/README.md lists the tables that there are",
            Self::OtherSchema => "make its decisions again with the program of that time",
            Self::TooMuch(_) => "write several smaller rules, and no more than that",
            Self::NoRules => "write at least one rule",
            Self::Syntax(_) => "mend the syntax",
            Self::Slot => "write the rule without slots",
            Self::MissingAnnotation("checked_on") => {
                "add the day on which somebody last held the rule against its source, as @checked_on(\"2026-11-20\")"
            }
            Self::MissingAnnotation(_) => "add it",
            Self::UnknownAnnotation(_) => {
                "use @id @title @source @checked_on @effective @until @asked_of @effect @words @remedy"
            }
            Self::BadDate { .. } => "write a date as 2026-11-20",
            Self::BadEffect(_) => "say satisfied, refused, needs_evidence or needs_review",
            Self::EffectMismatch { .. } => "a satisfied rule is a permit, every other one a forbid",
            Self::AskedOf(_) => {
                "all rules of a file say the same, and name a fact that facts.cedarschema marks so"
            }
            Self::NeverInForce => "`@until` is the first day the rule no longer holds",
            Self::ForeignId(_) => "rename the rule or move it to its own file",
            Self::DuplicateId => "give every rule its own id",
            Self::UnknownFact(_) | Self::BadSource(_) => {
                "policies/README.md lists the facts that words and sources may name"
            }
            Self::LooseBrace => "a fact stands in a pair of braces, and words have no other braces",
            Self::Invalid(_) => "facts.cedarschema says what a rule may ask about",
            Self::NeverSatisfied(_) => "add a permit that says when the question is satisfied",
            Self::Table(_) => "mend the table",
            Self::CheckedAhead(_) => {
                "`checked_on` is the day on which somebody last held it against its source"
            }
            Self::Words(_) => {
                "a catalogue names what the policy has, by the same facts as its English"
            }
            Self::PledgeAlone(_) => "accept another kind of evidence on that day",
        }
    }
}

impl LoadError {
    pub(crate) fn new(file: &str, fault: Fault) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            rule: None,
            fault,
        }
    }

    pub(crate) fn at_line(mut self, line: Option<usize>) -> Self {
        self.line = line;
        self
    }

    pub(crate) fn in_rule(mut self, rule: &str) -> Self {
        self.rule = Some(rule.to_owned());
        self
    }

    /// The file, named from the policy's folder: `rules/ethics.cedar`.
    pub fn file(&self) -> &str {
        &self.file
    }

    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// The rule's id, or its place in the file where it has none.
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    pub fn fault(&self) -> &Fault {
        &self.fault
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, ": rule `{rule}`")?;
        }
        write!(f, ": {}; {}", self.fault, self.fault.remedy())
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The fault is told above already; only what lies below it is new.
        std::error::Error::source(&self.fault)
    }
}

/// The line, from one, that a byte offset lies in.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}
