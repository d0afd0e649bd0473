//! What a lock over the nodes must do, whatever it is that carries its commands.

mod cancellation;
mod contention;
mod fencing;
mod foreign_keys;
mod holding;
mod keep_alive;
mod labels;
mod life;
mod lost_nodes;
mod status;

use futures_util::future::LocalBoxFuture;

use crate::Need;
use crate::bench::Bench;

/// One thing that must be so.
pub(crate) struct LockCase {
    pub(crate) topic: &'static str,
    pub(crate) name: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) run: fn(Bench) -> LocalBoxFuture<'static, ()>,
}

macro_rules! cases {
    ($($topic:ident: { $($name:ident [$($need:ident),*],)* })*) => {
        &[$($(LockCase {
            topic: stringify!($topic),
            name: stringify!($name),
            needs: &[$(Need::$need),*],
            run: |bench| Box::pin($topic::$name(bench)),
        },)*)*]
    };
}

/// All of them, each with what it needs.
pub(crate) const CASES: &[LockCase] = cases! {
    life: {
        a_lock_is_on_all_nodes_excludes_others_is_extended_and_released [],
        one_handle_excludes_itself [],
        an_expired_lock_says_so_by_itself [],
        a_released_lock_says_so_by_itself [],
        an_expired_lock_goes_to_somebody_else [],
        an_extension_at_the_last_moment_counts [],
        an_extension_after_the_deadline_does_not_revive_the_lock [],
        a_short_extension_does_not_shorten_the_lock [],
        an_extension_with_a_bad_ttl_changes_nothing [],
        a_lock_whose_keys_were_deleted_is_found_lost_at_the_next_extension [Wipe],
        releasing_an_expired_lock_is_no_error [],
        releasing_a_lock_that_was_taken_over_leaves_the_successor_alone [],
    }
    foreign_keys: {
        a_key_that_is_there_already_excludes_ours_and_is_left_alone [ForeignKeys],
        ours_excludes_another_program_until_it_is_released [ForeignKeys],
    }
    contention: {
        sixteen_tasks_lose_no_increment [],
        a_waiting_acquisition_gets_the_lock_when_it_is_released [],
        several_names_are_held_all_or_none_and_a_refusal_says_which_is_held [],
        those_who_want_names_that_overlap_all_get_them_and_lose_no_increment [],
        those_who_wait_with_one_handle_are_served_in_order [],
        a_single_attempt_behind_others_of_its_handle_fails_at_once [],
        the_budget_ends_the_waiting [],
        ten_thousand_locks_at_once [ManyCalls],
    }
    cancellation: {
        an_acquisition_that_is_dropped_at_any_stage_leaves_nothing [],
        an_acquisition_that_was_polled_once_and_dropped_leaves_nothing [],
        a_waiting_acquisition_that_is_dropped_leaves_the_holder_alone [],
        a_dropped_guard_is_released_at_once [],
        a_guard_can_be_dropped_on_a_thread_without_a_runtime [],
        a_guard_that_outlives_its_handle_is_released_all_the_same [],
        an_extension_that_is_dropped_leaves_a_lock_that_can_be_released [DroppedCalls],
        a_release_that_is_dropped_is_done_all_the_same [DroppedCalls],
        what_is_dropped_while_a_node_hangs_is_undone_when_it_goes_on [Pause],
        after_close_nothing_is_left_and_nothing_more_is_acquired [],
        a_guard_that_is_held_while_its_handle_is_closed_keeps_its_lock [],
        close_does_not_wait_for_ever_for_a_node_that_hangs [Pause],
    }
    keep_alive: {
        a_lock_outlives_its_ttl_until_it_is_released [],
        a_dropped_guard_is_kept_alive_no_more [],
        a_longest_hold_ends_with_a_loss [],
        when_the_nodes_hang_the_loss_comes_at_the_deadline [Pause],
        a_minority_that_is_dead_does_not_end_it [Restart],
        closing_tells_a_holder_that_the_lock_is_kept_alive_no_more [],
    }
    holding: {
        work_has_a_lock_that_outlives_its_ttl_and_is_released [],
        work_learns_that_the_lock_was_lost [Pause],
        a_detached_lock_is_adopted_by_another_handle [],
        a_detached_lock_that_is_over_is_not_adopted [],
        a_detached_lock_that_somebody_else_has_taken_is_not_adopted_and_theirs_is_left_alone [],
        a_detached_lock_is_not_adopted_without_a_quorum_and_can_be_with_one [Pause],
        a_released_lock_stays_for_its_shortest_hold [],
    }
    fencing: {
        every_holder_has_a_larger_fence_than_those_before_it [],
        those_who_wait_are_fenced_in_turn [],
        each_of_several_names_has_a_fence_of_its_own [],
        a_fence_stays_when_the_lock_is_extended_and_adopted [],
        a_late_holder_is_refused_by_the_gate [],
    }
    labels: {
        a_label_is_shown_to_everybody_until_the_lock_is_released [],
        who_is_refused_learns_the_label_of_the_holder [],
        a_label_stays_when_the_lock_is_extended_and_adopted [],
    }
    lost_nodes: {
        a_minority_that_is_dead_at_the_start_is_no_error_and_costs_no_time [Restart],
        a_minority_that_hangs_costs_no_time [Pause],
        a_lock_outlives_the_death_of_a_minority [Restart],
        without_a_quorum_the_error_names_the_nodes_and_nothing_is_left [Restart],
        when_a_quorum_hangs_nothing_is_left_behind_once_it_goes_on [Pause],
        a_node_that_is_back_is_used_again [Restart],
        a_lock_that_is_extended_outlives_the_restart_of_every_node_one_at_a_time [Restart],
        a_node_that_missed_the_release_is_told_when_it_is_back [Restart, Durability],
        without_a_quorum_a_release_is_unconfirmed_and_done_later [Pause],
    }
    status: {
        a_lock_is_free_then_held_and_free_again_and_each_handle_knows_whose_it_is [],
        a_name_that_is_no_key_is_refused [],
        a_key_of_another_program_is_anothers [ForeignKeys],
        a_minority_that_is_dead_is_named_and_hides_nothing [Restart],
        a_minority_that_hangs_is_waited_for_no_longer_than_the_node_timeout [Pause],
        without_a_quorum_nobody_can_say [Restart],
        a_question_that_is_dropped_is_forgotten [DroppedCalls],
    }
};
