use std::fmt;

/// What is wrong with one file of a set of terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsFault {
    pub file: String,
    /// A line, or a field.
    pub place: Option<String>,
    pub reason: String,
    pub remedy: String,
}

/// Why a set of terms was not read: all that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenTerms(pub Vec<TermsFault>);

impl fmt::Display for TermsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(place) = &self.place {
            write!(f, ": {place}")?;
        }
        write!(f, ": {}; {}", self.reason, self.remedy)
    }
}

impl fmt::Display for BrokenTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for BrokenTerms {}
