//! What a line means, by itself: every fault of it is told, with its column.

mod columns;

use std::collections::{BTreeMap, BTreeSet};

use broker_model::{
    AllocationScope, FundingShare, Identifiers, OrganisationId, SiteId, UnitMillis, is_country,
};
use jiff::Timestamp;
use policy_engine::{Engine, IdentifierKind};

use self::columns::{
    call_reference, check_project, granted, mode, project_name, said, share, suspended, term, worth,
};
use super::line::ImportLine;
use crate::board::Board;
use crate::invalid::Faults;

const LONGEST_NAME: usize = 200;
const FEDERATION: &str = "federation";
const FEDERATION_UNIT: &str = "GPU-hour";

/// A line that says something.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) place: String,
    pub(super) reference: String,
    pub(super) organisation: Named,
    pub(super) name: String,
    pub(super) country: String,
    pub(super) project: String,
    pub(super) call_reference: Option<String>,
    pub(super) project_key: Option<String>,
    pub(super) scope: AllocationScope,
    pub(super) share: FundingShare,
    /// The id of a known access mode.
    pub(super) mode: Option<String>,
    pub(super) unit: String,
    pub(super) granted: UnitMillis,
    /// Of a national share only.
    pub(super) worth_eur: Option<u32>,
    pub(super) valid_from: Timestamp,
    pub(super) valid_until: Timestamp,
    pub(super) local_accounts: BTreeMap<SiteId, String>,
    /// Nothing: as it is.
    pub(super) suspended: Option<bool>,
}

/// How an organisation is found.
#[derive(Clone, Debug)]
pub(super) enum Named {
    Here(OrganisationId),
    /// By the claim on what a register calls it, or what the source does.
    By {
        claim: String,
        identifiers: Identifiers,
    },
}

/// What lines are checked against.
pub(super) struct Checker<'a> {
    pub(super) board: &'a Board,
    pub(super) engine: &'a Engine,
    pub(super) source: &'a str,
}

/// The faults of one line, by column.
struct At<'a> {
    place: &'a str,
    faults: &'a mut Faults,
}

impl At<'_> {
    fn add(&mut self, column: &str, reason: impl Into<String>, allowed: &str) {
        let field = format!("{}, {column}", self.place);
        self.faults.add(&field, reason, allowed);
    }

    fn text(&mut self, column: &str, text: &str) {
        let field = format!("{}, {column}", self.place);
        self.faults.check_name(&field, text, LONGEST_NAME);
    }
}

impl Checker<'_> {
    /// None where anything of it is wrong.
    pub(super) fn line(&self, raw: &ImportLine, faults: &mut Faults) -> Option<Line> {
        let before = faults.count();
        let mut at = At {
            place: &raw.place,
            faults,
        };
        at.text("reference", &raw.reference);
        let organisation = self.organisation(raw, &mut at);
        check_project(raw, &mut at);
        let scope = self.scope(&raw.system, &mut at);
        let share = share(self.engine, &raw.share, &mut at);
        let mode = mode(self.engine, &raw.mode, &mut at);
        let call_reference = call_reference(self.engine, &raw.call_reference, &mut at);
        if let Some(scope) = &scope {
            self.check_unit(&raw.unit, scope, &mut at);
        }
        let granted = granted(raw, &mut at);
        let worth_eur = worth(&raw.worth_eur, share.as_ref(), &mut at);
        let term = term(raw, &mut at);
        let local_accounts = self.local_accounts(&raw.local_accounts, &mut at);
        let suspended = suspended(&raw.suspended, &mut at);
        let is_right = faults.count() == before;
        let (valid_from, valid_until) = term?;
        let line = Line {
            place: raw.place.clone(),
            reference: raw.reference.clone(),
            organisation: organisation?,
            name: raw.organisation.clone(),
            country: self.engine.country_code(&raw.country).to_owned(),
            project: project_name(raw).to_owned(),
            call_reference,
            project_key: said(&raw.project_key),
            scope: scope?,
            share: share?,
            mode,
            unit: raw.unit.clone(),
            granted: granted?,
            worth_eur,
            valid_from,
            valid_until,
            local_accounts,
            suspended,
        };
        is_right.then_some(line)
    }

    fn organisation(&self, raw: &ImportLine, at: &mut At<'_>) -> Option<Named> {
        let allowed = "`pic:`, `vat:`, `lei:` or `euid:` and the number, `ext:` and the source's own id of \
                       it, or its id here (`org_…`)";
        if let Ok(id) = raw.identifier.parse() {
            return Some(Named::Here(id));
        }
        at.text("organisation", &raw.organisation);
        if !is_country(self.engine.country_code(&raw.country)) {
            let reason = format!("`{}` is no country", raw.country.escape_debug());
            at.add(
                "country",
                reason,
                "a code of ISO 3166-1 alpha-2: `FR`, `GR`",
            );
        }
        let Some((kind, value)) = raw.identifier.split_once(':') else {
            let reason = format!("`{}` names nobody", raw.identifier.escape_debug());
            at.add("identifier", reason, allowed);
            return None;
        };
        if kind == "ext" {
            at.text("identifier", value);
            return Some(Named::By {
                claim: format!("organisation:{}:{value}", self.source),
                identifiers: Identifiers::default(),
            });
        }
        let Some(known) = IdentifierKind::ALL
            .into_iter()
            .find(|it| it.as_str() == kind)
        else {
            let reason = format!("`{}` is no register", kind.escape_debug());
            at.add("identifier", reason, allowed);
            return None;
        };
        match self
            .engine
            .check_identifier(known, value, Some(&raw.country))
        {
            Ok(checked) => Some(Named::By {
                claim: format!("{kind}:{}", checked.value),
                identifiers: identifiers(known, checked.value),
            }),
            Err(fault) => {
                at.add("identifier", fault.reason, &fault.allowed);
                None
            }
        }
    }

    fn scope(&self, text: &str, at: &mut At<'_>) -> Option<AllocationScope> {
        if text == FEDERATION {
            return Some(AllocationScope::Federation);
        }
        let (site, system) = text.split_once('/').unwrap_or_default();
        let site: Option<SiteId> = site.parse().ok();
        let entry = site.as_ref().and_then(|it| self.board.find(it));
        let found = { entry.iter().flat_map(|it| &it.systems) }.find(|it| it.id.as_str() == system);
        if let (Some(site), Some(found)) = (site, found) {
            let system = found.id.clone();
            return Some(AllocationScope::System { site, system });
        }
        let reason = format!("the federation has no system `{}`", text.escape_debug());
        let allowed = "`federation`, or `site/system` as `alcyone sites` lists them";
        at.add("system", reason, allowed);
        None
    }

    /// A balance in another unit than its charges would say nothing.
    fn check_unit(&self, unit: &str, scope: &AllocationScope, at: &mut At<'_>) {
        let units: Vec<String> = match scope {
            AllocationScope::Federation => vec![FEDERATION_UNIT.to_owned()],
            AllocationScope::System { site, system } => {
                let entry = self.board.find(site);
                let systems = entry.iter().flat_map(|it| &it.systems);
                let partitions = systems
                    .filter(|it| it.id == *system)
                    .flat_map(|it| &it.partitions);
                let billing = partitions.filter_map(|it| it.billing.as_ref());
                let units: BTreeSet<_> = billing.map(|it| &it.unit).collect();
                units.into_iter().cloned().collect()
            }
        };
        if unit.is_empty() || !(units.is_empty() || units.iter().any(|it| it == unit)) {
            let reason = format!("`{}` is not what is charged there", unit.escape_debug());
            let mut allowed = units.join(", ");
            if allowed.is_empty() {
                "the site's own word, as `node-hour`".clone_into(&mut allowed);
            }
            at.add("unit", reason, &allowed);
        }
    }

    fn local_accounts(&self, text: &str, at: &mut At<'_>) -> BTreeMap<SiteId, String> {
        let mut accounts = BTreeMap::new();
        let pairs = text.split(';').map(str::trim).filter(|it| !it.is_empty());
        for pair in pairs {
            let (site, account) = pair.split_once('=').unwrap_or((pair, ""));
            let (site, account) = (site.trim().parse::<SiteId>(), account.trim());
            let site = site.ok().filter(|it| self.board.find(it).is_some());
            let allowed = "`site=account;site=account`: sites as `alcyone sites` lists them, accounts of letters, \
                           digits, `_`, `-` and `.`";
            match site {
                Some(site) if is_account_name(account) => {
                    if accounts.insert(site, account.to_owned()).is_some() {
                        let reason =
                            format!("`{}`: the site stands there twice", pair.escape_debug());
                        at.add("local_accounts", reason, allowed);
                    }
                }
                Some(_) => {
                    let reason = format!("`{}` names no account", pair.escape_debug());
                    at.add("local_accounts", reason, allowed);
                }
                None => {
                    let reason = format!("`{}` names no site", pair.escape_debug());
                    at.add("local_accounts", reason, allowed);
                }
            }
        }
        accounts
    }
}

/// As agents take it (`is_account_name` there): none of these means anything to a shell.
pub(crate) fn is_account_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && !name.starts_with(['-', '.'])
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn identifiers(kind: IdentifierKind, value: String) -> Identifiers {
    let mut identifiers = Identifiers::default();
    let field = match kind {
        IdentifierKind::Vat => &mut identifiers.vat,
        IdentifierKind::Pic => &mut identifiers.pic,
        IdentifierKind::Euid => &mut identifiers.euid,
        IdentifierKind::Lei => &mut identifiers.lei,
    };
    *field = Some(value);
    identifiers
}
