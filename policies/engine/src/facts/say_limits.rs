use std::fmt::Write as _;

use super::Facts;
use crate::languages::{TitleKind, Voice};
use crate::tables::{Named, Scope};
use crate::words::Fact;

/// Where a cap counts; catalogues have them among their texts.
const HERE: &str = "in this mode at this system";
const EVERYWHERE: &str = "in this mode at all systems together";

impl Facts<'_> {
    /// What only some questions have.
    pub(super) fn say_limit(&self, fact: Fact, voice: Voice<'_>, out: &mut String) {
        let number = |number: Option<u64>, out: &mut String| match number {
            Some(number) => drop(write!(out, "{number}")),
            None => out.push_str(voice.nothing()),
        };
        let (granted, asked, ceiling) = self.aid();
        let act = &self.tables.ai_act;
        match fact {
            Fact::AiPractices => {
                let kind = (TitleKind::AiPractice, act.practices.as_slice());
                voice.list(out, self.practices().into_iter(), |id, out| {
                    name(kind, id, voice, out);
                });
            }
            Fact::AiAreas => {
                let kind = (TitleKind::AiArea, act.areas.as_slice());
                voice.list(out, self.areas().into_iter(), |id, out| {
                    name(kind, id, voice, out);
                });
            }
            Fact::TrainingCompute => flop(self.training_exaflop(), voice, out),
            Fact::GpaiIndicative => flop(self.gpai_threshold("gpai_indicative"), voice, out),
            Fact::GpaiSystemic => flop(self.gpai_threshold("gpai_systemic"), voice, out),
            Fact::UnionUsed => permille(self.union_share().value, voice, out),
            Fact::UnionCeiling => permille(self.union_share().limit, voice, out),
            Fact::CommercialUsed => permille(self.commercial_share().value, voice, out),
            Fact::CommercialCeiling => permille(self.commercial_share().limit, voice, out),
            Fact::AidGranted => number(granted, out),
            Fact::AidAsked => number(asked, out),
            Fact::AidCeiling => number(ceiling, out),
            Fact::OverdueCount => number(Some(self.blocking().0), out),
            Fact::OverdueOldest => match self.blocking().1 {
                Some(day) => voice.date(day, out),
                None => out.push_str(voice.unknown_day()),
            },
            Fact::OpenApplications => number(self.open_applications().value, out),
            Fact::OpenApplicationsMost => number(self.open_applications().limit, out),
            Fact::ActiveAllocations => number(self.active_allocations().value, out),
            Fact::ActiveAllocationsMost => number(self.active_allocations().limit, out),
            Fact::OpenApplicationsWhere => self.say_where("open_applications", voice, out),
            Fact::ActiveAllocationsWhere => self.say_where("active_allocations", voice, out),
            Fact::VetoReason => {
                let reason = self.question.vetoed_by_site.as_deref();
                out.push_str(voice.text(reason.unwrap_or_default()));
            }
            _ => {}
        }
    }
}

impl Facts<'_> {
    fn say_where(&self, cap: &str, voice: Voice<'_>, out: &mut String) {
        let scope = self.cap(cap).and_then(|it| it.scope).unwrap_or_default();
        out.push_str(voice.text(match scope {
            Scope::System => HERE,
            Scope::Mode => EVERYWHERE,
        }));
    }
}

fn name((kind, rows): (TitleKind, &[Named]), id: &str, voice: Voice<'_>, out: &mut String) {
    let title = rows
        .iter()
        .find(|row| row.id == id)
        .map_or(id, |row| &row.title);
    out.push_str(voice.named(kind, id, title));
}

/// Thousandths as a hundredth has them: `34.9 %`.
fn permille(number: Option<u64>, voice: Voice<'_>, out: &mut String) {
    let Some(number) = number else {
        return out.push_str(voice.nothing());
    };
    let said = match number % 10 {
        0 => format!("{}", number / 10),
        tenth => format!("{}.{tenth}", number / 10),
    };
    let _ = write!(out, "{} %", voice.decimal(&said));
}

/// Units of 10^18 operations; a power of ten as one.
fn flop(exaflop: Option<u64>, voice: Voice<'_>, out: &mut String) {
    let _ = match exaflop {
        None => return out.push_str(voice.nothing()),
        Some(number @ 1..) if 10_u64.checked_pow(number.ilog10()) == Some(number) => {
            write!(out, "10^{} FLOP", 18 + number.ilog10())
        }
        Some(number) => write!(out, "{number}·10^18 FLOP"),
    };
}
