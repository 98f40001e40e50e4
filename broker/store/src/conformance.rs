//! What every store must do, as functions over `&dyn Store`: one behaviour each, on a database that
//! is empty but migrated. [`all`] runs every one on a database of its own.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a conformance suite fails by panicking"
)]

pub mod accounts;
pub mod agents;
pub mod attempts;
pub mod dossiers;
mod fixtures;
pub mod groups;
pub mod hours;
pub mod identities;
pub mod jobs;
pub mod ledger;
pub mod lists;
pub mod logs;
pub mod privacy;
pub mod signatories;
pub mod sites;
pub mod usage;

pub use fixtures::usage_of_others;

use std::sync::Arc;

use crate::Store;

macro_rules! each {
    ($make:ident: $($module:ident :: { $($behaviour:ident),* $(,)? })*) => {
        $($({
            let store = $make().await;
            tracing::info!(behaviour = stringify!($behaviour), "conformance");
            $module::$behaviour(&*store).await;
        })*)*
    };
}

/// Runs the whole suite; panics at the first behaviour that is not there.
pub async fn all<F, Fut>(make: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Store>>,
{
    each! { make:
        jobs::{
            a_job_is_read_back_as_it_was_written,
            a_job_id_is_taken_once,
            an_update_needs_the_version_that_was_read,
            a_placement_is_kept_beside_earlier_ones_and_needs_its_job,
            what_placings_rest_on_is_kept_once,
            a_decision_is_kept_byte_for_byte_and_made_once,
            an_idempotency_key_is_taken_once_and_forgotten_by_age,
            a_cancel_request_is_told_to_the_site_while_the_job_is_active,
            of_two_racers_one_claims_the_job,
            a_site_sees_the_jobs_that_wait_for_its_people,
            what_a_site_said_is_kept_with_the_job,
        }
        lists::{
            pages_go_from_the_newest_to_the_oldest_without_gaps,
            a_page_may_have_one_more_than_the_api_gives,
            a_list_shows_the_projects_of_the_caller_only,
            filters_hold_together,
            any_number_of_projects_is_listed_whole,
            finished_jobs_are_found_by_state_and_site,
            the_loops_see_active_jobs_oldest_first,
        }
        attempts::{
            a_job_has_one_attempt_that_is_not_over,
            an_attempt_is_updated_by_the_version_that_was_read,
            an_attempt_ends_and_its_successor_begins_in_one_group,
            attempts_are_open_until_they_are_settled,
            an_agent_may_take_its_own_attempts_and_those_whose_lease_ran_out,
        }
        hours::{
            hours_move_between_remaining_held_and_used,
            hours_that_are_not_there_do_not_move,
            the_equation_holds_under_concurrent_holds_settles_and_releases,
            terms_change_and_the_balance_stays,
            a_grant_changes_from_what_was_read,
            what_a_term_leaves_unused_is_lost_once,
            the_end_of_an_overdrawn_allocation_is_dealt_with_once,
        }
        dossiers::{
            a_dossier_is_changed_from_what_was_read,
            a_dossier_is_found_by_its_organisation_and_kind,
            a_desk_has_what_lies_on_it,
            what_is_due_is_found_by_its_kind_and_time,
            what_was_made_in_a_time_is_found_by_its_ids,
            a_name_is_held_by_one_alone,
            names_are_found_by_how_they_begin,
        }
        accounts::{
            organisations_are_found_by_id_and_domain,
            an_organisation_is_changed_from_what_was_read,
            organisations_are_listed_by_page_and_by_id,
            projects_and_their_allocations_are_read_back,
            site_states_and_snapshots_are_replaced,
        }
    }
    records(&make).await;
}

/// What is not work: sites, people, what was used, and what is kept of it.
async fn records<F, Fut>(make: &F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Store>>,
{
    each! { make:
        sites::{
            a_site_is_registered_once_and_changed_from_what_was_read,
            a_window_counts_what_is_held_until_it_is_charged,
            of_all_who_counted_the_same_one_places_at_a_site,
            an_organisation_is_counted_by_site_and_month,
        }
        identities::{
            a_person_is_known_by_issuer_and_subject,
            two_first_logins_at_once_make_one_person,
            grants_come_and_go,
            a_role_knows_its_holders,
            a_session_ends_when_it_expires_or_is_removed,
            a_revocation_is_kept_until_it_is_lifted,
            a_text_of_terms_is_accepted_once_by_each_person,
        }
        privacy::{
            an_erased_person_is_found_by_id_alone_and_their_subject_is_free,
            what_is_of_a_person_is_found_by_their_id,
            entries_that_name_a_person_are_read_in_order,
            a_dossier_is_removed_at_the_version_that_was_read,
            a_log_that_is_removed_is_gone_with_its_length,
            what_is_held_outlives_its_time,
            an_erasure_is_open_until_it_is_settled,
        }
        signatories::{
            lists_of_signatories_are_kept_once_and_the_newest_day_comes_first,
        }
        agents::{
            an_invite_is_used_by_the_version_that_was_read,
            an_agent_is_found_by_each_of_its_keys,
            a_revoked_agent_is_read_as_revoked,
            what_a_key_said_before_it_cannot_say_again,
        }
        usage::{
            accounts_that_no_allocation_names_are_told_with_what_they_used,
            an_attempt_is_charged_once,
            what_ended_in_a_time_is_added_up_by_who_used_it,
            what_ended_in_a_time_is_added_up_by_system,
            usage_is_listed_by_its_end,
            usage_of_many_projects_is_listed_whole,
        }
        logs::{
            a_log_grows_where_it_ends_and_nowhere_else,
            a_log_is_read_from_any_byte,
            a_job_shows_the_log_of_its_newest_attempt,
        }
        ledger::{
            entries_are_numbered_without_gaps_in_the_order_of_the_commits,
            entries_of_a_job_are_read_from_a_position,
            a_refused_change_leaves_no_entry,
            sealing_goes_on_from_the_last_checkpoint_only,
        }
        groups::{
            waiting_changes_share_a_transaction,
            a_change_that_fails_leaves_nothing_and_its_neighbours_commit,
            a_change_that_the_database_refuses_fails_alone,
            a_caller_that_goes_away_does_not_take_its_change_along,
            a_group_of_any_size_is_written_whole,
            an_empty_change_asks_whether_the_database_takes_writes,
        }
    }
}
