//! Resources of a Waldur marketplace as lines of allocations. Waldur is what the allocations of the EuroHPC
//! Federation Platform are kept in.
//!
//! What is known of its API, and from where:
//! - fields and their types: `waldur_api_client/models/{resource,customer,resource_limits}.py` of
//!   github.com/waldur/py-client, which is made from Waldur's `OpenAPI` schema; `limits` maps the components of
//!   an offering to numbers;
//! - states `Creating`, `OK`, `Erred`, `Updating`, `Terminating`, `Terminated`: `models/resource_state.py` there;
//! - `end_date` and `project_end_date` are days, included: "The date is inclusive. Once reached, a
//!   resource will be scheduled for termination" (the same file).
//!
//! Not certain, and therefore for the map of the operator to say: which component counts hours, in which
//! unit, and what share pays (Waldur has no funding shares). That `effective_id`, or else `backend_id`, is
//! the account at the site is so for offerings that Waldur's site agent serves. Whether `limits` change at
//! the beginning or at the end of `Updating` is not documented, so such a resource is passed over.

mod map;
mod resource;

use broker_model::{InvalidSpec, SiteId};

use super::check::is_account_name;
use super::decimal::Decimal;
use super::line::{ImportLine, OverLine};

pub use map::{AccountField, CustomerMap, Factor, OfferingMap, WaldurMap, same_uuid};
pub use resource::{WaldurCustomer, WaldurResource};

/// What a resource is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    Line(Box<ImportLine>),
    Over(OverLine),
    /// Left as it is, for a reason that a person may want to know.
    PassedOver {
        reference: String,
        words: String,
    },
}

/// The line of a resource; pure. A fault is told where the resource has no such hours as the map says.
pub fn line_of(
    resource: &WaldurResource,
    customer: Option<&WaldurCustomer>,
    map: &WaldurMap,
) -> Result<Mapped, InvalidSpec> {
    let reference = resource.uuid.clone();
    let passed = |words: String| {
        Ok(Mapped::PassedOver {
            reference: reference.clone(),
            words,
        })
    };
    let Some(offering) = map.offering(&resource.offering_uuid) else {
        return passed(format!(
            "is of the offering {} (`{}`), which the map does not name",
            resource.offering_uuid, resource.offering_name
        ));
    };
    match resource.state.as_str() {
        "OK" => {}
        state @ ("Terminated" | "Terminating") => {
            return Ok(Mapped::Over(OverLine {
                reference,
                words: format!("is {state} in Waldur"),
            }));
        }
        "Creating" => return passed("is not there yet: it is Creating in Waldur".to_owned()),
        "Updating" => {
            return passed("is Updating in Waldur: import again once it is OK".to_owned());
        }
        "Erred" => return passed("is Erred in Waldur: its provider has to mend it".to_owned()),
        state => {
            let state = state.escape_debug();
            return passed(format!(
                "is in the state `{state}`, which this program does not know"
            ));
        }
    }
    let hours = hours(resource, offering)?;
    let known = map.customer(&resource.customer_uuid);
    let country = { known.and_then(|it| it.country.clone()) }
        .or_else(|| customer.and_then(|it| it.country.clone()));
    let identifier = known.and_then(|it| it.identifier.clone());
    let from_created = resource.created.map(|it| it.to_string());
    Ok(Mapped::Line(Box::new(ImportLine {
        place: place(resource),
        organisation: resource.customer_name.trim().to_owned(),
        country: country.unwrap_or_default(),
        identifier: identifier.unwrap_or_else(|| format!("ext:{}", resource.customer_uuid)),
        project: resource.project_name.trim().to_owned(),
        call_reference: String::new(),
        project_key: resource.project_uuid.clone(),
        system: offering.system.clone(),
        share: offering.share.to_string(),
        mode: String::new(),
        unit: offering.unit.clone(),
        hours,
        worth_eur: String::new(),
        valid_from: from_created.unwrap_or_default(),
        valid_to: last_day(resource, offering),
        local_accounts: account(resource, offering),
        suspended: if resource.paused { "yes" } else { "no" }.to_owned(),
        reference,
    })))
}

fn place(resource: &WaldurResource) -> String {
    format!("resource {}", resource.uuid)
}

/// The earlier of the two days at which Waldur ends it.
fn last_day(resource: &WaldurResource, offering: &OfferingMap) -> String {
    let ends = [resource.end_date, resource.project_end_date];
    let first = ends.into_iter().flatten().min().or(offering.valid_to);
    first.map(|day| day.to_string()).unwrap_or_default()
}

/// The limit of the component that counts hours, times the factor.
fn hours(resource: &WaldurResource, offering: &OfferingMap) -> Result<String, InvalidSpec> {
    let fault = |reason: String, allowed: &str| InvalidSpec {
        field: format!("{}, hours", place(resource)),
        reason,
        allowed: allowed.to_owned(),
    };
    let Some(limit) = resource.limits.get(&offering.component) else {
        let named: Vec<&str> = resource.limits.keys().map(String::as_str).collect();
        let reason = format!(
            "it has no limit `{}`; it has {}",
            offering.component,
            if named.is_empty() {
                "none".to_owned()
            } else {
                named.join(", ")
            }
        );
        return Err(fault(
            reason,
            "a `component` in the map that its offering counts",
        ));
    };
    let written = limit.to_string();
    let number = written.strip_suffix(".0").unwrap_or(&written);
    let product = { number.parse::<Decimal>().ok() }.and_then(|it| it.times(offering.factor.0));
    match product {
        Some(product) => Ok(product.to_string()),
        None => Err(fault(
            format!("its limit `{}` is {written}", offering.component),
            "a number that is not negative, written without an exponent",
        )),
    }
}

/// Of an offering at a site, as the map says where to look; one that is no name of an account is left
/// out, and the site's own mapping decides.
fn account(resource: &WaldurResource, offering: &OfferingMap) -> String {
    let site: Option<SiteId> =
        { offering.system.split_once('/') }.and_then(|(site, _)| site.parse().ok());
    let name = offering
        .account
        .of(resource)
        .filter(|it| is_account_name(it));
    match (site, name) {
        (Some(site), Some(name)) => format!("{site}={name}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
