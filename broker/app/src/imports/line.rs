use std::collections::BTreeSet;

use broker_model::InvalidSpec;

/// One allocation as its source wrote it; what the words mean is checked with all others at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportLine {
    /// Where it stands, for what is said of it: `line 7`, `resource 0192…`.
    pub place: String,
    /// The source's own name of it, which never changes.
    pub reference: String,
    pub organisation: String,
    pub country: String,
    pub identifier: String,
    pub project: String,
    pub call_reference: String,
    /// The source's own id of the project, where it has one that outlives a change of its name.
    pub project_key: String,
    pub system: String,
    pub share: String,
    /// The id of the access mode that gave it, where its source knows one.
    pub mode: String,
    pub unit: String,
    pub hours: String,
    /// What hours of a state are worth to a company, in whole EUR, where they are de minimis aid.
    pub worth_eur: String,
    pub valid_from: String,
    pub valid_to: String,
    pub local_accounts: String,
    pub suspended: String,
}

/// What is over at the source: an allocation that it made is suspended, and stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverLine {
    pub reference: String,
    /// `is Terminated`.
    pub words: String,
}

/// All that a source says now.
#[derive(Clone, Debug, Default)]
pub struct ImportBatch {
    /// Names the source for ever: `csv`, `puhuri.example.org`. Lower case letters, digits, `-`, `_`, `.`.
    pub source: String,
    pub lines: Vec<ImportLine>,
    pub over: Vec<OverLine>,
    /// There, and left alone this time; the remarks say why.
    pub passed_over: BTreeSet<String>,
    pub remarks: Vec<String>,
    /// What could not be read.
    pub faults: Vec<InvalidSpec>,
    /// The source was asked for all that it has, so what is not here has vanished from it.
    pub whole: bool,
}

/// What was changed, or in a dry run what would be, in the same words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    pub changes: Vec<String>,
    /// Whom an identifier leads to, where something is made for an organisation that is here already.
    pub led_to: Vec<String>,
    /// What a person should know, and nothing was done about.
    pub remarks: Vec<String>,
}
