use broker_model::{AllocationScope, GpuMillis, UnitMillis};

use crate::{Cost, Error};

/// What an allocation's balance changes by: physical GPU-time federation-wide, the site's own unit
/// at one system.
///
/// Never fails, so that a site's record can always be settled. Federation-wide, a job without GPUs
/// comes to zero; [`check_payable`] keeps such jobs out before they are accepted.
pub fn in_allocation_unit(
    scope: &AllocationScope,
    site_units: UnitMillis,
    gpu: GpuMillis,
) -> UnitMillis {
    match scope {
        AllocationScope::Federation => UnitMillis(gpu.0),
        AllocationScope::System { .. } => site_units,
    }
}

/// Refuses a job that would cost the site something and the allocation nothing.
///
/// There is no agreed rate between CPU-hours and GPU-hours over the federation (Leonardo takes 8
/// cores for a GPU, LUMI 16), and one made up here would be a constant without a source. So a
/// federation-wide allocation pays for GPU-time only. A job without GPUs in a partition of whole GPU
/// nodes has GPU-time all the same, because nobody else can use them.
pub fn check_payable(scope: &AllocationScope, cost: &Cost) -> Result<(), Error> {
    let charged = in_allocation_unit(scope, cost.site_units, cost.gpu);
    if charged == UnitMillis::ZERO && cost.site_units > UnitMillis::ZERO {
        return Err(Error::NoGpuTime);
    }
    Ok(())
}
