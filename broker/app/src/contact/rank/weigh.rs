use broker_model::{CentreId, ContactNeed, DataClass, Timing};
use jiff::civil::Date;

use crate::contact::directory::{Directory, SupportCentre, known, named};
use crate::contact::words::{Param, Reason, ReasonCode, Term};

/// One centre before one need.
pub(super) struct Weighing<'a> {
    directory: &'a Directory,
    centre: &'a SupportCentre,
    need: &'a ContactNeed,
    on: Date,
    pub(super) reasons: Vec<Reason>,
    /// Why it cannot help at all.
    pub(super) refusals: Vec<Reason>,
}

impl<'a> Weighing<'a> {
    pub(super) fn of(
        (directory, centre): (&'a Directory, &'a SupportCentre),
        (need, on): (&'a ContactNeed, Date),
    ) -> Self {
        let (reasons, refusals) = (Vec::new(), Vec::new());
        let mut weighing = Self {
            directory,
            centre,
            need,
            on,
            reasons,
            refusals,
        };
        weighing.services();
        weighing.data();
        weighing.sector();
        weighing.country();
        weighing.language();
        weighing.timing();
        weighing
    }

    fn services(&mut self) {
        let (mut missing, mut found) = (Vec::new(), 0);
        for service in &self.need.services {
            let param = ("service", Term::Service, vec![service.clone()]);
            if let Some(certain) = known(&self.centre.services, service) {
                self.say(ReasonCode::ServiceOffered, certain, &[param]);
            } else if let Some((factory, certain)) = self.through(service) {
                let factory = ("factory", Term::Centre, vec![factory.to_string()]);
                self.say(ReasonCode::ServiceThrough, certain, &[factory, param]);
            } else {
                missing.push(service.clone());
                continue;
            }
            found += 1;
        }
        if self.centre.services.is_empty() && !missing.is_empty() {
            self.say(ReasonCode::ServicesUnknown, true, &[]);
        } else if found == 0 && !missing.is_empty() {
            let asked = ("services", Term::Service, missing);
            self.refuse(ReasonCode::ServiceNone, &[asked]);
        } else {
            for service in missing {
                let param = ("service", Term::Service, vec![service]);
                self.say(ReasonCode::ServiceMissing, true, &[param]);
            }
        }
    }

    /// A factory that it hangs on and that offers the service; one of which that is certain first.
    fn through(&self, service: &String) -> Option<(CentreId, bool)> {
        let offers = |id: CentreId| {
            let linked = known(&self.centre.factories, &id)?;
            let offered = known(&self.directory.centre(&id)?.services, service)?;
            Some((id, linked && offered))
        };
        let factories = named(&self.centre.factories).into_iter();
        let mut offering: Vec<_> = factories.filter_map(offers).collect();
        offering.sort_by_key(|(_, certain)| !certain);
        offering.into_iter().next()
    }

    fn data(&mut self) {
        let class = self.need.data_class;
        let word = |it: DataClass| it.as_str().to_owned();
        let param = ("data_class", Term::DataClass, vec![word(class)]);
        let taken = named(&self.centre.data_classes);
        match known(&self.centre.data_classes, &class) {
            Some(_) if class == DataClass::Open => {}
            Some(certain) => self.say(ReasonCode::DataClassTaken, certain, &[param]),
            None if !taken.is_empty() => {
                let taken = taken.into_iter().map(word).collect();
                let classes = ("data_classes", Term::DataClass, taken);
                self.refuse(ReasonCode::DataClassRefused, &[param, classes]);
            }
            None if class == DataClass::Open => {}
            None => self.say(ReasonCode::DataClassUnknown, true, &[param]),
        }
    }

    fn sector(&mut self) {
        let Some(sector) = &self.need.sector else {
            return;
        };
        let param = ("sector", Term::Sector, vec![sector.clone()]);
        let others = named(&self.centre.sectors);
        match known(&self.centre.sectors, sector) {
            Some(certain) => self.say(ReasonCode::SectorMatch, certain, &[param]),
            None if others.is_empty() => self.say(ReasonCode::SectorsUnknown, true, &[]),
            None => {
                let others = ("sectors", Term::Sector, others);
                self.say(ReasonCode::SectorOther, true, &[param, others]);
            }
        }
    }

    fn country(&mut self) {
        let Some(country) = &self.need.country else {
            return;
        };
        let param = ("country", Term::Country, vec![country.clone()]);
        if self.centre.country == *country {
            self.say(ReasonCode::SameCountry, true, &[param]);
        } else if let Some(certain) = known(&self.centre.countries, country) {
            self.say(ReasonCode::ServesCountry, certain, &[param]);
        }
    }

    fn language(&mut self) {
        let Some(language) = &self.need.language else {
            return;
        };
        let param = ("language", Term::Language, vec![language.clone()]);
        let others = named(&self.centre.languages);
        match known(&self.centre.languages, language) {
            Some(certain) => self.say(ReasonCode::LanguageSpoken, certain, &[param]),
            None if others.is_empty() => self.say(ReasonCode::LanguagesUnknown, true, &[]),
            None => {
                let others = ("languages", Term::Language, others);
                self.say(ReasonCode::LanguageOther, true, &[param, others]);
            }
        }
    }

    /// Who wants help soon is told who helps already.
    fn timing(&mut self) {
        if !matches!(self.need.timing, Timing::Now | Timing::Weeks) {
            return;
        }
        let Some(since) = &self.centre.since else {
            return self.say(ReasonCode::OpeningUnknown, true, &[]);
        };
        let code = if since.value <= self.on {
            ReasonCode::OpenAlready
        } else {
            ReasonCode::OpensLater
        };
        let day = ("since", Term::Plain, vec![since.value.to_string()]);
        self.say(code, since.is_certain(), &[day]);
    }

    fn say(&mut self, code: ReasonCode, certain: bool, params: &[Param]) {
        let weights = &self.directory.weights;
        let full = weights.weights.get(&code).map_or(0, |it| it.value);
        let weight = if certain {
            full
        } else {
            full * weights.uncertain_percent.value / 100
        };
        let reason = self.directory.reason(code, (weight, certain), params);
        self.reasons.push(reason);
    }

    fn refuse(&mut self, code: ReasonCode, params: &[Param]) {
        let reason = self.directory.reason(code, (0, true), params);
        self.refusals.push(reason);
    }
}
