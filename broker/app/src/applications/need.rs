//! What an application asks for: compute, storage, data, and the help to use them.

use broker_model::ApplicationNeed;

use crate::Service;
use crate::invalid::Faults;

/// No system of the federation has more than this on one file system; a larger number is in another unit.
const MOST_TIB: u32 = 100_000;
const MOST_DATA: usize = 20;
const LONGEST_DATA: usize = 300;

/// Every fault of it. Services are known by the directory, so one that is misspelt reaches no centre.
pub(super) fn check(need: &ApplicationNeed, services: &[Service], faults: &mut Faults) {
    if need.gpu_hours == 0 {
        faults.add("need.gpu_hours", "asks for nothing", "1 and more");
    }
    if !(1..=60).contains(&need.months) {
        faults.add("need.months", format!("is {}", need.months), "1 to 60");
    }
    if let Some(tib) = need.storage_tib.filter(|it| !(1..=MOST_TIB).contains(it)) {
        let allowed = format!("1 to {MOST_TIB} TiB, or nothing");
        faults.add("need.storage_tib", format!("is {tib}"), &allowed);
    }
    check_data(&need.data, faults);
    check_support(&need.support, services, faults);
}

fn check_data(said: &[String], faults: &mut Faults) {
    if said.len() > MOST_DATA {
        faults.add("need.data", "are too many", &format!("up to {MOST_DATA}"));
    }
    for (at, one) in said.iter().enumerate().take(MOST_DATA) {
        faults.check_text(&format!("need.data[{at}]"), one, LONGEST_DATA);
    }
}

fn check_support(said: &[String], services: &[Service], faults: &mut Faults) {
    let kinds: Vec<&str> = services.iter().map(|it| it.kind.as_str()).collect();
    let said = said.iter().take(kinds.len() + 1);
    for kind in said.filter(|it| !kinds.contains(&it.as_str())) {
        let reason = format!("`{}` is none of them", kind.escape_debug());
        faults.add("need.support", reason, &kinds.join(", "));
    }
}
